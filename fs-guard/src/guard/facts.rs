//! What names alone do not tell: where masked and protected names really lie when symbolic links are on the way, and which
//! repository a `.git` leads to that is no folder.
//!
//! A rule covers the path that it names, which the walk sees for itself. It also covers what that path leads to, under the other
//! path; only that is collected here. In most places there is nothing to collect, and finding that out takes one listing for each
//! folder that rules name something in.
//!
//! Facts do not go stale: before each use the folders that the caller or the sandbox may change are compared with their stamps,
//! links that were followed are followed again, and after [`LIFETIME`] everything is looked at anew. A guard that is made for one
//! call answers as of one moment, and takes no stamps.

use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlink};
use nix::sys::stat::{FileStat, Mode, lstat};
use rustc_hash::{FxHashMap, FxHashSet};

use super::handle::Root;
use super::index::{Entry, Index};
use super::look::Look;
use super::options::Uses;
use super::survey::Survey;

/// After this time all is looked at again: for what only root changes, and for large searches.
const LIFETIME: Duration = Duration::from_secs(1);
/// A folder that was changed less than this ago may change again without a new time.
const SETTLING: Duration = Duration::from_millis(25);

/// Where facts are collected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    /// The root folder.
    pub(super) root: &'a Root,
    /// The rules.
    pub(super) index: &'a Index,
    /// Everything that is shown in the sandbox lies in one of these.
    pub(super) seen: &'a [PathBuf],
    /// The folders that may be written.
    pub(super) roots: &'a [PathBuf],
    /// The home folders: with `roots`, what may change between two requests.
    pub(super) homes: &'a [PathBuf],
    /// How often the guard is asked.
    pub(super) uses: Uses,
}

/// Why a path that no rule names is covered by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A name that this rule is about leads there.
    Rule(Entry),
    /// A `.git` leads there.
    Repository,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Facts {
    /// Real paths that masked names lead to.
    pub(super) masked: FxHashMap<OsString, Entry>,
    /// Real paths that protected names lead to.
    pub(super) protected: FxHashMap<OsString, Cause>,
    /// Paths that are protected, existing or not, because of a `.git` that is no folder.
    pub(super) pointers: FxHashSet<OsString>,
    /// Real paths of the folders that a root's `.git` leads to that is no folder: nothing but git writes there.
    pub(super) repositories: Vec<PathBuf>,
    /// Folders that must not have changed.
    pub(super) stamps: Vec<Stamp>,
    /// Names that are reached through links, and where they led.
    pub(super) links: Vec<(PathBuf, Option<PathBuf>)>,
    /// When it was looked.
    since: Instant,
    /// Whether a stamp is too young to be relied on.
    pub(super) young: bool,
    /// A folder that is too large to be searched, or a path that could not be looked at, so that nobody knows what is masked there.
    pub(super) unsearched: Option<PathBuf>,
}

/// The state of a folder or file.
#[derive(Debug)]
pub(super) struct Stamp {
    /// Its path.
    path: PathBuf,
    /// Which one it is; nothing where there was none.
    identity: Option<(u64, u64)>,
    /// When it was changed, where its content matters.
    changed: Option<[i64; 4]>,
}

impl Facts {
    /// Looks, where so much is known of folders.
    pub(super) fn look(ground: Ground<'_>, survey: Survey) -> Self {
        Look::new(ground, survey).finish()
    }

    /// Nothing found yet.
    pub(super) fn empty() -> Self {
        Self {
            masked: FxHashMap::default(),
            protected: FxHashMap::default(),
            pointers: FxHashSet::default(),
            repositories: Vec::new(),
            stamps: Vec::new(),
            links: Vec::new(),
            since: Instant::now(),
            young: false,
            unsearched: None,
        }
    }

    /// Whether nothing can have changed since.
    pub(super) fn are_fresh(&self) -> bool {
        !self.young
            && self.since.elapsed() < LIFETIME
            && self.stamps.iter().all(Stamp::holds)
            && self.links.iter().all(|(path, real)| follow(path).is_ok_and(|now| now == *real))
    }
}

impl Stamp {
    /// The state of `path` now; its content counts when `content` does.
    pub(super) fn take(path: PathBuf, content: Content) -> Self {
        let (identity, changed) = state(&path, content);
        Self { path, identity, changed }
    }

    /// Whether it is as it was.
    fn holds(&self) -> bool {
        let content = if self.changed.is_some() { Content::Counts } else { Content::Ignored };
        state(&self.path, content) == (self.identity, self.changed)
    }

    /// Whether it was changed so shortly ago that a further change might leave the same time.
    pub(super) fn is_young(&self) -> bool {
        let Some([seconds, nanoseconds, ..]) = self.changed else { return false };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else { return true };
        now.saturating_sub(Duration::new(seconds, nanoseconds)) < SETTLING
    }
}

/// Whether what is in a folder counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// It does: names come and go.
    Counts,
    /// It does not: the folder must only stay the same one.
    Ignored,
}

/// Which file lies at `path`, and when it was changed.
fn state(path: &Path, content: Content) -> (Option<(u64, u64)>, Option<[i64; 4]>) {
    let facts = lstat(path).ok();
    let identity = facts.as_ref().map(|facts| (facts.st_dev, facts.st_ino));
    (identity, facts.as_ref().filter(|_| content == Content::Counts).map(times))
}

/// When something was changed: itself or its content, and its content alone.
fn times(facts: &FileStat) -> [i64; 4] {
    [facts.st_ctime, facts.st_ctime_nsec, facts.st_mtime, facts.st_mtime_nsec]
}

/// What was `found` at a path; nothing where what failed says that the sandbox would find nothing there either. As the launcher has it:
/// it is gone, closed to the caller, or on a file system whose server is gone.
///
/// # Errors
/// What says nothing about the path, such as a want of descriptors or memory, or a broken disk: a rule for it holds.
pub(super) fn settled<T>(found: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG) => Ok(None),
        Err(Errno::EACCES | Errno::EPERM | Errno::ENOTCONN | Errno::ESTALE) => Ok(None),
        Err(error) => Err(error),
    }
}

/// As [`settled`].
///
/// # Errors
/// As there.
pub(super) fn settled_io<T>(found: std::io::Result<T>) -> Result<Option<T>, Errno> {
    settled(found.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)))
}

/// Whether something lies at `path`, or may: a rule for what cannot be looked at holds.
pub(super) fn may_be_there(path: &Path) -> bool {
    settled(lstat(path)).map_or(true, |found| found.is_some())
}

/// Where `path` leads on this host, links followed; `None` when nothing is there.
///
/// # Errors
/// When nobody knows.
pub(super) fn follow(path: &Path) -> Result<Option<PathBuf>, Errno> {
    let Some(handle) = settled(open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()))? else { return Ok(None) };
    readlink(format!("/proc/self/fd/{}", handle.as_raw_fd()).as_str()).map(|real| Some(PathBuf::from(real)))
}
