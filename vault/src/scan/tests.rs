//! Every form of every value is found wherever it stands, and nothing else is.

use std::io::Read;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::search::{Findings, Position, Searcher};
use super::{Form, Index};
use crate::document::{Document, Entry};
use crate::name::Name;
use crate::secret::Secret;

/// A vault with these secrets.
pub(super) fn vault(secrets: &[(&str, &[u8])]) -> Document {
    let mut document = Document::new(Vec::new()).unwrap();
    for (name, value) in secrets {
        document.secrets.insert(Name::parse(name).unwrap(), Entry::new(Secret::from(*value), SystemTime::UNIX_EPOCH));
    }
    document
}

/// The index of a vault with these secrets.
pub(super) fn index(secrets: &[(&str, &[u8])]) -> Index {
    Index::of(&vault(secrets), false).unwrap()
}

/// A reader that gives a few bytes at a time.
struct Trickle<'text>(&'text [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(buffer.len()).min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// What is found in a text.
fn found(index: &Index, text: &[u8]) -> Findings {
    found_by(&mut Searcher::new(index), text)
}

/// What a searcher finds in a text.
fn found_by(searcher: &mut Searcher<'_>, text: &[u8]) -> Findings {
    let (mut findings, mut position) = (Findings::new(), Position::default());
    searcher.stream(&mut Trickle(text, 100_003), &mut position, &mut findings).unwrap();
    assert_eq!(position.offset, u64::try_from(text.len()).unwrap());
    assert_eq!(position.lines, u64::try_from(text.iter().filter(|byte| **byte == b'\n').count()).unwrap());
    findings
}

/// Lines of `width` characters.
fn wrapped(text: &str, width: usize, end: &str) -> String {
    text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap().to_owned() + end).collect()
}

/// Every way in which the suite writes a value down; `pad` bytes come before it within encodings.
fn writings(value: &[u8], pad: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let padded = [pad, value, b"tail"].concat();
    let base64 = STANDARD.encode(&padded);
    let hex = |upper: bool| -> String {
        value.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    };
    let percent = |upper: bool, all: bool| -> String {
        value
            .iter()
            .map(|byte| match (byte.is_ascii_alphanumeric() && !all, upper) {
                (true, _) => char::from(*byte).to_string(),
                (false, true) => format!("%{byte:02X}"),
                (false, false) => format!("%{byte:02x}"),
            })
            .collect()
    };
    let mut all = vec![
        ("raw", value.to_vec()),
        ("base64", base64.clone().into_bytes()),
        ("base64 mime", wrapped(&base64, 76, "\r\n").into_bytes()),
        ("base64 pem", wrapped(&base64, 64, "\n").into_bytes()),
        ("base64 yaml", wrapped(&base64, 60, "\n    ").into_bytes()),
        ("base64 json", wrapped(&base64, 64, "\\n").into_bytes()),
        ("base64url", URL_SAFE.encode(&padded).into_bytes()),
        ("base64url bare", URL_SAFE_NO_PAD.encode(&padded).into_bytes()),
        ("hex", hex(false).into_bytes()),
        ("HEX", hex(true).into_bytes()),
        ("hex lines", wrapped(&hex(false), 60, "\n").into_bytes()),
        ("percent", percent(true, false).into_bytes()),
        ("percent lower", percent(false, false).into_bytes()),
        ("percent all", percent(true, true).into_bytes()),
        ("percent twice", percent(true, false).replace('%', "%25").into_bytes()),
        ("octal", value.iter().map(|byte| format!("\\{byte:03o}")).collect::<String>().into_bytes()),
        ("hex escapes", value.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>().into_bytes()),
    ];
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::to_string(text).unwrap();
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        all.push(("json", json.clone().into_bytes()));
        all.push(("json slashes", json.replace('/', "\\/").into_bytes()));
        all.push(("json units", units.into_bytes()));
        all.push(("json in json", serde_json::to_string(&json).unwrap().into_bytes()));
        all.push(("shell", format!("'{}'", text.replace('\'', r"'\''")).into_bytes()));
        all.push((
            "backslashes",
            text.chars()
                .flat_map(|c| if c.is_alphanumeric() || c == '\n' { vec![c] } else { vec!['\\', c] })
                .collect::<String>()
                .into_bytes(),
        ));
    }
    all
}

/// Values that are searched for: bytes of all kinds, and text of the kinds that credentials are.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 12..200),
        "[A-Za-z0-9/+_ '\"\\\\%$@:äß€\u{1f600}-]{16,90}".prop_map(String::into_bytes),
    ]
    .prop_filter("searched for", |value| super::worth::objection(value, false).is_none())
}

