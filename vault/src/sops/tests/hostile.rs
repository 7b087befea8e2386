//! Bytes that were made to break a parser, or to make an error tell a secret.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{FILES, file, items, open, save};
use crate::failure::Explain;
use crate::sops::{DEEPEST, Format, LONGEST_FILE, Layout, MOST_NODES, SopsError};

/// All formats.
const FORMATS: [Format; 3] = [Format::Dotenv, Format::Json, Format::Yaml];

/// Reads, and sees that it does not take long. Tests are not optimised.
///
/// # Errors
/// As for [`open`].
fn soon(bytes: &[u8], format: Format) -> Result<(), SopsError> {
    let begin = Instant::now();
    let done = open(bytes, format).map(|_| ());
    assert!(begin.elapsed() < Duration::from_secs(120), "{format:?} took {:?}", begin.elapsed());
    done
}

#[test]
fn too_long_too_deep_and_too_much_are_refused() {
    for format in FORMATS {
        assert_eq!(soon(&vec![b' '; LONGEST_FILE + 1], format), Err(SopsError::TooLong));
        assert_eq!(soon(&[0xff, 0xfe], format), Err(SopsError::NotText));
    }
    let deep =
        |open: &str, close: &str, count: usize| format!("{}{}", open.repeat(count), close.repeat(count)).into_bytes();
    for count in [DEEPEST + 1, 100, 127, 128, 100_000] {
        for (begin, end) in [("[", "]"), ("{\"a\":", "}")] {
            assert!(soon(&deep(begin, end, count), Format::Json).is_err());
            assert!(soon(&deep(begin, end, count), Format::Yaml).is_err());
        }
        assert!(soon(&deep("- ", "", count), Format::Yaml).is_err());
        assert!(soon(&deep("? ", "", count), Format::Yaml).is_err());
    }
    assert_eq!(soon(&deep("[", "]", DEEPEST + 1), Format::Json), Err(SopsError::TooDeep));
    let many = format!("[{}0]", "0,".repeat(MOST_NODES));
    assert_eq!(soon(many.as_bytes(), Format::Json), Err(SopsError::TooMany));
    assert_eq!(soon(many.replace("[", &many.replace(']', ",")).as_bytes(), Format::Yaml), Err(SopsError::TooMany));
    let lines: String = (0..=MOST_NODES).map(|at| format!("{at}=\n")).collect();
    assert_eq!(soon(lines.as_bytes(), Format::Dotenv), Err(SopsError::TooMany));
}

#[test]
fn keys_that_grow_with_every_level_are_refused() {
    let key = "k".repeat(100_000);
    let sops = format!("{{\"sops\":{{\"{key}\":{{\"{key}\":[{}0]}}}}}}", "0,".repeat(1000));
    assert_eq!(soon(sops.as_bytes(), Format::Json), Err(SopsError::Unknown { entry: "an entry".to_owned() }));
    let bytes = save(&items(&[("a", "v")]), Format::Json, Layout::Flat).unwrap();
    let text = String::from_utf8(bytes).unwrap().replacen('{', &format!("{{\"{key}\":null,"), 1);
    assert_eq!(soon(text.as_bytes(), Format::Json), Err(SopsError::LongKeys));
}

#[test]
fn ten_thousand_forged_comments_are_refused_soon() {
    let text = String::from_utf8(file("comments.yaml")).unwrap();
    let comment = text.lines().next().unwrap();
    let moved: String = (0..10_000).map(|at| format!("m{at}_unencrypted: {{}}\n{comment}\n")).collect();
    // Each decrypts at the top; changed, none does anywhere.
    let forged = moved.replace("tag:Z", "tag:Y") + text.as_str();
    assert_eq!(soon(forged.as_bytes(), Format::Yaml), Err(SopsError::Comment { line: 2 }));
    assert_eq!(soon((moved + text.as_str()).as_bytes(), Format::Yaml), Ok(()));
}

