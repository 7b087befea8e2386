//! From what was observed to findings: pure, so that hosts that nobody here has can be tested too.

use std::path::Path;

use nix::errno::Errno;

use super::observe::{Cgroup, Observed};
use super::trial::Outcome;

/// How much of a layer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// All of it.
    Ok,
    /// A part, or something weakens it.
    Partial,
    /// Nothing.
    Missing,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The layer, by its name in the policy where it has one.
    pub(super) name: &'static str,
    /// How much of it is there.
    pub(super) state: State,
    /// Whether the default policy needs it.
    pub(super) required: bool,
    /// The first kernel that has it.
    pub(super) since: Option<&'static str>,
    /// What was found.
    pub(super) detail: String,
    /// What to do about it, one step a line.
    pub(super) remedy: Option<String>,
}

impl Finding {
    /// A layer that is all there.
    fn ok(name: &'static str, since: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, required: true, since: Some(since), detail: detail.into(), remedy: None }
    }

    /// The same, but with something missing.
    fn lacking(self, state: State, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state, detail: detail.into(), remedy: Some(remedy.into()), ..self }
    }

    /// The same, but nothing that the default policy needs.
    fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// The same, with `outcome` taken into account: an error is told with the advice of `remedy`.
    fn tried(self, outcome: Outcome, remedy: impl FnOnce(Errno) -> String) -> Self {
        match outcome {
            Ok(()) => self,
            Err(errno) => {
                let remedy = remedy(errno);
                self.lacking(State::Missing, format!("refused: {}", errno.desc()), remedy)
            }
        }
    }

    /// The same for what takes a user namespace: without one, that is what to remedy.
    fn tried_inside(self, observed: &Observed, outcome: Outcome, remedy: impl FnOnce(Errno) -> String) -> Self {
        match observed.user_namespace {
            Ok(()) => self.tried(outcome, remedy),
            Err(_) => self.lacking(State::Missing, "takes a user namespace", SEE_USER_NAMESPACE),
        }
    }

    /// Whether the default policy cannot run for want of this.
    pub(super) fn stops_default_policy(&self) -> bool {
        self.required && self.state == State::Missing
    }
}

/// Every finding, in the order of the layers.
pub(super) fn findings(observed: &Observed) -> Vec<Finding> {
    let mut findings = vec![user_namespace(observed)];
    findings.extend(observed.namespaces.iter().map(|(name, outcome)| namespace(name, *outcome, observed)));
    findings.extend([
        mounts(observed),
        proc(observed),
        owner_remap(observed),
        landlock(observed.landlock),
        seccomp(observed.seccomp),
        supervision(observed),
        descriptors(observed.close_range),
        paths(observed.openat2),
        cgroup(observed.cgroup),
        core_pattern(observed.settings.core_pattern.as_deref()),
        tracing(observed.settings.ptrace_scope),
    ]);
    findings
}

/// User namespaces, and whether they give rights.
fn user_namespace(observed: &Observed) -> Finding {
    let finding = Finding::ok("user_namespace", "3.8", "created, and it gives rights");
    if let Err(errno) = observed.user_namespace {
        return finding.lacking(State::Missing, format!("refused: {}", errno.desc()), refused(observed, errno));
    }
    match observed.rights {
        // Without the new mount API nothing can be said about rights; the layer `mounts` tells.
        Ok(()) | Err(Errno::ENOSYS) => finding,
        Err(errno) => {
            let restricted = observed.settings.apparmor_restricts == Some(1);
            let why = if restricted {
                "created, but AppArmor takes its rights away"
            } else {
                "created, but it gives no rights"
            };
            let remedy = if restricted { apparmor(observed.program.as_deref()) } else { confined_outside() };
            finding.lacking(State::Missing, format!("{why}: {}", errno.desc()), remedy)
        }
    }
}

/// What to do when user namespaces are refused.
fn refused(observed: &Observed, errno: Errno) -> String {
    let settings = &observed.settings;
    if settings.max_user_namespaces == Some(0) || matches!(errno, Errno::ENOSPC | Errno::EUSERS) {
        "sysctl -w user.max_user_namespaces=15000".to_owned()
    } else if settings.unprivileged_clone == Some(0) {
        "sysctl -w kernel.unprivileged_userns_clone=1".to_owned()
    } else if settings.apparmor_restricts == Some(1) && matches!(errno, Errno::EPERM | Errno::EACCES) {
        apparmor(observed.program.as_deref())
    } else if matches!(errno, Errno::EINVAL | Errno::ENOSYS) {
        "boot a kernel with CONFIG_USER_NS, Linux 5.3 or later".to_owned()
    } else {
        confined_outside()
    }
}

