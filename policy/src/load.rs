//! From files and flags to one policy.

use std::path::PathBuf;

use crate::builtin::ProfileName;
use crate::error::PolicyError;
use crate::overlay::Overlay;
use crate::pattern::Places;
use crate::policy::Policy;
use crate::reader::Reader;

/// Everything that a policy is composed from.
#[derive(Debug, Clone, Default)]
pub struct LoadRequest {
    /// The profile named on the command line; `None` leaves it to the files, and then to [`ProfileName::default`].
    pub profile: Option<ProfileName>,
    /// The system's file; it need not exist.
    pub system: Option<PathBuf>,
    /// The user's file; it need not exist.
    pub user: Option<PathBuf>,
    /// Files named on the command line; they must exist.
    pub explicit: Vec<PathBuf>,
    /// The workspaces' own files; they need not exist, and may only narrow.
    pub workspace_files: Vec<PathBuf>,
    /// What the command line adds.
    pub flags: Overlay,
    /// The host's folders and the caller. Its workspaces are writable roots for the trust check.
    pub places: Places,
    /// Further folders that confined programs can write.
    pub writable_roots: Vec<PathBuf>,
}

/// Composes the policy.
///
/// # Errors
/// When a file cannot be read, is not trusted or is malformed, or when a workspace's file would widen the policy.
pub fn load(request: &LoadRequest, reader: &dyn Reader) -> Result<Policy, PolicyError> {
    let _ = (request, reader);
    Err(PolicyError::BuiltIn { profile: "agent" })
}
