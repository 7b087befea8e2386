//! Editing: exact pieces of text replaced by others, in order, all or none.

use std::borrow::Cow;

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
    let (content, replaced) = apply(target, content, edits)?;
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
fn apply(target: &Target, content: Vec<u8>, edits: &[Edit]) -> Result<(Vec<u8>, usize), OpError> {
    match String::from_utf8(content) {
        Ok(text) => {
            let (text, replaced) = replace_all(target, text, edits, &|part| Cow::Borrowed(part))?;
            Ok((text.into_bytes(), replaced))
        }
        // Every byte as the character of the same number: what is searched for stays findable, and every byte comes back.
        Err(error) => {
            let text = widen(error.as_bytes());
            let (text, replaced) = replace_all(target, text, edits, &|part| Cow::Owned(widen(part.as_bytes())))?;
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
    target: &Target,
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
            return Err(OpError::Unmatched { path: target.path.clone(), number, matches });
        }
        let pieces = text.matches(old.as_str()).count();
        let grown = length(new.as_bytes()).saturating_sub(length(old.as_bytes()));
        let more = grown.saturating_mul(u64::try_from(pieces).unwrap_or(u64::MAX));
        within(&target.path, length(text.as_bytes()).saturating_add(more))?;
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
