//! Writing: a file that `sops` opens, read back and compared before it is given out.

use std::io::Write;
use std::time::SystemTime;

use age::armor::{ArmoredWriter, Format as Armor};
use sha2::{Digest, Sha512};

use super::error::SopsWriteError;
use super::layout::{self, Plan};
use super::metadata::{self, UNENCRYPTED_SUFFIX};
use super::read::{Item, Unencrypted, digits, read};
use super::tree::{Entry, Leaf, Node, Scalar, additional_data};
use super::value::{DataKey, Kind, seal};
use super::{Format, MOST_RECIPIENTS, dotenv, json, yaml};
use crate::secret::Secret;

/// The release of SOPS whose files these are like.
const VERSION: &str = "3.13.1";

/// The recipients that stand for something other than a public key.
const NO_RECIPIENTS: &[&str] = &["", "passphrase"];

/// How names become keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One key for each name.
    Flat,
    /// Nested at the dots.
    Nested,
}

/// What a file is to look like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its format.
    pub format: Format,
    /// How names become keys.
    pub layout: Layout,
    /// When it is written.
    pub now: SystemTime,
}

/// Writes a SOPS file under a fresh data key. `seal_key` is given a recipient and the data key, and returns a binary age file, or
/// nothing when it cannot be sealed. Post-quantum recipients are for releases of `sops` that are built with age 1.3 or later.
///
/// A value is written as its [`Kind`] when it is in that kind's one form, and as text otherwise; in dotenv always as text.
///
/// # Errors
/// When the format cannot say it, a value cannot be sealed, or what was written does not read back as the same.
pub fn write(
    items: &[Item],
    shape: &Shape,
    recipients: &[String],
    seal_key: &mut dyn FnMut(&str, &Secret) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, SopsWriteError> {
    let plan = plan(items, shape)?;
    let key = DataKey::generate().map_err(|_| SopsWriteError::Cipher)?;
    let sealed = seal_keys(&key, recipients, seal_key)?;
    let mut writer =
        Writer { items, kinds: kinds(items, shape.format), key: &key, hash: Sha512::new(), keys: Vec::new() };
    let root = writer.entries(plan)?;
    let mac = digits(&writer.hash.finalize());
    let modified = humantime::format_rfc3339_seconds(shape.now).to_string();
    let mac = seal(&key, &modified, Kind::Text.word(), &Secret::from(mac)).map_err(|_| SopsWriteError::Cipher)?;
    let block = block(&modified, &mac, rule(items), &sealed);
    let bytes = emit(root, block, shape.format).into_bytes();
    read_back(&bytes, items, shape.format, &key, &sealed)?;
    Ok(bytes)
}

/// Where values go.
///
/// # Errors
/// When a name is reserved, a value is no text, or the layout cannot be.
fn plan(items: &[Item], shape: &Shape) -> Result<Vec<(String, Plan)>, SopsWriteError> {
    for item in items {
        let name = || item.name.to_string();
        let is_reserved = match (shape.format, shape.layout) {
            (Format::Dotenv, _) => item.name.as_str().starts_with(metadata::PREFIX),
            (Format::Json | Format::Yaml, Layout::Flat) => item.name.as_str() == metadata::KEY,
            (Format::Json | Format::Yaml, Layout::Nested) => {
                item.name.as_str().split('.').next() == Some(metadata::KEY)
            }
        };
        if is_reserved {
            return Err(SopsWriteError::Reserved { name: name() });
        }
        if item.value.as_text().is_none() {
            return Err(SopsWriteError::NotText { name: name() });
        }
    }
    let names = items.iter().map(|item| &item.name);
    match (shape.format, shape.layout) {
        (_, Layout::Flat) => Ok(layout::flat(names)),
        (Format::Json | Format::Yaml, Layout::Nested) => layout::nested(names),
        (Format::Dotenv, Layout::Nested) => Err(SopsWriteError::NestedDotenv),
    }
}

/// What each value is written as.
fn kinds(items: &[Item], format: Format) -> Vec<Kind> {
    let kind = |item: &Item| match item.kind {
        _ if format == Format::Dotenv => Kind::Text,
        // Bytes that are text are text: the types differ for programs that cannot say the one as the other.
        Kind::Text | Kind::Bytes => Kind::Text,
        kind @ (Kind::Int | Kind::Float | Kind::Bool | Kind::Time) => {
            if kind.write(&item.value).is_some() {
                kind
            } else {
                Kind::Text
            }
        }
    };
    items.iter().map(kind).collect()
}

/// The rule for what is encrypted, under which everything is. The usual one, unless a name has its suffix.
fn rule(items: &[Item]) -> (&'static str, &'static str) {
    let is_exempt = |item: &Item| item.name.as_str().split('.').any(|key| key.ends_with(UNENCRYPTED_SUFFIX));
    if items.iter().any(is_exempt) { ("encrypted_regex", ".*") } else { ("unencrypted_suffix", UNENCRYPTED_SUFFIX) }
}

/// The data key, sealed to each recipient: recipient and armored age file.
///
/// # Errors
/// When there is no recipient, or one cannot be used.
fn seal_keys(
    key: &DataKey,
    recipients: &[String],
    seal_key: &mut dyn FnMut(&str, &Secret) -> Option<Vec<u8>>,
) -> Result<Vec<(String, String)>, SopsWriteError> {
    if recipients.is_empty() {
        return Err(SopsWriteError::NoRecipient);
    }
    let bytes = key.to_secret();
    let mut sealed = Vec::new();
    for (place, recipient) in (1..).zip(recipients) {
        let is_plain = recipient.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !is_plain || NO_RECIPIENTS.contains(&recipient.as_str()) || place > MOST_RECIPIENTS {
            return Err(SopsWriteError::Recipient { place });
        }
        let file = seal_key(recipient, &bytes).ok_or(SopsWriteError::Seal { place })?;
        sealed.push((recipient.clone(), armor(&file).ok_or(SopsWriteError::Seal { place })?));
    }
    Ok(sealed)
}

/// An age file in armor.
fn armor(file: &[u8]) -> Option<String> {
    let mut writer = ArmoredWriter::wrap_output(Vec::new(), Armor::AsciiArmor).ok()?;
    writer.write_all(file).ok()?;
    String::from_utf8(writer.finish().ok()?).ok()
}

/// The values on their way into a file.
struct Writer<'a> {
    /// The values.
    items: &'a [Item],
    /// What each is written as.
    kinds: Vec<Kind>,
    /// What they are encrypted with.
    key: &'a DataKey,
    /// The MAC so far.
    hash: Sha512,
    /// The keys that lead to where this is.
    keys: Vec<String>,
}

