//! Files that somebody changed who does not have the data key.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{FILES, file, item, items, open, save};
use crate::secret::Secret;
use crate::sops::{Format, Kind, Layout, SopsError, Why};

/// What a reading is, as far as a vault is concerned.
type Meaning = BTreeMap<String, (Secret, Kind)>;

/// The values of a file.
///
/// # Errors
/// As for [`open`].
fn meaning(bytes: &[u8], format: Format) -> Result<Meaning, SopsError> {
    let reading = open(bytes, format)?;
    assert!(reading.left_out.iter().all(|left| left.why == Why::Null), "nothing of these files is plain");
    Ok(reading.secrets.into_iter().map(|item| (item.name.to_string(), (item.value, item.kind))).collect())
}

/// The vectors, and files of our own.
fn subjects() -> Vec<(String, Format, Vec<u8>)> {
    let mut all: Vec<_> = FILES.iter().map(|(name, format)| ((*name).to_owned(), *format, file(name))).collect();
    for format in [Format::Dotenv, Format::Json, Format::Yaml] {
        let own = items(&[("alpha", "one"), ("beta", "two"), ("empty", ""), ("gamma", "multi\nline")]);
        all.push((format!("own {}", format.name()), format, save(&own, format, Layout::Flat).unwrap()));
    }
    all
}

/// A file with one text in place of another, which is there once.
fn with(bytes: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new).into_bytes()
}

/// The encrypted value in the line of a key.
fn value_of<'a>(text: &'a str, key: &str) -> &'a str {
    let line = text.lines().find(|line| line.trim_start().trim_start_matches('"').starts_with(key)).unwrap();
    let begin = line.find("ENC[").unwrap();
    line.get(begin..=line.rfind(']').unwrap()).unwrap()
}

/// Those values that SOPS authenticates. Whether there is an empty one, and under which key, nobody can say: it is written as
/// nothing, and adds nothing to the MAC.
fn authenticated(meaning: Meaning) -> Meaning {
    meaning.into_iter().filter(|(_, (value, _))| !value.is_empty()).collect()
}

#[test]
fn every_changed_byte_is_noticed_or_changes_no_value() {
    for (name, format, bytes) in subjects() {
        let whole = authenticated(meaning(&bytes, format).unwrap());
        let mut harmless = 0;
        let armor = sealed_key(&bytes);
        for (at, flip) in (0..bytes.len()).flat_map(|at| [(at, 0x01), (at, 0x20)]) {
            // One change of the sealed key is enough: the curve is slow here, and other tests are about age.
            if flip != 0x01 && armor.contains(&at) {
                continue;
            }
            let mut changed = bytes.clone();
            *changed.get_mut(at).unwrap() ^= flip;
            if let Ok(found) = meaning(&changed, format) {
                harmless += 1;
                assert_eq!(authenticated(found), whole, "{name}: byte {at} ^ {flip}");
            }
        }
        // What changes nothing: blanks, quotes, the version, how a recipient is called, what an empty value is called, and that a
        // comment is an encrypted one.
        assert!(harmless < bytes.len() / 4, "{name}: {harmless} of {}", 2 * bytes.len());
    }
}

/// Where the sealed data key is in a file.
fn sealed_key(bytes: &[u8]) -> Range<usize> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.find("-----BEGIN AGE").unwrap()..text.find("-----END AGE").unwrap()
}

#[test]
fn a_truncated_file_is_refused() {
    for (name, format, bytes) in subjects() {
        let whole = meaning(&bytes, format).unwrap();
        for end in 0..bytes.len() {
            if let Ok(found) = meaning(bytes.get(..end).unwrap(), format) {
                assert_eq!(found, whole, "{name}: {end} bytes");
            }
        }
    }
}

#[test]
fn a_value_under_another_key_is_noticed() {
    for format in [Format::Dotenv, Format::Json, Format::Yaml] {
        let bytes = save(&items(&[("alpha", "one"), ("beta", "two")]), format, Layout::Flat).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (alpha, beta) = (value_of(&text, "alpha"), value_of(&text, "beta"));
        let swapped = text.replace(alpha, "@").replace(beta, alpha).replace('@', beta);
        assert_eq!(meaning(swapped.as_bytes(), format), Err(SopsError::Forged { place: "alpha".to_owned() }));
        let copied = text.replace(beta, alpha);
        assert_eq!(meaning(copied.as_bytes(), format), Err(SopsError::Forged { place: "beta".to_owned() }));
        let renamed = with(&bytes, "beta", "zeta");
        assert_eq!(meaning(&renamed, format), Err(SopsError::Forged { place: "zeta".to_owned() }));
    }
}

#[test]
fn values_that_were_reordered_removed_or_added_do_not_match_the_mac() {
    let bytes = save(&items(&[("alpha", "one"), ("beta", "two")]), Format::Dotenv, Layout::Flat).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.swap(0, 1);
    assert_eq!(meaning(lines.join("\n").as_bytes(), Format::Dotenv), Err(SopsError::MacMismatch));
    let without = lines.get(1..).unwrap().join("\n");
    assert_eq!(meaning(without.as_bytes(), Format::Dotenv), Err(SopsError::MacMismatch));
    let more = format!("x_unencrypted=more\n{text}");
    assert_eq!(meaning(more.as_bytes(), Format::Dotenv), Err(SopsError::MacMismatch));
    let twice = format!("{}\n{text}", lines.get(1).unwrap());
    assert_eq!(meaning(twice.as_bytes(), Format::Dotenv), Err(SopsError::Duplicate { place: "alpha".to_owned() }));
    let emptied = text.replace(value_of(&text, "beta"), "");
    assert_eq!(meaning(emptied.as_bytes(), Format::Dotenv), Err(SopsError::MacMismatch));
}

