//! What is hidden or protected somewhere below a folder: for searches, and for what is moved or removed with all that it holds.

use std::path::{Path, PathBuf};

use super::expand::{self, Found};
use super::facts::{Cause, may_be_there};
use super::index::{Entry, List, lies_in};
use super::sight::Sight;

/// How many files and folders a search below one folder may meet, on behalf of one request.
const LIMIT: usize = 200_000;

/// What lies below a folder.
#[derive(Debug, Default)]
pub(super) struct Below {
    /// Existing paths, with what covers them; the first few.
    pub(super) paths: Vec<(PathBuf, Cause)>,
    /// Whether there was too much to search it all.
    pub(super) is_cut: bool,
}

impl Sight<'_> {
    /// Existing paths below `folder`, or `folder` itself, that rules of `list` cover.
    pub(super) fn restricted_below(&self, folder: &Path, list: List) -> Below {
        let index = &self.guard.index;
        let mut below = Below::default();
        for (path, entry) in index.below(folder, list) {
            below.add(path, Cause::Rule(entry));
        }
        for wild in index.wild.iter().filter(|wild| wild.entry.list == list) {
            let mut found = Found { left: LIMIT, ..Found::default() };
            expand::within(&wild.pattern, folder, &mut found);
            below.is_cut |= found.left == 0;
            found.paths.into_iter().for_each(|path| below.add(path, Cause::Rule(wild.entry)));
        }
        self.led_below(folder, list, &mut below);
        let workspaces = &self.guard.places.workspaces;
        below.paths.retain(|(path, _)| !workspaces.contains(path) && self.is_shown_in(path, folder));
        below.paths.sort_by(|one, other| one.0.cmp(&other.0));
        below
    }

    /// Adds what rules of `list` cover because something leads there.
    fn led_below(&self, folder: &Path, list: List, below: &mut Below) {
        let inside = |path: &&std::ffi::OsString| lies_in(Path::new(path), folder);
        match list {
            List::Mask => {
                for path in self.facts.masked.keys().filter(inside) {
                    let entry: Option<Entry> = self.facts.masked.get(path).copied();
                    entry.into_iter().for_each(|entry| below.add(PathBuf::from(path), Cause::Rule(entry)));
                }
            }
            List::Protect => {
                for path in self.facts.protected.keys().filter(inside) {
                    below
                        .add(PathBuf::from(path), self.facts.protected.get(path).copied().unwrap_or(Cause::Repository));
                }
                for path in self.facts.pointers.iter().filter(inside) {
                    below.add(PathBuf::from(path), Cause::Repository);
                }
            }
            List::Read | List::Write | List::Scratch => {}
        }
    }

    /// Whether `path` belongs to the part of the host that `folder` is in: no workspace begins in between.
    fn is_shown_in(&self, path: &Path, folder: &Path) -> bool {
        let between =
            |workspace: &PathBuf| lies_in(workspace, folder) && workspace != folder && lies_in(path, workspace);
        !self.guard.places.workspaces.iter().any(between)
    }
}

impl Below {
    /// Adds `path`, when something is there.
    fn add(&mut self, path: PathBuf, cause: Cause) {
        if may_be_there(&path) && !self.paths.iter().any(|(other, _)| *other == path) {
            self.paths.push((path, cause));
        }
    }
}
