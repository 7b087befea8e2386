//! What the command's own process gives up, for good: limits, Landlock, capabilities, seccomp.

use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset as Builder,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::prctl::set_no_new_privs;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::Inherited;
use super::exec::Command;
use crate::channel::Channel;
use crate::plan::{Limits, Plan, Ruleset, Tier};
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
    if plan.tier == Tier::Landlock {
        // No namespace ends the command with the first process, nor with the launcher.
        process::die_with_parent().step(Step::Leash)?;
    }
    // The outside looks at what the command may change while the sandbox is made; it is done by now, unless the machine is busy.
    channel.await_leave().step(Step::Supervisor)?;
    let own_network = plan.network.is_own() && plan.tier == Tier::Namespaces;
    let diagnosis = if own_network { Some(diag::open().step(Step::Supervisor)?) } else { None };
    nix::unistd::chdir(&plan.cwd).step_at(Step::WorkingFolder, &plan.cwd)?;
    limit(plan.limits)?;
    set_no_new_privs().step(Step::Capabilities)?;
    if let Some(ruleset) = &plan.landlock {
        landlock(ruleset, plan.tier)?;
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
            Ok(()) => {}
            // A lower hard limit of the caller's refuses this: it stays as it is, and is stricter.
            Err(Errno::EPERM) if getrlimit(resource).is_ok_and(|(_, hard)| hard <= value) => {}
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

/// Applies the ruleset: `landlock(7)`. Rights that the planned ABI lacks are left out; that the ABI suffices was planned. What it has
/// must be had: the crate asks the kernel anew, and would do without what it takes to be absent when that question fails.
///
/// Without namespaces the paths are the host's and were found some time ago: what has vanished since, or has become a symlink, which
/// would lead the grant somewhere else, is not granted.
///
/// # Errors
/// The step that failed.
fn landlock(ruleset: &Ruleset, tier: Tier) -> Result<(), Failure> {
    let failed = |_| Failure::new(Step::Landlock, Errno::EINVAL);
    let abi = abi(ruleset.abi);
    let all = AccessFs::from_all(abi);
    let mut builder =
        Builder::default().set_compatibility(CompatLevel::HardRequirement).handle_access(all).map_err(failed)?;
    // The crate takes an empty set for a mistake; here it means a kernel whose ABI is too old.
    let (scopes, ports) = (Scope::from_all(abi), AccessNet::from_all(abi));
    if !scopes.is_empty() {
        builder = builder.scope(scopes).map_err(failed)?;
    }
    if ruleset.refuse_tcp && !ports.is_empty() {
        builder = builder.handle_access(ports).map_err(failed)?;
    }
    let mut created = builder.create().map_err(failed)?;
    let changing = all & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let grants = [
        (&ruleset.readable, AccessFs::from_read(abi)),
        (&ruleset.writable, changing),
        (&ruleset.listable, AccessFs::ReadDir.into()),
        (&ruleset.changeable, changing & !(AccessFs::ReadFile | AccessFs::Execute)),
    ];
    for (paths, access) in grants {
        for path in paths {
            if let Some(handle) = granted(path, tier)? {
                created = rule(created, path, handle, access)?;
            }
        }
    }
    let open = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    for path in &ruleset.usable {
        created = rule(created, path, opened(path, ResolveFlag::empty()).step_at(Step::Landlock, path)?, open & all)?;
    }
    match created.restrict_self().map_err(failed)?.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced | RulesetStatus::NotEnforced => {
            Err(Failure::new(Step::Landlock, Errno::EOPNOTSUPP))
        }
    }
}

/// Opens `path`, on which rights are to be granted; `None` where the grant is left out.
///
/// # Errors
/// The step that failed.
fn granted(path: &Path, tier: Tier) -> Result<Option<OwnedFd>, Failure> {
    match tier {
        Tier::Namespaces => opened(path, ResolveFlag::empty()).map(Some).step_at(Step::Landlock, path),
        Tier::Landlock => match opened(path, ResolveFlag::RESOLVE_NO_SYMLINKS) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
            other => other.map(Some).step_at(Step::Landlock, path),
        },
    }
}

/// Opens `path` as a mere place: `openat2(2)`.
///
/// # Errors
/// The kernel's.
fn opened(path: &Path, resolve: ResolveFlag) -> Result<OwnedFd, Errno> {
    openat2(AT_FDCWD, path, OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(resolve))
}