#[test]
fn members_of_one_list_that_were_exchanged_do_not_match_the_mac() {
    // Places in lists are no part of the additional data: here the MAC alone stands guard.
    let bytes = save(&items(&[("l.0", "one"), ("l.1", "two")]), Format::Yaml, Layout::Nested).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    assert!(lines.iter().skip(1).take(2).all(|line| line.starts_with("    - ENC[")), "{text}");
    lines.swap(1, 2);
    assert_eq!(meaning((lines.join("\n") + "\n").as_bytes(), Format::Yaml), Err(SopsError::MacMismatch));
}

#[test]
fn a_known_value_written_plainly_under_another_rule_has_no_name_that_counts() {
    // SOPS's MAC has no keys in it. Who knows a value can write it plainly, under any key, beside a rule that allows it; that is why
    // values that are not encrypted are left out unless asked for, and then are not trusted with a name.
    let bytes = save(&items(&[("alpha", "one"), ("beta", "two")]), Format::Json, Layout::Flat).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let plain = text.replace(value_of(&text, "alpha"), "one");
    assert_eq!(meaning(plain.as_bytes(), Format::Json), Err(SopsError::NotEncrypted { place: "alpha".to_owned() }));
    let under_a_rule = plain.replace("\"unencrypted_suffix\": \"_unencrypted\"", "\"unencrypted_suffix\": \"alpha\"");
    let mut opener = super::opener(super::identity());
    let reading =
        super::read(under_a_rule.as_bytes(), Format::Json, super::Unencrypted::LeaveOut, &mut opener).unwrap();
    assert_eq!(reading.secrets, items(&[("beta", "two")]));
    assert_eq!(reading.left_out.len(), 1);
}

#[test]
fn the_mac_of_another_file_or_time_is_refused() {
    let write = || String::from_utf8(save(&items(&[("alpha", "one")]), Format::Yaml, Layout::Flat).unwrap()).unwrap();
    let (one, other) = (write(), write());
    let foreign = one.replace(value_of(&one, "mac"), value_of(&other, "mac"));
    assert_eq!(meaning(foreign.as_bytes(), Format::Yaml), Err(SopsError::MacForged));
    let moved = one.replace(value_of(&one, "mac"), value_of(&one, "alpha"));
    assert_eq!(meaning(moved.as_bytes(), Format::Yaml), Err(SopsError::MacForged));
    let later = one.replace("lastmodified: \"2026-", "lastmodified: \"2027-");
    assert_ne!(later, one);
    assert_eq!(meaning(later.as_bytes(), Format::Yaml), Err(SopsError::MacForged));
    let partial = one.replace("    version:", "    mac_only_encrypted: true\n    version:");
    assert_eq!(meaning(partial.as_bytes(), Format::Yaml), Err(SopsError::MacMismatch));
}

#[test]
fn a_comment_in_the_place_of_a_value_is_no_value() {
    let text = String::from_utf8(file("comments.yaml")).unwrap();
    let comment = text.lines().next().unwrap().strip_prefix('#').unwrap();
    // The additional data differ, so that it does not even decrypt.
    let moved = text.replace(value_of(&text, "lorem"), comment);
    assert_eq!(meaning(moved.as_bytes(), Format::Yaml), Err(SopsError::Forged { place: "lorem".to_owned() }));
    // The type is not authenticated.
    let retyped = text.replace("tag:0Qrom6J6aUnZMZzGz5XCxw==,type:str", "tag:0Qrom6J6aUnZMZzGz5XCxw==,type:comment");
    assert_ne!(retyped, text);
    assert_eq!(meaning(retyped.as_bytes(), Format::Yaml), Err(SopsError::UnknownType { place: "lorem".to_owned() }));
    let lost = text.replace("#ENC[AES256_GCM,data:I", "#ENC[AES256_GCM,data:J");
    assert_eq!(meaning(lost.as_bytes(), Format::Yaml), Err(SopsError::Comment { line: 1 }));
}

#[test]
fn a_changed_type_does_not_change_a_value() {
    // The type of a value is not authenticated; what it makes of the bytes is, by the MAC.
    let own = [item("n", "7", Kind::Int), item("t", "true", Kind::Bool), item("s", "007", Kind::Text)];
    let text = String::from_utf8(save(&own, Format::Json, Layout::Flat).unwrap()).unwrap();
    for (from, to, place) in [("int", "bool", "n"), ("bool", "int", "t"), ("str", "bytes", "s"), ("str", "int", "s")] {
        let value = value_of(&text, &format!("{place}\"")).to_owned();
        let changed = text.replace(&value, &value.replace(&format!("type:{from}"), &format!("type:{to}")));
        assert_ne!(changed, text);
        match meaning(changed.as_bytes(), Format::Json) {
            Ok(found) => assert_eq!(found.get(place).unwrap().0, Secret::from("007"), "{from} as {to}"),
            Err(error) => {
                let typed = SopsError::Type { place: place.to_owned() };
                assert!(error == typed || error == SopsError::MacMismatch, "{from} as {to}: {error}");
            }
        }
    }
}