/// Characters that noise is made of, so that it also ends within escapes and lines of digits.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[ -~\n]{0,300}".prop_map(String::into_bytes),
        "[A-Za-z0-9]{0,300}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_value_is_found_in_every_writing_at_every_place(
        value in value(),
        pad in prop::collection::vec(any::<u8>(), 0..60),
        before in noise(),
        after in noise(),
    ) {
        let index = index(&[("WANTED", &value), ("OTHER", b"another value: 0123456789")]);
        let mut searcher = Searcher::new(&index);
        for (what, written) in writings(&value, &pad) {
            // A word boundary, for an escape or a digit that runs on would be another text.
            let text = [before.as_slice(), b"\n\" ", &written, b" \"\n", &after].concat();
            let findings = found_by(&mut searcher, &text);
            prop_assert!(findings.keys().any(|(secret, _)| index.name(*secret).as_str() == "WANTED"), "{what}");
            prop_assert!(findings.keys().all(|(secret, _)| index.name(*secret).as_str() == "WANTED"), "{what}");
        }
    }

    #[test]
    fn nothing_is_found_in_noise(value in value(), noise in prop::collection::vec(noise(), 1..20)) {
        prop_assert!(found(&index(&[("WANTED", &value)]), &noise.concat()).is_empty());
    }
}

#[test]
fn a_value_across_the_ends_of_portions_is_found_once() {
    let value: &[u8] = b"s3cret/with \"quotes\" & slashes";
    let index = index(&[("WANTED", value)]);
    let json = serde_json::to_vec(&String::from_utf8_lossy(value)).unwrap();
    let mut searcher = Searcher::new(&index);
    for written in [value, &json[1..json.len() - 1], STANDARD.encode(value).as_bytes()] {
        for place in (262_144 - 600..262_144 + 600).step_by(37) {
            let mut text = vec![b'.'; 300_000];
            text[place..place + written.len()].copy_from_slice(written);
            let findings = found_by(&mut searcher, &text);
            let seen: Vec<_> = findings.values().map(|seen| (seen.offset, seen.count)).collect();
            assert_eq!(seen, [(u64::try_from(place).unwrap(), 1)]);
        }
    }
}

#[test]
fn the_first_place_and_how_many_there_are_is_told() {
    let index = index(&[("WANTED", b"0a1b2c3d4e5f")]);
    let findings = found(&index, b"one\ntwo 0a1b2c3d4e5f 0a1b2c3d4e5f\n0a1b2c3d4e5f");
    let seen: Vec<_> =
        findings.iter().map(|((_, writing), seen)| (writing.form, seen.offset, seen.line, seen.count)).collect();
    assert_eq!(seen, [(Form::Raw, 8, 2, 3)]);
}

#[test]
fn a_value_of_a_megabyte_is_found_with_every_character_escaped() {
    let value: Vec<u8> =
        (0..1_u32 << 20).map(|number| b'a' + u8::try_from(number.wrapping_mul(2_654_435_761) >> 28).unwrap()).collect();
    let index = index(&[("WANTED", &value)]);
    let escaped: String = value.iter().map(|byte| format!("\\u{byte:04x}")).collect();
    for written in [value.clone(), escaped.into_bytes()] {
        let text = [b"x".repeat(3_000_000).as_slice(), &written, b"tail"].concat();
        assert_eq!(found(&index, &text).len(), 1);
        let cut = &text[..text.len() - 5];
        assert_eq!(found(&index, cut).len(), 0);
    }
}

#[test]
fn a_value_within_another_is_found_with_it() {
    let index =
        index(&[("PASSWORD", b"pa55word!"), ("URL", b"postgres://user:pa55word!@db/x"), ("SAME", b"pa55word!")]);
    let names: Vec<_> = found(&index, b"postgres://user:pa55word!@db/x")
        .keys()
        .map(|(secret, _)| index.name(*secret).to_string())
        .collect();
    assert_eq!(names, ["PASSWORD", "SAME", "URL"]);
}

#[test]
fn values_that_say_nothing_are_listed_instead() {
    let index = index(&[("MODE", b"production"), ("PIN", b"1234"), ("KEY", b"x9K2mQ4z8Lp0")]);
    assert_eq!(index.searched(), 1);
    let listed: Vec<_> = index.unsearched().iter().map(|(name, why)| (name.as_str(), why.word())).collect();
    assert_eq!(listed, [("MODE", "plain"), ("PIN", "short")]);
    assert!(found(&index, b"production 1234").is_empty());
}

#[test]
fn an_index_shows_no_value() {
    let index = index(&[("KEY", b"x9K2mQ4z8Lp0")]);
    assert!(!format!("{index:?}").contains("x9K2"));
}