impl Writer<'_> {
    /// A map.
    ///
    /// # Errors
    /// When a value cannot be encrypted.
    fn entries(&mut self, plan: Vec<(String, Plan)>) -> Result<Vec<Entry>, SopsWriteError> {
        let mut entries = Vec::new();
        for (key, plan) in plan {
            self.keys.push(key.clone());
            let value = self.node(plan)?;
            self.keys.pop();
            entries.push(Entry { key, value });
        }
        Ok(entries)
    }

    /// A value, or values in order.
    ///
    /// # Errors
    /// When one cannot be encrypted.
    fn node(&mut self, plan: Plan) -> Result<Node, SopsWriteError> {
        match plan {
            Plan::Map(entries) => Ok(Node::Map(self.entries(entries)?)),
            Plan::List(nodes) => {
                Ok(Node::List(nodes.into_iter().map(|node| self.node(node)).collect::<Result<_, _>>()?))
            }
            Plan::Value(at) => {
                let both = self.items.get(at).zip(self.kinds.get(at).copied());
                let (item, kind) = both.ok_or(SopsWriteError::Cipher)?;
                let plain = kind.write(&item.value).ok_or(SopsWriteError::Cipher)?;
                self.hash.update(plain.as_bytes());
                let sealed = seal(self.key, &additional_data(&self.keys), kind.word(), &plain);
                Ok(text(sealed.map_err(|_| SopsWriteError::Cipher)?))
            }
        }
    }
}

