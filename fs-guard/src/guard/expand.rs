//! What exists of the paths that a pattern means, as the launcher searches for it: `**` does not follow symbolic links.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{ResolvedPattern, Segment};
use nix::dir::{Dir, Type};
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, lstat};

use super::handle::{Kind, kind_of};

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Paths that match.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Folders that were listed.
    pub(super) listed: Vec<PathBuf>,
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
    descend(Wanted::All, pattern.prefix(), pattern.tail(), way_to(pattern.prefix()), found);
}

/// Adds every existing path that `pattern` means and that is a symbolic link, or lies behind one.
pub(super) fn links(pattern: &ResolvedPattern, found: &mut Found) {
    descend(Wanted::Links, pattern.prefix(), pattern.tail(), way_to(pattern.prefix()), found);
}

/// How `folder` is reached.
fn way_to(folder: &Path) -> Way {
    match std::fs::canonicalize(folder) {
        Ok(real) if real != folder => Way::Crooked,
        Ok(_) | Err(_) => Way::Straight,
    }
}

/// Follows the segments of `tail` below `folder`.
fn descend(wanted: Wanted, folder: &Path, tail: &[Segment], way: Way, found: &mut Found) {
    let Some((segment, rest)) = tail.split_first() else {
        if wanted == Wanted::All || way == Way::Crooked {
            found.paths.insert(folder.to_owned());
        }
        return;
    };
    match segment {
        Segment::Literal(name) => {
            let path = folder.join(name);
            if let Ok(facts) = lstat(&path) {
                let way = if kind_of(&facts) == Kind::Link { Way::Crooked } else { way };
                descend(wanted, &path, rest, way, found);
            }
        }
        Segment::Glob(_) => {
            for (name, kind) in list(folder, found).into_iter().filter(|(name, _)| segment.matches(name)) {
                let path = folder.join(name);
                let way = if is_link(&path, kind) { Way::Crooked } else { way };
                descend(wanted, &path, rest, way, found);
            }
        }
        Segment::AnyDepth => {
            descend(wanted, folder, rest, way, found);
            for (name, kind) in list(folder, found) {
                let path = folder.join(name);
                if is_folder(&path, kind) {
                    descend(wanted, &path, tail, way, found);
                }
            }
        }
    }
}

/// The names in `folder`, with their kinds where the file system tells; nothing when it cannot be listed.
fn list(folder: &Path, found: &mut Found) -> Vec<(OsString, Option<Type>)> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let Ok(mut listing) = Dir::open(folder, flags, Mode::empty()) else { return Vec::new() };
    found.listed.push(folder.to_owned());
    let entries = listing.iter().flatten();
    let names = entries.map(|entry| (OsStr::from_bytes(entry.file_name().to_bytes()).to_owned(), entry.file_type()));
    names.filter(|(name, _)| name != "." && name != "..").collect()
}

/// Whether `path` is a symbolic link.
fn is_link(path: &Path, kind: Option<Type>) -> bool {
    match kind {
        Some(kind) => kind == Type::Symlink,
        None => lstat(path).is_ok_and(|facts| kind_of(&facts) == Kind::Link),
    }
}

/// Whether `path` is a folder.
fn is_folder(path: &Path, kind: Option<Type>) -> bool {
    match kind {
        Some(kind) => kind == Type::Directory,
        None => lstat(path).is_ok_and(|facts| kind_of(&facts) == Kind::Folder),
    }
}
