//! Looking at the host: at every path that the policy names, once, without following what it is.
//!
//! Each fact holds the file's identity (device and inode number). What is mounted later is compared with it, so that swapping a
//! path between the look and the mount stops the run.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lobsterpot_policy::{ResolvedPattern, Segment};
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlink};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, lstat};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::bytes;
use crate::deep::{self, SearchError, Shelf};
use crate::doors::Doors;
use crate::error::Error;
use crate::host::{Fact, Facts, Kind};
use crate::obstacle::{settled, settled_io};
use crate::step::{Failure, Step};

/// A look at the host in progress.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// What was found.
    pub(crate) facts: Facts,
    /// What to do about folders that are closed.
    pub(crate) doors: Doors,
    /// How folders are reached.
    ways: FxHashMap<OsString, Way>,
    /// What the home folders hold, at their top and where programs keep their things.
    homes: Vec<HomeFolder>,
    /// Folders whose listing shows what is missing, with a slash at the end.
    known: Vec<(Vec<u8>, Rc<FxHashSet<OsString>>)>,
    /// Folders that were listed already: many patterns share one listing.
    listings: FxHashMap<OsString, Rc<FxHashSet<OsString>>>,
    /// Why a search at any depth is not complete, when one is not. The rules have then fallen back to whole folders.
    pub(crate) trouble: Option<SearchError>,
    /// A path that could not be looked at, when there is one: what lies there may have to be hidden.
    unseen: Option<Failure>,
}

impl Probe {
    /// Looks at `path` and remembers the fact.
    pub(crate) fn look(&mut self, path: &Path) -> Option<&Fact> {
        if !self.facts.contains_key(path.as_os_str()) {
            if self.is_missing(path) {
                return None;
            }
            let fact = self.open(path).unwrap_or_else(|errno| self.not_seen(path, errno))?;
            if fact.real != path {
                let real = Fact { link: None, ..fact.clone() };
                self.facts.entry(fact.real.as_os_str().to_owned()).or_insert(real);
            }
            self.facts.insert(path.as_os_str().to_owned(), fact);
        }
        self.facts.get(path.as_os_str())
    }

    /// What `path` is: with one system call when the folder that holds it is known to be no symlink.
    ///
    /// # Errors
    /// What the kernel said, when that says nothing about what the sandbox would find.
    fn open(&mut self, path: &Path) -> Result<Option<Fact>, Errno> {
        match bytes::parent(path).map_or(Way::Straight, |folder| self.way(folder)) {
            Way::Straight => {}
            Way::Crooked => return open_through_links(&self.doors, path),
            Way::Missing => return Ok(None),
        }
        let Some(status) = settled(self.doors.look(path, || lstat(path)))? else { return Ok(None) };
        let is_link = status.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFLNK.bits();
        if is_link { open_through_links(&self.doors, path) } else { Ok(Some(fact(&status, path.to_owned(), None))) }
    }

    /// Notes that `path` could not be looked at.
    fn not_seen<T>(&mut self, path: &Path, errno: Errno) -> Option<T> {
        self.unseen.get_or_insert_with(|| Failure::at(Step::Look, path, errno));
        None
    }

    /// What was `found` at `path`, when something was that the sandbox could use; a path that could not be looked at is noted.
    pub(crate) fn seen<T>(&mut self, path: &Path, found: std::io::Result<T>) -> Option<T> {
        settled_io(found).unwrap_or_else(|errno| self.not_seen(path, errno))
    }

    /// Whether everything was seen that was looked at so far.
    ///
    /// # Errors
    /// The first path that could not be looked at, or why a search is not complete.
    pub(crate) fn is_complete(&mut self) -> Result<(), Error> {
        match (self.trouble.take(), self.unseen.take()) {
            (Some(trouble), _) => Err(trouble.into()),
            (None, Some(unseen)) => Err(unseen.into()),
            (None, None) => Ok(()),
        }
    }

