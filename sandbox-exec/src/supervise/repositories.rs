//! Folders in which a person's own git writes by name (`.git`): no symlink may come to lie there.
//!
//! git follows one: with `.git/logs/HEAD` a link to `~/.bashrc`, the person's next `git checkout` appends a line to that file whose
//! text a branch's name chose. git itself makes no symlinks there, so nothing honest is lost. As with all names, the kernel reads the path
//! again after the answer.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat};

use super::ground::{Ground, Symlinks};
use super::target::{Last, Target};
use crate::plan::Guard;

/// The folder that is meant, below a workspace.
const FOLDER: &str = ".git";
/// How many folders there may be above one; deeper ones are taken to lie in a repository.
const DEPTH: u32 = 256;
/// How many names are looked at in a folder that is moved there; more are taken to hold a symlink.
const NAMES: usize = 20_000;

/// The folders that were there at the start, by device and inode number.
#[derive(Debug)]
pub(super) struct Repositories(Vec<(u64, u64)>);

impl Repositories {
    /// The folders beside the guarded names in them.
    pub(super) fn of(guards: &[Guard], ground: &Ground) -> Self {
        let within = guards.iter().filter(|guard| guard.name.starts_with(FOLDER) && guard.name != Path::new(FOLDER));
        let mut found: Vec<(u64, u64)> = within
            .filter_map(|guard| ground.folder(guard, Path::new(FOLDER), Symlinks::Refuse).and_then(fstat).ok())
            .map(|status| (status.st_dev, status.st_ino))
            .collect();
        found.sort_unstable();
        found.dedup();
        Self(found)
    }

    /// Checks that no symlink comes to lie in one of them at `path` (absolute): a new one, or what `from` is or holds.
    ///
    /// # Errors
    /// `EROFS` when one does, or when nobody can tell.
    pub(super) fn check(&self, target: Target<'_>, path: &Path, from: Option<&Path>) -> Result<(), Errno> {
        if self.0.is_empty() {
            return Ok(());
        }
        let Some(parent) = path.parent() else { return Ok(()) };
        let Some(folder) = there(target.look_up(parent, Last::Follow))? else { return Ok(()) };
        if !self.has(folder)? {
            return Ok(());
        }
        let Some(from) = from else { return Err(Errno::EROFS) };
        let Some(moved) = there(target.look_up(from, Last::Keep))? else { return Ok(()) };
        match fstat(&moved).map_err(|_| Errno::EROFS)?.st_mode & libc::S_IFMT {
            libc::S_IFLNK => Err(Errno::EROFS),
            libc::S_IFDIR => has_no_symlink(moved.as_fd()).map_err(|_| Errno::EROFS),
            _ => Ok(()),
        }
    }

    /// Whether `folder` is one of them, or lies in one.
    ///
    /// # Errors
    /// `EROFS` when that cannot be found out.
    fn has(&self, mut folder: OwnedFd) -> Result<bool, Errno> {
        let mut below = None;
        for _ in 0..DEPTH {
            let status = fstat(&folder).map_err(|_| Errno::EROFS)?;
            let identity = (status.st_dev, status.st_ino);
            if self.0.contains(&identity) {
                return Ok(true);
            }
            // The root is its own parent.
            if below.replace(identity) == Some(identity) {
                return Ok(false);
            }
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            folder = openat(&folder, "..", flags, Mode::empty()).map_err(|_| Errno::EROFS)?;
        }
        Ok(true)
    }
}

/// What was looked up; `None` when it is not there for the caller either, so that the kernel will say the same.
///
/// # Errors
/// `EROFS` when it cannot be looked up from outside.
fn there(found: Result<OwnedFd, Errno>) -> Result<Option<OwnedFd>, Errno> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ENAMETOOLONG) => Ok(None),
        Err(_) => Err(Errno::EROFS),
    }
}

/// Checks that there is no symlink in `folder` and what lies below it.
///
/// # Errors
/// When there is one, there are too many names, or one cannot be looked at.
fn has_no_symlink(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut left = NAMES;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut waiting = vec![openat(folder, ".", flags, Mode::empty())?];
    while let Some(folder) = waiting.pop() {
        // Folders that wait are open, so that none of them is looked for by name again; that bounds how many there may be.
        let mut list = Dir::from_fd(folder.try_clone().map_err(|_| Errno::EMFILE)?)?;
        for entry in list.iter() {
            let entry = entry?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            left = left.checked_sub(1).ok_or(Errno::E2BIG)?;
            match entry.file_type() {
                Some(Type::Symlink) | None => return Err(Errno::ELOOP),
                Some(Type::Directory) => waiting.push(openat(&folder, entry.file_name(), flags, Mode::empty())?),
                Some(Type::File | Type::Fifo | Type::Socket | Type::CharacterDevice | Type::BlockDevice) => {}
            }
        }
    }
    Ok(())
}
