//! What OpenClaw is told, and what it is not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{LONGEST, Request, RequestError, USUAL_OUTPUT, answer};
use crate::document::{Consumer, Consumers, Document, Entry};
use crate::name::Name;
use crate::secret::Secret;

/// A vault of text secrets.
fn vault(secrets: &[(&str, &str)]) -> Document {
    let mut document = Document::new(vec![]).unwrap();
    for (name, value) in secrets {
        document.secrets.insert(Name::parse(name).unwrap(), Entry::new(Secret::from(*value), UNIX_EPOCH));
    }
    document
}

/// The present.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(9)
}

/// A request for ids.
fn request(ids: &[&str]) -> Request {
    let text = json!({"protocolVersion": 1, "provider": "lobsterpot", "ids": ids}).to_string();
    Request::parse(text.as_bytes()).unwrap()
}

/// The answer, read as OpenClaw reads it.
fn asked(document: &Document, ids: &[&str]) -> Value {
    let bytes = answer(&request(ids), document, now(), USUAL_OUTPUT);
    let value: Value = serde_json::from_slice(bytes.as_bytes()).unwrap();
    assert_eq!(value["protocolVersion"], 1);
    json!([value["values"], value["errors"]])
}

#[test]
fn a_batch_has_a_value_or_an_error_for_each_id() {
    let document = vault(&[("providers/fake/apiKey", "sk-1"), ("OPENAI_API_KEY", "sk-\"2\"\n\u{1f99e}")]);
    let expected = json!([
        {"providers/fake/apiKey": "sk-1", "OPENAI-API-KEY": "sk-\"2\"\n\u{1f99e}"},
        {"MISSING": {"code": "NOT_FOUND"}},
    ]);
    assert_eq!(asked(&document, &["MISSING", "providers/fake/apiKey", "OPENAI-API-KEY"]), expected);
    assert_eq!(asked(&document, &[]), json!([{}, {}]));
}

#[test]
fn the_bytes_are_one_line_of_json() {
    let bytes = answer(&request(&["A", "B"]), &vault(&[("A", "1")]), now(), USUAL_OUTPUT);
    let expected = "{\"protocolVersion\":1,\"values\":{\"A\":\"1\"},\"errors\":{\"B\":{\"code\":\"NOT_FOUND\"}}}\n";
    assert_eq!(bytes.as_text(), Some(expected));
}

#[test]
fn a_hyphen_stands_for_an_underscore() {
    let document = vault(&[("A_B", "1"), ("C-D", "2"), ("C_D", "3"), ("E_F-G", "4"), ("E-F_G", "5"), ("H_I-J", "6")]);
    let expected = json!([
        {"A-B": "1", "A_B": "1", "C-D": "2", "C_D": "3", "H-I-J": "6"},
        {"E-F-G": {"code": "AMBIGUOUS_DUPLICATE_KEY"}, "a-b": {"code": "NOT_FOUND"}, "C.D": {"code": "NOT_FOUND"},
         "H_I_J": {"code": "NOT_FOUND"}, "AB": {"code": "NOT_FOUND"}},
    ]);
    assert_eq!(
        asked(&document, &["A-B", "A_B", "C-D", "C_D", "H-I-J", "E-F-G", "a-b", "C.D", "H_I_J", "AB"]),
        expected
    );
}

