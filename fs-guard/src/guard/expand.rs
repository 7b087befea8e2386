//! What exists of the paths that a pattern means, as the launcher searches for it: `**` does not follow symbolic links.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{ResolvedPattern, Segment};
use nix::dir::{Dir, Entry, Type};
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, lstat};

use super::facts::{may_be_there, settled};
use super::handle::{Kind, kind_of};
use super::index::lies_in;

/// How many files and folders a search may meet: the launcher's bound.
const LIMIT: usize = 5_000_000;

/// What a search found.
#[derive(Debug)]
pub(super) struct Found {
    /// Paths that match.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Folders that were listed.
    pub(super) listed: Vec<PathBuf>,
    /// How much may still be met; at nothing the search has been given up.
    pub(super) left: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self { paths: BTreeSet::new(), listed: Vec::new(), left: LIMIT }
    }
}

/// What is searched for.
#[derive(Clone, Copy, Debug)]
struct Search<'a> {
    /// Which matches are wanted.
    wanted: Wanted,
    /// The only folder that is searched.
    within: Option<&'a Path>,
}

/// Which matches are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// All that exist.
    All,
    /// Those that are symbolic links, or are reached through one.
    Links,
}

/// How a folder was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Through folders only.
    Straight,
    /// Through a symbolic link.
    Crooked,
}

/// Adds every existing path that `pattern` means.
pub(super) fn all(pattern: &ResolvedPattern, found: &mut Found) {
    let search = Search { wanted: Wanted::All, within: None };
    search.descend(pattern.prefix(), pattern.tail(), Way::Straight, found);
}

/// Adds every existing path that `pattern` means and that lies in `folder`.
pub(super) fn within(pattern: &ResolvedPattern, folder: &Path, found: &mut Found) {
    let search = Search { wanted: Wanted::All, within: Some(folder) };
    if search.may_hold(pattern.prefix()) {
        search.descend(pattern.prefix(), pattern.tail(), Way::Straight, found);
    }
}

/// Adds every existing path that `pattern` means and that is a symbolic link, or lies behind one. `is_behind_link` says whether
/// all of them do.
pub(super) fn links(pattern: &ResolvedPattern, is_behind_link: bool, found: &mut Found) {
    let search = Search { wanted: Wanted::Links, within: None };
    let way = if is_behind_link { Way::Crooked } else { Way::Straight };
    search.descend(pattern.prefix(), pattern.tail(), way, found);
}

impl Search<'_> {
    /// Whether what is searched lies in or around `path`.
    fn may_hold(self, path: &Path) -> bool {
        self.within.is_none_or(|within| lies_in(path, within) || lies_in(within, path))
    }

    /// Follows the segments of `tail` below `folder`.
    fn descend(self, folder: &Path, tail: &[Segment], way: Way, found: &mut Found) {
        if found.left == 0 {
            return;
        }
        let Some((segment, rest)) = tail.split_first() else {
            let is_wanted = self.wanted == Wanted::All || way == Way::Crooked;
            let is_inside = self.within.is_none_or(|within| lies_in(folder, within));
            if is_wanted && is_inside && (way == Way::Crooked || may_be_there(folder)) {
                found.paths.insert(folder.to_owned());
            }
            return;
        };
        match segment {
            Segment::Literal(name) => {
                let path = folder.join(name);
                match settled(lstat(&path)) {
                    Ok(Some(facts)) if kind_of(&facts) != Kind::Link => self.onward(&path, rest, way, found),
                    // A link; or what cannot be looked at, and may be one.
                    Ok(Some(_)) | Err(_) => self.onward(&path, rest, Way::Crooked, found),
                    Ok(None) => {}
                }
            }
            Segment::Glob(_) => {
                for (name, kind) in self.list(folder, found).into_iter().filter(|(name, _)| segment.matches(name)) {
                    let path = folder.join(name);
                    let way = if is_link(&path, kind) { Way::Crooked } else { way };
                    self.onward(&path, rest, way, found);
                }
            }
            Segment::AnyDepth => {
                self.descend(folder, rest, way, found);
                for (name, kind) in self.list(folder, found) {
                    let path = folder.join(name);
                    if is_folder(&path, kind) {
                        self.onward(&path, tail, way, found);
                    }
                }
            }
        }
    }

    /// Goes on at `path`, unless it lies elsewhere.
    fn onward(self, path: &Path, tail: &[Segment], way: Way, found: &mut Found) {
        if self.may_hold(path) {
            self.descend(path, tail, way, found);
        }
    }

    /// The names in `folder` that the search is about.
    fn list(self, folder: &Path, found: &mut Found) -> Vec<(OsString, Option<Type>)> {
        // On the way to what is searched, only the next name matters.
        let next = self.within.and_then(|within| within.strip_prefix(folder).ok()?.iter().next());
        match next {
            Some(name) => vec![(name.to_owned(), None)],
            None => list(folder, found),
        }
    }
}

/// The names in `folder`, with their kinds where the file system tells; nothing when the caller may not list it. When nobody knows what
/// is there the search is given up.
fn list(folder: &Path, found: &mut Found) -> Vec<(OsString, Option<Type>)> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut listing = match settled(Dir::open(folder, flags, Mode::empty())) {
        Ok(Some(listing)) => listing,
        Ok(None) => return Vec::new(),
        Err(_) => {
            found.left = 0;
            return Vec::new();
        }
    };
    found.listed.push(folder.to_owned());
    let entries: Result<Vec<_>, _> = listing.iter().collect();
    let Ok(entries) = entries else {
        found.left = 0;
        return Vec::new();
    };
    let name = |entry: Entry| (OsStr::from_bytes(entry.file_name().to_bytes()).to_owned(), entry.file_type());
    let names: Vec<_> = entries.into_iter().map(name).filter(|(name, _)| name != "." && name != "..").collect();
    found.left = found.left.saturating_sub(names.len());
    names
}

/// Whether `path` is a symbolic link.
fn is_link(path: &Path, kind: Option<Type>) -> bool {
    match kind {
        Some(kind) => kind == Type::Symlink,
        None => is(path, Kind::Link),
    }
}

/// Whether `path` is a folder.
fn is_folder(path: &Path, kind: Option<Type>) -> bool {
    match kind {
        Some(kind) => kind == Type::Directory,
        None => is(path, Kind::Folder),
    }
}

/// Whether `path` is of this kind, or may be, since it cannot be looked at.
fn is(path: &Path, kind: Kind) -> bool {
    settled(lstat(path)).map_or(true, |found| found.is_some_and(|facts| kind_of(&facts) == kind))
}
