//! The JSON format: keys in order, none twice, numbers as SOPS counts them.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::error::SopsError;
use super::read::place;
use super::tree::{Entry, Leaf, Node, Scalar, Tree};
use super::{DEEPEST, MOST_NODES};

/// From here on not every whole number is a float, and SOPS makes floats of all of JSON's numbers.
const LARGEST: u64 = 1 << 53;

/// Reads a file.
///
/// # Errors
/// When it is not one JSON object, a key is there twice, or it is nested too deep.
pub(super) fn parse(text: &str) -> Result<Tree, SopsError> {
    let fault = Cell::new(None);
    let count = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Value { depth: 0, count: &count, fault: &fault }
        .deserialize(&mut reader)
        .and_then(|node| reader.end().map(|()| node));
    match read {
        Ok(Node::Map(root)) => Tree::of_document(root, Vec::new()),
        Ok(Node::List(_) | Node::Leaf(_)) => Err(SopsError::Syntax { format: "a JSON object", line: 1 }),
        Err(error) => Err(fault.take().unwrap_or(SopsError::Syntax { format: "JSON", line: error.line() })),
    }
}

/// Writes an object, with tabs as `sops` does.
pub(super) fn emit(root: &[Entry]) -> String {
    let mut text = String::new();
    emit_map(root, 0, &mut text);
    text.push('\n');
    text
}

/// Writes a map at a depth.
fn emit_map(entries: &[Entry], depth: usize, text: &mut String) {
    emit_all('{', '}', entries.len(), depth, text, |at, text| {
        if let Some(entry) = entries.get(at) {
            text.push_str(&quote(&entry.key));
            text.push_str(": ");
            emit_node(&entry.value, depth + 1, text);
        }
    });
}

/// Writes so many members between brackets, one a line.
fn emit_all(
    open: char,
    close: char,
    count: usize,
    depth: usize,
    text: &mut String,
    mut member: impl FnMut(usize, &mut String),
) {
    text.push(open);
    for at in 0..count {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&"\t".repeat(depth + 1));
        member(at, text);
    }
    if count > 0 {
        text.push('\n');
        text.push_str(&"\t".repeat(depth));
    }
    text.push(close);
}

/// Writes a node at a depth.
fn emit_node(node: &Node, depth: usize, text: &mut String) {
    match node {
        Node::Map(entries) => emit_map(entries, depth, text),
        Node::List(nodes) => emit_all('[', ']', nodes.len(), depth, text, |at, text| {
            if let Some(node) = nodes.get(at) {
                emit_node(node, depth + 1, text);
            }
        }),
        Node::Leaf(leaf) => text.push_str(&match &leaf.scalar {
            Scalar::Text(value) => quote(value),
            Scalar::Int(value) | Scalar::Float(value) | Scalar::Odd(value) => value.clone(),
            Scalar::Bool(truth) => truth.to_string(),
            Scalar::Null => "null".to_owned(),
        }),
    }
}

/// A text in quotes.
pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Value<'a> {
    /// How deep it is.
    depth: usize,
    /// How many values there are so far.
    count: &'a Cell<usize>,
    /// What is wrong, where serde's own errors do not say it: those repeat what they read, and are not shown.
    fault: &'a Cell<Option<SopsError>>,
}

impl Value<'_> {
    /// Stops the reading.
    fn stop<E: serde::de::Error>(self, fault: SopsError) -> E {
        self.fault.set(Some(fault));
        E::custom("stopped")
    }

    /// What is read inside.
    ///
    /// # Errors
    /// When that is too deep.
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEEPEST {
            return Err(self.stop(SopsError::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.count.set(self.count.get() + 1);
        if self.count.get() > MOST_NODES {
            return Err(self.stop(SopsError::TooMany));
        }
        deserializer.deserialize_any(self)
    }
}

/// A value that is not nested.
fn leaf(scalar: Scalar) -> Node {
    Node::Leaf(Leaf { line: 0, scalar })
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(leaf(Scalar::text(text)))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node, E> {
        Ok(leaf(Scalar::Bool(truth)))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(leaf(Scalar::Null))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        let digits = number.to_string();
        Ok(leaf(if number <= LARGEST { Scalar::Int(digits) } else { Scalar::Odd(digits) }))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        let digits = number.to_string();
        Ok(leaf(if number.unsigned_abs() <= LARGEST { Scalar::Int(digits) } else { Scalar::Odd(digits) }))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(leaf(Scalar::Float(number.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let inside = self.deeper()?;
        let mut nodes = Vec::new();
        while let Some(node) = members.next_element_seed(inside)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let inside = self.deeper()?;
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        while let Some(key) = members.next_key_seed(Key)? {
            if !seen.insert(key.clone()) {
                return Err(self.stop(SopsError::Duplicate { place: place(&[key], 0) }));
            }
            let value = members.next_value_seed(inside)?;
            entries.push(Entry { key, value });
        }
        Ok(Node::Map(entries))
    }
}

/// Reads a key.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer).map_err(|_| D::Error::custom("a key is no text"))
    }
}
