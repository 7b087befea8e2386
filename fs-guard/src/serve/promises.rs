//! What must hold for any bytes on the pipe; for the fuzzer, and in no shipped program.

use std::cell::RefCell;
use std::ffi::OsStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::frame::{self, Next};
use super::request::{self, Call, Request};
use super::{ServeError, serve};
use crate::guard::{Imagined, Spelling};
use crate::ops::{CheckFor, Operations};

/// How many streams are served before the workspace is made anew.
const AGE: u32 = 500;

thread_local! {
    /// The world, and how many streams were served in it.
    static WORLD: RefCell<Option<(Imagined, u32)>> = const { RefCell::new(None) };
}

/// Checks that any bytes are served or refused. What begins with a zero is a stream as it comes; otherwise every line is one
/// request, which the fuzzer finds more of.
pub fn assert_served(data: &[u8]) {
    let stream = if data.first().is_none_or(|first| *first == 0) { data.to_vec() } else { framed(data) };
    WORLD.with_borrow_mut(|place| {
        let (world, age) = match place {
            Some(place) => place,
            None => match Imagined::new() {
                Ok(world) => place.insert((world, 0)),
                Err(error) => panic!("no world: {error}"),
            },
        };
        *age += 1;
        if age.is_multiple_of(AGE) {
            assert!(world.is_whole(), "something outside of the workspace was changed");
            if let Err(error) = world.renew() {
                panic!("the world cannot be made anew: {error}");
            }
        }
        assert_answered(world, &stream);
    });
}

/// Every line as a frame.
fn framed(data: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        stream.extend(u32::try_from(line.len()).unwrap_or(u32::MAX).to_be_bytes());
        stream.extend(line);
    }
    stream
}

/// Checks that each frame has one well-formed answer, in order, and that none tells a secret.
fn assert_answered(world: &Imagined, stream: &[u8]) {
    let (questions, whole) = frames(stream);
    for question in &questions {
        assert_stays_inside(world, question);
    }
    let mut output = Vec::new();
    let ended = serve(&world.guard, "none", stream, &mut output);
    let (answers, complete) = frames(&output);
    assert!(complete, "half an answer");
    assert_eq!(whole, ended.is_ok(), "{ended:?}");
    assert!(matches!(ended, Ok(()) | Err(ServeError::Frame { .. })), "{ended:?}");
    assert_eq!(answers.len(), questions.len() + usize::from(!whole), "not one answer for each request");
    for (answer, question) in answers.iter().zip(questions.iter().map(Some).chain([None])) {
        assert_well_formed(world, answer, question.map(Vec::as_slice));
    }
}

/// Every frame of a stream, and whether it ends behind one.
fn frames(mut stream: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut found, mut content) = (Vec::new(), Vec::new());
    loop {
        match frame::read(&mut stream, &mut content) {
            Ok(Next::Frame) => found.push(content.clone()),
            Ok(Next::End) => return (found, true),
            Err(_) => return (found, false),
        }
    }
}

/// Checks one answer.
fn assert_well_formed(world: &Imagined, answer: &[u8], question: Option<&[u8]>) {
    let Ok(Value::Object(fields)) = serde_json::from_slice(answer) else { panic!("an answer is no object") };
    let number = question.and_then(request::id);
    assert_eq!(fields.get("id").and_then(Value::as_u64), number, "another request's answer");
    let is_understood = question.is_some_and(|question| request::parse(question).is_ok());
    match fields.get("ok") {
        Some(Value::Bool(true)) => assert!(is_understood, "what is no request was carried out"),
        Some(Value::Bool(false)) => {
            let error = fields.get("error").and_then(Value::as_object);
            let told =
                ["code", "kind", "message", "instead"].map(|name| error.and_then(|error| error.get(name)?.as_str()));
            assert!(told.iter().all(|text| text.is_some_and(|text| !text.is_empty())), "{told:?}");
        }
        other => panic!("neither done nor refused: {other:?}"),
    }
    assert!(!tells(world, &Value::Object(fields)), "a secret was told: {}", String::from_utf8_lossy(answer));
}

/// Whether any text of an answer holds a part of a secret, as it is or in base64.
fn tells(world: &Imagined, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => {
            world.tells(text.as_bytes()) || STANDARD.decode(text).is_ok_and(|bytes| world.tells(&bytes))
        }
        Value::Array(values) => values.iter().any(|value| tells(world, value)),
        Value::Object(fields) => fields.values().any(|value| tells(world, value)),
    }
}

/// Checks, before a request that changes something is served, that what it is allowed to change lies in the workspace. So a guard
/// that errs is found out before it does harm.
fn assert_stays_inside(world: &Imagined, question: &[u8]) {
    let Ok((_, Request { directory, call })) = request::parse(question) else { return };
    let paths = match &call {
        Call::Write { path, .. } | Call::Edit { path, .. } | Call::Mkdir { path, .. } | Call::Remove { path, .. } => {
            [Some(path), None]
        }
        Call::Rename { from, to } => [Some(from), Some(to)],
        Call::Hello | Call::Check { .. } | Call::Read { .. } | Call::List { .. } | Call::Stat { .. } => return,
    };
    let files = Operations::new(&world.guard, directory);
    for path in paths.into_iter().flatten() {
        let checked = files.check(OsStr::new(path), CheckFor::Write, Spelling::Literal);
        let allowed = checked.verdict.decision == lobsterpot_policy::Decision::Allow;
        let inside = checked.resolved.as_ref().is_some_and(|path| path.starts_with(world.base.join("home/work")));
        assert!(!allowed || inside, "{:?} may be changed", checked.resolved);
    }
}