    /// How `folder` is reached.
    fn way(&mut self, folder: &Path) -> Way {
        if let Some(known) = self.ways.get(folder.as_os_str()) {
            return *known;
        }
        let way = match bytes::parent(folder).map_or(Way::Straight, |outer| self.way(outer)) {
            Way::Straight => match lstat(folder).map(|status| status.st_mode & SFlag::S_IFMT.bits()) {
                Ok(kind) if kind == SFlag::S_IFDIR.bits() => Way::Straight,
                Ok(kind) if kind == SFlag::S_IFLNK.bits() => Way::Crooked,
                Ok(_) | Err(Errno::ENOENT | Errno::ENOTDIR) => Way::Missing,
                Err(_) => Way::Crooked,
            },
            way @ (Way::Crooked | Way::Missing) => way,
        };
        self.ways.insert(folder.as_os_str().to_owned(), way);
        way
    }

    /// Lists `folder`, and those in it that many patterns are about, so that what is missing there is known without asking.
    pub(crate) fn know(&mut self, folder: &Path) {
        for name in ["", ".config", ".local", ".local/share"] {
            let folder = if name.is_empty() { folder.to_owned() } else { folder.join(name) };
            let is_missing = self.is_missing(&folder) || matches!(self.way(&folder), Way::Missing);
            let names = if is_missing { Rc::default() } else { self.list(&folder) };
            let is_known = is_missing || self.is_known(&folder);
            self.homes.push(HomeFolder { folder: name, names: is_known.then_some(names) });
        }
    }

    /// Whether no home folder has what a pattern of `text` begins with, so that it can match nothing there.
    ///
    /// For patterns below `~`, and below XDG folders that are where they are by default: `is_moved` tells of which a variable says
    /// otherwise.
    pub(crate) fn homes_lack(&self, text: &str, is_moved: impl Fn(&str) -> bool) -> bool {
        let Some((folder, rest)) = split_home(text, is_moved) else { return false };
        let first = rest.split('/').next().unwrap_or_default();
        !self.homes.is_empty()
            && alternatives(first).is_some_and(|mut names| names.all(|name| !self.is_at_home(folder, name)))
    }

    /// Whether a home folder has `name` in its `folder`; also when nobody looked.
    fn is_at_home(&self, folder: &str, name: &str) -> bool {
        let mut listed = self.homes.iter().filter(|home| home.folder == folder).peekable();
        listed.peek().is_none()
            || listed.any(|home| home.names.as_ref().is_none_or(|names| names.contains(OsStr::new(name))))
    }

    /// Whether `folder` was listed.
    fn is_known(&self, folder: &Path) -> bool {
        self.known.iter().any(|(prefix, _)| prefix.strip_suffix(b"/") == Some(folder.as_os_str().as_bytes()))
    }

    /// Whether a listing that was made already shows that `path` does not exist.
    fn is_missing(&self, path: &Path) -> bool {
        let path = path.as_os_str().as_bytes();
        self.known.iter().any(|(prefix, names)| {
            let Some(rest) = path.strip_prefix(prefix.as_slice()) else { return false };
            let name = rest.split(|&byte| byte == b'/').next().unwrap_or_default();
            !names.contains(OsStr::from_bytes(name))
        })
    }

    /// Looks at everything that `pattern` means and returns the existing paths; nothing for patterns with `**`, which are
    /// searched for together.
    pub(crate) fn expand(&mut self, pattern: &ResolvedPattern) -> Vec<PathBuf> {
        let mut found = Vec::new();
        if let Some(path) = pattern.literal() {
            if self.look(path).is_some() {
                found.push(path.to_owned());
            }
        } else {
            self.descend(pattern.prefix(), pattern.tail(), &mut found);
            found.retain(|path| self.look(path).is_some());
        }
        found
    }

