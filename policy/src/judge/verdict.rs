//! The answer to one request: a decision, a stable code, and words for whoever asked.

use std::fmt;

use crate::policy::ToolDefault;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// The folder cannot be a workspace.
    BadWorkspace,
    /// The network is off.
    NetworkOff,
    /// The host or its port is not listed.
    HostNotAllowed,
    /// The name is not a host name.
    BadHost,
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
            Self::BadWorkspace => "fs.bad-workspace",
            Self::NetworkOff => "net.off",
            Self::HostNotAllowed => "net.host-not-allowed",
            Self::BadHost => "net.bad-host",
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
    pub(super) fn allow(rule: Option<String>, message: String) -> Self {
        Self { decision: Decision::Allow, reason: ReasonCode::Allowed, rule, message, instead: String::new() }
    }

    /// A request that does not happen.
    pub(super) fn deny(reason: ReasonCode, rule: Option<String>, message: String, instead: &str) -> Self {
        Self { decision: Decision::Deny, reason, rule, message, instead: instead.to_owned() }
    }

    /// The verdict when there is no policy to judge by.
    pub fn without_policy(error: &crate::error::PolicyError) -> Self {
        Self::deny(ReasonCode::PolicyUnreadable, None, format!("The policy cannot be loaded: {error}."), &error.hint())
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
