//! Tests of the YAML reader: what it takes for comments, and that what is written is read.

use super::{emit, parse};
use crate::sops::tree::{Entry, Leaf, Node, Scalar};

/// A document with a `sops` block that is none.
fn with_block(text: &str) -> String {
    format!("{text}sops:\n  x: y\n")
}

/// A text as a node.
fn text(text: &str) -> Node {
    Node::Leaf(Leaf { line: 0, scalar: Scalar::text(text) })
}

/// A key and what it stands for.
fn entry(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), value }
}

#[test]
fn what_looks_like_a_comment_inside_a_value_is_none() {
    let lines = "#one\na: b # not alone\nk: |\n  x\n  # inside\n\n# two\nl:\n  - |-\n    # inside\n    y\n  # three\nm:\n  n: \"q\n    # inside\n    r\"\n  #four\np: 'x\n  # inside\n  y'\n#\n";
    let tree = parse(&with_block(lines)).unwrap();
    let found: Vec<_> = tree.comments.iter().map(|comment| (comment.line, comment.text.as_str())).collect();
    assert_eq!(found, [(1, "one"), (7, " two"), (12, " three"), (17, "four"), (21, "")]);
}

#[test]
fn a_document_begins_and_ends_with_markers_or_without() {
    for (begin, end) in [("", ""), ("---\n", ""), ("---\n", "...\n"), ("\u{feff}", ""), ("%YAML 1.2\n---\n", "")] {
        let document = format!("{begin}{}{end}", with_block("a: b\n"));
        assert_eq!(parse(&document).map(|tree| tree.root.len()).ok(), Some(1), "{document:?}");
    }
}

#[test]
fn every_shape_that_is_written_is_read() {
    let map = |entries: Vec<Entry>| Node::Map(entries);
    let list = Node::List(vec![
        text("x"),
        map(vec![entry("a", text("1")), entry("b", Node::List(vec![text("lines\nof text\n")]))]),
        Node::List(vec![text("inner"), Node::List(Vec::new())]),
        map(Vec::new()),
    ]);
    let root = [
        entry("plain", text("ENC[AES256_GCM,data:aa+/=,type:str]")),
        entry("true", text("no")),
        entry("list", list),
        entry("map", map(vec![entry("", text("")), entry("a:", text("\"\\ # :"))])),
        entry("sops", map(vec![entry("x", text("y"))])),
    ];
    let written = emit(&root);
    let tree = parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    let shown = |entries: &[Entry]| {
        entries.iter().map(|entry| format!("{}={};", entry.key, show(&entry.value))).collect::<String>()
    };
    assert_eq!(shown(&tree.root), shown(&root[..4]), "{written}");
}

/// A node as text that says all of it.
fn show(node: &Node) -> String {
    match node {
        Node::Map(entries) => {
            format!(
                "{{{}}}",
                entries.iter().map(|entry| format!("{:?}:{},", entry.key, show(&entry.value))).collect::<String>()
            )
        }
        Node::List(nodes) => format!("[{}]", nodes.iter().map(|node| show(node) + ",").collect::<String>()),
        Node::Leaf(leaf) => format!("{:?}", leaf.scalar),
    }
}
