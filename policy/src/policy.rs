//! The composed policy: what every other part of the project reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::host::HostRule;
use crate::name::NamePattern;
use crate::origin::SourceId;
use crate::publish::Publish;
use crate::rule::Rule;
use crate::tools::{PathDefault, ToolRule};

/// Everything that is allowed, from all layers together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The name of the built-in profile at the bottom.
    pub profile: String,
    /// Which folders may be a workspace.
    pub workspace: Workspace,
    /// What is readable, writable and hidden.
    pub files: Files,
    /// What is reachable.
    pub network: Network,
    /// Which variables a confined program sees.
    pub environment: Environment,
    /// How much it may use.
    pub limits: Limits,
    /// Which protections must be there.
    pub requirements: Requirements,
    /// Which dangerous system calls are allowed after all.
    pub syscalls: Syscalls,
    /// Which tools of which agent run commands or touch files, by client name.
    pub tools: Arc<BTreeMap<String, ClientTools>>,
    /// What contributed to this policy, lowest layer first.
    pub sources: Vec<SourceId>,
}

/// Folders that may be a workspace without being named on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workspace {
    /// The folders; empty means that only what flags name is a workspace.
    pub roots: Vec<Rule>,
}

/// What is readable, writable and hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// What is seen of the home folder where no rule speaks of it.
    pub home: HomeView,
    /// Readable and executable.
    pub read: Vec<Rule>,
    /// Writable besides the workspace.
    pub write: Vec<Rule>,
    /// Private, empty at the start, writable, and thrown away at the end.
    pub scratch: Vec<Rule>,
    /// Of what `read` shows: folders that a command may change for itself. What it changes is private and thrown away at the end.
    pub overlay: Vec<Rule>,
    /// Invisible. Wins over every other rule, except that a workspace inside a mask is bound back.
    pub mask: Vec<Rule>,
    /// Readable where it otherwise would be, but never writable, whether it exists yet or not.
    pub protect: Vec<Rule>,
    /// Unix sockets of the host that may be connected to.
    pub sockets: Vec<Rule>,
    /// What layers have taken out of `read`. Nothing there is readable for it; what others rely on is still no place to work in.
    pub unread: Vec<Rule>,
}

/// What is seen of the home folder where no rule speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HomeView {
    /// Everything but the masks, read-only.
    ReadOnly,
    /// Nothing.
    Hide,
}

/// How a confined program reaches the network; the later, the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// The host's own network.
    Host,
    /// Every public host, and what was asked for is told at the end. Only the command line can choose it.
    Learn,
    /// Only the hosts and ports listed.
    Allowlist,
    /// Nothing, not even the host's loopback.
    None,
}

/// What is reachable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// How.
    pub mode: NetworkMode,
    /// What, in modes [`NetworkMode::Allowlist`] and [`NetworkMode::Learn`].
    pub rules: Vec<HostRule>,
    /// What is not reachable, whatever the rules say.
    pub deny: Vec<HostRule>,
    /// Whether programs that ask for a proxy find one.
    pub proxy: bool,
    /// Servers of the sandbox that the host's loopback can reach.
    pub publish: Vec<Publish>,
}

/// Which variables a confined program sees. Everything else is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Names that keep the caller's value.
    pub pass: Vec<NamePattern>,
    /// Names with a value of the policy's own, still to be passed through [`Places::expand`](crate::Places::expand).
    pub set: BTreeMap<String, String>,
}

/// How much a confined program may use. `None` means no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes in one file.
    pub file_size: Option<u64>,
    /// Open files per process.
    pub open_files: Option<u64>,
    /// Bytes of a core dump.
    pub core: Option<u64>,
    /// Bytes in each private temporary file system.
    pub tmpfs: Option<u64>,
    /// Time until the whole sandbox is ended.
    pub wall_clock: Option<Duration>,
    /// Time that processes left behind get before they are ended.
    pub grace: Duration,
}

/// A protection that a kernel may or may not offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// User, mount, process, ipc, uts and cgroup namespaces.
    UserNamespace,
    /// A network of its own.
    NetworkNamespace,
    /// File rules enforced by Landlock.
    Landlock,
    /// Landlock's scopes for abstract sockets and signals.
    LandlockScope,
    /// Landlock's rules for TCP.
    LandlockNetwork,
    /// The system call filter.
    Seccomp,
    /// Telling sockets of the host from sockets of the sandbox at `connect`.
    SocketSupervision,
    /// Protection of names that do not exist yet.
    AbsentNames,
    /// Nothing owned by root becomes readable because the caller is root.
    OwnerRemap,
    /// Limits by control group rather than by process.
    Cgroup,
}

/// What happens when a protection is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// The run goes on without it, and says so.
    BestEffort,
    /// The run stops.
    Require,
}

/// Which protections must be there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Requirements {
    /// What was stated.
    pub stated: BTreeMap<Layer, Requirement>,
}

/// Whether something is possible at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Possible.
    Allow,
    /// Refused.
    Deny,
}

/// Dangerous system calls that a profile may allow after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syscalls {
    /// `ptrace`, `process_vm_readv` and `process_vm_writev`, among the sandbox's own processes.
    pub ptrace: Permission,
    /// New user namespaces; not mounts in them, which Landlock refuses.
    pub user_namespaces: Permission,
}

/// What happens to a tool that is named neither as a shell nor as a file tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolDefault {
    /// The guard has nothing to say.
    Ignore,
    /// A person is asked.
    Ask,
    /// The call is refused.
    Deny,
}

/// Which tools of one agent run commands or touch files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTools {
    /// Tools that run a command line.
    pub shell: BTreeSet<String>,
    /// Tools that name a file.
    pub file: BTreeSet<String>,
    /// What happens to all others.
    pub other: ToolDefault,
    /// What happens to all others that are given something like a path.
    pub other_with_path: PathDefault,
    /// Rules about single tools, which come before the lists; the first that fits decides.
    pub rules: Vec<ToolRule>,
    /// Rules of workspaces: each that fits can make the verdict stricter.
    pub narrowing: Vec<ToolRule>,
}

impl ToolDefault {
    /// What follows for tools that are given something like a path, when nobody says.
    #[must_use]
    pub const fn with_path(self) -> PathDefault {
        match self {
            Self::Ignore | Self::Ask => PathDefault::Ask,
            Self::Deny => PathDefault::Deny,
        }
    }
}

impl Layer {
    /// Every layer, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::UserNamespace,
        Self::NetworkNamespace,
        Self::Landlock,
        Self::LandlockScope,
        Self::LandlockNetwork,
        Self::Seccomp,
        Self::SocketSupervision,
        Self::AbsentNames,
        Self::OwnerRemap,
        Self::Cgroup,
    ];

    /// The name used in policy files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserNamespace => "user_namespace",
            Self::NetworkNamespace => "network_namespace",
            Self::Landlock => "landlock",
            Self::LandlockScope => "landlock_scope",
            Self::LandlockNetwork => "landlock_network",
            Self::Seccomp => "seccomp",
            Self::SocketSupervision => "socket_supervision",
            Self::AbsentNames => "absent_names",
            Self::OwnerRemap => "owner_remap",
            Self::Cgroup => "cgroup",
        }
    }
}

impl Requirements {
    /// What happens when `layer` is missing. A layer that nobody mentioned is required.
    #[must_use]
    pub fn of(&self, layer: Layer) -> Requirement {
        self.stated.get(&layer).copied().unwrap_or(Requirement::Require)
    }
}