/// A text as a node.
fn text(text: impl Into<String>) -> Node {
    Node::Leaf(Leaf { line: 0, scalar: Scalar::text(text) })
}

/// The `sops` block.
fn block(modified: &str, mac: &str, rule: (&str, &str), sealed: &[(String, String)]) -> Vec<Entry> {
    let entry = |key: &str, value: Node| Entry { key: key.to_owned(), value };
    let one = |(recipient, armored): &(String, String)| {
        Node::Map(vec![entry("recipient", text(recipient.as_str())), entry("enc", text(armored.as_str()))])
    };
    vec![
        entry("lastmodified", text(modified)),
        entry("mac", text(mac)),
        entry(rule.0, text(rule.1)),
        entry("version", text(VERSION)),
        entry("age", Node::List(sealed.iter().map(one).collect())),
    ]
}

/// Writes values and block down.
fn emit(mut root: Vec<Entry>, block: Vec<Entry>, format: Format) -> String {
    match format {
        Format::Dotenv => {
            let mut flat = Vec::new();
            flatten("", Node::Map(block), &mut flat);
            let mut values = Vec::new();
            flatten("", Node::Map(root), &mut values);
            dotenv::emit(&values, flat)
        }
        Format::Json | Format::Yaml => {
            root.push(Entry { key: metadata::KEY.to_owned(), value: Node::Map(block) });
            if format == Format::Json { json::emit(&root) } else { yaml::emit(&root) }
        }
    }
}

/// Writes what is nested as one key each, as in dotenv. The outermost map has no key of its own.
fn flatten(key: &str, node: Node, flat: &mut Vec<(String, String)>) {
    match node {
        Node::Map(entries) => {
            for entry in entries {
                let separator = if key.is_empty() { "" } else { metadata::MAP };
                flatten(&format!("{key}{separator}{}", entry.key), entry.value, flat);
            }
        }
        Node::List(nodes) => {
            for (place, node) in nodes.into_iter().enumerate() {
                flatten(&format!("{key}{}{place}", metadata::LIST), node, flat);
            }
        }
        Node::Leaf(leaf) => {
            if let Scalar::Text(text) = leaf.scalar {
                flat.push((key.to_owned(), text.as_str().to_owned()));
            }
        }
    }
}

/// Reads what was written, and compares it with what was to be written.
///
/// # Errors
/// When it is not the same.
fn read_back(
    bytes: &[u8],
    items: &[Item],
    format: Format,
    key: &DataKey,
    sealed: &[(String, String)],
) -> Result<(), SopsWriteError> {
    // Whoever opens one of the sealed keys has the data key; here it is known without any identity.
    let is_ours = |armored: &[u8]| sealed.iter().any(|(_, own)| own.as_bytes() == armored);
    let mut open = |armored: &[u8]| is_ours(armored).then(|| key.to_secret());
    let reading = read(bytes, format, Unencrypted::LeaveOut, &mut open)
        .map_err(|error| SopsWriteError::ReadBack { reason: error.to_string() })?;
    let sorted = |items: &[Item], kinds: &[Kind]| {
        let mut all: Vec<_> =
            items.iter().zip(kinds).map(|(item, kind)| (item.name.clone(), item.value.clone(), *kind)).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    };
    let read_kinds: Vec<_> = reading.secrets.iter().map(|item| item.kind).collect();
    let is_same = sorted(items, &kinds(items, format)) == sorted(&reading.secrets, &read_kinds)
        && reading.left_out.is_empty()
        && reading.recipients.iter().eq(sealed.iter().map(|(recipient, _)| recipient));
    if is_same { Ok(()) } else { Err(SopsWriteError::ReadBack { reason: "its values are others".to_owned() }) }
}
