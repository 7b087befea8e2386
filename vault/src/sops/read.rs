//! Reading: from bytes to values under names, once every value and the MAC are verified.

use std::collections::BTreeSet;

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

use super::comments;
use super::error::SopsError;
use super::metadata::{Covers, Metadata, Rule};
use super::tree::{Leaf, Node, Scalar, Tree, additional_data};
use super::value::{BEGINNING, DataKey, Kind, Sealed, counted};
use super::{Format, LONGEST_FILE, LONGEST_PATH, dotenv, json, yaml};
use crate::document::LONGEST_VALUE;
use crate::name::{BadName, Name};
use crate::secret::Secret;

/// What a MAC begins with that is made of the encrypted values alone, so that it is never one of all values: the SHA-256 digest
/// of `sops`.
pub(super) const ENCRYPTED_ONLY: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// What happens to values that are not encrypted. Their keys are not authenticated, and neither is where one of them ends and the
/// next begins: only all of them together are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unencrypted {
    /// They are configuration, and stay out; [`Reading::left_out`] names them.
    LeaveOut,
    /// They are taken, where the MAC covers them.
    Take,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its keys and places, joined with dots.
    pub name: Name,
    /// The value.
    pub value: Secret,
    /// What it is in a SOPS file.
    pub kind: Kind,
}

/// Why a value was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is not encrypted, and such were not asked for.
    Unencrypted,
    /// It is not encrypted, and the MAC does not cover it: anybody could have written it.
    Unauthenticated,
    /// It is null, which is no value.
    Null,
}

/// A value that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its key, or its line where the key is none that can be shown.
    pub place: String,
    /// Why.
    pub why: Why,
}

/// What a SOPS file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The values, in the order of the file.
    pub secrets: Vec<Item>,
    /// What is in the file and not among them.
    pub left_out: Vec<LeftOut>,
    /// The comments that have a line of their own. What was commented out may be secret.
    pub comments: Vec<Secret>,
    /// To whom the file is encrypted, as it says; not authenticated.
    pub recipients: Vec<String>,
}

/// Reads a SOPS file. `open` is given an armored age file and returns what is in it, or nothing when no identity opens it.
///
/// # Errors
/// When it is not such a file, is not supported, does not open, or is not as it was when the MAC was made; nothing is returned of it then.
pub fn read(
    bytes: &[u8],
    format: Format,
    unencrypted: Unencrypted,
    open: &mut dyn FnMut(&[u8]) -> Option<Secret>,
) -> Result<Reading, SopsError> {
    let mut tree = parse(bytes, format)?;
    let metadata = Metadata::parse(std::mem::take(&mut tree.metadata))?;
    let key = metadata.data_key(open)?;
    let values = verify(&tree, &metadata, &key)?;
    let comments = comments::open(&tree, &key)?;
    let mut reading =
        Reading { secrets: Vec::new(), left_out: Vec::new(), comments, recipients: metadata.recipients() };
    gather(values, &metadata, unencrypted, &mut reading)?;
    Ok(reading)
}

