//! The answer to one request: a decision, a stable code, and words for whoever asked.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::policy::ToolDefault;
use crate::rule::Rule;

/// What a program wants with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Read it, list it, or learn about it.
    Read,
    /// Create, change, replace or remove it.
    Write,
    /// Run it.
    Execute,
    /// Connect to the unix socket there, when its listener is outside the sandbox.
    Connect,
}

/// What is to happen; the later, the stricter, so that decisions combine by `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// It goes ahead.
    Allow,
    /// A person is asked.
    Ask,
    /// It does not happen.
    Deny,
}

/// Why, as a code that stays the same from version to version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReasonCode {
    /// Nothing speaks against it.
    Allowed,
    /// The path is neither in a workspace nor otherwise listed.
    OutsideWorkspace,
    /// The path is hidden.
    Masked,
    /// The path may be read but not written.
    ReadOnly,
    /// The path would run code outside the sandbox later.
    Protected,
    /// The socket is not listed.
    SocketNotAllowed,
    /// The path is relative, has `..` in it, or has a NUL byte.
    BadPath,
    /// Nothing is there, or the way there does not exist.
    NotFound,
    /// A file is on the way where a folder would have to be.
    NotAFolder,
    /// The path is private to each command and thrown away: the host's own files there are never meant.
    Scratch,
    /// It is neither a file nor a folder, or it is of the kernel's or of a running system's making.
    Special,
    /// It is larger than what is handled at once.
    TooLarge,
    /// It is a second name of a file that is hidden or protected.
    HardLink,
    /// Too many symbolic links lead on from each other.
    TooManyLinks,
    /// The file system's own permissions do not let the caller pass.
    Permission,
    /// The file system failed.
    Unreadable,
    /// A search there would come upon what is hidden.
    SearchTooWide,
    /// The folder cannot be a workspace.
    BadWorkspace,
    /// The network is off.
    NetworkOff,
    /// The host or its port is not listed.
    HostNotAllowed,
    /// The policy denies the host by name.
    HostDenied,
    /// The name is not a host name.
    BadHost,
    /// A connection to an address that no answer gave out and no rule names.
    AddressNotNamed,
    /// The name leads to a private, loopback, link-local, metadata or otherwise special address.
    SpecialAddress,
    /// The host is allowed, and no nameserver says where it is.
    Unresolved,
    /// The connection is for one name, and what is said on it names another.
    NameMismatch,
    /// A protocol that is not carried: UDP other than DNS, ICMP, HTTP/2 without TLS where requests are judged.
    Protocol,
    /// The rule allows other methods or paths.
    Request,
    /// What cannot be understood for sure is not passed on.
    Malformed,
    /// The bound on bytes, connections or time is reached.
    TooMuch,
    /// The tool, or this use of it, is refused by name.
    Tool,
    /// The policy could not be loaded.
    PolicyUnreadable,
    /// The guard itself failed.
    Internal,
}

/// What the policy says to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    /// What is to happen.
    pub decision: Decision,
    /// Why.
    pub reason: ReasonCode,
    /// The rule that decided, and where it was written.
    pub rule: Option<String>,
    /// One sentence.
    pub message: String,
    /// What to do instead; empty when the request is allowed.
    pub instead: String,
}

/// What a tool of an agent does, as far as the policy knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolKind {
    /// It runs a command line.
    Shell,
    /// It names a file.
    File,
    /// Something else, and what happens to it.
    Other(ToolDefault),
}

impl ReasonCode {
    /// The code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::OutsideWorkspace => "fs.outside-workspace",
            Self::Masked => "fs.masked",
            Self::ReadOnly => "fs.read-only",
            Self::Protected => "fs.protected",
            Self::SocketNotAllowed => "fs.socket-not-allowed",
            Self::BadPath => "fs.bad-path",
            Self::NotFound => "fs.not-found",
            Self::NotAFolder => "fs.not-a-folder",
            Self::Scratch => "fs.scratch",
            Self::Special => "fs.special",
            Self::TooLarge => "fs.too-large",
            Self::HardLink => "fs.hard-link",
            Self::TooManyLinks => "fs.too-many-links",
            Self::Permission => "fs.permission",
            Self::Unreadable => "fs.unreadable",
            Self::SearchTooWide => "fs.search-too-wide",
            Self::BadWorkspace => "fs.bad-workspace",
            Self::NetworkOff => "net.off",
            Self::HostNotAllowed => "net.host-not-allowed",
            Self::HostDenied => "net.host-denied",
            Self::BadHost => "net.bad-host",
            Self::AddressNotNamed => "net.address-not-named",
            Self::SpecialAddress => "net.special-address",
            Self::Unresolved => "net.unresolved",
            Self::NameMismatch => "net.name-mismatch",
            Self::Protocol => "net.protocol",
            Self::Request => "net.request",
            Self::Malformed => "net.malformed",
            Self::TooMuch => "net.too-much",
            Self::Tool => "tool.denied",
            Self::PolicyUnreadable => "policy.unreadable",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Verdict {
    /// A request that goes ahead.
    pub fn allow(rule: Option<String>, message: String) -> Self {
        Self { decision: Decision::Allow, reason: ReasonCode::Allowed, rule, message, instead: String::new() }
    }

    /// A request that does not happen.
    pub fn deny(reason: ReasonCode, rule: Option<String>, message: String, instead: &str) -> Self {
        Self { decision: Decision::Deny, reason, rule, message, instead: instead.to_owned() }
    }

    /// The verdict for a path that `rule` hides.
    pub fn masked(path: &Path, rule: &Rule) -> Self {
        let reason = rule.reason.as_deref().unwrap_or("it may hold secrets");
        Self::deny(
            ReasonCode::Masked,
            Some(rule.label()),
            format!("{} is hidden: {reason}.", path.display()),
            "Do without it. If the task needs a credential, ask the user to do that step.",
        )
    }

    /// The verdict for a write to a path that is protected, and why it is.
    pub fn protected(path: &Path, rule: Option<&Rule>, otherwise: &str) -> Self {
        let reason = rule.and_then(|rule| rule.reason.as_deref()).unwrap_or(otherwise);
        Self::deny(
            ReasonCode::Protected,
            rule.map(Rule::label),
            format!("{} may be read but not written: {reason}.", path.display()),
            "Leave this file as it is, and tell the user which change you would make to it.",
        )
    }

    /// The verdict for a write to a path that `rule` only lets be read.
    pub fn read_only(path: &Path, rule: Option<String>) -> Self {
        Self::deny(
            ReasonCode::ReadOnly,
            rule,
            format!("{} may be read but not written.", path.display()),
            "Write in the workspace, or in /tmp if the file need not be kept.",
        )
    }

    /// The verdict for a path that no rule speaks of.
    pub fn outside(path: &Path) -> Self {
        Self::deny(
            ReasonCode::OutsideWorkspace,
            None,
            format!("{} is outside of the workspace, and the policy does not list it.", path.display()),
            "Work with files of the workspace, or ask the user to copy the file there or to add it to files.read of their policy.",
        )
    }

    /// The verdict when the guard itself failed.
    pub fn internal() -> Self {
        let message = "The guard failed and therefore refuses.".to_owned();
        Self::deny(
            ReasonCode::Internal,
            None,
            message,
            "Report this; a person must repair the guard before work goes on.",
        )
    }
}