    /// What `pattern` means that does not exist, in folders that do: names after a wildcard which could be made there.
    pub(crate) fn unborn(&mut self, pattern: &ResolvedPattern) -> Vec<PathBuf> {
        if pattern.literal().is_some() {
            return Vec::new();
        }
        let mut paths = Vec::new();
        self.descend(pattern.prefix(), pattern.tail(), &mut paths);
        paths.retain(|path| {
            let folder =
                path.parent().and_then(|folder| self.look(folder)).is_some_and(|fact| fact.kind == Kind::Folder);
            folder && self.look(path).is_none()
        });
        paths
    }

    /// Looks at everything that `tails` mean below `folder`, and returns the existing paths of each.
    ///
    /// # Errors
    /// When something was not searched although the sandbox might find it there.
    pub(crate) fn search(
        &mut self,
        folder: &Path,
        tails: &[&[Segment]],
        shelf: Option<&Shelf>,
    ) -> Result<Vec<Vec<PathBuf>>, SearchError> {
        let mut found = deep::search(folder, tails, shelf, &self.doors)?;
        for paths in &mut found {
            paths.retain(|path| self.look(path).is_some());
        }
        Ok(found)
    }

    /// Follows the wildcard components of a pattern, listing only the folders that they name.
    fn descend(&mut self, folder: &Path, tail: &[Segment], found: &mut Vec<PathBuf>) {
        let Some((segment, rest)) = tail.split_first() else {
            found.push(folder.to_owned());
            return;
        };
        match segment {
            Segment::Literal(name) => self.descend(&folder.join(name), rest, found),
            Segment::Glob(_) => {
                if self.is_missing(folder) {
                    return;
                }
                let mut names: Vec<OsString> =
                    self.list(folder).iter().filter(|name| segment.matches(name)).cloned().collect();
                names.sort();
                for name in names {
                    self.descend(&folder.join(name), rest, found);
                }
            }
            Segment::AnyDepth => {}
        }
    }

    /// What is right in `folder`, looked at.
    pub(crate) fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = self.list(folder).iter().map(|name| folder.join(name)).collect();
        paths.retain(|path| self.look(path).is_some());
        paths
    }

    /// The names in `folder`; empty when it is no folder.
    fn list(&mut self, folder: &Path) -> Rc<FxHashSet<OsString>> {
        if let Some(names) = self.listings.get(folder.as_os_str()) {
            return Rc::clone(names);
        }
        let listed = self.doors.look(folder, || names_in(folder));
        let names: Rc<FxHashSet<OsString>> = match settled(listed).unwrap_or_else(|errno| self.not_seen(folder, errno))
        {
            Some(names) => {
                let names = Rc::new(names);
                let prefix = [folder.as_os_str().as_bytes(), b"/"].concat();
                self.known.push((prefix, Rc::clone(&names)));
                names
            }
            // What may not be listed may still hold what can be named: nothing is known about it.
            None => Rc::default(),
        };
        self.listings.insert(folder.as_os_str().to_owned(), Rc::clone(&names));
        names
    }
}

/// The names in `folder`.
///
/// # Errors
/// The kernel's.
fn names_in(folder: &Path) -> Result<FxHashSet<OsString>, Errno> {
    let names = std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    names.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

/// The folder of a home that a pattern is about, and the rest of the pattern.
fn split_home(text: &str, is_moved: impl Fn(&str) -> bool) -> Option<(&'static str, &str)> {
    if let Some(rest) = text.strip_prefix("~/") {
        return Some(("", rest));
    }
    let (variable, rest) = text.strip_prefix('$')?.split_once('/')?;
    let folder = match variable {
        "XDG_CONFIG_HOME" => ".config",
        "XDG_DATA_HOME" => ".local/share",
        "XDG_CACHE_HOME" => ".cache",
        "XDG_STATE_HOME" => ".local/state",
        _ => return None,
    };
    (!is_moved(variable)).then_some((folder, rest))
}

/// The names that a component may mean: itself, or those of one brace list around all of it; `None` with other wildcards.
fn alternatives(component: &str) -> Option<std::str::Split<'_, char>> {
    let list = component.strip_prefix('{').and_then(|list| list.strip_suffix('}')).unwrap_or(component);
    let is_plain = !list.is_empty() && !list.contains(['*', '?', '[', '{', '}', '\\']);
    (is_plain && (list.len() < component.len() || !list.contains(','))).then(|| list.split(','))
}

