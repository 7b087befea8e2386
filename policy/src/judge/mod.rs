//! What the policy means for one path, host or tool.

mod verdict;

use std::path::Path;

use crate::pattern::Places;
use crate::policy::Policy;

pub use verdict::{Access, Decision, ReasonCode, ToolKind, Verdict};

/// A policy resolved for one host, ready to answer.
#[derive(Debug, Clone)]
pub struct Judge;

impl Judge {
    /// Resolves every rule of `policy` for this host.
    #[must_use]
    pub fn new(policy: &Policy, places: &Places) -> Self {
        let _ = (policy, places);
        Self
    }

    /// Judges an access to `path`, which must be absolute and free of symbolic links.
    #[must_use]
    pub fn path(&self, path: &Path, access: Access) -> Verdict {
        let _ = (path, access);
        Verdict::internal()
    }

    /// Judges a connection to a port of the host called `name`.
    #[must_use]
    pub fn host(&self, name: &str, port: u16) -> Verdict {
        let _ = (name, port);
        Verdict::internal()
    }

    /// Says what kind of tool an agent's tool is.
    #[must_use]
    pub fn tool(&self, client: &str, tool: &str) -> ToolKind {
        let _ = (client, tool);
        ToolKind::Other(crate::policy::ToolDefault::Deny)
    }

    /// Judges whether `path` may be a workspace.
    #[must_use]
    pub fn workspace(&self, path: &Path) -> Verdict {
        let _ = path;
        Verdict::internal()
    }
}