/// Adds a rule for `path`; rights that mean nothing for a file are left out for one.
///
/// # Errors
/// The step that failed.
fn rule(
    ruleset: landlock::RulesetCreated,
    path: &Path,
    handle: OwnedFd,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, Failure> {
    let status = nix::sys::stat::fstat(&handle).step_at(Step::Landlock, path)?;
    let is_folder = status.st_mode & nix::libc::S_IFMT == nix::libc::S_IFDIR;
    let access = if is_folder { access } else { access & AccessFs::from_file(ABI::V5) };
    ruleset.add_rule(PathBeneath::new(handle, access)).map_err(|_| Failure::at(Step::Landlock, path, Errno::EINVAL))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;
    use crate::sys::landlock_abi;

    /// A folder with something to read, something to write, and something that is neither.
    struct Ground(tempfile::TempDir);

    impl Ground {
        fn new() -> Self {
            let ground = tempfile::tempdir().unwrap();
            for folder in ["readable", "writable", "secret"] {
                fs::create_dir(ground.path().join(folder)).unwrap();
                fs::write(ground.path().join(folder).join("file"), folder).unwrap();
            }
            symlink("../secret/file", ground.path().join("writable/link")).unwrap();
            Self(ground)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn ruleset(&self, abi: u32) -> Ruleset {
            Ruleset {
                abi,
                readable: vec![self.path("readable")],
                writable: vec![self.path("writable")],
                listable: Vec::new(),
                changeable: Vec::new(),
                usable: Vec::new(),
                refuse_tcp: true,
            }
        }
    }

    /// Runs `attempt` under the ruleset of each ABI that this kernel has, in a thread of its own: a domain binds only its thread.
    fn under_every_abi(attempt: impl Fn(&Ground, u32) + Send + Sync) {
        let newest = landlock_abi::version();
        assert!(newest > 0, "this kernel has no Landlock");
        for abi in 1..=newest {
            let ground = Ground::new();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    set_no_new_privs().unwrap();
                    landlock(&ground.ruleset(abi), Tier::Namespaces).unwrap();
                    attempt(&ground, abi);
                });
            });
        }
    }

    #[test]
    fn what_is_not_listed_can_be_neither_read_nor_written_under_any_abi() {
        under_every_abi(|ground, abi| {
            for name in ["secret/file", "writable/link", "writable/../secret/file"] {
                let error = fs::read(ground.path(name)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{name} under ABI {abi}");
                fs::write(ground.path(name), "evil").unwrap_err();
            }
            fs::read_dir(ground.path("secret")).unwrap_err();
            fs::remove_file(ground.path("secret/file")).unwrap_err();
        });
    }

    #[test]
    fn what_is_readable_cannot_be_changed_under_any_abi() {
        under_every_abi(|ground, abi| {
            assert_eq!(fs::read_to_string(ground.path("readable/file")).unwrap(), "readable", "ABI {abi}");
            fs::write(ground.path("readable/file"), "evil").unwrap_err();
            fs::write(ground.path("readable/new"), "evil").unwrap_err();
            fs::remove_file(ground.path("readable/file")).unwrap_err();
            fs::create_dir(ground.path("readable/folder")).unwrap_err();
        });
    }

    #[test]
    fn honest_work_goes_on_in_writable_folders_under_every_abi() {
        under_every_abi(|ground, abi| {
            fs::write(ground.path("writable/new"), "made").unwrap();
            fs::rename(ground.path("writable/new"), ground.path("writable/moved")).unwrap();
            fs::create_dir(ground.path("writable/folder")).unwrap();
            fs::remove_file(ground.path("writable/moved")).unwrap();
            // Moving between folders takes a right that came with ABI 2; before it, the kernel always refuses.
            fs::write(ground.path("writable/other"), "made").unwrap();
            let moved = fs::rename(ground.path("writable/other"), ground.path("writable/folder/other"));
            assert_eq!(moved.is_ok(), abi >= 2, "ABI {abi}");
        });
    }

    #[test]
    fn a_secret_cannot_be_linked_or_moved_into_reach_under_any_abi() {
        under_every_abi(|ground, abi| {
            fs::hard_link(ground.path("secret/file"), ground.path("writable/got")).unwrap_err();
            fs::rename(ground.path("secret/file"), ground.path("writable/got")).unwrap_err();
            assert!(fs::symlink_metadata(ground.path("writable/got")).is_err(), "ABI {abi}");
        });
    }

    #[test]
    fn a_grant_that_has_vanished_or_become_a_symlink_is_left_out_without_namespaces() {
        let ground = Ground::new();
        let mut ruleset = ground.ruleset(landlock_abi::version());
        symlink("secret", ground.path("swapped")).unwrap();
        ruleset.readable.extend(["swapped", "vanished", "swapped/file"].map(|name| ground.path(name)));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                set_no_new_privs().unwrap();
                landlock(&ruleset, Tier::Landlock).unwrap();
                fs::read(ground.path("secret/file")).unwrap_err();
                assert_eq!(fs::read_to_string(ground.path("readable/file")).unwrap(), "readable");
            });
        });
        let failure = landlock(&ruleset, Tier::Namespaces).unwrap_err();
        assert_eq!(failure.errno, Errno::ENOENT, "with namespaces the paths are mount points, which do not vanish");
    }

    #[test]
    fn tcp_is_refused_from_the_abi_that_can() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        under_every_abi(|_, abi| {
            let connected = std::net::TcpStream::connect(address);
            assert_eq!(connected.is_err(), abi >= 4, "ABI {abi}");
        });
    }
}
