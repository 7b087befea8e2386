//! The folders around guarded names, held open: what the supervisor itself does there, it does by descriptor and beneath them, never
//! through a symlink that the inside may have put in the way.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

use crate::obstacle::{Obstacle, settled};
use crate::plan::Guard;

/// The writable roots, open.
#[derive(Debug)]
pub(crate) struct Ground(Vec<(PathBuf, OwnedFd)>);

/// Whether symlinks are followed; none ever leads out of the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symlinks {
    /// They are, as long as they stay beneath.
    Follow,
    /// They are not.
    Refuse,
}

impl Ground {
    /// Opens the roots of `guards`, those that are there.
    ///
    /// # Errors
    /// When one cannot be opened for a reason that need not hold for the inside: what is guarded there could not be looked after.
    pub(crate) fn open(guards: &[Guard]) -> Result<Self, Errno> {
        let mut roots: Vec<(PathBuf, OwnedFd)> = Vec::new();
        for guard in guards {
            if roots.iter().any(|(root, _)| *root == guard.root) {
                continue;
            }
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            match open(&guard.root, flags, Mode::empty()) {
                Ok(root) => roots.push((guard.root.clone(), root)),
                // It was looked into a moment ago: whoever has closed it since can open it again.
                Err(errno) if matches!(Obstacle::from(errno), Obstacle::Closed | Obstacle::Other) => return Err(errno),
                Err(_) => {}
            }
        }
        Ok(Self(roots))
    }

    /// Opens the folder `path`, relative to the root of `guard`.
    ///
    /// # Errors
    /// `ELOOP` for a symlink that is not followed, `EXDEV` for one that leads out, `ENOENT`.
    pub(crate) fn folder(&self, guard: &Guard, path: &Path, symlinks: Symlinks) -> Result<OwnedFd, Errno> {
        let (_, root) = self.0.iter().find(|(root, _)| *root == guard.root).ok_or(Errno::ENOENT)?;
        let mut resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        if symlinks == Symlinks::Refuse {
            resolve |= ResolveFlag::RESOLVE_NO_SYMLINKS;
        }
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC).resolve(resolve);
        openat2(root.as_fd(), path, how)
    }

    /// Whether the folder `path`, relative to the root of `guard`, is the one with this device and inode number.
    ///
    /// # Errors
    /// When that cannot be told.
    pub(crate) fn is(&self, guard: &Guard, path: &Path, identity: (u64, u64)) -> Result<bool, Errno> {
        let folder = match self.folder(guard, path, Symlinks::Follow) {
            // What lies outside of the root is not the guard's.
            Err(Errno::EXDEV) => None,
            found => settled(found)?,
        };
        let status = folder.map(fstat).transpose()?;
        Ok(status.is_some_and(|status| (status.st_dev, status.st_ino) == identity))
    }

    /// What lies at the name of `guard` itself, and the folder that holds it.
    ///
    /// # Errors
    /// `ENOENT` when nothing does; `ELOOP` when the way there leads through a symlink.
    pub(crate) fn look(&self, guard: &Guard, symlinks: Symlinks) -> Result<(OwnedFd, FileStat), Errno> {
        let parent = guard.name.parent().unwrap_or(Path::new(""));
        let folder = self.folder(guard, parent, symlinks)?;
        let status = stat_in(folder.as_fd(), guard.name.file_name().map(Path::new).ok_or(Errno::ENOENT)?)?;
        Ok((folder, status))
    }
}

/// What lies at `name` in `folder`, itself.
///
/// # Errors
/// `ENOENT`.
fn stat_in(folder: BorrowedFd<'_>, name: &Path) -> Result<FileStat, Errno> {
    fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}
