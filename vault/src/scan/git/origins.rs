//! Where contents were files: which commits put them at which path, and which are in an index.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use super::GitError;
use super::bare::{Git, read_error};

/// How many objects one run of git is asked for: each is an argument.
const AT_ONCE: usize = 500;

/// How many commits of one object are kept.
const KEPT: usize = 64;

/// By object, the commits (none for an index) and paths.
pub(super) type Origins = BTreeMap<String, Vec<(Option<String>, Vec<u8>)>>;

/// The origins of objects, in an order that does not depend on how the repository is packed.
///
/// # Errors
/// When git cannot be started, or stops early.
pub(super) fn of(
    git: &Git<'_>,
    commits: &[String],
    wanted: &BTreeSet<&str>,
    indexes: &[PathBuf],
) -> Result<Origins, GitError> {
    let mut origins = Origins::new();
    if wanted.is_empty() {
        return Ok(origins);
    }
    let mut commits: Vec<&str> = commits.iter().map(String::as_str).collect();
    commits.sort_unstable();
    let all: Vec<&str> = wanted.iter().copied().collect();
    for some in all.chunks(AT_ONCE) {
        let answer = changes(git, &commits, some)?;
        for (commit, id, path) in added(&answer) {
            note(&mut origins, &id, (Some(commit), path));
        }
    }
    for index in indexes {
        for (id, path) in staged(&listed(git, index)?) {
            if wanted.contains(id.as_str()) {
                note(&mut origins, &id, (None, path));
            }
        }
    }
    Ok(origins)
}

/// Notes one origin of an object.
fn note(origins: &mut Origins, id: &str, origin: (Option<String>, Vec<u8>)) {
    let known = origins.entry(id.to_owned()).or_default();
    if known.len() < KEPT && !known.contains(&origin) {
        known.push(origin);
    }
}

/// What every commit changed about some objects, as `git diff-tree --raw -z` tells it. Merges count against each parent, so that a
/// stash tells what it holds.
///
/// # Errors
/// When git cannot be started, or stops early.
fn changes(git: &Git<'_>, commits: &[&str], objects: &[&str]) -> Result<Vec<u8>, GitError> {
    let finds: Vec<String> = objects.iter().map(|id| format!("--find-object={id}")).collect();
    let mut arguments =
        vec!["diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "-z", "--no-abbrev", "--no-renames"];
    arguments.extend(finds.iter().map(String::as_str));
    let mut running = git.start(&arguments, None, Stdio::piped())?;
    let input = running.child.stdin.take();
    let mut answer = Vec::new();
    let read = thread::scope(|scope| {
        scope.spawn(move || {
            let Some(mut input) = input else { return };
            // Git that stops reading has stopped, which its status tells.
            let _ = commits.chunks(1024).try_for_each(|some| input.write_all((some.join("\n") + "\n").as_bytes()));
        });
        running.output.read_to_end(&mut answer)
    });
    read.map_err(read_error)?;
    running.end()?;
    Ok(answer)
}

/// The commits, objects and paths in an answer: a commit's id, then for each change `:MODE MODE OLD NEW STATUS` and the path.
fn added(answer: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut commit = String::new();
    let mut parts = answer.split(|byte| *byte == 0);
    while let Some(part) = parts.next() {
        let text = String::from_utf8_lossy(part);
        match text.strip_prefix(':') {
            None => commit = text.trim().to_owned(),
            Some(change) => {
                let path = parts.next().unwrap_or_default();
                if let Some(new) = change.split(' ').nth(3) {
                    found.push((commit.clone(), new.to_owned(), path.to_vec()));
                }
            }
        }
    }
    found
}

/// What an index lists, as `git ls-files --stage -z` tells it.
///
/// # Errors
/// When git cannot be started, or stops early.
fn listed(git: &Git<'_>, index: &Path) -> Result<Vec<u8>, GitError> {
    let mut running = git.start(&["ls-files", "--stage", "-z"], Some(index), Stdio::null())?;
    let mut answer = Vec::new();
    running.output.read_to_end(&mut answer).map_err(read_error)?;
    running.end()?;
    Ok(answer)
}

/// The objects and paths in such a list: `MODE ID STAGE`, a tab, the path.
fn staged(answer: &[u8]) -> Vec<(String, Vec<u8>)> {
    answer
        .split(|byte| *byte == 0)
        .filter_map(|entry| {
            let tab = entry.iter().position(|byte| *byte == b'\t')?;
            let id = String::from_utf8_lossy(&entry[..tab]).split(' ').nth(1)?.to_owned();
            Some((id, entry[tab + 1..].to_vec()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{added, staged};

    #[test]
    fn what_a_commit_added_is_told_and_what_it_removed_is_not() {
        let answer = b"c1\0:000000 100644 0000 aaaa A\0a\tb\0:100644 000000 aaaa 0000 D\0old\0c2\0:100644 100644 bbbb aaaa M\0x\0";
        let found: Vec<_> = added(answer).into_iter().filter(|(_, id, _)| id == "aaaa").collect();
        assert_eq!(
            found,
            [
                ("c1".to_owned(), "aaaa".to_owned(), b"a\tb".to_vec()),
                ("c2".to_owned(), "aaaa".to_owned(), b"x".to_vec())
            ]
        );
    }

    #[test]
    fn an_index_tells_objects_and_paths() {
        assert_eq!(staged(b"100644 aaaa 0\ta b\0"), [("aaaa".to_owned(), b"a b".to_vec())]);
    }
}
