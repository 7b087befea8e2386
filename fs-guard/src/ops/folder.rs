//! Making folders, one or all that are missing on the way.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use super::error::OpError;
use super::open::{ALWAYS, FileKind};
use crate::guard::Target;

/// Makes the folder that the target stands for; with `parents` also those above it, and then one that is there already is fine.
///
/// # Errors
/// When something is there already, a folder above is missing, or the kernel refuses.
pub(super) fn make(target: &Target, parents: bool) -> Result<(), OpError> {
    let path = whole(target);
    if let Some(facts) = &target.facts {
        return match FileKind::of(facts) {
            FileKind::Folder if parents => Ok(()),
            FileKind::Folder | FileKind::File | FileKind::Symlink | FileKind::Other => Err(OpError::Exists { path }),
        };
    }
    if parents {
        return make_all(target, &target.missing).map(drop);
    }
    if !target.missing.is_empty() {
        return Err(OpError::NotFound { path: target.path.clone() });
    }
    mkdirat(target.parent.as_fd(), target.name.as_os_str(), permissions())
        .map_err(|errno| OpError::io("making", &path, errno))
}

/// Makes the folder that the target's name stands for and `between` in it, one in the other; returns the innermost.
///
/// Each is opened by its name in the one before, and no link is followed: one that is put there meanwhile is not entered.
///
/// # Errors
/// When something that is no folder is there, or the kernel refuses.
pub(super) fn make_all(target: &Target, between: &[OsString]) -> Result<OwnedFd, OpError> {
    let failed = |errno| OpError::io("making", &target.path, errno);
    let enter = |folder: &OwnedFd, name: &OsString| -> Result<OwnedFd, OpError> {
        match mkdirat(folder.as_fd(), name.as_os_str(), permissions()) {
            // Somebody else makes the same folders.
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | ALWAYS;
        openat(folder.as_fd(), name.as_os_str(), flags, Mode::empty()).map_err(failed)
    };
    let first = enter(&target.parent, &target.name)?;
    between.iter().try_fold(first, |folder, name| enter(&folder, name))
}

/// The path of the target with the names that do not exist yet.
pub(super) fn whole(target: &Target) -> PathBuf {
    target.missing.iter().fold(target.path.clone(), |path, name| path.join(name))
}

/// The permissions of new folders, before the process's own mask.
fn permissions() -> Mode {
    Mode::from_bits_truncate(0o777)
}
