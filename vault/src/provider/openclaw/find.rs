//! Which secret an id means.
//!
//! OpenClaw's ids have no underscore, so a hyphen in an id stands for a hyphen or an underscore in a name. What follows the last
//! `#` of an id may name a member of a secret that is a JSON object. A secret whose name is the id itself comes first; after
//! that only one reading may be left.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::document::{Consumer, Document, Entry};
use crate::name::Name;
use crate::provider::{Withheld, release};
use crate::secret::Secret;

/// Why an id has no value. OpenClaw shows the first two; the others are for whoever looks at the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// No secret, or no member of one, has the name.
    NotFound,
    /// Several secrets or members fit.
    Ambiguous,
    /// The id is not one that a secret can have.
    BadId,
    /// The secret is not for OpenClaw.
    NotAllowed,
    /// Its time is over.
    Expired,
    /// The value is not text.
    NotText,
    /// The value is empty, which OpenClaw takes from nobody.
    Empty,
    /// A member was asked for, and the value is no JSON object.
    NotAnObject,
    /// The answer would be longer than OpenClaw reads.
    TooLarge,
}

impl Code {
    /// The word in the answer.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::Ambiguous => "AMBIGUOUS_DUPLICATE_KEY",
            Self::BadId => "INVALID_ID",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::Expired => "EXPIRED",
            Self::NotText => "NOT_TEXT",
            Self::Empty => "EMPTY",
            Self::NotAnObject => "NOT_AN_OBJECT",
            Self::TooLarge => "TOO_LARGE",
        }
    }
}

/// One way to understand an id.
struct Reading<'a> {
    /// The secret's name.
    name: &'a Name,
    /// The secret.
    entry: &'a Entry,
    /// The member that is meant, as the id has it; none for the whole value.
    member: Option<&'a str>,
}

/// The value that `id` means: text that is not empty.
///
/// # Errors
/// The code that says why there is none.
pub(super) fn find(id: &str, document: &Document, now: SystemTime) -> Result<Secret, Code> {
    if !is_id(id) {
        return Err(Code::BadId);
    }
    let reading = read(id, document)?;
    let entry = release(reading.name, reading.entry, &Consumer::OpenClaw, now).map_err(|reason| match reason {
        Withheld::NotAllowed { .. } => Code::NotAllowed,
        Withheld::Expired { .. } => Code::Expired,
    })?;
    let text = entry.value.as_text().ok_or(Code::NotText)?;
    let value = match reading.member {
        None => Secret::from(text),
        Some(member) => select(text, member)?,
    };
    if value.is_empty() { Err(Code::Empty) } else { Ok(value) }
}

/// Whether OpenClaw, or a person, may ask for it: a name, without `.` and `..` between slashes.
fn is_id(id: &str) -> bool {
    Name::parse(id).is_ok() && !id.split('/').any(|part| matches!(part, "." | ".."))
}

/// The one reading of an id.
///
/// # Errors
/// When there is none, or more than one.
fn read<'a>(id: &'a str, document: &'a Document) -> Result<Reading<'a>, Code> {
    if let Some((name, entry)) = document.secrets.get_key_value(id) {
        return Ok(Reading { name, entry, member: None });
    }
    let whole = spelled(id, &document.secrets).map(|(name, entry)| Reading { name, entry, member: None });
    let mut readings: Vec<Reading<'a>> = whole.collect();
    if let Some((base, member)) = id.rsplit_once('#').filter(|(_, member)| !member.is_empty()) {
        let of_member = |(name, entry)| Reading { name, entry, member: Some(member) };
        match document.secrets.get_key_value(base) {
            Some(found) => readings.push(of_member(found)),
            None => readings.extend(spelled(base, &document.secrets).map(of_member)),
        }
    }
    one(readings.into_iter())
}

/// The secrets whose names are `id` but for underscores in the place of hyphens.
fn spelled<'a, T>(id: &'a str, secrets: &'a BTreeMap<Name, T>) -> impl Iterator<Item = (&'a Name, &'a T)> {
    secrets.iter().filter(move |(name, _)| id.contains('-') && is_spelled(id, name.as_str()))
}

/// Whether a name is an id but for underscores in the place of hyphens.
fn is_spelled(id: &str, name: &str) -> bool {
    id.len() == name.len()
        && id.bytes().zip(name.bytes()).all(|(asked, own)| asked == own || asked == b'-' && own == b'_')
}

/// The only element.
///
/// # Errors
/// When there is none, or more than one.
fn one<T>(mut elements: impl Iterator<Item = T>) -> Result<T, Code> {
    match (elements.next(), elements.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Code::NotFound),
        (Some(_), Some(_)) => Err(Code::Ambiguous),
    }
}

/// The text of one member of a JSON object: the one that is called so, or else the one that is but for underscores.
///
/// # Errors
/// When the value is no object, has a member twice, has none or several that fit, or the one that fits is not text.
fn select(text: &str, member: &str) -> Result<Secret, Code> {
    let Members(members) = serde_json::from_str(text).map_err(|_| Code::NotAnObject)?;
    let mut exact = members.iter().filter(|(key, _)| key == member).peekable();
    let found = if exact.peek().is_some() {
        one(exact)?
    } else {
        one(members.iter().filter(|(key, _)| is_spelled(member, key)))?
    };
    found.1.clone().ok_or(Code::NotText)
}

/// The members of a JSON object, in their order, and the values of those that are text.
struct Members(Vec<(String, Option<Secret>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads an object member by member, so that one that is there twice is seen.
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    let value = map.next_value::<Value>().map_err(|_| A::Error::custom("not a value"))?;
                    let text = match value {
                        Value::String(text) => Some(Secret::from(text)),
                        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
                    };
                    members.push((key.into_owned(), text));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
