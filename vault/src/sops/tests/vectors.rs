//! What `sops` wrote is read: every value, type and MAC.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{FILES, file, identity, open, opener};
use crate::name::BadName;
use crate::sops::metadata::{Covers, Metadata, Rule};
use crate::sops::read::{parse, verify};
use crate::sops::value::Sealed;
use crate::sops::{Format, SopsError};

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
fn a_key_that_is_no_name_is_refused_by_its_line() {
    // `foo = bar` was encrypted, and SOPS took the blanks for part of key and value.
    let error = open(&file("format.env"), Format::Dotenv).unwrap_err();
    assert_eq!(error, SopsError::Name { place: "line 1".to_owned(), source: BadName::Character { at: 3 } });
    assert!(!error.to_string().contains("foo"), "{error}");
}
