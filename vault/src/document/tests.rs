//! Tests of the document and its wire form.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Consumer, Consumers, Document, DocumentError, Entry, LONGEST_VALUE};
use crate::name::Name;
use crate::secret::Secret;

/// A moment of whole seconds.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

/// A document with a text, bytes that are none, and everything that an entry can have.
fn sample() -> Document {
    let mut document = Document::new(vec!["age1example".to_owned()]).unwrap();
    document.generation = 7;
    let mut insert = |name: &str, entry| document.secrets.insert(Name::parse(name).unwrap(), entry);
    insert("TEXT", Entry::new(Secret::from("ä \"quoted\" \\ \n\u{1}"), now()));
    insert("BYTES", Entry::new(Secret::from(vec![0, 0xff, 0xfe]), now()));
    insert("EMPTY", Entry::new(Secret::default(), now()));
    let full = Entry {
        expires: Some(now() + Duration::from_secs(86_400)),
        note: Some("from the console".to_owned()),
        consumers: Consumers::only([Consumer::OpenClaw, Consumer::RunProgram("/usr/bin/curl".to_owned())]),
        ..Entry::new(Secret::from("x"), now())
    };
    insert("providers/fake/apiKey", full);
    document
}

#[test]
fn what_was_written_is_read_again() {
    let document = sample();
    assert_eq!(Document::from_bytes(document.to_bytes().as_bytes()), Ok(document));
}

#[test]
fn a_person_finds_the_values_in_the_decrypted_file() {
    let bytes = sample().to_bytes();
    let json: serde_json::Value = serde_json::from_slice(bytes.as_bytes()).unwrap();
    assert_eq!(json["lobsterpot_vault"], 1);
    assert_eq!(json["secrets"]["providers/fake/apiKey"]["text"], "x");
    assert_eq!(json["secrets"]["BYTES"]["base64"], "AP/+");
    assert_eq!(json["secrets"]["TEXT"]["created"], "2026-09-21T14:13:20Z");
}

#[test]
fn a_moment_that_a_person_wrote_to_the_millisecond_can_be_written_again() {
    let text = String::from_utf8(sample().to_bytes().as_bytes().to_vec()).unwrap();
    let document = Document::from_bytes(text.replace(":20Z", ":20.123Z").as_bytes()).unwrap();
    assert_eq!(Document::from_bytes(document.to_bytes().as_bytes()), Ok(document));
}

#[test]
fn a_name_that_is_there_twice_is_refused() {
    let entry = r#"{"text":"x","created":"2026-01-01T00:00:00Z","rotated":"2026-01-01T00:00:00Z"}"#;
    let seed = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let with = |secrets: &str| {
        format!(r#"{{"lobsterpot_vault":1,"seed":"{seed}","generation":1,"recipients":[],"secrets":{{{secrets}}}}}"#)
    };
    assert!(Document::from_bytes(with(&format!(r#""A":{entry}"#)).as_bytes()).is_ok());
    let twice = with(&format!(r#""A":{entry},"A":{entry}"#));
    assert!(matches!(Document::from_bytes(twice.as_bytes()), Err(DocumentError::Invalid { .. })));
    let unknown = with(&format!(r#""A":{}"#, entry.replace("text", "txet")));
    assert!(matches!(Document::from_bytes(unknown.as_bytes()), Err(DocumentError::Invalid { .. })));
    let both = with(&format!(r#""A":{}"#, entry.replace(r#""text""#, r#""base64":"","text""#)));
    assert!(matches!(Document::from_bytes(both.as_bytes()), Err(DocumentError::Invalid { .. })));
}

#[test]
fn later_versions_and_other_content_are_told_apart() {
    let later = br#"{"lobsterpot_vault":2,"secrets":[]}"#;
    assert_eq!(Document::from_bytes(later), Err(DocumentError::Version { version: 2 }));
    for other in ["", "A=1\n", "{}", "[]", "\0", "{\"lobsterpot_vault\":\"hunter2\"}"] {
        let error = Document::from_bytes(other.as_bytes()).unwrap_err();
        assert_eq!(error, DocumentError::NotAVault);
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn an_error_never_repeats_what_was_read() {
    let good = String::from_utf8(sample().to_bytes().as_bytes().to_vec()).unwrap();
    for (old, new) in [("\"x\"", "[\"hunter2\"]"), ("\"openclaw\"", "\"hunter2\""), ("1,", "1, \"hunter2\": 1,")] {
        let bad = good.replacen(old, new, 1);
        assert_ne!(bad, good);
        let error = Document::from_bytes(bad.as_bytes()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_value_that_is_too_long_is_refused() {
    let mut document = sample();
    let value = Secret::from(vec![b'x'; LONGEST_VALUE + 1]);
    document.secrets.insert(Name::parse("BIG").unwrap(), Entry::new(value, now()));
    assert!(Document::from_bytes(document.to_bytes().as_bytes()).is_err());
}

#[test]
fn digests_tell_values_apart_and_differ_between_vaults() {
    let (one, other) = (sample(), sample());
    let value = Secret::from("x");
    assert_eq!(one.digest(&value), one.digest(&value));
    assert_eq!(one.digest(&value).len(), 16);
    assert_ne!(one.digest(&value), one.digest(&Secret::from("y")));
    assert_ne!(one.digest(&value), other.digest(&value));
    assert_ne!(one.fingerprint(), other.fingerprint());
    assert_eq!(one.fingerprint(), Document::from_bytes(one.to_bytes().as_bytes()).unwrap().fingerprint());
}

#[test]
fn debug_output_has_no_value_and_no_seed() {
    let shown = format!("{:?}", sample());
    assert!(shown.contains("Secret(") && !shown.contains("quoted") && !shown.contains("254"), "{shown}");
}

#[test]
fn only_named_consumers_may_have_a_secret() {
    let consumers = Consumers::only([Consumer::Run, Consumer::Git]);
    assert!(consumers.allow(&Consumer::Git) && consumers.allow(&Consumer::RunProgram("/bin/sh".to_owned())));
    assert!(!consumers.allow(&Consumer::Get) && !consumers.allow(&Consumer::OpenClaw));
    let one = Consumers::only([Consumer::RunProgram("/usr/bin/curl".to_owned())]);
    assert!(one.allow(&Consumer::RunProgram("/usr/bin/curl".to_owned())));
    assert!(!one.allow(&Consumer::RunProgram("/usr/bin/wget".to_owned())) && !one.allow(&Consumer::Run));
    assert!(!Consumers::only([]).allow(&Consumer::Get));
    assert!(Consumers::any().allow(&Consumer::Get));
}

#[test]
fn consumers_are_read_as_they_are_written() {
    for text in
        ["get", "unlock", "export", "render", "openclaw", "claude-api-key", "git", "docker", "run", "run:/bin/sh"]
    {
        assert_eq!(Consumer::parse(text).map(|consumer| consumer.to_string()).as_deref(), Ok(text));
    }
    for text in ["", "RUN", "run:", "run:curl", "run:/bin/../x", "run://x", "run:/x/", "everybody"] {
        assert!(Consumer::parse(text).is_err(), "{text}");
    }
}
