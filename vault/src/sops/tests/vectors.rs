//! What `sops` wrote is read: every value, type and MAC.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{FILES, file, identity, open, opener};
use crate::sops::metadata::{Covers, Metadata, Rule};
use crate::sops::read::{parse, verify};
use crate::sops::value::Sealed;
use crate::sops::{Format, Kind};

/// What a file says, as its maker noted it.
#[derive(Deserialize)]
struct Expected {
    /// Keys, values and types.
    values: Vec<(String, String, String)>,
    /// The MAC.
    mac: String,
}

#[test]
fn every_value_type_and_mac_is_what_sops_says() {
    let mut expected: BTreeMap<String, Expected> = serde_json::from_slice(&file("expected.json")).unwrap();
    for (name, format) in FILES {
        let expected = expected.remove(*name).unwrap();
        let mut tree = parse(&file(name), *format).unwrap();
        let metadata = Metadata::parse(std::mem::take(&mut tree.metadata)).unwrap();
        assert_eq!((metadata.covers, &metadata.rule), (Covers::Everything, &Rule::AllBut("_unencrypted".to_owned())));
        let key = metadata.data_key(&mut opener(identity())).unwrap();
        let mac = Sealed::parse(&metadata.mac).unwrap().open(&key, &metadata.modified).unwrap();
        assert_eq!(std::str::from_utf8(&mac).unwrap(), expected.mac, "{name}");
        let values = verify(&tree, &metadata, &key).unwrap();
        let found: Vec<_> = tree
            .root
            .iter()
            .zip(&values)
            .map(|(entry, value)| {
                let (secret, kind) = value.content.as_ref().unwrap();
                (entry.key.clone(), secret.as_text().unwrap().to_owned(), kind.word().to_owned())
            })
            .collect();
        assert_eq!((found.len(), values.len()), (expected.values.len(), expected.values.len()), "{name}");
        assert_eq!(found, expected.values, "{name}");
    }
    assert!(expected.is_empty(), "every file is read");
}

#[test]
fn comments_are_decrypted_where_they_stand() {
    let reading = open(&file("comments.yaml"), Format::Yaml).unwrap();
    let comments: Vec<_> = reading.comments.iter().map(|comment| comment.as_text().unwrap()).collect();
    assert_eq!(comments, [" first comment in file", " this-is-a-comment"]);
    assert_eq!(reading.recipients, ["age1wvcptxwtfe7pqqsarl832r3q5fgzfkw20u8znl9g9y3g4qlcaagq95l6el"]);
    assert_eq!(reading.left_out, []);
}

#[test]
fn blanks_around_a_key_are_no_part_of_the_name() {
    // `foo = bar` was encrypted, and SOPS took the blanks for part of key and value.
    let reading = open(&file("format.env"), Format::Dotenv).unwrap();
    let found: Vec<_> =
        reading.secrets.iter().map(|item| (item.name.as_str(), item.value.as_text().unwrap())).collect();
    assert_eq!(found, [("foo", " bar")]);
}

#[test]
fn nested_files_of_the_first_implementation_are_read() {
    // `sops` was first written in Python; release 1.18 of it encrypted these, and accepted files of ours, MAC included. The data key
    // was then sealed with age, which that release does not know.
    let expected = [
        ("z_last", "first in file", Kind::Text),
        ("db.user", "root", Kind::Text),
        ("db.port", "5432", Kind::Int),
        ("db.ratio", "0.25", Kind::Float),
        ("db.tiny", "0.0001", Kind::Float),
        ("db.big", "12345678901234", Kind::Int),
        ("db.on", "true", Kind::Bool),
        ("db.off", "false", Kind::Bool),
        ("db.note_unencrypted", "plain here", Kind::Text),
        ("db.n_unencrypted", "7", Kind::Int),
        ("db.b_unencrypted", "true", Kind::Bool),
        ("list.0", "a", Kind::Text),
        ("list.1", "2", Kind::Int),
        ("list.2", "true", Kind::Bool),
        ("list.3.0", "in", Kind::Text),
        ("list.3.1", "ner", Kind::Text),
        ("list.3.2.deep.0", "1", Kind::Int),
        ("list.3.2.deep.1", "2", Kind::Int),
        ("list.4.m", "v", Kind::Text),
        ("all_unencrypted.x", "1", Kind::Text),
        ("all_unencrypted.y.0", "p", Kind::Text),
        ("all_unencrypted.y.1", "3", Kind::Int),
        ("all_unencrypted.y.2", "0.5", Kind::Float),
        ("empty", "", Kind::Text),
        ("text", "multi\nline ä€😀 # \"q\"", Kind::Text),
        ("a", "last", Kind::Text),
    ];
    let expected = expected.map(|(name, value, kind)| super::item(name, value, kind));
    for (name, format) in [("python.json", Format::Json), ("python.yaml", Format::Yaml)] {
        assert_eq!(open(&file(name), format).unwrap().secrets, expected, "{name}");
    }
}
