//! Writes YAML as `sops` does: block maps and lists, four columns a level, texts of several lines as literal blocks.

use super::scalar;
use crate::sops::json;
use crate::sops::tree::{Entry, Node, Scalar};

/// Words that some parser takes for something other than text.
const WORDS: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// Writes a document.
pub(in crate::sops) fn emit(root: &[Entry]) -> String {
    let mut text = String::new();
    emit_map(root, 0, &mut text);
    text
}

/// Writes a map. The cursor is at `column` already.
fn emit_map(entries: &[Entry], column: usize, text: &mut String) {
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            indent(column, text);
        }
        text.push_str(&quote(&entry.key));
        text.push(':');
        emit_node(&entry.value, column, text);
    }
}

/// Writes what follows a key, or the hyphen of a list, that stands at `column`.
fn emit_node(node: &Node, column: usize, text: &mut String) {
    let inside = column + 4;
    match node {
        Node::Map(entries) if entries.is_empty() => text.push_str(" {}\n"),
        Node::List(nodes) if nodes.is_empty() => text.push_str(" []\n"),
        Node::Map(entries) => {
            text.push('\n');
            indent(inside, text);
            emit_map(entries, inside, text);
        }
        Node::List(nodes) => {
            text.push('\n');
            for node in nodes {
                indent(inside, text);
                text.push('-');
                match node {
                    // A map begins beside the hyphen.
                    Node::Map(entries) if !entries.is_empty() => {
                        text.push(' ');
                        emit_map(entries, inside + 2, text);
                    }
                    Node::Map(_) | Node::List(_) | Node::Leaf(_) => emit_node(node, inside, text),
                }
            }
        }
        Node::Leaf(leaf) => emit_scalar(&leaf.scalar, column, text),
    }
}

/// Writes a value that is not nested.
fn emit_scalar(scalar: &Scalar, column: usize, text: &mut String) {
    match scalar {
        Scalar::Text(value) if value.ends_with('\n') => {
            text.push_str(" |\n");
            for line in value.lines() {
                indent(column + 2, text);
                text.push_str(line);
                text.push('\n');
            }
            return;
        }
        Scalar::Text(value) => text.push_str(&format!(" {}", quote(value))),
        Scalar::Int(value) | Scalar::Float(value) | Scalar::Odd(value) => text.push_str(&format!(" {value}")),
        Scalar::Bool(truth) => text.push_str(&format!(" {truth}")),
        Scalar::Null => text.push_str(" null"),
    }
    text.push('\n');
}

/// Moves the cursor to a column.
fn indent(column: usize, text: &mut String) {
    text.push_str(&" ".repeat(column));
}

/// A text of one line: plain where every parser takes it for text, in double quotes otherwise. JSON's escapes are YAML's too.
fn quote(text: &str) -> String {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_+/=.[],:-".contains(&byte);
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && !text.ends_with(':')
        && text.bytes().all(is_safe)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && matches!(scalar::resolve(text), Scalar::Text(_));
    if is_plain { text.to_owned() } else { json::quote(text) }
}
