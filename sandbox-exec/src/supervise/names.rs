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
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{readlink, readlinkat};
use nix::sys::stat::fstat;

use super::ground::{Ground, Symlinks};
use super::repositories::Repositories;
use super::target::{Last, Target};
use crate::plan::Guard;
use crate::sys::notify::Answer;
use crate::sys::socket;

/// The longest address that is looked at: `sockaddr_un`.
const LONGEST_ADDRESS: usize = 110;
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

/// What a call would create.
#[derive(Debug)]
struct Creation {
    /// The folder that a relative path starts from.
    folder: RawFd,
    /// The path.
    path: PathBuf,
    /// What comes into being there.
    what: What,
}

/// What comes into being.
#[derive(Debug, PartialEq, Eq)]
enum What {
    /// A file that is opened: the last component is followed when it is a symlink.
    Opened,
    /// A file that is opened, but never through a symlink (`O_EXCL`, `O_NOFOLLOW`), or made by `mknod(2)`.
    OpenedItself,
    /// A new file, folder or device, never through a symlink.
    New,
    /// A symlink.
    Link,
    /// Nothing: something is removed.
    Gone,
    /// A second name of what lies elsewhere: this path of the process's root.
    Linked(PathBuf),
    /// Something that lies elsewhere now: this path of the process's root.
    Moved(PathBuf),
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
        if self.existing && self.lies_below_guard(target, creation).unwrap_or(true) {
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
                return verdict;
            }
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
            // A folder that cannot be found here is not found by the caller either, or it is reached by way of `/proc/self`, which
            // means something else there: in both cases this is the caller's answer, and the kernel is not asked.
            let folder = target.look_up(parent, Last::Follow)?;
            if self.words.contains(name) {
                self.check_in(target, ground, creation, &folder, name)?;
            }
            match readlinkat(&folder, Path::new(name)) {
                Ok(text) => path = parent.join(text),
                Err(_) => return Ok(()),
            }
        }
        Err(Errno::ELOOP)
    }

    /// Checks that `name` in `folder` is not the name of a guard, or of a folder above one, which `creation` would break.
    ///
    /// # Errors
    /// `EROFS` when it is.
    fn check_in(
        &self,
        target: Target<'_>,
        ground: &Ground,
        creation: &Creation,
        folder: &OwnedFd,
        name: &OsStr,
    ) -> Result<(), Errno> {
        let status = fstat(folder)?;
        let is_broken = |guard: &Guard| {
            let mut around = PathBuf::new();
            guard.name.components().any(|component| {
                let here = component.as_os_str() == name && ground.is(guard, &around, (status.st_dev, status.st_ino));
                around.push(component);
                here && self.would_break(target, ground, creation, guard, &around)
            })
        };
        if self.guards.iter().any(is_broken) { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// Whether `creation` takes place in a guarded folder. Only where there are no namespaces: paths mean the same outside there.
    ///
    /// # Errors
    /// The kernel's.
    fn lies_below_guard(&self, target: Target<'_>, creation: &Creation) -> Result<bool, Errno> {
        let path = target.absolute(creation.folder, &creation.path)?;
        let Some(folder) = path.parent() else { return Ok(false) };
        let folder = match target.look_up(folder, Last::Follow) {
            // The kernel will say the same, or the file lies in the caller's own part of `/proc`.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => return Ok(false),
            other => other?,
        };
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

/// What the call of `target` would create.
///
/// # Errors
/// The kernel's.
fn creations(target: Target<'_>) -> Result<Vec<Creation>, Errno> {
    let here = libc::AT_FDCWD;
    let one = |folder, path: usize, what| Ok(vec![Creation { folder, path: clean(&target.path(path)?), what }]);
    let opened =
        |flags: i32| if flags & (libc::O_EXCL | libc::O_NOFOLLOW) == 0 { What::Opened } else { What::OpenedItself };
    match target.number() {
        libc::SYS_openat => one(target.integer(0), 1, opened(target.integer(2))),
        libc::SYS_unlinkat => one(target.integer(0), 1, What::Gone),
        libc::SYS_truncate => one(here, 0, What::Opened),
        libc::SYS_openat2 => opened_by_structure(target),
        libc::SYS_mkdirat => one(target.integer(0), 1, What::New),
        libc::SYS_mknodat => one(target.integer(0), 1, What::OpenedItself),
        libc::SYS_symlinkat => one(target.integer(1), 2, What::Link),
        libc::SYS_linkat => linked(target, (target.integer(0), 1), (target.integer(2), 3)),
        libc::SYS_renameat => moved(target, (target.integer(0), 1), (target.integer(2), 3), 0),
        libc::SYS_renameat2 => moved(target, (target.integer(0), 1), (target.integer(2), 3), target.integer(4)),
        libc::SYS_bind => bound(target),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => one(here, 0, opened(target.integer(1))),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => one(here, 0, What::Opened),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => one(here, 0, What::New),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mknod => one(here, 0, What::OpenedItself),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink | libc::SYS_rmdir => one(here, 0, What::Gone),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_symlink => one(here, 1, What::Link),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_link => linked(target, (here, 0), (here, 1)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => moved(target, (here, 0), (here, 1), 0),
        // The filter hands out nothing else; should it ever, the call is refused.
        _ => Err(Errno::ENOSYS),
    }
}

/// Whether a call of this number makes a symlink, or gives one another place.
pub(crate) fn could_bring_a_symlink(number: libc::c_long) -> bool {
    match number {
        libc::SYS_symlinkat | libc::SYS_linkat | libc::SYS_renameat | libc::SYS_renameat2 => true,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_symlink | libc::SYS_link | libc::SYS_rename => true,
        _ => false,
    }
}

/// `openat2(2)`: the flags lie in memory.
///
/// # Errors
/// The kernel's.
fn opened_by_structure(target: Target<'_>) -> Result<Vec<Creation>, Errno> {
    let how = target.bytes(2, 8)?;
    let flags = how.first_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_ne_bytes(*bytes));
    let changes = libc::O_CREAT | libc::O_TRUNC | libc::O_WRONLY | libc::O_RDWR;
    if flags & u64::from(changes.cast_unsigned()) == 0 {
        return Ok(Vec::new());
    }
    Ok(vec![Creation { folder: target.integer(0), path: clean(&target.path(1)?), what: What::Opened }])
}

/// `bind(2)`: a unix socket with a path comes into being there.
///
/// # Errors
/// The kernel's.
fn bound(target: Target<'_>) -> Result<Vec<Creation>, Errno> {
    let length = usize::try_from(target.argument(2) & u64::from(u32::MAX)).map_err(|_| Errno::EFAULT)?;
    let address = target.bytes(1, length.min(LONGEST_ADDRESS))?;
    let path = address.get(2..).filter(|_| address.get(..2) == Some(socket::UNIX.to_ne_bytes().as_slice()));
    let Some(path) = path.filter(|path| path.first().is_some_and(|&byte| byte != 0)) else { return Ok(Vec::new()) };
    let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
    let path = Path::new(OsStr::from_bytes(path.get(..end).unwrap_or_default()));
    Ok(vec![Creation { folder: libc::AT_FDCWD, path: clean(path), what: What::New }])
}

/// A hard link: the new name, and the old one, whose file could be changed through it where no mount stands between the two.
///
/// # Errors
/// The kernel's.
fn linked(target: Target<'_>, old: (RawFd, usize), new: (RawFd, usize)) -> Result<Vec<Creation>, Errno> {
    let (old, new) = ((old.0, clean(&target.path(old.1)?)), (new.0, clean(&target.path(new.1)?)));
    let from = target.absolute(old.0, &old.1)?;
    Ok(vec![
        Creation { folder: new.0, path: new.1, what: What::Linked(from) },
        Creation { folder: old.0, path: old.1, what: What::Gone },
    ])
}

/// A rename: what lies at the old path comes into being at the new one, and with `RENAME_EXCHANGE` the other way round as well.
///
/// What lies at the old path is gone, which matters where no mount holds it in its place.
///
/// # Errors
/// The kernel's.
fn moved(target: Target<'_>, old: (RawFd, usize), new: (RawFd, usize), flags: i32) -> Result<Vec<Creation>, Errno> {
    let (old, new) = ((old.0, clean(&target.path(old.1)?)), (new.0, clean(&target.path(new.1)?)));
    let creation = |(to_folder, to): &(RawFd, PathBuf),
                    (from_folder, from): &(RawFd, PathBuf)|
     -> Result<Creation, Errno> {
        Ok(Creation { folder: *to_folder, path: to.clone(), what: What::Moved(target.absolute(*from_folder, from)?) })
    };
    let gone = Creation { folder: old.0, path: old.1.clone(), what: What::Gone };
    let mut creations = vec![creation(&new, &old)?, gone];
    if flags & libc::RENAME_EXCHANGE.cast_signed() != 0 {
        creations.push(creation(&old, &new)?);
    }
    Ok(creations)
}

/// `path` without trailing slashes and `.`: `mkdir a/.//` creates `a`. `..` is left, for only the kernel knows what it means.
fn clean(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
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
    fn trailing_slashes_and_dots_hide_no_name() {
        for path in [".mcp.json/", ".mcp.json//", "./.mcp.json/./", "x/./.mcp.json"] {
            assert_eq!(clean(Path::new(path)).file_name(), Some(OsStr::new(".mcp.json")), "{path}");
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
