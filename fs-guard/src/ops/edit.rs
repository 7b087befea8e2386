//! Editing: exact pieces of text replaced by others, in order, all or none.

use std::borrow::Cow;
use std::path::Path;

use super::error::OpError;
use super::read::{self, length, within};
use super::write;
use crate::guard::Target;

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The text as it stands in the file.
    pub old: String,
    /// The text to put there.
    pub new: String,
    /// Whether it is replaced wherever it stands, rather than in the one place where it must be.
    pub all: bool,
}

/// The most edits of one request.
const MAX_EDITS: usize = 1000;

/// Carries `edits` out on the target; returns how many pieces were replaced.
///
/// # Errors
/// When an old text is not found exactly once, or the file cannot be read or written. Nothing has changed then.
pub(super) fn edit(target: &Target, edits: &[Edit]) -> Result<usize, OpError> {
    check(edits)?;
    let (content, facts) = read::whole(target)?;
    let (content, replaced) = apply(&target.path, content, edits)?;
    write::overwrite(target, &facts, &content, None)?;
    Ok(replaced)
}

/// Checks that the edits make sense whatever the file holds.
///
/// # Errors
/// When they do not.
fn check(edits: &[Edit]) -> Result<(), OpError> {
    let refuse = |message: String, hint| Err(OpError::Request { message, hint });
    if edits.is_empty() || edits.len() > MAX_EDITS {
        return refuse(format!("There are {} edits.", edits.len()), "Give at least 1 and at most 1000.");
    }
    for (number, edit) in (1..).zip(edits) {
        if edit.old.is_empty() {
            return refuse(format!("The old text of edit {number} is empty."), "Give the text that is to be replaced.");
        }
        if edit.old == edit.new {
            return refuse(format!("Edit {number} changes nothing."), "Give a new text that differs from the old one.");
        }
    }
    Ok(())
}

/// The content after `edits`, and how many pieces were replaced.
///
/// # Errors
/// When an old text is not found exactly once, or the content would become too large.
fn apply(path: &Path, content: Vec<u8>, edits: &[Edit]) -> Result<(Vec<u8>, usize), OpError> {
    match String::from_utf8(content) {
        Ok(text) => {
            let (text, replaced) = replace_all(path, text, edits, &|part| Cow::Borrowed(part))?;
            Ok((text.into_bytes(), replaced))
        }
        // Every byte as the character of the same number: what is searched for stays findable, and every byte comes back.
        Err(error) => {
            let text = widen(error.as_bytes());
            let (text, replaced) = replace_all(path, text, edits, &|part| Cow::Owned(widen(part.as_bytes())))?;
            Ok((text.chars().filter_map(|character| u8::try_from(u32::from(character)).ok()).collect(), replaced))
        }
    }
}

/// Every byte as the character of the same number.
fn widen(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Carries the edits out one after the other.
///
/// # Errors
/// When an old text is not found exactly once, or the text would become too large.
fn replace_all(
    path: &Path,
    mut text: String,
    edits: &[Edit],
    spell: &dyn Fn(&str) -> Cow<'_, str>,
) -> Result<(String, usize), OpError> {
    let has_crlf = ends_in_crlf(&text);
    let mut replaced: usize = 0;
    for (number, edit) in (1..).zip(edits) {
        let [old, new] = [&edit.old, &edit.new].map(|part| {
            let part = if has_crlf { Cow::Owned(with_crlf(part)) } else { Cow::Borrowed(part.as_str()) };
            spell(&part).into_owned()
        });
        let matches = count(&text, &old);
        if matches == 0 || (matches > 1 && !edit.all) {
            return Err(OpError::Unmatched { path: path.to_owned(), number, matches });
        }
        let pieces = text.matches(old.as_str()).count();
        let grown = length(new.as_bytes()).saturating_sub(length(old.as_bytes()));
        let more = grown.saturating_mul(u64::try_from(pieces).unwrap_or(u64::MAX));
        within(path, length(text.as_bytes()).saturating_add(more))?;
        text = text.replace(old.as_str(), &new);
        replaced = replaced.saturating_add(pieces);
    }
    Ok((text, replaced))
}

/// How often `old` is found in `text`; two places that overlap are two.
fn count(text: &str, old: &str) -> usize {
    let apart = text.matches(old).count();
    let Some(first) = text.find(old).filter(|_| apart == 1) else { return apart };
    let next = first.saturating_add(old.chars().next().map_or(1, char::len_utf8));
    if text.get(next..).is_some_and(|rest| rest.contains(old)) { 2 } else { 1 }
}

/// Whether every line of `text` ends in CRLF, and there is one.
fn ends_in_crlf(text: &str) -> bool {
    let ends = text.matches('\n').count();
    ends > 0 && ends == text.matches("\r\n").count()
}

/// `text` with every line ending in CRLF.
fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What one edit of bytes is, written down as plainly as can be: where `old` begins, and the content with it replaced.
    fn plainly(content: &[u8], old: &[u8], new: &[u8]) -> (usize, Vec<u8>) {
        let places: Vec<usize> = (0..content.len())
            .filter(|&place| content.get(place..).is_some_and(|rest| rest.starts_with(old)))
            .collect();
        let Some(&first) = places.first() else { return (0, content.to_vec()) };
        (places.len(), [&content[..first], new, &content[first + old.len()..]].concat())
    }

    proptest! {
        #[test]
        fn an_edit_is_what_it_says_for_any_bytes(
            content in prop::collection::vec(prop::sample::select(vec![b'a', b'b', b'\n', b'\xff', b'\xc3', b'\xa9']), 0..24),
            old in "[ab\né]{1,3}",
            new in "[ab\né]{0,3}",
        ) {
            prop_assume!(old != new);
            let (places, expected) = plainly(&content, old.as_bytes(), new.as_bytes());
            let edits = [Edit { old, new, all: false }];
            match apply(Path::new("file"), content, &edits) {
                Ok((edited, replaced)) => {
                    prop_assert_eq!((places, replaced), (1, 1));
                    prop_assert_eq!(edited, expected);
                }
                Err(OpError::Unmatched { matches, .. }) => {
                    prop_assert_ne!(places, 1);
                    prop_assert_eq!(matches == 0, places == 0);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }

        #[test]
        fn edits_there_and_back_leave_every_byte_as_it_was(content in prop::collection::vec(any::<u8>(), 0..200)) {
            let marked = [content.as_slice(), b"<mark>"].concat();
            prop_assume!(plainly(&marked, b"<mark>", b"").0 == 1 && plainly(&marked, b"[else]", b"").0 == 0);
            let edit = |old: &str, new: &str| [Edit { old: old.to_owned(), new: new.to_owned(), all: false }];
            let (there, _) = apply(Path::new("file"), marked.clone(), &edit("<mark>", "[else]")).unwrap();
            let (back, _) = apply(Path::new("file"), there, &edit("[else]", "<mark>")).unwrap();
            prop_assert_eq!(back, marked);
        }
    }
}
