//! Calls that create a name: refused when the name is guarded, carried out by the kernel otherwise.
//!
//! Most calls are settled by the last component of their path alone. Only when that is one of the few guarded names is the folder
//! resolved and compared, by device and inode number, with the one that the guard is about; what cannot be resolved is refused.
//! An opened file is followed through every symlink at its end.
//!
//! The kernel reads the path again after the answer, so a program that changes it in between, with another thread, can create a
//! guarded name for a moment. [`Sweeper`](super::sweeper::Sweeper) takes it away again; honest programs get a clear `EROFS` here.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{readlink, readlinkat};
use nix::sys::stat::fstat;

use super::creation::{Creation, What, creations};
use super::ground::{Ground, Symlinks};
use super::repositories::Repositories;
use super::target::{Last, Target};
use crate::plan::Guard;
use crate::sys::notify::Answer;

/// How many symlinks the last component may be, one after the other (`path_resolution(7)` allows 40 in a whole path).
const LINKS: usize = 40;

/// The guarded names.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    /// The guards.
    guards: &'a [Guard],
    /// Whether what exists is looked after too.
    existing: bool,
    /// The last components and the folders above them: nothing else can matter.
    words: BTreeSet<OsString>,
}

impl<'a> Names<'a> {
    /// The names of `guards`.
    pub(crate) fn new(guards: &'a [Guard], existing: bool) -> Self {
        let words = guards.iter().flat_map(|guard| guard.name.components());
        let words = words.map(|component| component.as_os_str().to_owned()).collect();
        Self { guards, existing, words }
    }

    /// The answer to the call of `target`. No symlink may come to lie in `repositories`.
    pub(crate) fn judge(&self, target: Target<'_>, ground: &Ground, repositories: &Repositories) -> Answer {
        let creations = match creations(target) {
            Ok(creations) => creations,
            // The kernel will say the same.
            Err(Errno::EFAULT | Errno::ENAMETOOLONG) => return Answer::Continue,
            Err(_) => return Answer::Fail(Errno::EROFS),
        };
        let refusal = creations.iter().find_map(|creation| {
            self.check(target, ground, creation).and_then(|()| no_link(target, creation, repositories)).err()
        });
        refusal.map_or(Answer::Continue, Answer::Fail)
    }

    /// Checks that `creation` touches no guarded name.
    ///
    /// # Errors
    /// `EROFS` when it does, or when nobody can tell; the kernel's own when the folder cannot be found.
    fn check(&self, target: Target<'_>, ground: &Ground, creation: &Creation) -> Result<(), Errno> {
        if creation.what == What::Gone && !self.existing {
            return Ok(());
        }
        if self.existing && self.lies_below_guard(target, creation)? {
            return Err(Errno::EROFS);
        }
        if creation.what == What::Opened {
            return self.check_opened(target, ground, creation);
        }
        let path = target.absolute(creation.folder, &creation.path).map_err(|_| Errno::EROFS)?;
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        if !self.words.contains(name) {
            return Ok(());
        }
        // As for opened files: where the folder is not found, this is the answer, and the kernel is not asked.
        let folder = target.look_up(folder, Last::Follow)?;
        self.check_in(target, ground, creation, &folder, name)
    }

    /// The same for an opened file, whose last component is followed from symlink to symlink.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    fn check_opened(&self, target: Target<'_>, ground: &Ground, creation: &Creation) -> Result<(), Errno> {
        let mut path = target.absolute(creation.folder, &creation.path)?;
        for _ in 0..LINKS {
            if let Some(verdict) = in_own_proc(&path) {
                // What is open is opened anew, to be written perhaps.
                match own_descriptor(&path).filter(|_| self.existing).map(|number| target.opened(number)).transpose()? {
                    Some(opened) if opened.is_absolute() => path = opened,
                    Some(_) | None => return verdict,
                }
            }
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
            // A folder that cannot be found here is not found by the caller either, or it is reached by way of `/proc/self`, which
            // means something else there: in both cases this is the caller's answer, and the kernel is not asked.
            let folder = target.look_up(parent, Last::Follow)?;
            if self.existing && self.is_guarded(&folder)? {
                return Err(Errno::EROFS);
            }
            if self.words.contains(name) {
                self.check_in(target, ground, creation, &folder, name)?;
            }
            match readlinkat(&folder, Path::new(name)) {
                Ok(text) => path = parent.join(text),
                Err(Errno::EINVAL | Errno::ENOENT | Errno::EACCES) => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::ELOOP)
    }

