//! What the policy means for one path, host or tool.
//!
//! The judge looks at names only. Whoever asks must have resolved symbolic links, and must not resolve the path again
//! afterwards.

mod host;
mod list;
mod network;
mod path;
mod tool;
mod verdict;
mod workspace;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::pattern::{Places, Purpose};
use crate::policy::Policy;

use list::{Ground, List, Resolved, covering};
pub use network::Refusal;
pub use tool::ToolVerdict;
pub use verdict::{Access, Decision, ReasonCode, ToolKind, Verdict};

/// A policy for one host, ready to answer. Its rules are resolved as far as the answers need them.
#[derive(Debug, Clone)]
pub struct Judge {
    /// The policy, and the host that it is for.
    ground: Arc<Ground>,
    /// Every home folder.
    homes: Vec<PathBuf>,
    /// `workspace.roots`.
    roots: List,
    /// `files.mask`.
    mask: List,
    /// `files.protect`.
    protect: List,
    /// `files.write`.
    write: List,
    /// `files.scratch`.
    scratch: List,
    /// `files.read`.
    read: List,
    /// `files.sockets`.
    sockets: List,
    /// What `files.unread` has taken away.
    unread: List,
}

impl Judge {
    /// A judge by `policy` for this host.
    #[must_use]
    pub fn new(policy: &Policy, places: &Places) -> Self {
        Self::sharing(Arc::new(policy.clone()), places)
    }

    /// As [`Judge::new`], without copying the policy.
    #[must_use]
    pub fn sharing(policy: Arc<Policy>, places: &Places) -> Self {
        let homes = places.home_folders(Purpose::Restrict).map(Path::to_path_buf).collect();
        let ground = Arc::new(Ground { policy, places: places.clone() });
        let restrict = |pick| List::new(&ground, Purpose::Restrict, pick);
        let grant = |pick| List::new(&ground, Purpose::Grant, pick);
        Self {
            homes,
            roots: grant(|policy| &policy.workspace.roots),
            mask: restrict(|policy| &policy.files.mask),
            protect: restrict(|policy| &policy.files.protect),
            write: grant(|policy| &policy.files.write),
            scratch: grant(|policy| &policy.files.scratch),
            read: grant(|policy| &policy.files.read),
            sockets: grant(|policy| &policy.files.sockets),
            unread: grant(|policy| &policy.files.unread),
            ground,
        }
    }

    /// The policy that is judged by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.ground.policy
    }
}

#[cfg(test)]
mod tests;
