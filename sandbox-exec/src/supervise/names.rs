//! Calls that create a name: refused when the name is guarded, carried out by the kernel otherwise.
//!
//! Most calls are settled by the last component of their path alone. Only when that is one of the few guarded names is the folder
//! resolved and compared, by device and inode number, with the one that the guard is about; what cannot be resolved is refused.
//!
//! The kernel reads the path again after the answer, so a program that changes it in between, with another thread, can create a
//! guarded name for a moment. [`Sweeper`](super::sweeper::Sweeper) takes it away again; honest programs get a clear `EROFS` here.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::stat::{fstat, lstat, stat};

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
    /// A file that is opened, but never through a symlink (`O_EXCL`, `O_NOFOLLOW`).
    OpenedItself,
    /// A new file, folder or device, never through a symlink.
    New,
    /// A symlink.
    Link,
    /// Nothing: something is removed.
    Gone,
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

    /// The answer to the call of `target`.
    pub(crate) fn judge(&self, target: Target<'_>) -> Answer {
        match creations(target) {
            Ok(creations) if creations.iter().all(|creation| self.is_harmless(target, creation)) => Answer::Continue,
            Ok(_) => Answer::Fail(Errno::EROFS),
            // The kernel will say the same.
            Err(Errno::EFAULT | Errno::ENAMETOOLONG) => Answer::Continue,
            Err(_) => Answer::Fail(Errno::EROFS),
        }
    }

    /// Whether `creation` touches no guarded name.
    fn is_harmless(&self, target: Target<'_>, creation: &Creation) -> bool {
        if creation.what == What::Gone && !self.existing {
            return true;
        }
        if self.existing && self.lies_below_guard(target, creation).unwrap_or(true) {
            return false;
        }
        if creation.what != What::Opened {
            return !self.matters(&creation.path) || self.is_elsewhere(target, creation).unwrap_or(false);
        }
        let mut creation = Creation { folder: creation.folder, path: creation.path.clone(), what: What::Opened };
        for _ in 0..LINKS {
            if self.matters(&creation.path) {
                return self.is_elsewhere(target, &creation).unwrap_or(false);
            }
            let Ok(path) = target.absolute(creation.folder, &creation.path) else { return true };
            let Some(text) = link_text(target, &path) else { return true };
            creation.path = path.parent().map(|folder| folder.join(&text)).unwrap_or(text);
        }
        true
    }

    /// Whether `creation` takes place in a guarded folder. Only where there are no namespaces: paths mean the same outside there.
    ///
    /// # Errors
    /// The kernel's.
    fn lies_below_guard(&self, target: Target<'_>, creation: &Creation) -> Result<bool, Errno> {
        let path = target.absolute(creation.folder, &creation.path)?;
        let Some(folder) = path.parent() else { return Ok(false) };
        let folder = match target.look_up(folder, Last::Follow) {
            // The kernel will say the same.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => return Ok(false),
            other => other?,
        };
        let folder = PathBuf::from(readlink(format!("/proc/self/fd/{}", folder.as_raw_fd()).as_str())?);
        Ok(self.guards.iter().any(|guard| folder.starts_with(guard.root.join(&guard.name))))
    }

    /// Whether the last component of `path` is a word of a guard. A path that ends otherwise creates nothing.
    fn matters(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| self.words.contains(name))
    }

    /// Whether the folder in which `creation` takes place is not the one of a guard with that name.
    ///
    /// # Errors
    /// The kernel's.
    fn is_elsewhere(&self, target: Target<'_>, creation: &Creation) -> Result<bool, Errno> {
        let path = target.absolute(creation.folder, &creation.path)?;
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(true) };
        let folder = fstat(target.look_up(folder, Last::Follow)?)?;
        let is_guarded = |guard: &Guard| {
            let mut around = PathBuf::new();
            guard.name.components().any(|component| {
                let here = component.as_os_str() == name
                    && is_folder(&guard.root.join(&around), (folder.st_dev, folder.st_ino));
                around.push(component);
                here && self.would_break(target, creation, guard, &around)
            })
        };
        Ok(!self.guards.iter().any(is_guarded))
    }

    /// Whether creating `around`, which is the guard's name or a folder above it, breaks the guard.
    fn would_break(&self, target: Target<'_>, creation: &Creation, guard: &Guard, around: &Path) -> bool {
        let Ok(rest) = guard.name.strip_prefix(around) else { return false };
        if rest.as_os_str().is_empty() {
            if creation.what == What::Gone {
                return self.existing;
            }
            let opens = matches!(creation.what, What::Opened | What::OpenedItself);
            return self.existing || !opens || lstat(&guard.root.join(&guard.name)).is_err();
        }
        match &creation.what {
            What::Opened | What::OpenedItself | What::New => false,
            What::Gone => self.existing,
            What::Link => true,
            What::Moved(from) => {
                !matches!(target.look_up(&from.join(rest), Last::Keep), Err(Errno::ENOENT | Errno::ENOTDIR))
            }
        }
    }
}

/// Whether the folder at `path` is the one with this device and inode number.
fn is_folder(path: &Path, identity: (u64, u64)) -> bool {
    stat(path).is_ok_and(|status| (status.st_dev, status.st_ino) == identity)
}

/// The text of the symlink at `path` in the target's root, when there is one that leads nowhere yet.
fn link_text(target: Target<'_>, path: &Path) -> Option<PathBuf> {
    let link = target.look_up(path, Last::Keep).ok()?;
    let status = fstat(&link).ok()?;
    if status.st_mode & libc::S_IFMT != libc::S_IFLNK {
        return None;
    }
    nix::fcntl::readlinkat(&link, OsStr::new("")).ok().map(PathBuf::from)
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
        libc::SYS_mkdirat | libc::SYS_mknodat => one(target.integer(0), 1, What::New),
        libc::SYS_symlinkat => one(target.integer(1), 2, What::Link),
        libc::SYS_linkat => linked(target, (target.integer(0), 1), (target.integer(2), 3)),
        libc::SYS_renameat => moved(target, (target.integer(0), 1), (target.integer(2), 3), 0),
        libc::SYS_renameat2 => moved(target, (target.integer(0), 1), (target.integer(2), 3), target.integer(4)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => one(here, 0, opened(target.integer(1))),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => one(here, 0, What::Opened),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir | libc::SYS_mknod => one(here, 0, What::New),
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

/// A hard link: the new name, and the old one, whose file could be changed through it where no mount stands between the two.
///
/// # Errors
/// The kernel's.
fn linked(target: Target<'_>, old: (RawFd, usize), new: (RawFd, usize)) -> Result<Vec<Creation>, Errno> {
    let creation = |(folder, path): (RawFd, usize), what| -> Result<Creation, Errno> {
        Ok(Creation { folder, path: clean(&target.path(path)?), what })
    };
    Ok(vec![creation(new, What::New)?, creation(old, What::Gone)?])
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
        for path in [".mcp.json", "/a/b/hooks", "x/.github", "config"] {
            assert!(names.matters(Path::new(path)), "{path}");
        }
        for path in ["mcp.json", "/a/.mcp.json/x", "hooks2", ".."] {
            assert!(!names.matters(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn trailing_slashes_and_dots_hide_no_name() {
        for path in [".mcp.json/", ".mcp.json//", "./.mcp.json/./", "x/./.mcp.json"] {
            assert_eq!(clean(Path::new(path)).file_name(), Some(OsStr::new(".mcp.json")), "{path}");
        }
    }
}
