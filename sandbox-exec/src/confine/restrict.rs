//! What the command's own process gives up, for good: limits, Landlock, capabilities, seccomp.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset as Builder,
    RulesetAttr, RulesetCreatedAttr, Scope,
};
use nix::errno::Errno;
use nix::sys::prctl::set_no_new_privs;
use nix::sys::resource::{Resource, setrlimit};

use super::Inherited;
use super::exec::Command;
use crate::channel::Channel;
use crate::plan::{Limits, Network, Plan, Ruleset, Tier};
use crate::seccomp::select;
use crate::step::{Failure, Step, Stepped};
use crate::sys::seccomp::{Listener, load};
use crate::sys::{diag, process};

/// The command's process, restricted; nothing but `exec` is left to do.
#[must_use]
#[derive(Debug)]
pub(crate) struct Restricted<'a> {
    /// What to carry out.
    plan: &'a Plan,
}

/// Restricts this process.
///
/// # Errors
/// The step that failed.
pub(crate) fn restrict<'a>(plan: &'a Plan, channel: &Channel) -> Result<Restricted<'a>, Failure> {
    let own_network = plan.network == Network::Isolated && plan.tier == Tier::Namespaces;
    let diagnosis = if own_network { Some(diag::open().step(Step::Supervisor)?) } else { None };
    nix::unistd::chdir(&plan.cwd).step_at(Step::WorkingFolder, &plan.cwd)?;
    limit(plan.limits)?;
    set_no_new_privs().step(Step::Capabilities)?;
    if let Some(ruleset) = &plan.landlock {
        landlock(ruleset)?;
    }
    drop_capabilities(plan.tier)?;
    let listener = if plan.filter.supervised { Listener::New } else { Listener::None };
    if let Some(listener) = load(select(plan.filter).instructions(), listener).step(Step::Seccomp)? {
        channel.hand_out(&listener, diagnosis.as_ref()).step(Step::Supervisor)?;
    }
    Ok(Restricted { plan })
}

impl Restricted<'_> {
    /// Becomes the command; returns only what went wrong.
    pub(crate) fn exec(self, command: &Command, inherited: Inherited) -> Failure {
        command.exec(self.plan, inherited)
    }
}

/// Sets the limits, hard and soft, never above what the caller itself may have.
///
/// # Errors
/// The step that failed.
fn limit(limits: Limits) -> Result<(), Failure> {
    let wanted = [
        (Resource::RLIMIT_NPROC, limits.processes),
        (Resource::RLIMIT_DATA, limits.memory),
        (Resource::RLIMIT_FSIZE, limits.file_size),
        (Resource::RLIMIT_NOFILE, limits.open_files),
        (Resource::RLIMIT_CORE, limits.core),
    ];
    for (resource, value) in wanted {
        let Some(value) = value else { continue };
        match setrlimit(resource, value, value) {
            // Only a lower hard limit of the caller's can refuse this: it stays as it is, and is stricter.
            Ok(()) | Err(Errno::EPERM) => {}
            Err(errno) => return Err(Failure::new(Step::Limit, errno)),
        }
    }
    Ok(())
}

/// Empties every capability set. The bounding set goes first: emptying it takes a capability.
///
/// # Errors
/// The step that failed.
fn drop_capabilities(tier: Tier) -> Result<(), Failure> {
    let failed = |_| Failure::new(Step::Capabilities, Errno::EPERM);
    match process::empty_bounding_set() {
        // An ordinary user outside a namespace of its own cannot, and has nothing to gain from it: `no_new_privs` is set.
        Err(Errno::EPERM) if tier == Tier::Landlock => {}
        other => other.step(Step::Capabilities)?,
    }
    caps::clear(None, caps::CapSet::Ambient).map_err(failed)?;
    caps::clear(None, caps::CapSet::Inheritable).map_err(failed)?;
    caps::clear(None, caps::CapSet::Effective).map_err(failed)?;
    caps::clear(None, caps::CapSet::Permitted).map_err(failed)
}

/// The crate's name for the kernel's ABI number.
fn abi(number: u32) -> ABI {
    ABI::from(i32::try_from(number).unwrap_or(i32::MAX))
}

/// Applies the ruleset: `landlock(7)`. Rights that this kernel's ABI lacks are left out; that the ABI suffices was planned.
///
/// # Errors
/// The step that failed.
fn landlock(ruleset: &Ruleset) -> Result<(), Failure> {
    let failed = |_| Failure::new(Step::Landlock, Errno::EINVAL);
    let abi = abi(ruleset.abi);
    let all = AccessFs::from_all(abi);
    let mut builder =
        Builder::default().set_compatibility(CompatLevel::BestEffort).handle_access(all).map_err(failed)?;
    builder = builder.scope(Scope::from_all(abi)).map_err(failed)?;
    if ruleset.refuse_tcp {
        builder = builder.handle_access(AccessNet::from_all(abi)).map_err(failed)?;
    }
    let mut created = builder.create().map_err(failed)?;
    for path in &ruleset.readable {
        created = rule(created, path, AccessFs::from_read(abi))?;
    }
    for path in &ruleset.writable {
        created = rule(created, path, all & !(AccessFs::MakeChar | AccessFs::MakeBlock))?;
    }
    for path in &ruleset.listable {
        created = rule(created, path, AccessFs::ReadDir.into())?;
    }
    let nodes = AccessFs::MakeChar | AccessFs::MakeBlock;
    for path in &ruleset.changeable {
        created = rule(created, path, all & !nodes & !(AccessFs::ReadFile | AccessFs::Execute))?;
    }
    for path in &ruleset.usable {
        let open =
            AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
        created = rule(created, path, open & all)?;
    }
    created.restrict_self().map(drop).map_err(failed)
}

/// Adds a rule for `path`; rights that mean nothing for a file are left out for one.
///
/// # Errors
/// The step that failed.
fn rule(
    ruleset: landlock::RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, Failure> {
    let handle = PathFd::new(path).map_err(|_| Failure::at(Step::Landlock, path, Errno::last()))?;
    let status = nix::sys::stat::fstat(&handle).step_at(Step::Landlock, path)?;
    let is_folder = status.st_mode & nix::libc::S_IFMT == nix::libc::S_IFDIR;
    let access = if is_folder { access } else { access & AccessFs::from_file(ABI::V5) };
    ruleset.add_rule(PathBeneath::new(handle, access)).map_err(|_| Failure::at(Step::Landlock, path, Errno::EINVAL))
}
