//! The answers of real programs to small files.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pairs_of;
use crate::dotenv::{Dialect, Meaning};

/// The vectors.
fn vectors() -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../tests/vectors/dotenv.json")).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

/// What a vector says that a program read; none when it refused.
fn expected(vector: &Value, word: &str) -> Option<BTreeMap<String, String>> {
    let env = vector["expected"][word].as_object()?;
    Some(env.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect())
}

#[test]
fn no_reader_gives_another_answer_than_the_real_program() {
    for vector in vectors() {
        for dialect in Dialect::ALL {
            if let Ok(found) = pairs_of(vector["input"].as_str().unwrap(), Meaning::Of(dialect)) {
                let found = Some(found.into_iter().collect());
                assert_eq!(found, expected(&vector, dialect.word()), "{} {dialect}", vector["id"]);
            }
        }
    }
}

#[test]
fn strict_accepts_exactly_what_all_programs_read_alike() {
    let accepted = |vector: &Value| pairs_of(vector["input"].as_str().unwrap(), Meaning::Strict).is_ok();
    for vector in vectors() {
        assert_eq!(accepted(&vector), vector["portable"].as_bool().unwrap(), "{}", vector["id"]);
    }
}

/// What readers refuse although the real program reads it, and why that is right.
const REFUSED: &[(&str, &[&str])] = &[
    // A name twice: what counts is not clear.
    ("dup", &["docker", "systemd", "bash", "dotenv", "node", "python", "dotenvy"]),
    // A NUL cannot be in an environment; the file is no text.
    ("nul", &["docker", "bash", "dotenv", "node", "python", "dotenvy"]),
    // The mark would be part of a name in some of them.
    ("bom", &["docker", "systemd", "bash", "dotenv", "node", "python"]),
    // Names that no secret has.
    ("utf8_key", &["docker", "systemd", "bash", "dotenv", "node", "python"]),
    ("key_quoted", &["docker", "systemd", "bash", "dotenv", "node", "python"]),
    ("array", &["docker", "systemd", "bash", "dotenv", "node", "python"]),
    ("semicolon_comment", &["bash", "dotenv", "node", "python"]),
    // The program would pass over a line, and the value would be lost.
    ("key_dot", &["systemd", "bash"]),
    ("key_digit", &["systemd", "bash"]),
    ("export_two_spaces", &["systemd", "node"]),
    ("empty_key", &["systemd", "bash", "dotenv", "node", "python"]),
    // What has no = docker takes from its own environment.
    ("dq_multiline", &["docker"]),
    ("quoted_then_text", &["dotenv", "node", "python"]),
    // Quotes that are not closed.
    ("unterminated_dq", &["systemd", "bash", "dotenv", "node", "python"]),
    // The program would expand, match or carry something out.
    ("interp_braces", &["bash", "python", "dotenvy"]),
    ("interp_default", &["bash", "python", "dotenvy"]),
    ("dollar_end", &["bash", "dotenvy"]),
    ("cmdsub", &["bash"]),
    ("semicolon", &["bash"]),
    ("pipe", &["bash"]),
    ("spaces_around_eq", &["bash"]),
    ("spaces_unq", &["bash"]),
    ("pw_hash", &["bash"]),
    // What releases do with it differs.
    ("tab_sep", &["bash", "node"]),
    ("dq_escaped_quote", &["node"]),
    ("vtab", &["systemd"]),
];

#[test]
fn readers_refuse_no_more_than_they_have_a_reason_for() {
    for (id, _) in REFUSED {
        assert!(vectors().iter().any(|vector| vector["id"] == *id), "{id}");
    }
    for vector in vectors() {
        let id = vector["id"].as_str().unwrap();
        let refused = REFUSED.iter().find(|(name, _)| *name == id).map_or(&[][..], |(_, words)| *words);
        for dialect in Dialect::ALL {
            let is_read = pairs_of(vector["input"].as_str().unwrap(), Meaning::Of(dialect)).is_ok();
            let may_read = expected(&vector, dialect.word()).is_some() && !refused.contains(&dialect.word());
            assert_eq!(is_read, may_read, "{id} {dialect}");
        }
    }
}