/// Takes a file apart.
///
/// # Errors
/// When it is too long, or not of its format.
pub(super) fn parse(bytes: &[u8], format: Format) -> Result<Tree, SopsError> {
    if bytes.len() > LONGEST_FILE {
        return Err(SopsError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| SopsError::NotText)?;
    match format {
        Format::Dotenv => dotenv::parse(text),
        Format::Json => json::parse(text),
        Format::Yaml => yaml::parse(text),
    }
}

/// A value that was verified.
pub(super) struct Value {
    /// Its name, or why it has none.
    pub(super) name: Result<Name, BadName>,
    /// Its line, or 0.
    line: usize,
    /// What it is; nothing for null.
    pub(super) content: Option<(Secret, Kind)>,
    /// Whether it was encrypted.
    was_encrypted: bool,
}

/// Decrypts every value, and compares all of them with the MAC.
///
/// # Errors
/// When a value is not what was encrypted, or the values are not those of the MAC.
pub(super) fn verify(tree: &Tree, metadata: &Metadata, key: &DataKey) -> Result<Vec<Value>, SopsError> {
    let mut walk = Walk {
        key,
        rule: &metadata.rule,
        covers: metadata.covers,
        hash: Sha512::new(),
        keys: Vec::new(),
        path: Vec::new(),
        values: Vec::new(),
    };
    if metadata.covers == Covers::Encrypted {
        walk.hash.update(ENCRYPTED_ONLY);
    }
    for entry in &tree.root {
        walk.entry(&entry.key, &entry.value)?;
    }
    let expected = Sealed::parse(&metadata.mac)
        .filter(|sealed| sealed.word == Kind::Text.word())
        .and_then(|sealed| sealed.open(key, &metadata.modified))
        .ok_or(SopsError::MacForged)?;
    let actual = digits(&walk.hash.finalize());
    if bool::from(expected.as_slice().ct_eq(actual.as_bytes())) { Ok(walk.values) } else { Err(SopsError::MacMismatch) }
}

/// Bytes in upper-case hexadecimal digits, as a MAC is written.
pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The walk through a file, in its order.
struct Walk<'a> {
    /// What values are encrypted with.
    key: &'a DataKey,
    /// Which values are encrypted.
    rule: &'a Rule,
    /// Which values the MAC is made of.
    covers: Covers,
    /// The MAC so far.
    hash: Sha512,
    /// The keys that lead to where the walk is.
    keys: Vec<String>,
    /// The keys, and places in lists.
    path: Vec<String>,
    /// The values so far.
    values: Vec<Value>,
}

impl Walk<'_> {
    /// A key and what it stands for.
    ///
    /// # Errors
    /// As for [`verify`], and when the keys are too long.
    fn entry(&mut self, key: &str, value: &Node) -> Result<(), SopsError> {
        if self.path.iter().map(String::len).sum::<usize>() + key.len() > LONGEST_PATH {
            return Err(SopsError::LongKeys);
        }
        self.keys.push(key.to_owned());
        self.path.push(key.to_owned());
        let done = self.node(value);
        self.path.pop();
        self.keys.pop();
        done
    }

    /// A value, or values in order.
    ///
    /// # Errors
    /// As for a key.
    fn node(&mut self, node: &Node) -> Result<(), SopsError> {
        match node {
            Node::Map(entries) => entries.iter().try_for_each(|entry| self.entry(&entry.key, &entry.value)),
            Node::List(nodes) => nodes.iter().enumerate().try_for_each(|(place, node)| {
                self.path.push(place.to_string());
                let done = self.node(node);
                self.path.pop();
                done
            }),
            Node::Leaf(leaf) => self.leaf(leaf),
        }
    }

    /// One value.
    ///
    /// # Errors
    /// When it is not what was encrypted, or cannot be read in one way.
    fn leaf(&mut self, leaf: &Leaf) -> Result<(), SopsError> {
        let was_encrypted = self.rule.encrypts(&self.keys, &leaf.scalar);
        let content = if was_encrypted { self.encrypted(leaf)? } else { self.plain(leaf)? };
        let content = content.map(|(value, counts, kind)| {
            if was_encrypted || self.covers == Covers::Everything {
                self.hash.update(counts.as_bytes());
            }
            (value, kind)
        });
        let name = name(&self.path);
        self.values.push(Value { name, line: leaf.line, content, was_encrypted });
        Ok(())
    }

    /// A value that has to be encrypted: the value, what counts for the MAC, and the kind; nothing for null.
    ///
    /// # Errors
    /// When it is not encrypted, or not what was.
    fn encrypted(&self, leaf: &Leaf) -> Result<Option<(Secret, Secret, Kind)>, SopsError> {
        let at = || place(&self.path, leaf.line);
        let text = match &leaf.scalar {
            Scalar::Text(text) if text.is_empty() => {
                return Ok(Some((Secret::default(), Secret::default(), Kind::Text)));
            }
            Scalar::Text(text) if text.starts_with(BEGINNING) => text,
            Scalar::Null => return Ok(None),
            Scalar::Text(_) | Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_) | Scalar::Odd(_) => {
                return Err(SopsError::NotEncrypted { place: at() });
            }
        };
        let sealed = Sealed::parse(text).ok_or_else(|| SopsError::Damaged { place: at() })?;
        let bytes =
            sealed.open(self.key, &additional_data(&self.keys)).ok_or_else(|| SopsError::Forged { place: at() })?;
        let kind = Kind::of_word(sealed.word).ok_or_else(|| SopsError::UnknownType { place: at() })?;
        let (value, counts) = kind.read(bytes).ok_or_else(|| SopsError::Type { place: at() })?;
        Ok(Some((value, counts, kind)))
    }

    /// A value that is not encrypted: the value, what counts for the MAC, and the kind; nothing for null.
    ///
    /// # Errors
    /// When it can be read in more than one way.
    fn plain(&self, leaf: &Leaf) -> Result<Option<(Secret, Secret, Kind)>, SopsError> {
        let same = |text: &str, kind| Ok(Some((Secret::from(text), Secret::from(text), kind)));
        match &leaf.scalar {
            Scalar::Text(text) => same(text, Kind::Text),
            Scalar::Int(digits) => same(digits, Kind::Int),
            Scalar::Float(digits) => same(digits, Kind::Float),
            Scalar::Bool(truth) => {
                Ok(Some((Secret::from(truth.to_string()), Secret::from(counted(*truth)), Kind::Bool)))
            }
            Scalar::Null => Ok(None),
            Scalar::Odd(_) => Err(SopsError::Ambiguous { place: place(&self.path, leaf.line) }),
        }
    }
}

