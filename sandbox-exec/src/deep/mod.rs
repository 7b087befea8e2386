//! Patterns with `**`: the only ones for which folders of unknown depth must be searched.
//!
//! All patterns that begin in the same folder are searched for in one walk, and a large walk leaves an index: the next launch looks
//! at every known folder, with one system call each, and lists only those that have changed. Symlinks are not followed, but where a
//! pattern names one; other file systems are entered like any folder. The names found decide what is masked; a file that appears
//! later in a writable root under such a name was made by the sandbox itself or by the person outside.

mod automaton;
mod clock;
mod error;
mod index;
mod refresh;
mod shelf;
mod walk;

use std::ffi::CString;
use std::path::{Path, PathBuf};

use lobsterpot_policy::Segment;

use crate::doors::Doors;
use automaton::{Automaton, START};
pub(crate) use error::SearchError;
pub(crate) use shelf::Shelf;
use walk::{Root, Walker};

/// What a search may cost.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// How many files and folders it may meet before it is given up.
    entries: u64,
    /// How much may be listed before an index is worth writing, see [`is_worth_it`].
    free: u64,
}

/// The bounds of every launch. What is free takes a fraction of a millisecond.
const BOUNDS: Bounds = Bounds { entries: 5_000_000, free: 256 };

/// What a search came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// The matches of each pattern, in order of path.
    found: Vec<Vec<PathBuf>>,
    /// How many folders were listed, without those behind symlinks.
    listed: u64,
}

/// Finds what each of `tails` matches below `folder`, in order of path.
///
/// # Errors
/// When something was not searched although the sandbox might find it there.
pub(crate) fn search(
    folder: &Path,
    tails: &[&[Segment]],
    shelf: Option<&Shelf>,
    doors: &Doors,
) -> Result<Vec<Vec<PathBuf>>, SearchError> {
    search_within(BOUNDS, folder, tails, shelf, doors).map(|outcome| outcome.found)
}

/// Does what [`search`] does, within `bounds`.
///
/// # Errors
/// When something was not searched although the sandbox might find it there.
fn search_within(
    bounds: Bounds,
    folder: &Path,
    tails: &[&[Segment]],
    shelf: Option<&Shelf>,
    doors: &Doors,
) -> Result<Outcome, SearchError> {
    let mut found = vec![Vec::new(); tails.len()];
    let Some(root) = Root::open(folder.to_owned(), START, doors)? else { return Ok(Outcome { found, listed: 0 }) };
    let mut walker = Walker::new(Automaton::new(tails), bounds.entries, doors);
    let (key, name) = identity(folder, tails);
    // Without a key nobody could tell what an index is of.
    let shelf = shelf.filter(|_| !key.is_empty());
    let kept = shelf.and_then(|shelf| shelf.read(&name));
    let patterns = u32::try_from(tails.len()).unwrap_or(u32::MAX);
    let folders = match kept.as_deref().and_then(|bytes| index::decode(bytes, &key, patterns)) {
        Some(folders) => refresh::refresh(&mut walker, &root, folders)?,
        None => {
            let mut folders = Vec::new();
            walker.walk(&root, CString::default(), root.row, 0, &mut folders)?;
            folders
        }
    };
    let listed = walker.listed;
    if let Some(shelf) = shelf.filter(|_| is_worth_it(bounds, &walker, folders.len())) {
        shelf.write(&name, &index::encode(&key, &folders));
    }
    walker.gather(&root, &folders, &mut found)?;
    found.iter_mut().for_each(|paths| paths.sort());
    Ok(Outcome { found, listed })
}

/// Whether listing again what was listed would cost more than writing the index of `folders` folders.
///
/// An index that is not written anew stays right: what has changed since is listed at every launch.
fn is_worth_it(bounds: Bounds, walker: &Walker<'_>, folders: usize) -> bool {
    // In entries met: opening a folder takes as long as 16 of them, writing a folder down as a sixteenth. However large the index,
    // no more than some milliseconds are spent on listing the same folders again and again.
    let writing = u64::try_from(folders / 16).unwrap_or(u64::MAX);
    let listing = walker.listed.saturating_mul(16).saturating_add(walker.met);
    listing > bounds.free.saturating_add(writing.min(bounds.free.saturating_mul(64)))
}

/// What an index is of, and the name that it is kept by.
fn identity(folder: &Path, tails: &[&[Segment]]) -> (Vec<u8>, String) {
    let key = serde_json::to_vec(&(folder.as_os_str(), tails)).unwrap_or_default();
    let name = format!("{:016x}", index::checksum(&key));
    (key, name)
}

#[cfg(test)]
mod tests;
