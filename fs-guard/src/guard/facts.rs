//! What names alone do not tell: where masked and protected names really lie when symbolic links are on the way, and which
//! repository a `.git` leads to that is no folder.
//!
//! A rule covers the path that it names, which the walk sees for itself. It also covers what that path leads to, under the other
//! path; only that is collected here. In most places there is nothing to collect, and finding that out takes one listing for each
//! folder that rules name something in.
//!
//! Facts do not go stale: before each use the folders that the caller or the sandbox may change are compared with their stamps,
//! links that were followed are followed again, and after [`LIFETIME`] everything is looked at anew.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lobsterpot_policy::{ResolvedPattern, Segment};
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlink};
use nix::sys::stat::{FileStat, Mode, lstat};
use rustc_hash::{FxHashMap, FxHashSet};

use super::expand;
use super::handle::{Kind, Root, kind_of, look};
use super::index::{Entry, Index, List, ancestors, lies_in};
use super::repository;

/// After this time all is looked at again: for what only root changes, and for large searches.
const LIFETIME: Duration = Duration::from_secs(1);
/// A folder that was changed less than this ago may change again without a new time.
const SETTLING: Duration = Duration::from_millis(25);
/// From so many names on, a folder is listed rather than asked for each.
const MANY: usize = 6;

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
    /// Folders that must not have changed.
    stamps: Vec<Stamp>,
    /// Names that are reached through links, and where they led.
    links: Vec<(PathBuf, Option<PathBuf>)>,
    /// When it was looked.
    since: Instant,
    /// Whether a stamp is too young to be relied on.
    young: bool,
    /// A folder that is too large to be searched, so that nobody knows what is masked there.
    pub(super) unsearched: Option<PathBuf>,
}

/// The state of a folder or file.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    /// Its path.
    path: PathBuf,
    /// Which one it is; nothing where there was none.
    identity: Option<(u64, u64)>,
    /// When it was changed, where its content matters.
    changed: Option<[i64; 4]>,
}

impl Facts {
    /// Looks.
    pub(super) fn look(ground: Ground<'_>) -> Self {
        let mut look = Look { ground, facts: Self::empty(), stamped: FxHashSet::default() };
        look.named();
        look.wild();
        for root in ground.roots {
            look.pointer(root);
        }
        look.facts
    }

    /// Nothing found yet.
    fn empty() -> Self {
        Self {
            masked: FxHashMap::default(),
            protected: FxHashMap::default(),
            pointers: FxHashSet::default(),
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
            && self.links.iter().all(|(path, real)| follow(path) == *real)
    }
}

impl Stamp {
    /// The state of `path` now.
    fn take(path: PathBuf, content: bool) -> Self {
        let facts = lstat(&path).ok();
        let identity = facts.as_ref().map(|facts| (facts.st_dev, facts.st_ino));
        let changed = facts.as_ref().filter(|_| content).map(times);
        Self { path, identity, changed }
    }

    /// Whether it is as it was.
    fn holds(&self) -> bool {
        Self::take(self.path.clone(), self.changed.is_some()) == *self
    }

    /// Whether it was changed so shortly ago that a further change might leave the same time.
    fn is_young(&self) -> bool {
        let Some([seconds, nanoseconds, ..]) = self.changed else { return false };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else { return true };
        now.saturating_sub(Duration::new(seconds, nanoseconds)) < SETTLING
    }
}

/// When something was changed: itself or its content, and its content alone.
fn times(facts: &FileStat) -> [i64; 4] {
    [facts.st_ctime, facts.st_ctime_nsec, facts.st_mtime, facts.st_mtime_nsec]
}

/// Where `path` leads on this host, links followed; `None` when nothing is there.
fn follow(path: &Path) -> Option<PathBuf> {
    let handle = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    readlink(format!("/proc/self/fd/{}", handle.as_raw_fd()).as_str()).ok().map(PathBuf::from)
}

/// A look in progress.
struct Look<'a> {
    /// Where.
    ground: Ground<'a>,
    /// What was found.
    facts: Facts,
    /// What has a stamp already.
    stamped: FxHashSet<OsString>,
}

