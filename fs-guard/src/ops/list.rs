//! Listing a folder: what a process in the sandbox could use, masked entries left out.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use lobsterpot_policy::Access;
use nix::dir::Dir;
use nix::errno::Errno;

use super::error::OpError;
use super::open::{self, FileKind};
use crate::guard::{Guard, Target};

/// The most entries of one answer.
const MAX_ENTRIES: usize = 100_000;

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The entries, sorted by name as bytes.
    pub entries: Vec<Entry>,
    /// Whether the folder holds more than are listed at once.
    pub truncated: bool,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// What it is; links are not followed.
    pub kind: FileKind,
    /// Its size; 0 for all but regular files.
    pub size: u64,
}

/// Lists the target.
///
/// # Errors
/// When it is no folder, cannot be listed, holds what cannot be looked at, or was replaced meanwhile.
pub(super) fn list(guard: &Guard, target: &Target) -> Result<Listing, OpError> {
    let folder = open::folder(target)?;
    let failed = |errno| OpError::io("listing", &target.path, errno);
    let handle = folder.try_clone().map_err(|error| failed(super::read::errno(&error)))?;
    let within = guard.within(target);
    let mut listing = Listing::default();
    for name in names(handle) {
        let name = name.map_err(failed)?;
        let facts = match open::look(&folder, &name) {
            Ok(Some(facts)) => facts,
            // It has vanished meanwhile, or is a mount: of somebody else, or one whose server is gone.
            Ok(None) | Err(Errno::ENOTCONN | Errno::ESTALE) => continue,
            Err(Errno::EACCES) if open::look(&folder, OsStr::new(open::HERE)).is_ok() => continue,
            Err(errno) => return Err(failed(errno)),
        };
        if within.entry(Path::new(&name), &facts, Access::Read).is_err() {
            continue;
        }
        if listing.entries.len() == MAX_ENTRIES {
            listing.truncated = true;
            break;
        }
        let kind = FileKind::of(&facts);
        let size = if kind == FileKind::File { u64::try_from(facts.st_size).unwrap_or(0) } else { 0 };
        listing.entries.push(Entry { name, kind, size });
    }
    listing.entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(listing)
}

/// The names in `folder`.
pub(super) fn names(folder: OwnedFd) -> impl Iterator<Item = Result<OsString, Errno>> {
    let (entries, trouble) = match Dir::from_fd(folder) {
        Ok(entries) => (Some(entries.into_iter()), None),
        Err(errno) => (None, Some(Err(errno))),
    };
    let named = entries.into_iter().flatten().filter_map(|entry| match entry {
        Ok(entry) => {
            let name = entry.file_name().to_bytes();
            let is_self = name == b"." || name == b"..";
            (!is_self).then(|| Ok(OsStr::from_bytes(name).to_owned()))
        }
        Err(errno) => Some(Err(errno)),
    });
    trouble.into_iter().chain(named)
}
