//! Answers as they are written, for `fs-guard serve` and for `--json`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lobsterpot_policy::Decision;
use serde_json::{Map, Value, json};

use crate::ops::{Checked, Content, Facts, Listing, OpError};

/// The fields of an answer.
pub(crate) type Fields = Map<String, Value>;

/// The answer to request `id`.
pub(super) fn whole(id: Option<u64>, outcome: Result<Fields, Fields>) -> Value {
    let mut answer = Fields::new();
    answer.insert("id".to_owned(), id.into());
    answer.insert("ok".to_owned(), outcome.is_ok().into());
    match outcome {
        Ok(fields) => answer.extend(fields),
        Err(error) => drop(answer.insert("error".to_owned(), error.into())),
    }
    answer.into()
}

/// What is said about an operation that was not carried out.
pub(super) fn error(error: &OpError) -> Fields {
    let mut fields = Fields::new();
    fields.insert("code".to_owned(), error.code().into());
    fields.insert("kind".to_owned(), error.kind().as_str().into());
    fields.insert("message".to_owned(), error.to_string().into());
    fields.insert("instead".to_owned(), error.hint().into());
    fields.insert("rule".to_owned(), error.rule().into());
    insert_path(&mut fields, "path", error.path());
    fields
}

/// A verdict.
pub(crate) fn checked(checked: &Checked) -> Fields {
    let verdict = &checked.verdict;
    let mut fields = Fields::new();
    fields.insert("decision".to_owned(), decision(verdict.decision).into());
    fields.insert("code".to_owned(), verdict.reason.as_str().into());
    fields.insert("rule".to_owned(), verdict.rule.clone().into());
    fields.insert("message".to_owned(), verdict.message.clone().into());
    fields.insert("instead".to_owned(), verdict.instead.clone().into());
    insert_path(&mut fields, "resolved", checked.resolved.as_deref());
    fields
}

/// A decision in one word.
fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}

/// What was read.
pub(super) fn content(content: &Content) -> Fields {
    let mut fields = Fields::new();
    fields.insert("data".to_owned(), STANDARD.encode(&content.data).into());
    fields.insert("size".to_owned(), content.size.into());
    fields.insert("mtime_ms".to_owned(), content.modified.into());
    fields
}

/// What a folder holds.
pub(crate) fn listing(listing: &Listing) -> Fields {
    let entries = listing.entries.iter().map(|entry| {
        let mut fields = Fields::new();
        insert_path(&mut fields, "name", Some(Path::new(&entry.name)));
        fields.insert("kind".to_owned(), entry.kind.as_str().into());
        fields.insert("size".to_owned(), entry.size.into());
        Value::from(fields)
    });
    let mut fields = Fields::new();
    fields.insert("entries".to_owned(), entries.collect());
    fields.insert("truncated".to_owned(), listing.truncated.into());
    fields
}

/// What is known about a file.
pub(crate) fn facts(facts: &Facts) -> Fields {
    let mut fields = Fields::new();
    fields.insert("exists".to_owned(), true.into());
    fields.insert("kind".to_owned(), facts.kind.as_str().into());
    fields.insert("size".to_owned(), facts.size.into());
    fields.insert("mtime_ms".to_owned(), facts.modified.into());
    fields.insert("mode".to_owned(), facts.mode.into());
    fields
}

/// One number under one name.
pub(super) fn number(name: &str, number: u64) -> Fields {
    Fields::from_iter([(name.to_owned(), number.into())])
}

/// Adds a path: as text, or under the name with `_base64` when it is none.
fn insert_path(fields: &mut Fields, name: &str, path: Option<&Path>) {
    match path.map(|path| path.to_str().ok_or(path)) {
        None => drop(fields.insert(name.to_owned(), Value::Null)),
        Some(Ok(text)) => drop(fields.insert(name.to_owned(), text.into())),
        Some(Err(path)) => drop(fields.insert(format!("{name}_base64"), base64(path.as_os_str()).into())),
    }
}

/// A path in a list: text, or an object with its bytes.
pub(super) fn path(path: &Path) -> Value {
    path.to_str().map_or_else(|| json!({ "path_base64": base64(path.as_os_str()) }), Value::from)
}

/// The bytes of a name.
fn base64(name: &OsStr) -> String {
    STANDARD.encode(name.as_bytes())
}
