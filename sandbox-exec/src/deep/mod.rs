//! Patterns with `**`: the only ones for which folders of unknown depth must be listed.
//!
//! Symlinks are not followed and other file systems are entered like any folder. The names found decide what is masked; a file
//! that appears later in a writable root under such a name was made by the sandbox itself or by the person outside.

use std::path::{Path, PathBuf};

use lobsterpot_policy::Segment;

/// Finds what `tail` matches at any depth below `folder`, itself included.
pub(crate) fn search(folder: &Path, tail: &[Segment], found: &mut Vec<PathBuf>) {
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        matches_in(&folder, tail, found);
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        waiting.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
}

/// Adds what `tail` matches right in `folder`.
fn matches_in(folder: &Path, tail: &[Segment], found: &mut Vec<PathBuf>) {
    let Some((segment, rest)) = tail.split_first() else {
        found.push(folder.to_owned());
        return;
    };
    match segment {
        Segment::Literal(name) => {
            let path = folder.join(name);
            if path.symlink_metadata().is_ok() {
                matches_in(&path, rest, found);
            }
        }
        Segment::Glob(_) => {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if segment.matches(&entry.file_name()) {
                    matches_in(&entry.path(), rest, found);
                }
            }
        }
        Segment::AnyDepth => search(folder, rest, found),
    }
}
