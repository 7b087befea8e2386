//! What is known about a file without opening it.

use super::error::OpError;
use super::open::{self, FileKind};
use super::read;
use crate::guard::Target;

/// What is known about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, in milliseconds since 1970.
    pub modified: i64,
    /// Its permissions.
    pub mode: u32,
}

/// The facts about the target.
///
/// # Errors
/// When nothing is there.
pub(super) fn stat(target: &Target) -> Result<Facts, OpError> {
    let facts = open::facts(target)?;
    Ok(Facts {
        kind: FileKind::of(facts),
        size: u64::try_from(facts.st_size).unwrap_or(0),
        modified: read::modified(facts),
        mode: facts.st_mode & 0o7777,
    })
}