    /// Checks that `name` in `folder` is not the name of a guard, or of a folder above one, which `creation` would break.
    ///
    /// # Errors
    /// `EROFS` when it is, or when nobody can tell.
    fn check_in(
        &self,
        target: Target<'_>,
        ground: &Ground,
        creation: &Creation,
        folder: &OwnedFd,
        name: &OsStr,
    ) -> Result<(), Errno> {
        let status = fstat(folder)?;
        for guard in self.guards {
            let mut around = PathBuf::new();
            for component in guard.name.components() {
                let is_here = component.as_os_str() == name
                    && ground.is(guard, &around, (status.st_dev, status.st_ino)).map_err(|_| Errno::EROFS)?;
                around.push(component);
                if is_here && self.would_break(target, ground, creation, guard, &around) {
                    return Err(Errno::EROFS);
                }
            }
        }
        Ok(())
    }

    /// Whether `creation` takes place in a guarded folder. Only where there are no namespaces: paths mean the same outside there.
    ///
    /// # Errors
    /// `EROFS` when nobody can tell; the kernel's own when the folder cannot be found.
    fn lies_below_guard(&self, target: Target<'_>, creation: &Creation) -> Result<bool, Errno> {
        let path = target.absolute(creation.folder, &creation.path).map_err(|_| Errno::EROFS)?;
        let Some(folder) = path.parent() else { return Ok(false) };
        match target.look_up(folder, Last::Follow) {
            Ok(folder) => self.is_guarded(&folder).map_err(|_| Errno::EROFS),
            // It may lie in the caller's own part of `/proc`, which is judged for opened files.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) if creation.what == What::Opened => Ok(false),
            // As for opened files: this is the answer, and the kernel is not asked.
            Err(errno @ (Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES)) => Err(errno),
            Err(_) => Err(Errno::EROFS),
        }
    }

    /// Whether `folder` is guarded, or lies in one that is. As [`lies_below_guard`](Self::lies_below_guard).
    ///
    /// # Errors
    /// The kernel's.
    fn is_guarded(&self, folder: &OwnedFd) -> Result<bool, Errno> {
        let folder = PathBuf::from(readlink(format!("/proc/self/fd/{}", folder.as_raw_fd()).as_str())?);
        Ok(self.guards.iter().any(|guard| folder.starts_with(guard.root.join(&guard.name))))
    }

    /// Whether creating `around`, which is the guard's name or a folder above it, breaks the guard.
    fn would_break(
        &self,
        target: Target<'_>,
        ground: &Ground,
        creation: &Creation,
        guard: &Guard,
        around: &Path,
    ) -> bool {
        let Ok(rest) = guard.name.strip_prefix(around) else { return false };
        if rest.as_os_str().is_empty() {
            let opens = matches!(creation.what, What::Opened | What::OpenedItself);
            return self.existing || !opens || ground.look(guard, Symlinks::Follow).is_err();
        }
        match &creation.what {
            // A file in the place of a folder leads whoever reads it as a pointer elsewhere (`.jj/repo`).
            What::Opened | What::OpenedItself | What::Linked(_) => {
                ground.folder(guard, around, Symlinks::Follow).is_err()
            }
            What::New => false,
            What::Gone => self.existing,
            What::Link => true,
            What::Moved(from) => brings(target, from, rest),
        }
    }
}

