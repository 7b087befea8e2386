//! The dotenv format, as `sops` reads and writes it: no quotes, no blanks that do not count, `\n` for the end of a line.

use std::collections::BTreeSet;

use super::MOST_NODES;
use super::error::SopsError;
use super::metadata;
use super::read::place;
use super::tree::{Comment, Entry, Leaf, Node, Scalar, Tree};

/// Reads a file.
///
/// # Errors
/// When a line has no `=`, or a key is there twice.
pub(super) fn parse(text: &str) -> Result<Tree, SopsError> {
    let mut tree = Tree::default();
    let mut seen = BTreeSet::new();
    for (line, content) in (1..).zip(text.split('\n')) {
        if content.ends_with('\r') {
            return Err(SopsError::Unsupported { line, what: "a carriage return before its end" });
        }
        if content.is_empty() {
            continue;
        }
        if tree.comments.len() + seen.len() >= MOST_NODES {
            return Err(SopsError::TooMany);
        }
        if let Some(comment) = content.strip_prefix('#') {
            tree.comments.push(Comment { line, text: comment.to_owned() });
            continue;
        }
        let (key, value) = content.split_once('=').ok_or(SopsError::Syntax { format: "NAME=value", line })?;
        if !seen.insert(key) {
            return Err(SopsError::Duplicate { place: place(&[key.to_owned()], line) });
        }
        let scalar = Scalar::text(value.replace("\\n", "\n"));
        match key.strip_prefix(metadata::PREFIX) {
            Some(field) => tree.metadata.push((field.to_owned(), scalar)),
            None => tree.root.push(Entry { key: key.to_owned(), value: Node::Leaf(Leaf { line, scalar }) }),
        }
    }
    if tree.metadata.is_empty() { Err(SopsError::NoMetadata) } else { Ok(tree) }
}

/// Writes a file: values first, then the flattened `sops` block.
pub(super) fn emit(root: &[(String, String)], mut flat: Vec<(String, String)>) -> String {
    flat.sort();
    let mut text = String::new();
    let mut line = |prefix: &str, key: &str, value: &str| {
        text.push_str(&format!("{prefix}{key}={}\n", value.replace('\n', "\\n")));
    };
    for (key, value) in root {
        line("", key, value);
    }
    for (key, value) in &flat {
        line(metadata::PREFIX, key, value);
    }
    text
}
