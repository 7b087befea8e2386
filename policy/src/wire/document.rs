//! The sections and keys of a policy file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::entry::{AmountEntry, HostEntry, PathEntry, PublishEntry};
use super::tools::ToolsSection;
use crate::policy::{HomeView, Layer, NetworkMode, Permission, Requirement};
use crate::profile::ProfileName;
use crate::units::LimitName;

/// A list of entries that know where they stand.
pub(super) type List<T> = Vec<Spanned<T>>;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The profile to build on.
    pub(super) profile: Option<Spanned<ProfileName>>,
    /// The profile that a built-in profile extends.
    pub(super) extends: Option<Spanned<ProfileName>>,
    /// Which folders may be a workspace.
    #[serde(default)]
    pub(super) workspace: WorkspaceSection,
    /// What is readable, writable and hidden.
    #[serde(default)]
    pub(super) files: FilesSection,
    /// What is reachable.
    #[serde(default)]
    pub(super) network: NetworkSection,
    /// Which variables are seen.
    #[serde(default)]
    pub(super) environment: EnvironmentSection,
    /// How much may be used.
    #[serde(default)]
    pub(super) limits: BTreeMap<LimitName, Spanned<AmountEntry>>,
    /// Which protections must be there.
    #[serde(default)]
    pub(super) require: BTreeMap<Layer, Spanned<Requirement>>,
    /// Which dangerous system calls are allowed after all.
    #[serde(default)]
    pub(super) syscalls: SyscallsSection,
    /// Which tools run commands or touch files, by client.
    #[serde(default)]
    pub(super) tools: BTreeMap<String, Spanned<ToolsSection>>,
}

/// `[workspace]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WorkspaceSection {
    /// Folders that may be a workspace.
    pub(super) roots: List<PathEntry>,
}

/// `[files]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FilesSection {
    /// What is seen of the home folder.
    pub(super) home: Option<Spanned<HomeView>>,
    /// Readable.
    pub(super) read: List<PathEntry>,
    /// Writable.
    pub(super) write: List<PathEntry>,
    /// Private and thrown away.
    pub(super) scratch: List<PathEntry>,
    /// Shown, and changed for oneself only.
    pub(super) overlay: List<PathEntry>,
    /// Hidden.
    pub(super) mask: List<PathEntry>,
    /// Never writable.
    pub(super) protect: List<PathEntry>,
    /// Sockets of the host.
    pub(super) sockets: List<PathEntry>,
    /// Entries of `read` to take away.
    pub(super) unread: List<PathEntry>,
    /// Entries of `mask` to take away.
    pub(super) unmask: List<PathEntry>,
}

/// `[network]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NetworkSection {
    /// How the network is reached.
    pub(super) mode: Option<Spanned<NetworkMode>>,
    /// Which hosts.
    pub(super) allow: List<HostEntry>,
    /// Which hosts not, whatever else says so.
    pub(super) deny: List<HostEntry>,
    /// Whether programs that ask for a proxy find one.
    pub(super) proxy: Option<Spanned<bool>>,
    /// Servers of the sandbox that the host's loopback can reach.
    pub(super) publish: List<PublishEntry>,
}

/// `[environment]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EnvironmentSection {
    /// Names that keep the caller's value.
    pub(super) pass: List<String>,
    /// Entries of `pass` to take away.
    pub(super) unpass: List<String>,
    /// Names with a value of their own.
    pub(super) set: BTreeMap<String, Spanned<String>>,
}

/// `[syscalls]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SyscallsSection {
    /// Looking into other processes.
    pub(super) ptrace: Option<Spanned<Permission>>,
    /// Nested user namespaces.
    pub(super) user_namespaces: Option<Spanned<Permission>>,
}