impl Look<'_> {
    /// Collects what rules without wildcards lead to.
    fn named(&mut self) {
        let index = self.ground.index;
        for (folder, names) in &index.folders {
            let folder = Path::new(folder);
            let restricting = || names.iter().filter(|(_, entry)| matches!(entry.list, List::Mask | List::Protect));
            let count = restricting().count();
            if count == 0 || !self.matters(folder) {
                continue;
            }
            self.stamp(folder);
            match self.ground.root.straight(folder) {
                Ok(_) if count >= MANY => {
                    let links = links_in(folder);
                    for (name, entry) in restricting() {
                        if links.as_ref().is_none_or(|links| links.contains(name)) {
                            self.add(folder.join(name), *entry);
                        }
                    }
                }
                Ok(handle) => {
                    for (name, entry) in restricting() {
                        if look(&handle, name).is_ok_and(|found| found.kind() == Kind::Link) {
                            self.add(folder.join(name), *entry);
                        }
                    }
                }
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                // Through a link, or nobody knows.
                Err(_) => {
                    for (name, entry) in restricting() {
                        self.add(folder.join(name), *entry);
                    }
                }
            }
        }
    }

    /// Collects what rules with wildcards lead to.
    fn wild(&mut self) {
        let index = self.ground.index;
        for wild in index.wild.iter().filter(|wild| matches!(wild.entry.list, List::Mask | List::Protect)) {
            if !self.matters(wild.pattern.prefix()) {
                continue;
            }
            self.stamp(wild.pattern.prefix());
            let mut found = expand::Found::default();
            expand::links(&wild.pattern, &mut found);
            if found.left == 0 {
                self.facts.unsearched = Some(wild.pattern.prefix().to_owned());
            }
            if !is_deep(&wild.pattern) {
                found.listed.iter().for_each(|folder| self.stamp(folder));
            }
            for path in found.paths {
                self.add(path, wild.entry);
            }
        }
    }

    /// Collects what the `.git` of a writable root leads to when it is no folder.
    fn pointer(&mut self, root: &Path) {
        let path = root.join(".git");
        let Ok(facts) = lstat(&path) else { return };
        let is_link = kind_of(&facts) == Kind::Link;
        if kind_of(&facts) == Kind::Folder {
            return;
        }
        let names = repository::names(&path, |file| self.stamp(file));
        if !is_link && names.is_empty() && kind_of(&facts) != Kind::File {
            return;
        }
        self.facts.pointers.insert(path.clone().into_os_string());
        if is_link {
            self.facts.links.push((path.clone(), follow(&path)));
        }
        for name in names {
            if let Some(real) = follow(&name).filter(|real| *real != name) {
                self.facts.links.push((name.clone(), Some(real.clone())));
                self.facts.protected.insert(real.into_os_string(), Cause::Repository);
            }
            self.facts.pointers.insert(name.into_os_string());
        }
    }

    /// Adds what the name `path` leads to.
    fn add(&mut self, path: PathBuf, entry: Entry) {
        let real = follow(&path);
        if let Some(real) = real.clone().filter(|real| *real != path) {
            let real = real.into_os_string();
            match entry.list {
                List::Mask => drop(self.facts.masked.insert(real, entry)),
                List::Protect => drop(self.facts.protected.insert(real, Cause::Rule(entry))),
                List::Read | List::Write | List::Scratch => {}
            }
        }
        self.facts.links.push((path, real));
    }

    /// Whether `folder` lies in or around anything that is shown.
    fn matters(&self, folder: &Path) -> bool {
        self.ground.seen.iter().any(|seen| lies_in(folder, seen) || lies_in(seen, folder))
    }

    /// Stamps `folder`, which rules name something in, and notes which folders it lies in, where those may change.
    fn stamp(&mut self, folder: &Path) {
        let changeable =
            |path: &Path| self.ground.roots.iter().chain(self.ground.homes).any(|root| lies_in(path, root));
        if !changeable(folder) {
            return;
        }
        for (number, path) in ancestors(folder).take_while(|path| changeable(path)).enumerate() {
            // What lies around is only to stay the same; of a missing folder, so is the one in which it is missing.
            let stamp = Stamp::take(path.to_owned(), number == 0);
            if self.stamped.insert(path.as_os_str().to_owned()) || stamp.changed.is_some() {
                self.facts.young |= stamp.is_young();
                self.facts.stamps.push(stamp);
            }
        }
    }
}

/// The names of the symbolic links in `folder`; `None` when it cannot be listed.
fn links_in(folder: &Path) -> Option<FxHashSet<OsString>> {
    let mut listing = Dir::open(folder, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let mut links = FxHashSet::default();
    for entry in listing.iter() {
        let entry = entry.ok()?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        match entry.file_type() {
            Some(Type::Symlink) => drop(links.insert(name.to_owned())),
            // The file system does not tell.
            None => drop(links.insert(name.to_owned())),
            Some(_) => {}
        }
    }
    Some(links)
}

/// Whether a pattern has `**` in it.
fn is_deep(pattern: &ResolvedPattern) -> bool {
    pattern.tail().contains(&Segment::AnyDepth)
}
