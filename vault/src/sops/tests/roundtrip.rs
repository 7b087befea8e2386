//! What is written is read back: the same names, values and kinds, in all formats.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{identity, item, items, open, save, sealer};
use crate::name::Name;
use crate::secret::Secret;
use crate::sops::{Format, Item, Kind, Layout, Shape, SopsWriteError, write};

/// Every format that can have every layout.
const SHAPES: &[(Format, Layout)] = &[
    (Format::Dotenv, Layout::Flat),
    (Format::Json, Layout::Flat),
    (Format::Yaml, Layout::Flat),
    (Format::Json, Layout::Nested),
    (Format::Yaml, Layout::Nested),
];

/// Values that some format could take for something else.
const STRANGE: &[&str] = &[
    "",
    " ",
    " leading and trailing ",
    "# no comment",
    "a # b",
    "\"quoted\"",
    "'",
    "\\n",
    "two\nlines",
    "\r\n",
    "\n",
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "ENC[AES256_GCM,data:aaaa,iv:aaaa,tag:aaaa,type:str]",
    "ENC[",
    "$(id) `id` ${HOME}",
    "null",
    "~",
    "true",
    "1e3",
    "0x10",
    "2020-01-01",
    "<<",
    "*alias",
    "&anchor",
    "{a: b}",
    "[1]",
    "key: value",
    "- item",
    "---",
    "%TAG",
    "ä€😀\u{85}\u{2028}\u{feff}",
    "\u{0}\u{1}\u{7f}",
];

/// Values as they can be compared, by name.
fn sorted(items: &[Item]) -> BTreeMap<String, (Secret, Kind)> {
    items.iter().map(|item| (item.name.to_string(), (item.value.clone(), item.kind))).collect()
}

/// Writes and reads, and compares.
fn goes_round(items: &[Item], format: Format, layout: Layout) {
    let bytes = save(items, format, layout).unwrap_or_else(|error| panic!("{format:?} {layout:?}: {error}"));
    let reading = open(&bytes, format).unwrap_or_else(|error| panic!("{format:?} {layout:?}: {error}"));
    assert_eq!(sorted(&reading.secrets), sorted(items), "{format:?} {layout:?}");
    assert_eq!((reading.left_out.len(), reading.comments.len()), (0, 0));
    assert_eq!(reading.recipients, [identity().to_public().to_string()]);
}

#[test]
fn strange_values_go_round_in_every_format() {
    let all: Vec<_> =
        STRANGE.iter().enumerate().map(|(at, value)| item(&format!("K{at}"), value, Kind::Text)).collect();
    for (format, layout) in SHAPES {
        goes_round(&all, *format, *layout);
    }
}

#[test]
fn strange_names_go_round_in_every_format() {
    let names = [
        "0",
        "007",
        "1e3",
        "0x1f",
        "2020-01-02",
        "true",
        "Null",
        "yes",
        "n",
        "a:b",
        "a:",
        "a#b",
        "a/b",
        "x-",
        "_",
        "y_unencrypted",
        "a..b",
        "b.",
        "providers/fake/apiKey",
        "google#client-id",
        "age__list_0__map_enc",
        "sops-x",
        "SOPS",
    ];
    let all: Vec<_> = names.iter().map(|name| item(name, name, Kind::Text)).collect();
    for (format, layout) in SHAPES {
        goes_round(&all, *format, *layout);
    }
}

#[test]
fn kinds_go_round_where_the_value_has_their_form() {
    let typed = [
        item("i", "-42", Kind::Int),
        item("f", "0.0000001", Kind::Float),
        item("t", "true", Kind::Bool),
        item("u", "false", Kind::Bool),
        item("d", "2026-11-21T09:00:00.5+01:00", Kind::Time),
    ];
    for (format, layout) in SHAPES.iter().filter(|(format, _)| *format != Format::Dotenv) {
        goes_round(&typed, *format, *layout);
    }
    let bytes = save(&typed, Format::Dotenv, Layout::Flat).unwrap();
    let reading = open(&bytes, Format::Dotenv).unwrap();
    assert!(reading.secrets.iter().all(|item| item.kind == Kind::Text));

    let untyped = [
        item("i", "007", Kind::Int),
        item("f", "1e3", Kind::Float),
        item("t", "True", Kind::Bool),
        item("d", "today", Kind::Time),
        item("b", "text", Kind::Bytes),
        item("e", "", Kind::Int),
    ];
    let reading = open(&save(&untyped, Format::Yaml, Layout::Flat).unwrap(), Format::Yaml).unwrap();
    assert!(reading.secrets.iter().all(|item| item.kind == Kind::Text));
    for (one, other) in reading.secrets.iter().zip(&untyped) {
        assert_eq!((&one.name, &one.value), (&other.name, &other.value));
    }
}

#[test]
fn kinds_are_remembered_in_notes() {
    for kind in [Kind::Text, Kind::Int, Kind::Float, Kind::Bool, Kind::Bytes, Kind::Time] {
        assert_eq!(Kind::of_note(kind.note()), kind);
    }
    assert_eq!(Kind::Text.note(), None);
    assert_eq!(Kind::of_note(Some("rotated by hand")), Kind::Text);
}

