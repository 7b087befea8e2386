//! Entries of lists: a plain string, or a table that says more.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// A path rule: `"~/x"` or `{ path = "~/x", reason = "…" }`.
#[derive(Debug)]
pub(super) struct PathEntry {
    /// The pattern's text.
    pub(super) path: String,
    /// What else the table says.
    pub(super) notes: Notes,
}

/// A host rule: `"example.com:443"` or `{ host = "example.com", ports = [443] }`.
#[derive(Debug)]
pub(super) struct HostEntry {
    /// The rule's text.
    pub(super) host: String,
    /// The ports, when given as a list.
    pub(super) ports: Vec<u16>,
    /// What else the table says.
    pub(super) notes: Notes,
}

/// What a table may say about any rule.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Why the rule is there.
    pub(super) reason: Option<String>,
    /// What it must match.
    pub(super) examples: Vec<String>,
    /// What it must not match.
    pub(super) counter_examples: Vec<String>,
}

/// A limit's value: a number, or a text with a unit.
#[derive(Debug)]
pub(super) struct AmountEntry(pub(super) String);

/// The long form of a path rule.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PathTable {
    /// The pattern's text.
    path: String,
    /// Why the rule is there.
    reason: Option<String>,
    /// What it must match.
    #[serde(default)]
    examples: Vec<String>,
    /// What it must not match.
    #[serde(default)]
    counter_examples: Vec<String>,
}

/// The long form of a host rule.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct HostTable {
    /// The rule's text.
    host: String,
    /// The ports.
    #[serde(default)]
    ports: Vec<u16>,
    /// Why the rule is there.
    reason: Option<String>,
    /// What it must match.
    #[serde(default)]
    examples: Vec<String>,
    /// What it must not match.
    #[serde(default)]
    counter_examples: Vec<String>,
}

impl<'de> Deserialize<'de> for PathEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Accepts both forms.
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = PathEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a table with `path`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PathEntry, E> {
                Ok(PathEntry { path: text.to_owned(), notes: Notes::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PathEntry, A::Error> {
                let PathTable { path, reason, examples, counter_examples } =
                    PathTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(PathEntry { path, notes: Notes { reason, examples, counter_examples } })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for HostEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Accepts both forms.
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = HostEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a host, or a table with `host`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<HostEntry, E> {
                Ok(HostEntry { host: text.to_owned(), ports: Vec::new(), notes: Notes::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HostEntry, A::Error> {
                let HostTable { host, ports, reason, examples, counter_examples } =
                    HostTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(HostEntry { host, ports, notes: Notes { reason, examples, counter_examples } })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for AmountEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Accepts numbers and texts.
        struct Either;
        impl Visitor<'_> for Either {
            type Value = AmountEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a text with a unit such as \"512MiB\"")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<AmountEntry, E> {
                Ok(AmountEntry(number.to_string()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AmountEntry, E> {
                Ok(AmountEntry(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
