//! A client's configuration as it is edited, whatever it is written in.

use serde_json::Value;

use crate::install::json::{Dialect, JsonDocument};
use crate::install::toml::TomlDocument;

/// A text that is being edited.
#[derive(Debug)]
pub(crate) enum Document {
    /// JSON, in one of its dialects.
    Json(JsonDocument),
    /// TOML.
    Toml(TomlDocument),
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    /// Says what cannot be understood.
    pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        match dialect {
            Dialect::Toml => TomlDocument::parse(text).map(Self::Toml),
            Dialect::Strict | Dialect::Commented | Dialect::Relaxed | Dialect::Five => {
                JsonDocument::parse(text, dialect).map(Self::Json)
            }
        }
    }

    /// What the text means.
    ///
    /// # Errors
    /// When a key is there twice, or a string cannot be decoded.
    pub(crate) fn value(&self) -> Result<Value, String> {
        match self {
            Self::Json(document) => document.value(),
            Self::Toml(document) => Ok(document.value()),
        }
    }

    /// The text as it stands.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Json(document) => document.text(),
            Self::Toml(document) => document.text(),
        }
    }

    /// Gives the member at `path` this value, making what is missing on the way.
    ///
    /// # Errors
    /// When something else is on the way.
    pub(crate) fn set(&self, path: &[&str], value: &Value) -> Result<(), String> {
        match self {
            Self::Json(document) => document.set(path, value),
            Self::Toml(document) => document.set(path, value),
        }
    }

    /// Takes the member at `path` out, if it is there.
    pub(crate) fn remove(&self, path: &[&str]) {
        match self {
            Self::Json(document) => document.remove(path),
            Self::Toml(document) => document.remove(path),
        }
    }

    /// Appends `value` to the array at `path`, making what is missing on the way.
    ///
    /// # Errors
    /// When something else is there.
    pub(crate) fn push(&self, path: &[&str], value: &Value) -> Result<(), String> {
        self.lists()?.push(path, value)
    }

    /// Puts `value` in the place of the element `index` of the array at `path`; `None` takes the element out.
    ///
    /// # Errors
    /// When there is no such element.
    pub(crate) fn replace(&self, path: &[&str], index: usize, value: Option<&Value>) -> Result<(), String> {
        self.lists()?.replace(path, index, value)
    }

    /// The elements of the array at `path`; none when there is no array.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub(crate) fn elements(&self, path: &[&str]) -> Result<Vec<Value>, String> {
        self.lists()?.elements(path)
    }

    /// The document, when lists can be edited in it.
    ///
    /// # Errors
    /// For TOML, in which nothing of ours is an element of a list.
    fn lists(&self) -> Result<&JsonDocument, String> {
        match self {
            Self::Json(document) => Ok(document),
            Self::Toml(_) => Err("lists are not edited in TOML".to_owned()),
        }
    }
}
