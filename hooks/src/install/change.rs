//! What an installation changes in a JSON document, as data: made, recognised again, and taken back.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::install::document::Document;
use crate::install::json::CHOICE;

/// The keys of hook entries under which clients name the program.
const COMMANDS: [&str; 2] = ["command", "bash"];

/// One thing that is to be so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Change {
    /// The array at `path` holds `value`, once, and nothing else that `mark` recognises.
    Element {
        /// The keys that lead to the array.
        path: Vec<String>,
        /// The element.
        value: Value,
        /// How an element of ours is known.
        mark: Mark,
    },
    /// The member at `path` has this value.
    Member {
        /// The keys that lead to it.
        path: Vec<String>,
        /// The value.
        value: Value,
        /// What becomes of it when nobody knows what was there before.
        unknown: Unknown,
    },
}

/// How an element of ours is recognised among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mark {
    /// It is exactly the element.
    Same,
    /// It starts the program with this file name, wherever that lies: a hook entry, or a group that holds some.
    Program(String),
    /// It is a path that ends so.
    Ending(String),
}

/// What uninstalling does with a member when no record says what was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unknown {
    /// Leave it: it protects, or it may have been the user's.
    Keep,
    /// Take it out: nobody else would have written it.
    Remove,
}

impl Change {
    /// An element of the array at `path`.
    pub(crate) fn element(path: &[&str], value: Value, mark: Mark) -> Self {
        Self::Element { path: owned(path), value, mark }
    }

    /// A member that only this project would write.
    pub(crate) fn own(path: &[&str], value: Value) -> Self {
        Self::Member { path: owned(path), value, unknown: Unknown::Remove }
    }

    /// A member that others may have set as well.
    pub(crate) fn shared(path: &[&str], value: Value) -> Self {
        Self::Member { path: owned(path), value, unknown: Unknown::Keep }
    }

    /// Makes it so. Changes nothing when it is so already.
    ///
    /// # Errors
    /// When the document has another shape at that place.
    pub(crate) fn make(&self, document: &Document) -> Result<(), String> {
        match self {
            Self::Member { path, value, .. } => {
                if member(&document.value()?, path) == Some(value) {
                    return Ok(());
                }
                document.set(&borrowed(path), value)
            }
            Self::Element { path, value, mark } => {
                let keys = borrowed(path);
                let present = document.elements(&keys)?;
                let ours: Vec<&Value> =
                    present.iter().filter(|element| mark.remains(value, element) != Some((*element).clone())).collect();
                if ours == [value] {
                    return Ok(());
                }
                strip(document, &keys, value, mark)?;
                document.push(&keys, value)
            }
        }
    }

    /// Whether it is so.
    ///
    /// # Errors
    /// When the document cannot be understood.
    pub(crate) fn holds(&self, document: &Document) -> Result<bool, String> {
        match self {
            Self::Member { path, value, .. } => Ok(member(&document.value()?, path) == Some(value)),
            Self::Element { path, value, .. } => Ok(document.elements(&borrowed(path))?.contains(value)),
        }
    }

    /// Whether something of ours is there, as it should be or otherwise.
    pub(crate) fn is_recognised(&self, document: &Document) -> bool {
        match self {
            Self::Element { path, value, mark } => {
                let present = document.elements(&borrowed(path)).unwrap_or_default();
                present.iter().any(|element| mark.remains(value, element).as_ref() != Some(element))
            }
            Self::Member { path, unknown: Unknown::Remove, .. } => {
                document.value().is_ok_and(|value| member(&value, path).is_some())
            }
            Self::Member { unknown: Unknown::Keep, .. } => false,
        }
    }

    /// Takes it back as far as it is still ours. `before` is what a record knows of the member: its old value, or that it
    /// was not there.
    ///
    /// # Errors
    /// When the document has another shape at that place.
    pub(crate) fn unmake(&self, document: &Document, before: Option<&Option<Value>>) -> Result<(), String> {
        match self {
            Self::Element { path, value, mark } => strip(document, &borrowed(path), value, mark),
            Self::Member { path, value, unknown } => {
                if member(&document.value()?, path) != Some(value) {
                    return Ok(());
                }
                match (before, unknown) {
                    (Some(Some(old)), _) => document.set(&borrowed(path), old),
                    (Some(None), _) | (None, Unknown::Remove) => {
                        document.remove(&borrowed(path));
                        Ok(())
                    }
                    (None, Unknown::Keep) => Ok(()),
                }
            }
        }
    }

    /// The keys that lead to it.
    pub(crate) fn path(&self) -> &[String] {
        match self {
            Self::Element { path, .. } | Self::Member { path, .. } => path,
        }
    }
}

impl Mark {
    /// What remains of `element` when everything of ours is taken out; `None` when nothing does.
    fn remains(&self, ours: &Value, element: &Value) -> Option<Value> {
        match self {
            Self::Same => (element != ours).then(|| element.clone()),
            Self::Ending(end) => {
                let known = element.as_str().is_some_and(|text| text.ends_with(end.as_str()));
                (!known).then(|| element.clone())
            }
            Self::Program(name) => without_program(element, name),
        }
    }
}

/// A hook entry or group without what starts `program`.
fn without_program(element: &Value, program: &str) -> Option<Value> {
    if starts(element, program) {
        return None;
    }
    let Some(Value::Array(entries)) = element.get("hooks") else { return Some(element.clone()) };
    let others: Vec<Value> = entries.iter().filter(|entry| !starts(entry, program)).cloned().collect();
    if others.is_empty() && !entries.is_empty() {
        return None;
    }
    let mut rest = element.clone();
    rest["hooks"] = json!(others);
    Some(rest)
}

/// Whether a hook entry starts `program`: as its whole command, or as the first word of a shell's.
pub(crate) fn starts(entry: &Value, program: &str) -> bool {
    let named = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or_default();
        [text, first].iter().any(|word| {
            let word = word.trim_matches(|quote| quote == '\'' || quote == '"');
            Path::new(word).file_name().is_some_and(|file| file == program)
        })
    };
    COMMANDS.iter().filter_map(|key| entry.get(key)?.as_str()).any(named)
}

/// Takes everything of ours out of an array.
///
/// # Errors
/// When the document cannot be understood.
fn strip(document: &Document, path: &[&str], ours: &Value, mark: &Mark) -> Result<(), String> {
    for (index, element) in document.elements(path)?.iter().enumerate().rev() {
        let rest = mark.remains(ours, element);
        if rest.as_ref() != Some(element) {
            document.replace(path, index, rest.as_ref())?;
        }
    }
    Ok(())
}

/// The member at `path` of a value.
pub(crate) fn member<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match (value, key.strip_prefix(CHOICE)) {
        (Value::Array(elements), Some(id)) => {
            elements.iter().find(|element| element.get("id").is_some_and(|found| found == id))
        }
        _ => value.get(key),
    })
}

/// A path that can be kept.
fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|key| (*key).to_owned()).collect()
}

/// A path as the document takes it.
pub(crate) fn borrowed(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}
