//! What the three formats have in common: keys in order, values that are texts or something else, comments.

use zeroize::Zeroizing;

use super::error::SopsError;
use super::metadata;

/// A file as it is written down, nothing decrypted yet.
#[derive(Default)]
pub(super) struct Tree {
    /// The values at the top, without the `sops` block.
    pub(super) root: Vec<Entry>,
    /// The `sops` block, flattened: `age__list_0__map_enc` and so on, as the dotenv format writes it.
    pub(super) metadata: Vec<(String, Scalar)>,
    /// Comments that have a line of their own.
    pub(super) comments: Vec<Comment>,
}

/// A key and what it stands for.
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// What it stands for.
    pub(super) value: Node,
}

/// A value, or values in order.
pub(super) enum Node {
    /// Values by key, in the order of the file.
    Map(Vec<Entry>),
    /// Values without keys.
    List(Vec<Node>),
    /// One value.
    Leaf(Leaf),
}

/// One value.
pub(super) struct Leaf {
    /// Its line from 1; 0 when it is not known.
    pub(super) line: usize,
    /// What stands there.
    pub(super) scalar: Scalar,
}

/// What a value is where it is not encrypted; an encrypted one is a text.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar {
    /// A text.
    Text(Zeroizing<String>),
    /// A whole number, in decimal digits.
    Int(String),
    /// Another number, in the fewest digits.
    Float(String),
    /// A truth value.
    Bool(bool),
    /// Nothing.
    Null,
    /// Something that programs read differently, as it is written: `0x1f`, `1_000`, a date, a number too large to be exact.
    Odd(String),
}

impl Scalar {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }
}

/// A comment.
pub(super) struct Comment {
    /// Its line, from 1.
    pub(super) line: usize,
    /// What follows the `#`.
    pub(super) text: String,
}

impl Tree {
    /// Takes a JSON or YAML document apart into values and the `sops` block.
    ///
    /// # Errors
    /// When there is no such block, or something other than a map in its place.
    pub(super) fn of_document(mut root: Vec<Entry>, comments: Vec<Comment>) -> Result<Self, SopsError> {
        let at = root.iter().position(|entry| entry.key == metadata::KEY).ok_or(SopsError::NoMetadata)?;
        let mut flat = Vec::new();
        match root.remove(at).value {
            Node::Map(entries) => {
                for entry in entries {
                    flatten(&entry.key, entry.value, &mut flat)?;
                }
            }
            Node::List(_) | Node::Leaf(_) => return Err(SopsError::NoMetadata),
        }
        Ok(Self { root, metadata: flat, comments })
    }
}

/// The longest key of a flattened entry, in bytes.
const LONGEST_ENTRY_KEY: usize = 128;

/// Writes what is nested as one key each.
///
/// # Errors
/// When a key becomes longer than any that is known.
fn flatten(key: &str, node: Node, flat: &mut Vec<(String, Scalar)>) -> Result<(), SopsError> {
    if key.len() > LONGEST_ENTRY_KEY {
        return Err(SopsError::Unknown { entry: "an entry".to_owned() });
    }
    match node {
        Node::Map(entries) => entries
            .into_iter()
            .try_for_each(|entry| flatten(&format!("{key}{}{}", metadata::MAP, entry.key), entry.value, flat)),
        Node::List(nodes) => (0..)
            .zip(nodes)
            .try_for_each(|(place, node): (usize, _)| flatten(&format!("{key}{}{place}", metadata::LIST), node, flat)),
        Node::Leaf(leaf) => {
            flat.push((key.to_owned(), leaf.scalar));
            Ok(())
        }
    }
}

/// The additional data of a value or comment with these keys.
pub(super) fn additional_data(keys: &[String]) -> String {
    let mut text = keys.join(":");
    text.push(':');
    text
}
