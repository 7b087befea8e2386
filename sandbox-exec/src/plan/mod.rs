//! From a policy, the host's facts and an invocation to a plan: pure, printable, and the same for the same input.
//!
//! Nothing here does I/O or a system call. `confine` carries a plan out step by step; `--dry-run` prints it; tests compare it.

mod environment;
mod name_service;
mod names;
mod network;
mod scratch;
mod views;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lobsterpot_policy::{Layer, Permission, Places, Policy, Requirement, ResolvedPattern};

use crate::args::{Format, Invocation, Leftovers, Mode};
use crate::error::Error;
use crate::host::Host;
use crate::rules::Resolved;
use crate::seccomp::Variant;

pub(crate) use name_service::{NAME_SERVICE, proxy_variables};
pub(crate) use names::{Guard, Presence};
pub(crate) use network::{Allowlist, Network, PROXY};
pub(crate) use views::{
    Access, DEVICES, MARKER, Mount, Node, NodeKind, OVERLAY_FOLDERS, Origin, ROOT, Room, Source, notice,
};
pub(crate) use workspace::choose as choose_workspaces;

/// How much the host offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Namespaces around Landlock, capabilities and seccomp.
    Namespaces,
    /// No namespaces: Landlock, capabilities and seccomp alone.
    Landlock,
}

/// How owners inside relate to owners outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    /// The caller's own id, inside and outside.
    Same,
    /// Root inside is this powerless id outside, and the workspace's mounts translate between the two.
    Remapped(u32),
}

/// The id that stands for root's sandboxes outside: far above every range that `login.defs(5)` and systemd hand out.
pub(crate) const REMAPPED: u32 = 0x7fff_4c50;

/// Limits that the kernel enforces on every process inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Processes and threads (`RLIMIT_NPROC`), counted in this sandbox's user namespace.
    pub(crate) processes: Option<u64>,
    /// Bytes of private writable memory for each process (`RLIMIT_DATA`).
    pub(crate) memory: Option<u64>,
    /// Bytes of one file (`RLIMIT_FSIZE`).
    pub(crate) file_size: Option<u64>,
    /// Open files for each process (`RLIMIT_NOFILE`).
    pub(crate) open_files: Option<u64>,
    /// Bytes of a core file (`RLIMIT_CORE`).
    pub(crate) core: Option<u64>,
    /// Bytes of everything written to private folders together.
    pub(crate) tmpfs: Option<u64>,
}

/// Landlock's part: what may be read is what is mounted; what may be written is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ruleset {
    /// The kernel's ABI.
    pub(crate) abi: u32,
    /// Folders and files, by their path inside, in which everything may be read and run.
    pub(crate) readable: Vec<PathBuf>,
    /// Folders and files, by their path inside, that may be written and changed.
    pub(crate) writable: Vec<PathBuf>,
    /// Folders, by their path inside, whose names may be listed.
    pub(crate) listable: Vec<PathBuf>,
    /// Folders, by their path inside, in which everything may be written and changed, but not read.
    pub(crate) changeable: Vec<PathBuf>,
    /// Folders and devices, by their path inside, whose files may be opened but not replaced.
    pub(crate) usable: Vec<PathBuf>,
    /// TCP is refused as a whole.
    pub(crate) refuse_tcp: bool,
}

/// A place of sockets that the policy hides, giving a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// Where.
    pub(crate) pattern: ResolvedPattern,
    /// Why, in the policy's words.
    pub(crate) reason: String,
}

/// What the supervisor outside looks after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Supervision {
    /// Names that must not be created.
    pub(crate) guards: Vec<Guard>,
    /// Whether guarded names that exist are the supervisor's to protect too, for want of mounts.
    pub(crate) existing: bool,
    /// Whether nothing but unix sockets may be connected: without a network of its own, what the supervisor connects leads to the host's.
    pub(crate) offline: bool,
    /// Whether no process inside can change its root.
    pub(crate) fixed_root: bool,
    /// Whether what runs inside is a session of its own, away from the caller's terminal and process group: when none of its streams is
    /// a terminal, it has no business there.
    pub(crate) own_session: bool,
    /// Unix sockets outside that may be connected to.
    pub(crate) sockets: Vec<PathBuf>,
    /// The user and group that processes inside have outside, when they are not the caller's.
    pub(crate) known_as: Option<u32>,
    /// Places of sockets that are hidden for a reason which a person should be told.
    pub(crate) hidden: Vec<Hidden>,
    /// End the run after this long.
    pub(crate) timeout: Option<Duration>,
    /// How long leftover processes have to end by themselves.
    pub(crate) grace: Duration,
    /// What happens to leftover processes.
    pub(crate) leftovers: Leftovers,
    /// Where what was refused is told.
    pub(crate) account: Account,
}