/// What to do when something around this process refuses.
fn confined_outside() -> String {
    "this looks like a container or another sandbox: let it create user namespaces (seccomp and AppArmor profile)\n\
     or accept less: [require] user_namespace = \"best-effort\""
        .to_owned()
}

/// What to do about Ubuntu's restriction: a profile for this program, or the switch.
fn apparmor(program: Option<&Path>) -> String {
    let switch = "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (for every program)";
    // In a profile, other characters would mean something.
    let plain = |path: &&str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_.-+".contains(&byte));
    let Some(path) = program.and_then(Path::to_str).filter(plain) else { return switch.to_owned() };
    format!(
        "write to /etc/apparmor.d/sandbox-exec:\n\
         abi <abi/4.0>,\n\
         include <tunables/global>\n\
         profile sandbox-exec {path} flags=(unconfined) {{\n\
         \x20 userns,\n\
         }}\n\
         then: apparmor_parser -r /etc/apparmor.d/sandbox-exec\n\
         or: {switch}"
    )
}

/// One further kind of namespace.
fn namespace(name: &'static str, outcome: Outcome, observed: &Observed) -> Finding {
    let (since, what) = match name {
        "network_namespace" => ("3.0", "the host's network can be left out"),
        "pid_namespace" => ("3.8", "other processes can be left out"),
        "ipc_namespace" => ("3.0", "System V and POSIX ipc can be left out"),
        "uts_namespace" => ("3.0", "the host's name cannot be changed"),
        _ => ("4.6", "control groups of the host can be left out"),
    };
    let outcome = if name == "network_namespace" { outcome.and(observed.loopback) } else { outcome };
    let option = match name {
        "network_namespace" => "CONFIG_NET_NS",
        "pid_namespace" => "CONFIG_PID_NS",
        "ipc_namespace" => "CONFIG_IPC_NS",
        "uts_namespace" => "CONFIG_UTS_NS",
        _ => "CONFIG_CGROUPS",
    };
    let kind = if name == "network_namespace" { "net" } else { name.trim_end_matches("_namespace") };
    Finding::ok(name, since, what).tried_inside(observed, outcome, |errno| {
        if errno == Errno::EINVAL {
            format!("boot a kernel with {option}")
        } else if errno == Errno::ENOSPC {
            format!("raise user.max_{kind}_namespaces")
        } else {
            SEE_USER_NAMESPACE.to_owned()
        }
    })
}

/// The remedy for what fails because user namespaces do.
const SEE_USER_NAMESPACE: &str = "see user_namespace";

/// The new mount API.
fn mounts(observed: &Observed) -> Finding {
    let finding = Finding::ok("mounts", "5.12", "mounts by descriptor, and their attributes for whole trees");
    let outcome = observed.rights.and(observed.mount_attributes);
    let remedy = |errno| if errno == Errno::ENOSYS { "boot Linux 5.12 or later" } else { SEE_USER_NAMESPACE };
    finding.tried_inside(observed, outcome, |errno| remedy(errno).to_owned())
}

/// A `/proc` of the sandbox's own.
fn proc(observed: &Observed) -> Finding {
    const HIDDEN: &str =
        "this container hides parts of /proc: start it with an unmasked one (podman: --security-opt unmask=/proc/*)";
    let hidden = |errno| errno == Errno::EPERM && observed.rights.is_ok();
    let remedy = |errno| if hidden(errno) { HIDDEN } else { SEE_USER_NAMESPACE };
    Finding::ok("proc", "5.2", "a new /proc can be mounted")
        .tried_inside(observed, observed.proc, |errno| remedy(errno).to_owned())
}

/// Owners translated on mounts, for root.
fn owner_remap(observed: &Observed) -> Finding {
    const OTHERWISE: &str =
        "or run the agent as an ordinary user, or accept less: [require] owner_remap = \"best-effort\"";
    let Some(outcome) = observed.owner_remap else {
        return Finding::ok("owner_remap", "5.12", "not needed: the caller is not root").optional();
    };
    let finding = Finding::ok("owner_remap", "5.12", "owners can be translated in the current folder");
    let remedy = |errno| match errno == Errno::EINVAL {
        true => "work on a file system that can: ext4 or xfs (5.12), btrfs (5.15), tmpfs (6.3)",
        false => "root lacks CAP_SYS_ADMIN here: give it to the container",
    };
    finding.tried_inside(observed, outcome, |errno| format!("{}\n{OTHERWISE}", remedy(errno)))
}

/// What each Landlock ABI adds, and the kernel that brought it.
const ABIS: [(u32, &str, &str); 7] = [
    (1, "5.13", "file rules"),
    (2, "5.19", "moving between folders"),
    (3, "6.2", "truncating"),
    (4, "6.7", "TCP rules"),
    (5, "6.10", "device ioctls"),
    (6, "6.12", "scopes for abstract sockets and signals"),
    (7, "6.15", "control over audit records"),
];
/// The first ABI with everything that the sandbox uses.
const WHOLE: u32 = 6;

