//! The tier without namespaces, for hosts that refuse them and policies that accept it: Landlock, capabilities and seccomp enforce
//! the same file rules alone.
//!
//! Landlock only grants, so what is masked is left out: a folder that holds masked names is granted child by child. What is lost
//! is said in the report: see [`LOST`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{Layer, Requirement};

use crate::bytes;
use crate::carve::{Carve, absent};
use crate::error::Error;
use crate::plan::{Access, DEVICES, Guard, Network, Owners, Plan, Presence, Source, Tier, proxy_variables};
use crate::step::{Failure, Step};
use crate::survey::Survey;

use nix::errno::Errno;

/// What this tier cannot do.
pub(crate) const LOST: &str = "no namespaces: other processes and the names (not the contents) of masked files are visible, \
     /tmp is the host's, protected files of the workspace hold against honest programs only, modes and times of the caller's other files can be changed, unix sockets cannot be connected to";

/// What becomes of a network that lets some hosts be reached.
const OFFLINE: &str = "no network namespace: the hosts that the policy allows cannot be reached, and no other";

/// Whether `failure` means that the kernel refuses namespaces and the policy accepts to do without.
pub(crate) fn is_accepted(failure: &Failure, survey: &Survey) -> bool {
    let refused = matches!(
        failure.errno,
        Errno::EPERM | Errno::EACCES | Errno::ENOSPC | Errno::EUSERS | Errno::EINVAL | Errno::ENOSYS
    );
    let step = matches!(
        failure.step,
        Step::Namespaces | Step::IdentityMap | Step::OwnerRemap | Step::PrivateTree | Step::Proc
    );
    refused && step && survey.policy.requirements.of(Layer::UserNamespace) == Requirement::BestEffort
}

/// Refuses this tier where the policy requires what it has not, besides the namespaces themselves.
///
/// # Errors
/// When root calls, and root inside must not be root outside.
pub(crate) fn check(survey: &Survey) -> Result<(), Error> {
    let required = survey.policy.requirements.of(Layer::OwnerRemap) == Requirement::Require;
    if !(required && survey.host.caller.uid.is_root()) {
        return Ok(());
    }
    Err(Error::Unsupported {
        layer: Layer::OwnerRemap.name(),
        why: "without namespaces and id-mapped mounts, root inside is root outside".to_owned(),
        hint: "run the agent as an ordinary user, allow user namespaces (`sandbox-exec check` shows how), or accept less: [require] owner_remap = \"best-effort\"".to_owned(),
    })
}

/// The plan for this tier; `None` without Landlock, for then nothing would hold the files.
///
/// `temporary` is a folder of the run's own, the only one outside the workspaces that may be written.
pub(crate) fn plan(plan: &Plan, survey: &Survey, temporary: &Path) -> Option<Plan> {
    let mut plan = plan.clone();
    let ruleset = plan.landlock.as_mut()?;
    let masks: BTreeSet<&Path> = survey.host.rules.mask.iter().flat_map(|rule| rule.paths()).collect();
    let masks = real(&masks, survey);
    let mounts = plan.sealed.iter().chain(&plan.open).filter(|mount| !mount.mask);
    let (mut readable, mut writable) = (Vec::new(), vec![temporary.to_owned()]);
    let is_root = survey.host.caller.uid.is_root();
    // What does not exist yet can be left out of what is only read. Where names are made, the supervisor keeps masked ones from it.
    let with_absent = Carve { masks: masks.iter().cloned().chain(absent(survey)).collect(), is_root };
    let carve = Carve { masks, is_root };
    for mount in mounts {
        let (origin, access) = match &mount.source {
            Source::Host(origin) | Source::Own(origin) => (origin, mount.access),
            // There are no layers here: the host's own folder, which is only read.
            Source::Overlay(origin, _) => (origin, Access::Read),
            Source::Tree(_) => continue,
        };
        if access == Access::Read {
            with_absent.carve(&origin.path, &mut readable, &mut ruleset.listable);
        } else {
            // New names can be made beside a masked one; Landlock cannot tell the two apart but by never letting either be read.
            carve.carve(&origin.path, &mut writable, &mut ruleset.changeable);
        }
    }
    ruleset.readable = readable;
    ruleset.writable = writable;
    ruleset.usable = DEVICES.iter().map(|name| Path::new("/dev").join(name)).collect();
    // Other terminals may be the caller's too, and what /proc/sys holds is root's to change.
    ruleset.usable.extend(plan.terminal.clone());
    ruleset.readable.push(PathBuf::from("/proc"));
    if matches!(plan.network, Network::Allowlist(_)) {
        plan.network = Network::Isolated;
        plan.environment.retain(|(name, value)| !proxy_variables().any(|own| *name == *own.0 && *value == *own.1));
        plan.notes.push(OFFLINE.to_owned());
    }
    ruleset.refuse_tcp = plan.network == Network::Isolated;
    plan.filter.offline = plan.network == Network::Isolated;
    plan.filter.watched = true;
    plan.supervision.existing = true;
    plan.supervision.own_session = false;
    plan.supervision.known_as = None;
    plan.supervision.offline = plan.network == Network::Isolated;
    guard_what_is_there(&mut plan, survey);
    plan.tier = Tier::Landlock;
    plan.owners = Owners::Same;
    plan.environment.retain(|(name, _)| name != "TMPDIR");
    plan.environment.push(("TMPDIR".into(), temporary.into()));
    plan.notes.push(LOST.to_owned());
    Some(plan)
}

/// Existing masks, as they really lie. Those that do not exist are guarded by name.
fn real(masks: &BTreeSet<&Path>, survey: &Survey) -> BTreeSet<PathBuf> {
    masks.iter().filter_map(|path| survey.host.fact(path)).map(|fact| fact.real.clone()).collect()
}

/// Guards what protected names were found to mean, and where it really lies: with mounts, that is what is made read-only, also where a
/// name has wildcards or leads through a symlink.
fn guard_what_is_there(plan: &mut Plan, survey: &Survey) {
    let rules = &survey.host.rules;
    let found = rules.protect.iter().flat_map(|rule| &rule.found);
    let real = found.filter_map(|path| survey.host.fact(path).map(|fact| &fact.real));
    let guards = real.filter_map(|real| {
        let root =
            rules.roots.iter().filter(|root| bytes::lies_in(real, root)).max_by_key(|root| root.as_os_str().len())?;
        let name = real.strip_prefix(root).ok()?.to_owned();
        Some(Guard { root: root.clone(), name, presence: Presence::Present })
    });
    plan.supervision.guards.extend(guards);
    plan.supervision.guards.sort();
    plan.supervision.guards.dedup();
}
