//! Takes an edit back line by line, also when other lines have been edited since.

use serde::{Deserialize, Serialize};
use similar::{DiffTag, TextDiff};

/// A place at which an installation changed a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hunk {
    /// The first line of it in the text that was written, from 0.
    line: usize,
    /// The lines as they were before.
    before: String,
    /// The lines that were written.
    after: String,
}

/// The places at which `after` differs from `before`.
pub(crate) fn between(before: &str, after: &str) -> Vec<Hunk> {
    let (old, new) = (lines(before), lines(after));
    let diff = TextDiff::from_slices(&old, &new);
    let changed = diff.ops().iter().filter(|op| op.tag() != DiffTag::Equal);
    changed
        .map(|op| Hunk {
            line: op.new_range().start,
            before: old[op.old_range()].concat(),
            after: new[op.new_range()].concat(),
        })
        .collect()
}

/// Whether a text is still the one that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Nobody has touched it.
    Untouched,
    /// Somebody has.
    Edited,
}

/// Takes the hunks out of `text`; `None` when one of them cannot be found, or could be at several places.
pub(crate) fn revert(text: &str, hunks: &[Hunk], since: Since) -> Option<String> {
    let mut lines = lines(text);
    for hunk in hunks.iter().rev() {
        let written = self::lines(&hunk.after);
        let start = match since {
            Since::Untouched => hunk.line,
            Since::Edited => only(&lines, &written)?,
        };
        if lines.get(start..start + written.len())? != written {
            return None;
        }
        lines.splice(start..start + written.len(), self::lines(&hunk.before));
    }
    Some(lines.concat())
}

/// The one place where `written` lies in `lines`.
fn only(lines: &[&str], written: &[&str]) -> Option<usize> {
    let is_at = |start: &usize| lines.get(*start..*start + written.len()).is_some_and(|found| found == written);
    let mut places = (0..lines.len()).filter(is_at);
    let first = places.next()?;
    (!written.is_empty() && places.next().is_none()).then_some(first)
}

/// The lines of a text, each with its end.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}