/// Landlock.
fn landlock(abi: u32) -> Finding {
    let has: Vec<&str> = ABIS.iter().filter(|(number, ..)| *number <= abi).map(|(.., what)| *what).collect();
    let finding = Finding::ok("landlock", "5.13", format!("ABI {abi}: {}", has.join(", ")));
    let next = ABIS.iter().find(|(number, ..)| *number > abi);
    match (abi, next) {
        (0, _) => finding.lacking(
            State::Missing,
            "this kernel has none, or it is switched off",
            "boot Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK and lsm=landlock,… among the boot parameters",
        ),
        (abi, Some((number, version, what))) if abi < WHOLE => {
            let detail = finding.detail.clone();
            finding.lacking(State::Partial, detail, format!("Linux {version} (ABI {number}) adds {what}"))
        }
        _ => finding,
    }
}

/// The system call filter.
fn seccomp(outcome: Outcome) -> Finding {
    let finding = Finding::ok("seccomp", "3.17", "the filter can be loaded");
    finding.tried(outcome, |_| "boot a kernel with CONFIG_SECCOMP_FILTER, or let the container load filters".to_owned())
}

/// Everything that the supervision of `connect` takes.
fn supervision(observed: &Observed) -> Finding {
    let finding = Finding::ok("socket_supervision", "5.9", "user notification, pidfd_getfd and sock_diag work");
    let parts = [
        (
            "seccomp user notification",
            observed.notification,
            "boot Linux 5.9 or later; only one sandbox around may supervise calls",
        ),
        ("pidfd_getfd", observed.pidfd_getfd, "boot Linux 5.6 or later; let the container trace its own processes"),
        (
            "sock_diag for unix sockets",
            observed.sock_diag,
            "boot a kernel with CONFIG_UNIX_DIAG, or load it: modprobe unix_diag",
        ),
    ];
    let failed = parts.into_iter().find_map(|(part, outcome, remedy)| Some((part, outcome.err()?, remedy)));
    match failed {
        None => finding,
        Some((part, errno, remedy)) => finding.lacking(State::Missing, format!("{part}: {}", errno.desc()), remedy),
    }
}

/// Closing what the caller left open.
fn descriptors(outcome: Outcome) -> Finding {
    Finding::ok("descriptors", "5.9", "close_range works").tried(outcome, |_| "boot Linux 5.9 or later".to_owned())
}

/// Opening without following symlinks.
fn paths(outcome: Outcome) -> Finding {
    let remedy = |_| "boot Linux 5.6 or later, or let the container call openat2".to_owned();
    Finding::ok("openat2", "5.6", "mount points are opened without following symlinks").tried(outcome, remedy)
}

/// Limits for a sandbox as a whole.
fn cgroup(cgroup: Cgroup) -> Finding {
    let finding = Finding::ok(
        "cgroup",
        "4.15",
        "the caller's control group can be divided; limits hold for each process all the same",
    )
    .optional();
    match cgroup {
        Cgroup::Delegated => finding,
        Cgroup::Foreign => finding.lacking(
            State::Partial,
            "the caller's control group is not its own: limits hold for each process",
            "start the agent with systemd-run --user --scope -p Delegate=yes",
        ),
        Cgroup::None => finding.lacking(
            State::Partial,
            "no version 2 control group with memory and pids: limits hold for each process",
            "boot with systemd.unified_cgroup_hierarchy=1",
        ),
    }
}

/// Where the memory of a crashing process goes. `core(5)`: a limit of 0 keeps files from being written, but not pipes.
fn core_pattern(pattern: Option<&str>) -> Finding {
    let finding = Finding::ok("core_dumps", "2.6", "the limit of 0 keeps memory from being written").optional();
    match pattern {
        Some(pattern) if pattern.starts_with(['|', '@']) => finding.lacking(
            State::Partial,
            "a crash inside is handed to a program outside, whatever the limit",
            "sysctl -w kernel.core_pattern=core",
        ),
        _ => finding,
    }
}

/// Who may trace the sandbox from outside.
fn tracing(scope: Option<u64>) -> Finding {
    let finding = Finding::ok("ptrace_scope", "3.4", "processes outside may trace only their own children").optional();
    match scope {
        Some(1..) => finding,
        _ => finding.lacking(
            State::Partial,
            "processes of the same user outside may trace one another; those inside are kept from it by the filter",
            if scope.is_some() {
                "sysctl -w kernel.yama.ptrace_scope=1"
            } else {
                "boot a kernel with CONFIG_SECURITY_YAMA"
            },
        ),
    }
}