#[test]
fn what_has_more_than_one_meaning_in_yaml_is_refused() {
    let text = String::from_utf8(file("format.yaml")).unwrap();
    let refused = |begin: &str| open(format!("{begin}{text}").as_bytes(), Format::Yaml).unwrap_err();
    let unsupported = |line, what| SopsError::Unsupported { line, what };
    assert_eq!(refused("a_unencrypted: &x b\n"), unsupported(1, "a YAML anchor"));
    assert_eq!(refused("a_unencrypted: &x b\nc_unencrypted: *x\n"), unsupported(1, "a YAML anchor"));
    assert_eq!(refused("\na_unencrypted: !!str 1\n"), unsupported(2, "a YAML tag"));
    assert_eq!(refused("a_unencrypted: !!binary aGk=\n"), unsupported(1, "a YAML tag"));
    assert_eq!(refused("<<: {a_unencrypted: b}\n"), unsupported(1, "a key that is no text"));
    assert_eq!(refused("1: x\n"), unsupported(1, "a key that is no text"));
    assert_eq!(refused("? [a]\n: x\n"), unsupported(1, "a key that is no text"));
    assert_eq!(refused("foo: x\n"), SopsError::Duplicate { place: "foo".to_owned() });
    assert_eq!(refused("- x\n"), SopsError::Syntax { format: "YAML", line: 2 });
    let second = format!("{text}---\nfoo: bar\n");
    let line = text.lines().count() + 1;
    assert_eq!(open(second.as_bytes(), Format::Yaml).unwrap_err(), unsupported(line, "a second YAML document"));
    for (format, text) in
        [(Format::Json, "[]"), (Format::Json, "{} {}"), (Format::Yaml, "- a"), (Format::Yaml, "x"), (Format::Yaml, "")]
    {
        assert!(matches!(open(text.as_bytes(), format), Err(SopsError::Syntax { .. })), "{text}");
    }
}

#[test]
fn keys_that_are_there_twice_are_refused() {
    let twice = SopsError::Duplicate { place: "a".to_owned() };
    assert_eq!(open(b"{\"a\":1,\"a\":2}", Format::Json), Err(twice.clone()));
    assert_eq!(open(b"{\"x\":{\"a\":1,\"\\u0061\":2}}", Format::Json), Err(twice.clone()));
    assert_eq!(open(b"a: 1\n'a': 2\n", Format::Yaml), Err(twice.clone()));
    assert_eq!(open(b"a=1\na=2\n", Format::Dotenv), Err(twice));
    let block = SopsError::Duplicate { place: "sops".to_owned() };
    assert_eq!(open(b"{\"sops\":{},\"sops\":{}}", Format::Json), Err(block));
    assert_eq!(
        open(b"sops_mac=1\nsops_mac=2\n", Format::Dotenv),
        Err(SopsError::Duplicate { place: "sops_mac".to_owned() })
    );
}

#[test]
fn two_values_with_one_name_are_refused() {
    let nested = save(&items(&[("a.b", "one")]), Format::Yaml, Layout::Nested).unwrap();
    let text = String::from_utf8(nested).unwrap();
    let both = format!("\"a.b\": \"\"\n{text}");
    assert_eq!(open(both.as_bytes(), Format::Yaml), Err(SopsError::Clash { name: "a.b".to_owned() }));
}

#[test]
fn files_of_windows_are_refused_as_such() {
    for (name, format) in FILES {
        let crlf = String::from_utf8(file(name)).unwrap().replace('\n', "\r\n");
        match open(crlf.as_bytes(), *format) {
            Err(SopsError::Unsupported { line: 1, what }) if *format == Format::Dotenv => {
                assert_eq!(what, "a carriage return before its end");
            }
            found => assert!(found.is_ok() && *format != Format::Dotenv, "{name}"),
        }
    }
}

/// A text that no error may repeat.
const CANARY: &str = "hunter2";

/// What could be in a SOPS file, with secrets in every place.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("hunter2".to_owned()),
        Just("sops: ".to_owned()),
        Just("sops_".to_owned()),
        Just("\"sops\": {".to_owned()),
        Just("ENC[AES256_GCM,data:aGk=,iv:".to_owned()),
        Just("type:str]".to_owned()),
        Just("age__list_0__map_enc=".to_owned()),
        Just("- ".to_owned()),
        Just("|\n  ".to_owned()),
        Just("\n".to_owned()),
        "[\\[\\]{}:,#&*!|>'\"%@`?= \t\r\n-]{1,4}",
        "[a-z0-9_]{1,6}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_bytes_make_a_parser_panic_hang_or_tell_what_it_read(text in any_text(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in FORMATS {
            let _ = soon(&bytes, format);
            if let Err(error) = soon(text.as_bytes(), format) {
                let told = format!("{error} {error:?} {:?}", error.hint());
                prop_assert!(!told.contains(CANARY) || matches!(error, SopsError::Duplicate { .. }), "{told}");
            }
        }
    }

    #[test]
    fn no_change_of_a_real_file_makes_a_parser_panic(at in 0_usize..4, cut in any::<prop::sample::Index>(), text in any_text()) {
        let (name, format) = FILES[at];
        let mut changed = file(name);
        let cut = cut.index(changed.len());
        changed.splice(cut..cut, text.bytes());
        let _ = soon(&changed, format);
    }
}
