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
#[derive(Debug, Default)]
pub(super) struct HostEntry {
    /// The rule's text.
    pub(super) host: String,
    /// The ports, when given as a list.
    pub(super) ports: Vec<u16>,
    /// The methods of plain HTTP requests.
    pub(super) methods: Vec<String>,
    /// The paths of plain HTTP requests.
    pub(super) paths: Vec<String>,
    /// How many bytes may pass.
    pub(super) max_bytes: Option<AmountEntry>,
    /// How many bytes may pass in a second.
    pub(super) rate: Option<AmountEntry>,
    /// What else the table says.
    pub(super) notes: Notes,
}

/// A port to publish: `"8080:3000"` or `3000`.
#[derive(Debug)]
pub(super) struct PublishEntry(pub(super) String);

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
    /// The methods of plain HTTP requests.
    #[serde(default)]
    methods: Vec<String>,
    /// The paths of plain HTTP requests.
    #[serde(default)]
    paths: Vec<String>,
    /// How many bytes may pass.
    max_bytes: Option<AmountEntry>,
    /// How many bytes may pass in a second.
    rate: Option<AmountEntry>,
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
                Ok(HostEntry { host: text.to_owned(), ..HostEntry::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HostEntry, A::Error> {
                let table = HostTable::deserialize(MapAccessDeserializer::new(map))?;
                let HostTable { host, ports, methods, paths, max_bytes, rate, reason, examples, counter_examples } =
                    table;
                let notes = Notes { reason, examples, counter_examples };
                Ok(HostEntry { host, ports, methods, paths, max_bytes, rate, notes })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Reads a whole number or a text, as text.
struct NumberOrText(&'static str);

impl Visitor<'_> for NumberOrText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for AmountEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = NumberOrText("a whole number, or a text with a unit such as \"512MiB\"");
        deserializer.deserialize_any(expected).map(Self)
    }
}

impl<'de> Deserialize<'de> for PublishEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = NumberOrText("a port, or a text with two such as \"8080:3000\"");
        deserializer.deserialize_any(expected).map(Self)
    }
}
