//! From a file as it was found to the text that is to take its place, and back; no file is touched here.

use serde_json::Value;

use crate::install::change::{Change, borrowed, member};
use crate::install::document::Document;
use crate::install::error::InstallError;
use crate::install::file::{Found, digest};
use crate::install::hunks::{self, Since};
use crate::install::json::Dialect;
use crate::install::record::{Made, Written};

/// A file and the text that is to take its place.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    /// The file as it was found.
    pub(crate) found: Found,
    /// The text; `None` when the file is to go.
    pub(crate) text: Option<String>,
    /// What the record is to say of it; `None` when nothing of ours remains.
    pub(crate) written: Option<Written>,
    /// Whether the old text is ours to the last byte, so that nobody misses it.
    pub(crate) disposable: bool,
}

impl Edit {
    /// Whether the file is already as it should be.
    pub(crate) fn is_nothing(&self) -> bool {
        self.found.text == self.text
    }
}

/// The edit that makes `changes` in a JSON file; `record` is what an earlier installation wrote there.
///
/// # Errors
/// When the file cannot be understood, has another shape, or the edit would have touched anything else.
pub(crate) fn make(
    found: Found,
    dialect: Dialect,
    changes: &[Change],
    record: Option<&Written>,
) -> Result<Edit, InstallError> {
    let current = found.text.clone().unwrap_or_default();
    let made = apply(&found, &current, dialect, changes)?;
    let stale = |written: &&Written| written.changes.iter().any(|made| !changes.contains(&made.change));
    if made == current
        && let Some(record) = record
        && !stale(&record)
    {
        return Ok(Edit { text: found.text.clone(), found, written: Some(record.clone()), disposable: false });
    }
    // What an earlier installation wrote is taken back first, so that one record describes the whole difference.
    let base = match record {
        Some(record) => back(&found, &current, dialect, &made_of(record), Some(record))?,
        None => current,
    };
    let text = apply(&found, &base, dialect, changes)?;
    let written = describe(&found, &base, &text, dialect, changes, record)?;
    only_ours(&found, &base, &text, dialect, &written)?;
    Ok(Edit { found, text: Some(text), written: Some(written), disposable: false })
}

/// The edit that takes back what is ours: what the record says, or what can be recognised by `changes`.
///
/// # Errors
/// When the file cannot be understood.
pub(crate) fn unmake(
    found: Found,
    dialect: Dialect,
    changes: &[Change],
    record: Option<&Written>,
) -> Result<Edit, InstallError> {
    let Some(current) = found.text.clone() else {
        return Ok(Edit { found, text: None, written: None, disposable: true });
    };
    let made = record.map_or_else(|| unrecorded(changes), made_of);
    let text = back(&found, &current, dialect, &made, record)?;
    let emptied = || {
        parse(&found, &text, dialect)
            .and_then(|document| value(&found, &document))
            .is_ok_and(|value| value == Value::Object(serde_json::Map::new()))
    };
    let gone = record.is_some_and(|record| record.created) && emptied();
    let disposable = gone && record.is_some_and(|record| found.digest().as_ref() == Some(&record.digest));
    Ok(Edit { found: found.clone(), text: (!gone).then_some(text), written: None, disposable })
}

/// A change to take back, with what a record knows of the time before it.
type Known = (Change, Option<Option<Value>>);

/// The changes that a record lists.
fn made_of(record: &Written) -> Vec<Known> {
    record.changes.iter().map(|made| (made.change.clone(), Some(made.before.clone()))).collect()
}

/// Changes of which no record says anything.
fn unrecorded(changes: &[Change]) -> Vec<Known> {
    changes.iter().map(|change| (change.clone(), None)).collect()
}

/// The text with `changes` made in it.
///
/// # Errors
/// When it cannot be understood or has another shape.
fn apply(found: &Found, text: &str, dialect: Dialect, changes: &[Change]) -> Result<String, InstallError> {
    let document = parse(found, text, dialect)?;
    for change in changes {
        change.make(&document).map_err(|problem| unreadable(found, problem))?;
    }
    // An untouched text comes back as it was, an empty one included.
    let before = parse(found, text, dialect)?.text();
    let after = document.text();
    Ok(if after == before { text.to_owned() } else { after })
}

