//! Removing: one file, an empty folder, or everything beneath a folder, without following a link.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use lobsterpot_policy::Access;
use nix::errno::Errno;
use nix::sys::stat::FileStat;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::beneath::{Search, enter};
use super::error::OpError;
use super::list::names;
use super::open::{self, FileKind};
use crate::guard::{Guard, Target, Within};

/// How a target is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoveOptions {
    /// A folder goes with everything in it.
    pub recursive: bool,
    /// It is no error when nothing is there.
    pub force: bool,
}

/// Removes the target.
///
/// With everything in it, the whole is searched first: nothing is removed when something in it must stay.
///
/// # Errors
/// When the policy refuses, or the kernel.
pub(super) fn remove(guard: &Guard, target: &Target, recursive: bool) -> Result<(), OpError> {
    let is_folder = FileKind::of(open::facts(target)?) == FileKind::Folder;
    is_still(target)?;
    let (folder, name) = (target.parent.as_fd(), target.name.as_os_str());
    if is_folder && recursive {
        let removal = Removal { within: guard.within(target), path: &target.path };
        let check = |rest: &Path, facts: &FileStat| removal.may_go(rest, facts);
        Search::new(&check).beneath(folder, name, &target.path)?;
        removal.empty(folder, name, Path::new(""))?;
    }
    let flag = if is_folder { UnlinkatFlags::RemoveDir } else { UnlinkatFlags::NoRemoveDir };
    unlinkat(folder, name, flag).map_err(|errno| OpError::io("removing", &target.path, errno))
}

/// A removal of everything in a folder.
struct Removal<'a> {
    /// Who judges what lies in the folder.
    within: Within<'a>,
    /// The folder's real path.
    path: &'a Path,
}

impl Removal<'_> {
    /// Checks that what lies at `rest` may be removed.
    ///
    /// # Errors
    /// When it may not.
    fn may_go(&self, rest: &Path, facts: &FileStat) -> Result<(), OpError> {
        if self.within.is_held(rest) {
            return Err(OpError::io("removing", &self.path.join(rest), Errno::EBUSY));
        }
        Ok(self.within.entry(rest, facts, Access::Write)?)
    }

    /// Removes everything in the folder `name`, which lies at `rest`. Its depth has been checked.
    ///
    /// # Errors
    /// When the policy refuses something that has come since, or the kernel.
    fn empty(&self, folder: BorrowedFd<'_>, name: &OsStr, rest: &Path) -> Result<(), OpError> {
        let path = self.path.join(rest);
        let failed = |errno| OpError::io("removing", &path, errno);
        let folder = enter(folder, name).map_err(failed)?;
        let handle = folder.try_clone().map_err(|error| failed(super::read::errno(&error)))?;
        for entry in names(handle) {
            let name = entry.map_err(failed)?;
            // Somebody else may be removing it too.
            let Some(facts) = open::look(&folder, &name).map_err(failed)? else { continue };
            let rest = rest.join(&name);
            self.may_go(&rest, &facts)?;
            let flag = if FileKind::of(&facts) == FileKind::Folder {
                self.empty(folder.as_fd(), &name, &rest)?;
                UnlinkatFlags::RemoveDir
            } else {
                UnlinkatFlags::NoRemoveDir
            };
            match unlinkat(&folder, name.as_os_str(), flag) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(OpError::io("removing", &self.path.join(&rest), errno)),
            }
        }
        Ok(())
    }
}

/// Checks that the target's name still means the same file, and may be given to something else or to nothing.
///
/// # Errors
/// When it does not.
pub(super) fn is_still(target: &Target) -> Result<(), OpError> {
    if target.name == OsStr::new(open::HERE) {
        // A place that is held by the policy has been refused before; this one has no name that could be used.
        return Err(OpError::io("moving", &target.path, Errno::EBUSY));
    }
    match open::look(&target.parent, &target.name) {
        Ok(Some(now)) if open::identity(&now) == open::identity(open::facts(target)?) => Ok(()),
        Ok(_) => Err(OpError::Changed { path: target.path.clone() }),
        Err(errno) => Err(OpError::io("looking at", &target.path, errno)),
    }
}
