//! Opening what a [`Target`] stands for, by its name in the folder that was resolved, and only if it is still the same.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

use super::error::OpError;
use crate::guard::Target;

/// Flags of every opening: nothing is followed, nothing waits, nothing becomes the terminal.
pub(super) const ALWAYS: OFlag =
    OFlag::O_CLOEXEC.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);

/// The name of a folder in itself.
pub(super) const HERE: &str = ".";

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A device, a FIFO or a socket.
    Other,
}

impl FileKind {
    /// The kind of a file with these facts.
    #[must_use]
    pub const fn of(facts: &FileStat) -> Self {
        match facts.st_mode & libc::S_IFMT {
            libc::S_IFREG => Self::File,
            libc::S_IFDIR => Self::Folder,
            libc::S_IFLNK => Self::Symlink,
            _ => Self::Other,
        }
    }

    /// The kind as it is reported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "directory",
            Self::Symlink => "symlink",
            Self::Other => "other",
        }
    }
}

/// Which file it is, whatever its name.
pub(super) fn identity(facts: &FileStat) -> (u64, u64) {
    (facts.st_dev, facts.st_ino)
}

/// The facts of what is there.
///
/// # Errors
/// When nothing is.
pub(super) fn facts(target: &Target) -> Result<&FileStat, OpError> {
    target.facts.as_ref().ok_or_else(|| OpError::NotFound { path: target.path.clone() })
}

/// Checks that the target is a regular file, and opens it.
///
/// # Errors
/// When it is none, cannot be opened, or is not the same any more.
pub(super) fn regular(target: &Target, access: OFlag) -> Result<(File, FileStat), OpError> {
    must_be_regular(target, facts(target)?)?;
    let (file, facts) = same(target, access)?;
    Ok((File::from(file), facts))
}

/// Checks that the target is a folder, and opens it for listing.
///
/// # Errors
/// When it is none, cannot be opened, or is not the same any more.
pub(super) fn folder(target: &Target) -> Result<OwnedFd, OpError> {
    if FileKind::of(facts(target)?) != FileKind::Folder {
        return Err(OpError::NotFolder { path: target.path.clone() });
    }
    Ok(same(target, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?.0)
}

/// Opens the name and compares it with what was resolved.
///
/// # Errors
/// When it cannot be opened, or is not the same any more.
fn same(target: &Target, access: OFlag) -> Result<(OwnedFd, FileStat), OpError> {
    let failed = |errno| OpError::io("opening", &target.path, errno);
    let file =
        openat(target.parent.as_fd(), target.name.as_os_str(), access | ALWAYS, Mode::empty()).map_err(failed)?;
    let now = fstat(&file).map_err(failed)?;
    if identity(&now) != identity(facts(target)?) {
        return Err(OpError::Changed { path: target.path.clone() });
    }
    Ok((file, now))
}

/// Checks that something with these facts is a regular file.
///
/// # Errors
/// When it is not.
pub(super) fn must_be_regular(target: &Target, facts: &FileStat) -> Result<(), OpError> {
    let path = || target.path.clone();
    match facts.st_mode & libc::S_IFMT {
        libc::S_IFREG => Ok(()),
        libc::S_IFDIR => Err(OpError::IsFolder { path: path() }),
        libc::S_IFLNK => Err(OpError::Changed { path: path() }),
        libc::S_IFIFO => Err(OpError::Special { path: path(), what: "a FIFO" }),
        libc::S_IFSOCK => Err(OpError::Special { path: path(), what: "a socket" }),
        _ => Err(OpError::Special { path: path(), what: "a device" }),
    }
}

/// The facts of `name` in `folder`, links not followed; `None` when nothing is there.
///
/// # Errors
/// The kernel's.
pub(super) fn look(folder: impl AsFd, name: &OsStr) -> Result<Option<FileStat>, Errno> {
    match fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(facts) => Ok(Some(facts)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}
