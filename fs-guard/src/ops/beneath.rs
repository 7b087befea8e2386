//! Everything beneath a folder, found by descriptors and without following a link: what a rename or a removal would take along.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode};

use super::error::OpError;
use super::list::names;
use super::open::{self, ALWAYS, FileKind};

/// How much may lie beneath what is renamed or removed, and how deep: more is not searched, and therefore refused.
const MAX_ENTRIES: u64 = 1_000_000;
/// See [`MAX_ENTRIES`]; one descriptor is open for each level.
const MAX_DEPTH: u64 = 256;

/// What is asked about every path beneath a folder, relative to it, with its facts.
type Check<'a> = dyn Fn(&Path, &FileStat) -> Result<(), OpError> + 'a;

/// A search through everything beneath a folder.
pub(super) struct Search<'a> {
    /// What is asked, parents before children.
    check: &'a Check<'a>,
    /// How much has been found.
    found: u64,
}

impl<'a> Search<'a> {
    /// A search that asks `check` about every path.
    pub(super) const fn new(check: &'a Check<'a>) -> Self {
        Self { check, found: 0 }
    }

    /// Looks at everything beneath the folder `name` in `folder`, which is called `path`; nothing when it is no folder.
    ///
    /// # Errors
    /// The first of `check`; the kernel's; when there is too much.
    pub(super) fn beneath(&mut self, folder: BorrowedFd<'_>, name: &OsStr, path: &Path) -> Result<(), OpError> {
        let entered = match enter(folder, name) {
            Ok(entered) => entered,
            Err(Errno::ENOTDIR | Errno::ELOOP | Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(OpError::io("searching", path, errno)),
        };
        self.inside(&entered, path, Path::new(""), 0)
    }

    /// Looks at everything in `folder`, which lies at `rest` beneath the folder `path`.
    ///
    /// # Errors
    /// As for [`beneath`](Self::beneath).
    fn inside(&mut self, folder: &OwnedFd, path: &Path, rest: &Path, depth: u64) -> Result<(), OpError> {
        let failed = |errno| OpError::io("searching", &path.join(rest), errno);
        if depth > MAX_DEPTH {
            return Err(too_much(path, depth, MAX_DEPTH, "levels"));
        }
        let handle = folder.try_clone().map_err(|error| failed(super::read::errno(&error)))?;
        for entry in names(handle) {
            let name = entry.map_err(failed)?;
            self.found = self.found.saturating_add(1);
            if self.found > MAX_ENTRIES {
                return Err(too_much(path, self.found, MAX_ENTRIES, "entries"));
            }
            let Some(facts) = open::look(folder, &name).map_err(failed)? else { continue };
            let rest = rest.join(&name);
            (self.check)(&rest, &facts)?;
            if FileKind::of(&facts) == FileKind::Folder {
                match enter(folder.as_fd(), &name) {
                    Ok(entered) => self.inside(&entered, path, &rest, depth + 1)?,
                    Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {}
                    Err(errno) => return Err(OpError::io("searching", &path.join(&rest), errno)),
                }
            }
        }
        Ok(())
    }
}

/// Opens the folder `name` in `folder`.
///
/// # Errors
/// The kernel's.
pub(super) fn enter(folder: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    openat(folder, name, OFlag::O_RDONLY | OFlag::O_DIRECTORY | ALWAYS, Mode::empty())
}

/// The refusal of what cannot be searched whole.
fn too_much(path: &Path, size: u64, limit: u64, unit: &'static str) -> OpError {
    OpError::TooLarge { path: path.to_owned(), size, limit, unit }
}