/// A listing in a home folder.
#[derive(Debug)]
struct HomeFolder {
    /// The folder, relative to the home.
    folder: &'static str,
    /// What it holds; `None` when it may not be listed.
    names: Option<Rc<FxHashSet<OsString>>>,
}

/// How a folder is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Without a symlink.
    Straight,
    /// Through one, or nobody knows.
    Crooked,
    /// Not at all: it does not exist.
    Missing,
}

/// The slower way, for paths with symlinks: follows them and asks the kernel where they led.
///
/// # Errors
/// What the kernel said, when that says nothing about what the sandbox would find.
fn open_through_links(doors: &Doors, path: &Path) -> Result<Option<Fact>, Errno> {
    let link = match doors.look(path, || readlink(path)) {
        // The usual answer for what is no link.
        Err(Errno::EINVAL) => None,
        other => settled(other)?.map(PathBuf::from),
    };
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    if let Some(handle) = settled(doors.look(path, || nix::fcntl::open(path, flags, Mode::empty())))? {
        let real = readlink(format!("/proc/self/fd/{}", handle.as_raw_fd()).as_str())?;
        return Ok(Some(fact(&fstat(&handle)?, PathBuf::from(real), link)));
    }
    // A link that leads nowhere is a thing of its own.
    let Some(handle) = settled(nix::fcntl::open(path, flags | OFlag::O_NOFOLLOW, Mode::empty()))? else {
        return Ok(None);
    };
    Ok(Some(fact(&fstat(&handle)?, path.to_owned(), link)))
}

/// The fact that `status` states about the file at `real`.
fn fact(status: &FileStat, real: PathBuf, link: Option<PathBuf>) -> Fact {
    let kind = match SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFDIR => Kind::Folder,
        SFlag::S_IFSOCK => Kind::Socket,
        _ => Kind::Other,
    };
    Fact { real, kind, link, identity: (status.st_dev, status.st_ino), names: status.st_nlink, owner: status.st_uid }
}
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_a_listing_does_not_name_is_missing_and_nothing_else_is() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".config/gh")).unwrap();
        let mut probe = Probe::default();
        probe.know(home.path());
        let lacks = |text: &str| probe.homes_lack(text, |name| name == "XDG_STATE_HOME");
        for text in ["~/.ssh", "~/.ssh/id", "$XDG_CONFIG_HOME/op", "$XDG_DATA_HOME/{a,b}/c"] {
            assert!(lacks(text), "{text}");
        }
        for text in [
            "~/.config/gh",
            "$XDG_CONFIG_HOME/{op,gh}",
            "~/.*_history",
            "$XDG_STATE_HOME/x",
            "/etc/shadow",
            "~/.config",
        ] {
            assert!(!lacks(text), "{text}");
        }
    }

    #[test]
    fn a_home_that_may_not_be_listed_hides_no_rule() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".ssh")).unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o311)).unwrap();
        let mut probe = Probe::default();
        probe.know(home.path());
        // Root may list it all the same.
        assert!(!probe.homes_lack("~/.ssh", |_| false));
        assert!(probe.look(&home.path().join(".ssh")).is_some());
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_missing_config_folder_is_known_to_hold_nothing() {
        let home = tempfile::tempdir().unwrap();
        let mut probe = Probe::default();
        probe.know(home.path());
        assert!(probe.homes_lack("$XDG_CONFIG_HOME/gh", |_| false));
        assert!(!probe.homes_lack("$XDG_CONFIG_HOME/gh", |_| true));
    }
}
