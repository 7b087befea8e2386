//! Symlinks that came to lie in a git folder all the same: taken away soon afterwards, and when the run ends.
//!
//! Which ones were there before is looked up at the first call that could make or move one, so a run that makes none pays nothing. That
//! call waits for it. Where it cannot be found out nothing is taken away, for it may be the person's, and the person is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::sys::stat::{FileStat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::super::sweeper::give_back;
use super::{Repository, identity};
use crate::obstacle::{is_shortage, settled};
use crate::report;

/// How long after a creation they are looked for, at least.
const SOON: Duration = Duration::from_millis(100);
/// And at least that many times as long as the last look took.
const PAUSE: u32 = 20;
/// How many names are looked at in one repository.
const NAMES: usize = 2_000_000;

/// Looks for symlinks.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Those that were there, repository by repository, once any call could have made more.
    before: Option<Vec<Known>>,
    /// When to look next.
    due: Option<Instant>,
    /// How long to wait until then.
    pause: Duration,
    /// Repositories that could not be searched the last time, by their numbers, and why.
    unseen: BTreeMap<usize, Errno>,
}

/// The symlinks that were in a repository; why nobody knows, where nobody does.
type Known = Result<BTreeSet<Mark>, Errno>;

/// One symlink: where it lies, its device and inode number, and when it last changed. The last tells it from another that got its number.
type Mark = (PathBuf, u64, u64, (i64, i64));

impl Links {
    /// A call that could make one is to go through.
    ///
    /// # Errors
    /// When what was there before cannot be looked up for want of memory or descriptors: then that call must not go through.
    pub(super) fn note(&mut self, repositories: &[Repository]) -> Result<(), Errno> {
        let start = Instant::now();
        if self.before.is_none() {
            let known: Vec<Known> = repositories.iter().map(|repository| marks(repository, repositories)).collect();
            if let Some(short) =
                known.iter().find_map(|known| known.as_ref().err().filter(|errno| is_shortage(**errno)))
            {
                return Err(*short);
            }
            self.before = Some(known);
            self.pause = SOON.max(start.elapsed().saturating_mul(PAUSE));
        }
        if self.due.is_none() {
            self.due = start.checked_add(self.pause);
        }
        Ok(())
    }

    /// When to look next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes away those that were not there before.
    pub(super) fn sweep(&mut self, repositories: &[Repository]) {
        self.due = None;
        self.unseen.clear();
        let Some(before) = &self.before else { return };
        let start = Instant::now();
        for (number, (repository, before)) in repositories.iter().zip(before).enumerate() {
            let swept = before.as_ref().map_err(|errno| *errno).and_then(|before| {
                find(repository, repositories)?.iter().try_for_each(|path| take_away(repository, path, before))
            });
            if let Err(errno) = swept {
                self.unseen.insert(number, errno);
            }
        }
        self.pause = SOON.max(start.elapsed().saturating_mul(PAUSE));
        if !self.has_seen_all() {
            self.due = Instant::now().checked_add(self.pause);
        }
    }

    /// Whether the last look has seen everything that another look could see.
    pub(super) fn has_seen_all(&self) -> bool {
        !self.unseen.values().copied().any(is_shortage)
    }

    /// Says which repositories could not be searched.
    pub(super) fn tell(&mut self, repositories: &[Repository]) {
        for (number, errno) in std::mem::take(&mut self.unseen) {
            if let Some(repository) = repositories.get(number) {
                report::not_searched(&repository.path, errno);
            }
        }
    }
}

/// The symlinks in a repository.
///
/// # Errors
/// When there are too many names, or one cannot be looked at.
fn marks(repository: &Repository, all: &[Repository]) -> Known {
    let mut marks = BTreeSet::new();
    for path in find(repository, all)? {
        marks.extend(mark(repository, &path)?.map(|(mark, _)| mark));
    }
    Ok(marks)
}

/// Removes the symlink at `path` unless it was there before.
///
/// # Errors
/// When it cannot be looked at.
fn take_away(repository: &Repository, path: &Path, before: &BTreeSet<Mark>) -> Result<(), Errno> {
    let Some((_, folder)) = mark(repository, path)?.filter(|(mark, _)| !before.contains(mark)) else { return Ok(()) };
    let name = path.file_name().unwrap_or_default();
    let target = readlinkat(&folder, name).unwrap_or_default();
    let mut removed = unlinkat(&folder, name, UnlinkatFlags::NoRemoveDir);
    if matches!(removed, Err(Errno::EACCES | Errno::EPERM)) {
        give_back(folder.as_fd());
        removed = unlinkat(&folder, name, UnlinkatFlags::NoRemoveDir);
    }
    let path = repository.path.join(path);
    match removed {
        Ok(()) => report::link_removed(&path, Path::new(&target)),
        Err(Errno::ENOENT) => {}
        Err(errno) => report::not_moved_aside(&path, errno),
    }
    Ok(())
}