#[test]
fn what_a_format_cannot_say_is_refused_by_name() {
    let refused = |items: &[Item], format, layout| save(items, format, layout).unwrap_err();
    let reserved = |name: &str| SopsWriteError::Reserved { name: name.to_owned() };
    assert_eq!(refused(&items(&[("sops_mac", "v")]), Format::Dotenv, Layout::Flat), reserved("sops_mac"));
    assert_eq!(refused(&items(&[("sops", "v")]), Format::Json, Layout::Flat), reserved("sops"));
    assert_eq!(refused(&items(&[("sops.mac", "v")]), Format::Yaml, Layout::Nested), reserved("sops.mac"));
    goes_round(&items(&[("sops.mac", "v"), ("sops_mac", "w")]), Format::Yaml, Layout::Flat);
    assert_eq!(refused(&items(&[("a", "v")]), Format::Dotenv, Layout::Nested), SopsWriteError::NestedDotenv);
    let conflict = SopsWriteError::Conflict { name: "a.b".to_owned() };
    assert_eq!(refused(&items(&[("a", "v"), ("a.b", "w")]), Format::Json, Layout::Nested), conflict);
    let binary = Item { name: Name::parse("B").unwrap(), value: Secret::from(vec![0xff]), kind: Kind::Bytes };
    let not_text = SopsWriteError::NotText { name: "B".to_owned() };
    assert_eq!(refused(&[binary], Format::Yaml, Layout::Flat), not_text);
}

#[test]
fn recipients_that_sops_cannot_take_are_refused() {
    let shape = Shape { format: Format::Json, layout: Layout::Flat, now: std::time::SystemTime::now() };
    let refused = |recipients: &[&str]| {
        let recipients: Vec<_> = recipients.iter().map(|&recipient| recipient.to_owned()).collect();
        write(&[], &shape, &recipients, &mut sealer).unwrap_err()
    };
    assert_eq!(refused(&[]), SopsWriteError::NoRecipient);
    let good = identity().to_public().to_string();
    assert_eq!(refused(&[&good, "passphrase"]), SopsWriteError::Recipient { place: 2 });
    assert_eq!(refused(&["age1\nx"]), SopsWriteError::Recipient { place: 1 });
    assert_eq!(refused(&["age1nobody"]), SopsWriteError::Seal { place: 1 });
}

#[test]
fn every_recipient_opens_the_file() {
    let others: Vec<_> = (0..3).map(|_| age::x25519::Identity::generate()).collect();
    let recipients: Vec<_> = others.iter().map(|identity| identity.to_public().to_string()).collect();
    for (format, layout) in SHAPES {
        let shape = Shape { format: *format, layout: *layout, now: std::time::SystemTime::now() };
        let bytes = write(&items(&[("A", "v")]), &shape, &recipients, &mut sealer).unwrap();
        for identity in &others {
            let mut open = super::opener(identity.clone());
            let reading = crate::sops::read(&bytes, *format, crate::sops::Unencrypted::LeaveOut, &mut open).unwrap();
            assert_eq!(reading.secrets, items(&[("A", "v")]));
        }
    }
}

#[test]
fn nothing_plain_is_in_what_is_written() {
    let secret = "hunter2-hunter2-hunter2";
    let all =
        [item("A", secret, Kind::Text), item("B_unencrypted", secret, Kind::Text), item("N", "4242424242", Kind::Int)];
    for (format, layout) in SHAPES {
        let text = String::from_utf8(save(&all, *format, *layout).unwrap()).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("42424242"), "{text}");
        let twice = String::from_utf8(save(&all, *format, *layout).unwrap()).unwrap();
        let values =
            |text: &str| text.lines().find(|line| line.contains("A") && line.contains("ENC[")).unwrap().to_owned();
        assert_ne!(values(&text), values(&twice), "a fresh key and nonce each time");
    }
}

/// Names that a vault can have.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Z_][A-Z0-9_]{0,12}", "[A-Za-z0-9_][A-Za-z0-9_.:/#-]{0,20}"]
        .prop_filter("not the metadata", |name| !name.starts_with("sops"))
}

/// Values that are text.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,40}",
        "([#'\"\\\\\n\r\t =:\\[\\]{},-]|ENC\\[AES256_GCM,|data:|type:str){0,12}",
        proptest::sample::select(STRANGE).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn arbitrary_names_and_values_go_round(values in proptest::collection::btree_map(any_name(), any_value(), 0..8)) {
        let all: Vec<_> = values.iter().map(|(name, value)| item(name, value, Kind::Text)).collect();
        for (format, layout) in SHAPES {
            match save(&all, *format, *layout) {
                Err(SopsWriteError::Conflict { .. }) => prop_assert_eq!(*layout, Layout::Nested),
                _ => goes_round(&all, *format, *layout),
            }
        }
    }
}
