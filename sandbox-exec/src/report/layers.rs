//! The layers of one sandbox, by name, and how far each is there.

use crate::plan::{Network, Owners, Plan, Ruleset, Tier};
use crate::seccomp::select;

/// How far a layer is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// As the policy asks.
    Enforced,
    /// In part; what is missing.
    Partial(String),
    /// Not at all; why.
    Absent(String),
}

impl Level {
    /// The level in one word, and what there is to say about it.
    pub(crate) fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Enforced => ("enforced", ""),
            Self::Partial(missing) => ("partial", missing),
            Self::Absent(why) => ("absent", why),
        }
    }
}

/// What was enforced, layer by layer, in the order of the design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enforced {
    /// Name and level.
    pub(crate) layers: Vec<(&'static str, Level)>,
}

impl Enforced {
    /// What carrying out `plan` enforces: every step that fails stops the run, so only what was left out of the plan is missing.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            layers: vec![
                ("environment", Level::Enforced),
                ("descriptors", descriptors(plan)),
                ("user_namespace", namespaces(plan)),
                ("network_namespace", network(plan)),
                ("owner_remap", owners(plan)),
                ("mounts", mounts(plan)),
                ("absent_names", absent_names(plan)),
                ("landlock", landlock(plan)),
                ("landlock_scope", scopes(plan)),
                ("landlock_network", tcp(plan)),
                ("capabilities", Level::Enforced),
                ("seccomp", seccomp(plan)),
                ("socket_supervision", sockets(plan)),
                ("limits", limits(plan)),
                ("cgroup", Level::Absent("limits hold for each process, not for all together".to_owned())),
            ],
        }
    }
}

/// Descriptors: those that were asked for stay open.
fn descriptors(plan: &Plan) -> Level {
    if plan.descriptors.is_empty() {
        return Level::Enforced;
    }
    let kept: Vec<String> = plan.descriptors.iter().map(ToString::to_string).collect();
    Level::Partial(format!("kept open as asked: {}", kept.join(", ")))
}

/// The user, mount, process, ipc, uts and cgroup namespaces.
fn namespaces(plan: &Plan) -> Level {
    match plan.tier {
        Tier::Namespaces => Level::Enforced,
        Tier::Landlock => Level::Absent(
            "the kernel refuses namespaces, as the policy accepts: other processes are visible".to_owned(),
        ),
    }
}

/// The sandbox's own tree.
fn mounts(plan: &Plan) -> Level {
    match plan.tier {
        Tier::Namespaces => Level::Enforced,
        Tier::Landlock => {
            Level::Absent("names are visible and /tmp is the host's; Landlock keeps the contents".to_owned())
        }
    }
}

/// The network namespace.
fn network(plan: &Plan) -> Level {
    match (&plan.network, plan.tier) {
        (Network::Isolated, Tier::Namespaces) => Level::Enforced,
        (Network::Allowlist(allowlist), _) if allowlist.learns() => Level::Partial(
            "its only way out is egress, which allows every public host to learn which are used".to_owned(),
        ),
        (Network::Allowlist(_), _) => {
            Level::Partial("its only way out is egress, to what the policy allows".to_owned())
        }
        (Network::Isolated, Tier::Landlock) => {
            Level::Partial("no namespace; the filter refuses every socket but unix ones".to_owned())
        }
        (Network::Host, _) => Level::Absent("the policy gives the command the host's whole network".to_owned()),
    }
}

/// Owners: only root's are translated, for only root's rights reach beyond its own files.
fn owners(plan: &Plan) -> Level {
    match (plan.owners, plan.user.0) {
        (Owners::Same, 0) => Level::Absent("root inside is root outside, as the policy accepts".to_owned()),
        (Owners::Remapped(_) | Owners::Same, _) => Level::Enforced,
    }
}

/// Names that do not exist yet.
fn absent_names(plan: &Plan) -> Level {
    if plan.supervision.guards.is_empty() {
        return Level::Absent("the policy protects no name that could come into being".to_owned());
    }
    Level::Partial("creating one is refused; what a race creates all the same is moved aside and reported".to_owned())
}

/// What the ruleset `wanted` of lacks, or that there is none.
fn of_ruleset(plan: &Plan, level: impl FnOnce(&Ruleset) -> Level) -> Level {
    plan.landlock.as_ref().map_or_else(|| Level::Absent("this kernel has no Landlock".to_owned()), level)
}

/// Landlock's file rules.
fn landlock(plan: &Plan) -> Level {
    of_ruleset(plan, |ruleset| match ruleset.abi {
        0..=2 => Level::Partial("truncating files is not covered before Linux 6.2 (ABI 3)".to_owned()),
        3 | 4 => Level::Partial("device ioctls are not covered before Linux 6.10 (ABI 5)".to_owned()),
        _ => Level::Enforced,
    })
}

/// Landlock's scopes.
fn scopes(plan: &Plan) -> Level {
    of_ruleset(plan, |ruleset| match ruleset.abi {
        0..=5 => Level::Absent("abstract sockets and signals are scoped from Linux 6.12 on (ABI 6)".to_owned()),
        _ => Level::Enforced,
    })
}

/// Landlock's rules for TCP.
fn tcp(plan: &Plan) -> Level {
    of_ruleset(plan, |ruleset| match (ruleset.refuse_tcp, ruleset.abi) {
        (true, 4..) => Level::Enforced,
        (true, _) => Level::Absent("TCP rules come with Linux 6.7 (ABI 4)".to_owned()),
        (false, _) if plan.network.is_own() => Level::Absent(
            "not used, so that servers inside can be reached inside; the network namespace has no way out of its own"
                .to_owned(),
        ),
        (false, _) => Level::Absent("not used: the policy gives the command the host's network".to_owned()),
    })
}

/// The system call filter.
fn seccomp(plan: &Plan) -> Level {
    let granted: Vec<&str> = [(plan.filter.ptrace, "ptrace"), (plan.filter.user_namespaces, "nested user namespaces")]
        .into_iter()
        .filter_map(|(granted, name)| granted.then_some(name))
        .collect();
    if select(plan.filter).instructions().is_empty() {
        return Level::Absent("the filter is empty".to_owned());
    }
    if granted.is_empty() {
        Level::Enforced
    } else {
        Level::Partial(format!("the profile allows {}", granted.join(" and ")))
    }
}

/// The supervision of `connect`.
fn sockets(plan: &Plan) -> Level {
    if !plan.filter.supervised {
        return Level::Absent("connect is not supervised: sockets outside that can be seen can be reached".to_owned());
    }
    match plan.supervision.sockets.len() {
        0 => Level::Enforced,
        count => Level::Partial(format!("sockets outside that the policy names: {count}")),
    }
}

/// Limits.
fn limits(plan: &Plan) -> Level {
    let limits = plan.limits;
    let all = [
        (limits.processes, "processes"),
        (limits.memory, "memory"),
        (limits.file_size, "file_size"),
        (limits.open_files, "open_files"),
        (limits.core, "core"),
        (limits.tmpfs, "tmpfs"),
    ];
    let off: Vec<&str> = all.into_iter().filter_map(|(limit, name)| limit.is_none().then_some(name)).collect();
    if off.is_empty() { Level::Enforced } else { Level::Partial(format!("switched off: {}", off.join(", "))) }
}