/// Where a run gives account of what was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// How the caller asked to be told.
    pub(crate) report: (Mode, Format),
    /// The folder of the audit log.
    pub(crate) log: PathBuf,
    /// The command's first word.
    pub(crate) command: String,
}

/// A whole run, decided.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The name of the profile.
    pub(crate) profile: String,
    /// The caller's user and group, which are also those inside.
    pub(crate) user: (u32, u32),
    /// How much the host offers.
    pub(crate) tier: Tier,
    /// Owners inside and outside.
    pub(crate) owners: Owners,
    /// The network.
    pub(crate) network: Network,
    /// What the private tmpfs holds.
    pub(crate) tree: Vec<Node>,
    /// Mounts that are made before everything is sealed read-only.
    pub(crate) sealed: Vec<Mount>,
    /// Mounts that are made after it: what is writable, and what lies inside.
    pub(crate) open: Vec<Mount>,
    /// The terminal to show as `/dev/console`.
    pub(crate) terminal: Option<PathBuf>,
    /// Landlock's part; `None` when the kernel has none and the policy does not require it.
    pub(crate) landlock: Option<Ruleset>,
    /// The seccomp filter.
    pub(crate) filter: Variant,
    /// Limits.
    pub(crate) limits: Limits,
    /// The environment, whole.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The command and its arguments.
    pub(crate) command: Vec<OsString>,
    /// Where the command starts, inside.
    pub(crate) cwd: PathBuf,
    /// Descriptors besides 0, 1 and 2 that stay open.
    pub(crate) descriptors: Vec<i32>,
    /// What the supervisor looks after.
    pub(crate) supervision: Supervision,
    /// What was left out and why, for the report.
    pub(crate) notes: Vec<String>,
}

/// Everything that a plan is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    /// The composed policy.
    pub(crate) policy: &'a Policy,
    /// What `~` and its like mean.
    pub(crate) places: &'a Places,
    /// Facts.
    pub(crate) host: &'a Host,
    /// What was asked for.
    pub(crate) invocation: &'a Invocation,
    /// The caller's environment.
    pub(crate) environment: &'a [(OsString, OsString)],
}

/// Plans a run.
///
/// # Errors
/// A workspace that must not be one, a hard link to a masked file, a layer that the policy requires and this host lacks.
pub(crate) fn plan(inputs: Inputs<'_>) -> Result<Plan, Error> {
    let Inputs { policy, host, invocation, places, .. } = inputs;
    workspace::verify(policy, places, host)?;
    if policy.requirements.of(Layer::Cgroup) == Requirement::Require {
        return Err(no_cgroup());
    }
    let network = Network::of(policy);
    let owners =
        if host.caller.uid.is_root() && !wants_same_owner(policy) { Owners::Remapped(REMAPPED) } else { Owners::Same };
    let mut layout = views::Layout::new(inputs);
    layout.build(&network)?;
    let (tree, sealed, open) = layout.arrange();
    let cwd = workspace::starting_folder(&layout, host, invocation, &places.workspaces);
    let filter = Variant {
        ptrace: policy.syscalls.ptrace == Permission::Allow,
        user_namespaces: policy.syscalls.user_namespaces == Permission::Allow,
        supervised: true,
        offline: false,
        watched: false,
    };
    Ok(Plan {
        profile: policy.profile.clone(),
        user: (host.caller.uid.as_raw(), host.caller.gid.as_raw()),
        tier: Tier::Namespaces,
        owners,
        landlock: ruleset(policy, host, &network, &layout)?,
        environment: environment::build(inputs, &network, &layout, &cwd),
        network,
        tree,
        sealed,
        open,
        terminal: host.terminal.clone(),
        filter,
        limits: limits(policy),
        command: invocation.command.clone(),
        cwd,
        descriptors: invocation.descriptors.clone(),
        supervision: Supervision {
            guards: names::guards(inputs),
            existing: false,
            offline: false,
            fixed_root: policy.syscalls.user_namespaces == Permission::Deny,
            own_session: host.terminal.is_none(),
            sockets: sockets(host),
            known_as: match owners {
                Owners::Same => None,
                Owners::Remapped(id) => Some(id),
            },
            hidden: hidden(policy, host),
            timeout: policy.limits.wall_clock,
            grace: policy.limits.grace,
            leftovers: invocation.leftovers,
            account: Account {
                report: (invocation.mode, invocation.format),
                log: places.expand("$XDG_STATE_HOME/lobsterpot").into(),
                command: invocation.command.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default(),
            },
        },
        notes: layout.into_notes(),
    })
}