/// What the symlink at `path` is, and the folder that holds it; `None` when it is gone.
///
/// # Errors
/// When that cannot be told.
fn mark(repository: &Repository, path: &Path) -> Result<Option<(Mark, OwnedFd)>, Errno> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let Some(folder) = settled(folder(repository.folder.as_fd(), above))? else { return Ok(None) };
    let Some(status) = settled(look(folder.as_fd(), name))?.filter(|status| is_link(*status)) else { return Ok(None) };
    let mark = (path.to_owned(), status.st_dev, status.st_ino, (status.st_ctime, status.st_ctime_nsec));
    Ok(Some((mark, folder)))
}

/// The symlinks in a repository, by their paths in it; what lies in another one of `all` is that one's.
///
/// # Errors
/// When there are too many names, or one cannot be looked at.
fn find(repository: &Repository, all: &[Repository]) -> Result<Vec<PathBuf>, Errno> {
    let (mut found, mut left) = (Vec::new(), NAMES);
    let mut waiting = vec![PathBuf::new()];
    while let Some(path) = waiting.pop() {
        let here = match folder(repository.folder.as_fd(), &path) {
            Ok(here) => here,
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => continue,
            Err(errno) => return Err(errno),
        };
        let identity = identity(here.as_fd())?;
        if !path.as_os_str().is_empty() && all.iter().any(|other| other.identity == identity) {
            continue;
        }
        for entry in Dir::from_fd(here.try_clone().map_err(|_| Errno::EMFILE)?)?.iter() {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if matches!(name.as_bytes(), b"." | b"..") {
                continue;
            }
            left = left.checked_sub(1).ok_or(Errno::E2BIG)?;
            let is = |kind| entry.file_type() == Some(kind);
            let status = if entry.file_type().is_none() { settled(look(here.as_fd(), name))? } else { None };
            if is(Type::Symlink) || status.is_some_and(is_link) {
                found.push(path.join(name));
            } else if (is(Type::Directory) || status.is_some_and(is_folder)) && !holds_objects(&path, name) {
                waiting.push(path.join(name));
            }
        }
    }
    Ok(found)
}

/// Whether `name` in `path` is one of the 256 folders in which objects lie, in `objects` at the repository's top: git makes files there only
/// anew, under names that it computes. A branch may be called `objects/ab/x`, and its log is appended to.
fn holds_objects(path: &Path, name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    path == Path::new("objects") && bytes.len() == 2 && bytes.iter().all(u8::is_ascii_hexdigit)
}

/// Opens the folder `path` below `root`, never through a symlink. The inside may have taken the right to list it away.
///
/// # Errors
/// The kernel's.
fn folder(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = |flag| OpenHow::new().flags(OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | flag).resolve(resolve);
    match openat2(root, path, how(OFlag::O_RDONLY)) {
        Err(Errno::EACCES) => {
            give_back(openat2(root, path, how(OFlag::O_PATH))?.as_fd());
            openat2(root, path, how(OFlag::O_RDONLY))
        }
        other => other,
    }
}

/// What lies at `name` in `folder`, itself.
///
/// # Errors
/// The kernel's.
fn look(folder: BorrowedFd<'_>, name: &OsStr) -> Result<FileStat, Errno> {
    fstatat(folder, Path::new(name), AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// Whether that is a symlink.
fn is_link(status: FileStat) -> bool {
    status.st_mode & libc::S_IFMT == libc::S_IFLNK
}

/// Whether that is a folder.
fn is_folder(status: FileStat) -> bool {
    status.st_mode & libc::S_IFMT == libc::S_IFDIR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symlink_below_a_folder_called_objects_elsewhere_is_found() {
        let place = tempfile::tempdir().expect("a folder");
        let lies = [
            "objects/ab/x",
            "logs/refs/heads/objects/ab/x",
            "modules/m/objects/ab/x",
            "objects/abc/x",
            "objects/objects/ab/x",
        ];
        for path in lies.map(|path| place.path().join(path)) {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            std::os::unix::fs::symlink("elsewhere", path).expect("a symlink");
        }
        let open = || OwnedFd::from(std::fs::File::open(place.path()).expect("the folder"));
        let repository = Repository {
            path: place.path().to_owned(),
            folder: open(),
            identity: identity(open().as_fd()).expect("its identity"),
            work: None,
            hash: 20,
            left: super::super::left::Left::NOTHING,
        };
        let mut found = find(&repository, &[]).expect("few names");
        found.sort();
        let mut wanted = lies.map(PathBuf::from)[1..].to_vec();
        wanted.sort();
        assert_eq!(found, wanted);
    }
}