/// The text without what is ours: line by line where that gives exactly what taking it out of the tree gives.
///
/// # Errors
/// When it cannot be understood.
fn back(
    found: &Found,
    text: &str,
    dialect: Dialect,
    made: &[Known],
    record: Option<&Written>,
) -> Result<String, InstallError> {
    let document = parse(found, text, dialect)?;
    let untouched = document.text();
    for (change, before) in made.iter().rev() {
        change.unmake(&document, before.as_ref()).map_err(|problem| unreadable(found, problem))?;
    }
    prune(&document, record, made).map_err(|problem| unreadable(found, problem))?;
    let expected = value(found, &document)?;
    if let Some(record) = record {
        let since = if record.digest == digest(text.as_bytes()) { Since::Untouched } else { Since::Edited };
        let same = |text: &String| {
            parse(found, text, dialect)
                .and_then(|document| value(found, &document))
                .is_ok_and(|value| value == expected)
        };
        if let Some(text) = hunks::revert(text, &record.hunks, since)
            && (since == Since::Untouched || same(&text))
        {
            return Ok(text);
        }
    }
    let after = document.text();
    Ok(if after == untouched { text.to_owned() } else { after })
}

/// Takes out the objects and arrays that were made for us, as far as nothing is in them. Without a record those count on
/// the way to what was taken out.
///
/// # Errors
/// When the document cannot be understood.
fn prune(document: &Document, record: Option<&Written>, made: &[Known]) -> Result<(), String> {
    let ways = || made.iter().flat_map(|(change, _)| prefixes(change)).collect::<Vec<_>>();
    let mut containers = record.map_or_else(ways, |record| record.containers.clone());
    containers.sort_by_key(Vec::len);
    for path in containers.iter().rev() {
        let value = document.value()?;
        let empty = match member(&value, path) {
            Some(Value::Array(elements)) => elements.is_empty(),
            Some(Value::Object(members)) => members.is_empty(),
            _ => false,
        };
        if empty {
            document.remove(&borrowed(path));
        }
    }
    Ok(())
}

/// The objects and arrays on the way to a change, outermost first.
fn prefixes(change: &Change) -> Vec<Vec<String>> {
    let path = change.path();
    let last = match change {
        Change::Element { .. } => path.len(),
        Change::Member { .. } => path.len().saturating_sub(1),
    };
    (1..=last).map(|length| path[..length].to_vec()).collect()
}

/// What a record is to say about an edit.
///
/// # Errors
/// When a text cannot be understood.
fn describe(
    found: &Found,
    base: &str,
    text: &str,
    dialect: Dialect,
    changes: &[Change],
    record: Option<&Written>,
) -> Result<Written, InstallError> {
    let before = value(found, &parse(found, base, dialect)?)?;
    let mut containers = Vec::new();
    for path in changes.iter().flat_map(prefixes) {
        if member(&before, &path).is_none() && !containers.contains(&path) {
            containers.push(path);
        }
    }
    let old = |change: &Change| match change {
        Change::Member { path, .. } => member(&before, path).cloned(),
        Change::Element { .. } => None,
    };
    Ok(Written {
        path: found.path.clone(),
        created: found.text.is_none() || record.is_some_and(|record| record.created),
        digest: digest(text.as_bytes()),
        changes: changes.iter().map(|change| Made { change: change.clone(), before: old(change) }).collect(),
        containers,
        hunks: hunks::between(base, text),
    })
}

/// Makes sure that an edit has changed nothing but what is ours.
///
/// # Errors
/// When it has, or when what is ours is not there afterwards.
fn only_ours(found: &Found, base: &str, text: &str, dialect: Dialect, written: &Written) -> Result<(), InstallError> {
    let wrong = |problem: &str| InstallError::Edit { path: found.path.clone(), problem: problem.to_owned() };
    let (old, new) = (parse(found, base, dialect)?, parse(found, text, dialect)?);
    for made in &written.changes {
        if !made.change.holds(&new).map_err(|problem| wrong(&problem))? {
            return Err(wrong(&format!("\"{}\" is not as it should be", made.change.path().join("."))));
        }
    }
    for made in written.changes.iter().rev() {
        for document in [&old, &new] {
            made.change.unmake(document, Some(&made.before)).map_err(|problem| wrong(&problem))?;
        }
    }
    prune(&new, Some(written), &[]).map_err(|problem| wrong(&problem))?;
    if value(found, &old)? == value(found, &new)? { Ok(()) } else { Err(wrong("other values differ")) }
}

/// Reads a text.
///
/// # Errors
/// When it cannot be understood.
fn parse(found: &Found, text: &str, dialect: Dialect) -> Result<Document, InstallError> {
    Document::parse(text, dialect).map_err(|problem| unreadable(found, problem))
}

/// What a document means.
///
/// # Errors
/// When it cannot be understood.
fn value(found: &Found, document: &Document) -> Result<Value, InstallError> {
    document.value().map_err(|problem| unreadable(found, problem))
}

/// The failure for a text that is not as it must be.
fn unreadable(found: &Found, problem: String) -> InstallError {
    InstallError::Parse { path: found.path.clone(), problem }
}

#[cfg(test)]
mod tests;
