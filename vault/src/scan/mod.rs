//! Finds the vault's own values where they should not be: in files, in the environment of processes, in the history of git.
//!
//! It does not guess what a secret looks like, as scanners do that know none; it knows the values, and reports nothing else. Reports say
//! where and which, never the value or what stands around it.

mod files;
mod finding;
mod forms;
mod git;
mod index;
mod layers;
mod processes;
mod report;
mod search;
mod shown;
mod worth;

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use self::files::Walk;
use self::search::Searcher;
pub use finding::{Finding, Origin, Place, Spot};
pub use forms::Form;
pub use index::Index;
pub use layers::Layer;
pub use report::{Passed, Report, Unread};
pub use search::Writing;
pub use worth::{SHORTEST, SHORTEST_PLAIN, Unsearched};

/// What is to be searched.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Whether to search the history of the repositories in them, and of the one that each is in.
    pub git: bool,
    /// Whether to search what processes were started with.
    pub environment: bool,
    /// Whether to stay on the file system of each path.
    pub one_file_system: bool,
    /// The folder that secrets are unlocked to: it is passed by unless it is one of the paths.
    pub unlocked: Option<PathBuf>,
}

/// Searches what is wanted for the values of an index. The vault that the index is of should be closed by now.
#[must_use]
pub fn scan(index: &Index, wanted: &Wanted) -> Report {
    let mut report =
        Report { unsearched: index.unsearched().to_vec(), searched: index.searched(), ..Report::default() };
    let mut searcher = Searcher::new(index);
    let above: BTreeSet<PathBuf> =
        wanted.paths.iter().filter(|_| wanted.git).filter_map(|path| git::above(path)).collect();
    let mut walk = Walk::new(&mut searcher, &mut report);
    walk.one_file_system = wanted.one_file_system;
    for path in &wanted.paths {
        walk.unlocked = wanted.unlocked.as_deref().and_then(files::identity);
        walk.named(path);
    }
    let mut repositories = std::mem::take(&mut walk.repositories);
    let identities: BTreeSet<_> = repositories.iter().filter_map(|path| files::identity(path)).collect();
    // The messages and the configuration of the repository that a path is in, unless it was searched with the path.
    for path in above.into_iter().filter(|path| files::identity(path).is_none_or(|found| !identities.contains(&found)))
    {
        walk.named(&path);
        repositories.insert(path);
    }
    if wanted.git {
        let mut histories = git::Histories::default();
        repositories.iter().for_each(|path| histories.search(path, &mut searcher, &mut report));
    } else {
        let shown = repositories.iter().map(|path| index.shown(path.as_os_str().as_bytes()));
        report.passed.extend(shown.map(|path| (Passed::History, path)));
    }
    if wanted.environment {
        processes::search_all(&searcher, &mut report);
    }
    report
}

#[cfg(test)]
mod tests;