impl Plan {
    /// The files and folders of the host that may be written to inside, by device and inode number.
    pub(crate) fn writable_origins(&self) -> Vec<(u64, u64)> {
        let writable = self.sealed.iter().chain(&self.open).filter(|mount| mount.access == Access::Write);
        let origin = |mount: &Mount| match &mount.source {
            Source::Host(origin) | Source::Own(origin) => Some(origin.identity),
            Source::Tree(_) | Source::Overlay(..) => None,
        };
        writable.filter_map(origin).collect()
    }
}

/// Whether the policy accepts that root inside is root outside.
fn wants_same_owner(policy: &Policy) -> bool {
    policy.requirements.of(Layer::OwnerRemap) == Requirement::BestEffort
}

/// The refusal of a policy that requires limits by control group.
fn no_cgroup() -> Error {
    Error::Unsupported {
        layer: Layer::Cgroup.name(),
        why: "limits are set for each process, not for the sandbox as a whole".to_owned(),
        hint: "accept less: [require] cgroup = \"best-effort\"; a whole agent is limited by its own unit or scope (systemd-run --user --scope -p MemoryMax=…)".to_owned(),
    }
}

/// Landlock's part of the plan.
///
/// # Errors
/// What stops the run, with a hint.
fn ruleset(
    policy: &Policy,
    host: &Host,
    network: &Network,
    layout: &views::Layout<'_>,
) -> Result<Option<Ruleset>, Error> {
    let required = |layer| policy.requirements.of(layer) == Requirement::Require;
    let lacks = |layer, abi, version: &str| Error::Unsupported {
        layer,
        why: format!("the kernel's Landlock ABI is {}; {abi} comes with Linux {version}", host.landlock),
        hint: format!("boot with lsm=landlock,…, or accept less: [require] {layer} = \"best-effort\""),
    };
    if host.landlock == 0 {
        return if required(Layer::Landlock) { Err(lacks("landlock", 1, "5.13")) } else { Ok(None) };
    }
    if host.landlock < 4 && network.is_own() && required(Layer::LandlockNetwork) {
        return Err(lacks("landlock_network", 4, "6.7"));
    }
    if host.landlock < 6 && required(Layer::LandlockScope) {
        return Err(lacks("landlock_scope", 6, "6.12"));
    }
    Ok(Some(Ruleset {
        abi: host.landlock,
        readable: vec![PathBuf::from("/")],
        writable: layout.writable(),
        listable: Vec::new(),
        changeable: Vec::new(),
        usable: vec![PathBuf::from("/dev"), PathBuf::from("/proc")],
        refuse_tcp: false,
    }))
}

/// The limits of the policy.
fn limits(policy: &Policy) -> Limits {
    let limits = &policy.limits;
    Limits {
        processes: limits.processes,
        memory: limits.memory,
        file_size: limits.file_size,
        open_files: limits.open_files,
        core: limits.core,
        tmpfs: limits.tmpfs,
    }
}

/// The sockets outside that the policy names, as real paths.
fn sockets(host: &Host) -> Vec<PathBuf> {
    let named = host.rules.sockets.iter().flat_map(|rule| &rule.found);
    named.filter_map(|path| host.fact(path).map(|fact| fact.real.clone())).collect()
}

/// Where the sockets of the host's services are.
const RUN: &str = "/run";

/// The masks of places of sockets that say why.
fn hidden(policy: &Policy, host: &Host) -> Vec<Hidden> {
    let told = |mask: &Resolved| {
        let reason = policy.files.mask.get(mask.rule)?.reason.clone()?;
        mask.pattern.prefix().starts_with(RUN).then(|| Hidden { pattern: mask.pattern.clone(), reason })
    };
    host.rules.mask.iter().filter_map(told).collect()
}

#[cfg(test)]
pub(crate) mod tests;