#[test]
fn a_member_of_an_object_is_selected() {
    let object =
        r#"{"key": "1", "client_id": "2", "client-id": "3", "user_name": "4", "n": 5, "o": {"key": "6"}, "e": ""}"#;
    let document = vault(&[("AWS_MAIN", object), ("plain", "x"), ("list", "[]"), ("twice", r#"{"a":"1","a":"2"}"#)]);
    let expected = json!([
        {"AWS-MAIN#key": "1", "AWS_MAIN#client_id": "2", "AWS-MAIN#client-id": "3", "AWS-MAIN#user-name": "4"},
        {"AWS-MAIN#none": {"code": "NOT_FOUND"}, "AWS-MAIN#n": {"code": "NOT_TEXT"}, "AWS-MAIN#o": {"code": "NOT_TEXT"},
         "AWS-MAIN#e": {"code": "EMPTY"}, "AWS-MAIN#": {"code": "NOT_FOUND"}, "plain#key": {"code": "NOT_AN_OBJECT"},
         "list#key": {"code": "NOT_AN_OBJECT"}, "twice#a": {"code": "AMBIGUOUS_DUPLICATE_KEY"}},
    ]);
    let ids: Vec<&str> = ["AWS-MAIN#key", "AWS_MAIN#client_id", "AWS-MAIN#client-id", "AWS-MAIN#user-name"]
        .into_iter()
        .chain([
            "AWS-MAIN#none",
            "AWS-MAIN#n",
            "AWS-MAIN#o",
            "AWS-MAIN#e",
            "AWS-MAIN#",
            "plain#key",
            "list#key",
            "twice#a",
        ])
        .collect();
    assert_eq!(asked(&document, &ids), expected);
}

#[test]
fn a_name_with_a_number_sign_comes_before_a_member() {
    let document =
        vault(&[("a#b", "name"), ("a", r#"{"b":"member"}"#), ("c_d#e", "name"), ("c-d", r#"{"e":"member"}"#)]);
    let expected = json!([{"a#b": "name"}, {"c-d#e": {"code": "AMBIGUOUS_DUPLICATE_KEY"}}]);
    assert_eq!(asked(&document, &["a#b", "c-d#e"]), expected);
}

#[test]
fn a_secret_for_others_fails_its_own_id_alone() {
    let mut document = vault(&[("A", "1"), ("B", "2"), ("C", "3"), ("D", "")]);
    document.secrets.get_mut("A").unwrap().consumers = Consumers::only([Consumer::Get, Consumer::Run]);
    document.secrets.get_mut("B").unwrap().expires = Some(now());
    document.secrets.insert(Name::parse("E").unwrap(), Entry::new(Secret::from(vec![0xff, b'x']), UNIX_EPOCH));
    let errors = json!({"A": {"code": "NOT_ALLOWED"}, "B": {"code": "EXPIRED"}, "D": {"code": "EMPTY"},
        "E": {"code": "NOT_TEXT"}});
    assert_eq!(asked(&document, &["A", "B", "C", "D", "E"]), json!([{"C": "3"}, errors]));
    assert_eq!(asked(&document, &["A#x"]), json!([{}, {"A#x": {"code": "NOT_ALLOWED"}}]));
}

#[test]
fn an_id_that_is_no_name_is_refused_alone() {
    let long = "a".repeat(257);
    let errors = json!({"": {"code": "INVALID_ID"}, "a/../b": {"code": "INVALID_ID"}, "a b": {"code": "INVALID_ID"},
        "\u{1f99e}": {"code": "INVALID_ID"}, long.as_str(): {"code": "INVALID_ID"}});
    assert_eq!(
        asked(&vault(&[("A", "1")]), &["", "a/../b", "a b", "\u{1f99e}", &long, "A"]),
        json!([{"A": "1"}, errors])
    );
}

#[test]
fn an_answer_is_never_longer_than_openclaw_reads() {
    let value = "\u{1}".repeat(50_000);
    let document = vault(&[("A", &value), ("B", &value), ("C", "small"), ("D", &value)]);
    let ids = ["A", "B", "C", "D", "E"];
    let bytes = answer(&request(&ids), &document, now(), 700_000);
    assert!(bytes.len() <= 700_000, "{}", bytes.len());
    let read: Value = serde_json::from_slice(bytes.as_bytes()).unwrap();
    assert_eq!(read["values"].as_object().unwrap().keys().collect::<Vec<_>>(), ["A", "B", "C"]);
    assert_eq!(read["errors"], json!({"D": {"code": "TOO_LARGE"}, "E": {"code": "NOT_FOUND"}}));
    for limit in 0..1000 {
        let bytes = answer(&request(&["C", "E"]), &document, now(), limit);
        assert!(bytes.len() <= limit.max(130), "{limit}: {}", bytes.len());
    }
}

#[test]
fn what_is_no_request_is_refused_whole() {
    for text in [
        "",
        "null",
        "[]",
        "\u{feff}{}",
        "[1,\"a\",[\"A\"]]",
        "{\"protocolVersion\":1,\"provider\":\"a\",\"ids\":[\"A\"]",
        "{\"protocolVersion\":1,\"provider\":\"a\"}",
        "{\"protocolVersion\":1,\"provider\":\"a\",\"ids\":[],\"ids\":[\"A\"]}",
        "{\"protocolVersion\":1,\"provider\":\"a\",\"ids\":[],\"x\":1}",
        "{\"protocolVersion\":1,\"provider\":\"a\",\"ids\":[1]}",
        "{\"protocolVersion\":1,\"provider\":\"a\",\"ids\":\"A\"}",
        "{\"protocolVersion\":\"1\",\"provider\":\"a\",\"ids\":[]}",
        "{\"protocolVersion\":1,\"provider\":\"a\",\"ids\":[]} {}",
    ] {
        let found = Request::parse(text.as_bytes());
        assert!(matches!(found, Err(RequestError::Malformed { line: 1, .. })), "{text}: {found:?}");
    }
    let cut = b"{\"protocolVersion\":1,\n\"provider\":\"\xff\",\"ids\":[]}";
    assert_eq!(Request::parse(cut), Err(RequestError::Malformed { line: 2, column: 13 }));
    for (text, error) in [
        ("{\"protocolVersion\":1,\"provider\":\"A\",\"ids\":[]}", RequestError::Provider),
        ("{\"protocolVersion\":1,\"provider\":\"\",\"ids\":[]}", RequestError::Provider),
        ("{\"protocolVersion\":2,\"provider\":\"a\",\"ids\":[],\"new\":1}", RequestError::Version { version: 2 }),
        ("{\"protocolVersion\":0,\"provider\":\"a\",\"ids\":[]}", RequestError::Version { version: 0 }),
        ("{\"protocolVersion\":1,\"provider\":\"a\",\"ids\":[\"A\",\"A\"]}", RequestError::Twice),
    ] {
        assert_eq!(Request::parse(text.as_bytes()), Err(error), "{text}");
    }
    let many: Vec<String> = (0..513).map(|number| format!("A{number}")).collect();
    let text = json!({"protocolVersion": 1, "provider": "a", "ids": many}).to_string();
    assert_eq!(Request::parse(text.as_bytes()), Err(RequestError::TooMany));
    assert!(text.len() < LONGEST);
}

#[test]
fn an_error_never_repeats_the_request() {
    let error = Request::parse(b"{\"hunter2\":\"hunter2\"}").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let deep = "[".repeat(100_000);
    assert!(Request::parse(deep.as_bytes()).is_err());
    assert_eq!(
        asked(&vault(&[("A", &format!("{{\"a\":{deep}"))]), &["A#a"]),
        json!([{}, {"A#a": {"code": "NOT_AN_OBJECT"}}])
    );
}
