//! What is written is read again, in every dialect, whatever the bytes are.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Dialect, Meaning, WriteError, read, write};
use crate::name::Name;
use crate::secret::Secret;

/// All meanings.
fn meanings() -> Vec<Meaning> {
    [Meaning::Strict].into_iter().chain(Dialect::ALL.map(Meaning::Of)).collect()
}

/// Values: any bytes, and texts that are full of what files give a meaning to.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(
        "ab1 \t\n\r'\"`\\$#=;{}()~!&|<>*?[]:,nrtvxé\u{a0}\u{2028}\u{feff}\u{1}\u{7f}".chars().collect::<Vec<_>>(),
    );
    prop_oneof![
        vec(any::<u8>(), 0..24),
        vec(telling, 0..12).prop_map(|characters| characters.into_iter().collect::<String>().into_bytes()),
        "[A-Za-z0-9_+/=.-]{0,40}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(values in vec(value(), 0..4)) {
        let secrets: Vec<(Name, Secret)> = values
            .into_iter()
            .enumerate()
            .map(|(number, value)| (Name::parse(&format!("NAME_{number}")).unwrap(), Secret::from(value)))
            .collect();
        for meaning in meanings() {
            if let Ok(file) = write(secrets.iter().map(|(name, value)| (name, value)), meaning) {
                let found: Vec<(Name, Secret)> = read(file.as_bytes(), meaning)
                    .unwrap()
                    .assignments
                    .into_iter()
                    .map(|assignment| (assignment.name, assignment.value))
                    .collect();
                prop_assert_eq!(&found, &secrets, "{}", meaning);
            }
        }
    }

    #[test]
    fn every_reader_ends_on_any_text(text in vec(value(), 0..6)) {
        let text = text.concat();
        for meaning in meanings() {
            let _ = read(&text, meaning);
        }
    }
}

/// Whether a dialect can say a value.
fn says(value: &str, meaning: Meaning) -> bool {
    write([(&Name::parse("A").unwrap(), &Secret::from(value))], meaning).is_ok()
}

#[test]
fn each_dialect_says_what_it_can() {
    let able = |value: &str| -> Vec<&str> {
        Dialect::ALL.into_iter().filter(|dialect| says(value, Meaning::Of(*dialect))).map(Dialect::word).collect()
    };
    let all = Dialect::ALL.map(Dialect::word);
    assert_eq!(able("sk-abc_DEF.123/+="), all);
    assert_eq!(able(""), all);
    assert_eq!(able("$2b$10$abc/def"), all);
    assert_eq!(able("two words"), all);
    assert_eq!(able("pa#ss wo#rd"), all);
    assert_eq!(able("it's"), all);
    assert_eq!(able("\"'"), all);
    assert_eq!(able("a\\b"), all);
    assert_eq!(
        able("-----BEGIN X-----\nabc\n-----END X-----\n"),
        ["systemd", "bash", "dotenv", "node", "python", "dotenvy"]
    );
    assert_eq!(able("\"'`x"), ["docker", "systemd", "bash", "python", "dotenvy"]);
    assert_eq!(able("${X}"), ["docker", "systemd", "bash", "dotenv", "node", "dotenvy"]);
    assert_eq!(able("a\rb"), ["docker", "bash", "dotenv", "python", "dotenvy"]);
}

#[test]
fn strict_says_only_what_everybody_reads_alike() {
    for value in ["", "abc", "a/b+c==", "a:b,c", "%20"] {
        assert!(says(value, Meaning::Strict), "{value}");
    }
    for value in [" a", "a b", "'", "\"x\"", "$", "#", "a#b", "\\", "\n", "~", "a\rb", "\u{a0}x"] {
        assert!(!says(value, Meaning::Strict), "{value:?}");
    }
}

#[test]
fn what_cannot_be_said_is_named_and_not_shown() {
    let name = Name::parse("TOKEN").unwrap();
    let error = write([(&name, &Secret::from("hunter2 \n"))], Meaning::Of(Dialect::Docker)).unwrap_err();
    assert_eq!(error.to_string(), "the value of TOKEN cannot be written for docker");
    let error = write([(&name, &Secret::from(vec![0xff]))], Meaning::Of(Dialect::Bash)).unwrap_err();
    assert!(matches!(error, WriteError::Value { .. }));
    let error = write([(&Name::parse("a/b").unwrap(), &Secret::from("x"))], Meaning::Strict).unwrap_err();
    assert_eq!(error.to_string(), "a/b cannot be written for strict: it is not the name of a variable there");
}