/// Sorts what was verified into what is taken and what is not.
///
/// # Errors
/// When a key is no name, two values have one name, or a value is too long.
fn gather(
    values: Vec<Value>,
    metadata: &Metadata,
    unencrypted: Unencrypted,
    reading: &mut Reading,
) -> Result<(), SopsError> {
    let mut names = BTreeSet::new();
    for Value { name, line, content, was_encrypted } in values {
        let place = || at(name.as_ref().ok(), line);
        let why = match (was_encrypted, metadata.covers, unencrypted) {
            (true, ..) => None,
            (false, Covers::Encrypted, _) => Some(Why::Unauthenticated),
            (false, Covers::Everything, Unencrypted::LeaveOut) => Some(Why::Unencrypted),
            (false, Covers::Everything, Unencrypted::Take) => None,
        };
        let (value, kind) = match (content, why) {
            (Some(content), None) => content,
            (Some(_), Some(why)) => {
                reading.left_out.push(LeftOut { place: place(), why });
                continue;
            }
            (None, _) => {
                reading.left_out.push(LeftOut { place: place(), why: Why::Null });
                continue;
            }
        };
        if value.len() > LONGEST_VALUE {
            return Err(SopsError::ValueTooLong { place: place() });
        }
        let name = name.map_err(|source| SopsError::Name { place: at(None, line), source })?;
        if !names.insert(name.clone()) {
            return Err(SopsError::Clash { name: name.to_string() });
        }
        reading.secrets.push(Item { name, value, kind });
    }
    Ok(())
}

/// The name of the value at a path. SOPS takes the blanks of `A = b` for a part of the key; a name has none around it.
///
/// # Errors
/// When it could be no name.
fn name(path: &[String]) -> Result<Name, BadName> {
    Name::parse(path.join(".").trim_matches(' '))
}

/// Where a value is: its keys, or its line when they are none that a name could be, for then they may be something else.
pub(super) fn place(path: &[String], line: usize) -> String {
    at(name(path).as_ref().ok(), line)
}

/// Where a value of that name is, if it has one.
fn at(name: Option<&Name>, line: usize) -> String {
    match name {
        Some(name) => name.to_string(),
        None if line > 0 => format!("line {line}"),
        None => "a key".to_owned(),
    }
}