/// Checks that no symlink comes to lie in `repositories`.
///
/// # Errors
/// `EROFS` when one does, or when nobody can tell.
fn no_link(target: Target<'_>, creation: &Creation, repositories: &Repositories) -> Result<(), Errno> {
    let from = match &creation.what {
        What::Link => None,
        What::Linked(from) | What::Moved(from) => Some(from.as_path()),
        What::Opened | What::OpenedItself | What::New | What::Gone => return Ok(()),
    };
    let path = target.absolute(creation.folder, &creation.path).map_err(|_| Errno::EROFS)?;
    repositories.check(target, &path, from)
}

/// Whether what is moved from `from` holds `rest`, or is a symlink, of which nobody can tell what it will hold.
fn brings(target: Target<'_>, from: &Path, rest: &Path) -> bool {
    let Ok(moved) = target.look_up(from, Last::Keep) else { return true };
    let is_folder = fstat(&moved).is_ok_and(|status| status.st_mode & libc::S_IFMT == libc::S_IFDIR);
    !is_folder || !matches!(target.look_up(&from.join(rest), Last::Keep), Err(Errno::ENOENT | Errno::ENOTDIR))
}

/// The verdict on a path in the caller's own part of `/proc`, which cannot be looked up from outside; `None` for all others.
///
/// Nothing can be created there; what leads on from there to somewhere else is refused.
fn in_own_proc(path: &Path) -> Option<Result<(), Errno>> {
    let rest = ["/proc/self", "/proc/thread-self"].into_iter().find_map(|own| path.strip_prefix(own).ok());
    let Some(rest) = rest else {
        let number = path.strip_prefix("/dev/fd").ok()?;
        return Some(if number.components().count() <= 1 { Ok(()) } else { Err(Errno::EROFS) });
    };
    let leads_on = ["cwd", "root", "fd", "map_files", ".."];
    let mut names = rest.components();
    let way_out = names.by_ref().find(|name| leads_on.iter().any(|way| name.as_os_str() == *way));
    let after = names.count();
    Some(match way_out {
        None => Ok(()),
        Some(way) if after == 0 || (way.as_os_str() == "fd" && after == 1) => Ok(()),
        Some(_) => Err(Errno::EROFS),
    })
}

/// The number of the caller's own descriptor that `path` names, as `/proc/self/fd/5` does.
fn own_descriptor(path: &Path) -> Option<RawFd> {
    let (folder, name) = (path.parent()?, path.file_name()?);
    let is_own = folder == Path::new("/dev/fd") || (folder.starts_with("/proc") && folder.ends_with("fd"));
    name.to_str().filter(|_| is_own)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Presence;

    fn guards() -> Vec<Guard> {
        [".mcp.json", ".github/hooks", ".git/config"]
            .map(|name| Guard { root: PathBuf::from("/w"), name: PathBuf::from(name), presence: Presence::Absent })
            .to_vec()
    }

    #[test]
    fn only_words_of_guards_matter() {
        let guards = guards();
        let names = Names::new(&guards, false);
        for name in [".mcp.json", "hooks", ".github", "config"] {
            assert!(names.words.contains(OsStr::new(name)), "{name}");
        }
        for name in ["mcp.json", "hooks2", "x"] {
            assert!(!names.words.contains(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn nothing_is_reached_by_way_of_ones_own_proc() {
        for path in
            ["/proc/self/cwd/l", "/proc/self/root/w/x", "/proc/thread-self/fd/3/x", "/proc/self/../x", "/dev/fd/3/x"]
        {
            assert_eq!(in_own_proc(Path::new(path)), Some(Err(Errno::EROFS)), "{path}");
        }
        for path in
            ["/proc/self/fd/1", "/proc/self/oom_score_adj", "/dev/fd/2", "/proc/self/task/7/comm", "/proc/self/cwd"]
        {
            assert_eq!(in_own_proc(Path::new(path)), Some(Ok(())), "{path}");
        }
        assert_eq!(in_own_proc(Path::new("/proc/selfish/cwd/x")), None);
        assert_eq!(in_own_proc(Path::new("/home/me/x")), None);
    }
}
