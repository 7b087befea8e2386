//! Searches the history of repositories: every object that is stored, reachable or not, and what the index holds.
//!
//! Git itself unpacks the objects, for packs are its own format. A repository may belong to whoever the scan is about, so nothing of it
//! but objects and index is given to git: `bare` makes an empty repository of the scan's own, whose configuration is known. No
//! configuration, hook, filter, attribute or remote of theirs is read, so none can run a program or fetch anything. Messages, reflogs,
//! references and configuration are plain files, which `files` searches where they lie.

mod bare;
mod objects;
mod origins;
mod repository;

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use thiserror::Error;

use self::bare::{Bare, Git};
use self::objects::Object;
use self::origins::Origins;
use self::repository::Repository;
pub(super) use self::repository::above;
use super::files::{Identity, identity};
use super::finding::{Finding, Origin, Place, Spot};
use super::report::Report;
use super::search::{Findings, Searcher};

/// How many origins of one file's content are told.
const ORIGINS: usize = 3;

/// Why the history of a repository could not be searched, or not all of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(super) enum GitError {
    /// There is no `git`.
    #[error("git is not in PATH")]
    Missing,
    /// It has no folder of objects.
    #[error("it has no folder of objects")]
    NoObjects,
    /// The empty repository could not be made.
    #[error("failed to make an empty repository in the folder of temporary files: {source}")]
    Bare {
        /// What the system said.
        source: std::io::Error,
    },
    /// Git could not be started, or what it says not be read.
    #[error("failed to read from git: {source}")]
    Read {
        /// What the system said.
        source: std::io::Error,
    },
    /// Git says something that it does not say.
    #[error("git gave an answer of an unknown form")]
    Answer,
    /// Git stopped.
    #[error("git stopped before its end; `git fsck` tells what is wrong with the repository")]
    Stopped,
    /// Git gave no answer.
    #[error("git gave no answer for {seconds} seconds")]
    Silent {
        /// How long it had.
        seconds: u64,
    },
}

/// What was found in one object.
struct Found {
    /// The object.
    object: Object,
    /// The values in it.
    findings: Findings,
    /// Whether it is text.
    is_text: bool,
}

/// Searches histories, each set of objects once.
#[derive(Debug, Default)]
pub(super) struct Histories {
    /// The folders of objects that were searched.
    seen: BTreeSet<Identity>,
}

impl Histories {
    /// Searches the history of the repository whose git directory, or file that names it, is at `path`.
    pub(super) fn search(&mut self, path: &Path, searcher: &mut Searcher<'_>, report: &mut Report) {
        let shown = searcher.index().shown(path.as_os_str().as_bytes());
        let whole = Repository::at(path).and_then(|repository| {
            if identity(&repository.objects).is_none_or(|objects| self.seen.insert(objects)) {
                history(&repository, &shown, searcher, report)?;
            }
            Ok(())
        });
        if let Err(error) = whole {
            report.unread(format!("{shown}: history"), error);
        }
    }
}

/// Searches the history of one repository. What was found before something failed is reported.
///
/// # Errors
/// When git cannot be started, or stops early.
fn history(
    repository: &Repository,
    shown: &str,
    searcher: &mut Searcher<'_>,
    report: &mut Report,
) -> Result<(), GitError> {
    let bare = Bare::new(repository)?;
    let git = Git::of(repository, &bare)?;
    let mut found = Vec::new();
    let mut commits = Vec::new();
    let read = objects::each(&git, |object, source| {
        let mut findings = Findings::new();
        let mut position = super::search::Position::default();
        let is_text = source.is_text();
        searcher.stream(source, &mut position, &mut findings)?;
        report.objects += 1;
        report.bytes += position.offset;
        if object.kind == "commit" {
            commits.push(object.id.clone());
        }
        if !findings.is_empty() {
            found.push(Found { object, findings, is_text });
        }
        Ok(())
    });
    let wanted = found.iter().filter(|found| found.object.kind == "blob").map(|found| found.object.id.as_str());
    let traced = origins::of(&git, &commits, &wanted.collect(), &repository.indexes);
    let (origins, traced) = match traced {
        Ok(origins) => (origins, Ok(())),
        Err(error) => (Origins::new(), Err(error)),
    };
    for found in found {
        add(found, &origins, shown, searcher, report);
    }
    read.and(traced)
}

/// Reports what was found in an object.
fn add(found: Found, origins: &Origins, shown: &str, searcher: &Searcher<'_>, report: &mut Report) {
    let index = searcher.index();
    let origins: Vec<Origin> = origins
        .get(&found.object.id)
        .into_iter()
        .flatten()
        .take(ORIGINS)
        .map(|(commit, path)| Origin { commit: commit.clone(), path: index.shown(path) })
        .collect();
    for ((secret, writing), seen) in found.findings {
        report.findings.push(Finding {
            name: index.name(secret).clone(),
            writing,
            place: Place::Object {
                repository: shown.to_owned(),
                kind: found.object.kind,
                id: found.object.id.clone(),
                spot: Spot::of(&seen, found.is_text),
                origins: origins.clone(),
            },
        });
    }
}
