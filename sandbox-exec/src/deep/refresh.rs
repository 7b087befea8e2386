//! From what was known to what is: every known folder is looked at, and only those that have changed are listed.

use std::borrow::Cow;
use std::ffi::CString;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use rustc_hash::{FxHashMap, FxHashSet};

use super::error::SearchError;
use super::index::Folder;
use super::walk::{Root, Walker, is_folder};

/// What has become of a known folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The names in it are the same.
    Same,
    /// Nobody knows: list it.
    Changed,
    /// There is no such folder any more.
    Gone,
}

/// Brings `folders` up to date.
///
/// # Errors
/// When a folder cannot be listed although the sandbox could, or too much was met.
pub(super) fn refresh<'i>(
    walker: &mut Walker<'_>,
    root: &Root,
    mut folders: Vec<Folder<'i>>,
) -> Result<Vec<Folder<'i>>, SearchError> {
    let mut states = look(walker, root, &folders);
    if states.iter().all(|state| *state == State::Same) {
        return Ok(folders);
    }
    let mut known = known_subfolders(&folders, &states);
    for number in 0..states.len() {
        if states.get(number) != Some(&State::Changed) {
            continue;
        }
        let subfolders = known.remove(&number).unwrap_or_default();
        let is_there = list_again(walker, root, &mut folders, number, &subfolders, &mut states)?;
        if !is_there && let Some(state) = states.get_mut(number) {
            *state = State::Gone;
        }
    }
    Ok(without_gone(folders, &states))
}

/// Looks at every folder of the index.
fn look(walker: &mut Walker<'_>, root: &Root, folders: &[Folder<'_>]) -> Vec<State> {
    let mut states: Vec<State> = Vec::with_capacity(folders.len());
    for (number, folder) in folders.iter().enumerate() {
        // Parents come first. When each on the way is a real folder, the path leads through no symlink.
        let is_orphan = number > 0 && states.get(index(folder.parent)).is_none_or(|state| *state == State::Gone);
        let status = if is_orphan { Err(Errno::ENOENT) } else { root.status(&folder.path) };
        states.push(match status {
            Ok(status) if is_folder(&status) => {
                let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                let reopen = || open(&root.full(&folder.path), flags, Mode::empty()).ok();
                let is_same = folder.stamp.is_some() && walker.stamp(&status, reopen) == folder.stamp;
                if is_same { State::Same } else { State::Changed }
            }
            Ok(_) | Err(Errno::ENOENT | Errno::ENOTDIR) => State::Gone,
            Err(_) => State::Changed,
        });
    }
    states
}

/// The known subfolders of changed folders: their numbers by their paths.
type Known<'i> = FxHashMap<Cow<'i, std::ffi::CStr>, usize>;

/// The known subfolders of every changed folder.
fn known_subfolders<'i>(folders: &[Folder<'i>], states: &[State]) -> FxHashMap<usize, Known<'i>> {
    let mut known: FxHashMap<usize, Known<'i>> = FxHashMap::default();
    for (number, (folder, state)) in folders.iter().zip(states).enumerate().skip(1) {
        let parent = index(folder.parent);
        if *state != State::Gone && states.get(parent) == Some(&State::Changed) {
            known.entry(parent).or_default().insert(folder.path.clone(), number);
        }
    }
    known
}

/// Lists the changed folder `number`, walks what is new in it and marks what is gone. False when it is no folder any more.
///
/// # Errors
/// When a folder cannot be listed although the sandbox could, or too much was met.
fn list_again(
    walker: &mut Walker<'_>,
    root: &Root,
    folders: &mut Vec<Folder<'_>>,
    number: usize,
    known: &Known<'_>,
    states: &mut [State],
) -> Result<bool, SearchError> {
    let Some(folder) = folders.get_mut(number) else { return Ok(false) };
    let path = folder.path.clone().into_owned();
    let row = walker.automaton.row_at(root.row, path.to_bytes());
    let Some(listing) = walker.list(root, &path, row)? else { return Ok(false) };
    folder.stamp = listing.stamp;
    folder.finds = listing.finds;
    let mut present: FxHashSet<CString> = FxHashSet::default();
    for (name, row) in listing.subfolders {
        let path = root.below(&path, &name)?;
        if known.contains_key(path.as_c_str()) {
            present.insert(path);
        } else {
            walker.walk(root, path, row, u32::try_from(number).unwrap_or(u32::MAX), folders)?;
        }
    }
    let lost = known.iter().filter(|(path, _)| !present.contains(path.as_ref()));
    for (_, number) in lost {
        states.get_mut(*number).into_iter().for_each(|state| *state = State::Gone);
    }
    Ok(true)
}

/// The folders that are still there, with their parents' new numbers.
fn without_gone<'i>(folders: Vec<Folder<'i>>, states: &[State]) -> Vec<Folder<'i>> {
    let mut left: Vec<Folder<'i>> = Vec::with_capacity(folders.len());
    let mut numbers: Vec<Option<u32>> = Vec::with_capacity(folders.len());
    for (number, folder) in folders.into_iter().enumerate() {
        let parent = if number == 0 { Some(0) } else { numbers.get(index(folder.parent)).copied().flatten() };
        let is_gone = states.get(number) == Some(&State::Gone);
        let new = parent.filter(|_| !is_gone).and_then(|_| u32::try_from(left.len()).ok());
        numbers.push(new);
        if let (Some(parent), Some(_)) = (parent, new) {
            left.push(Folder { parent, ..folder });
        }
    }
    left
}

/// A folder's number as an index.
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
