//! OpenClaw's exec secret provider, protocol version 1: a batch of ids in, a value or an error's code for each of them out.
//!
//! `request` reads what OpenClaw asks, `find` says which secret an id means, and this file makes the answer.

mod find;
mod request;

use std::time::SystemTime;

use serde::Serialize;

pub use find::Code;
pub use request::{LONGEST, Request, RequestError};

use crate::document::Document;
use crate::secret::Secret;

/// How much OpenClaw reads of a provider, in bytes, when its configuration does not say (`maxOutputBytes`).
pub const USUAL_OUTPUT: usize = 1 << 20;

/// What comes before the values.
const BEGINNING: &str = "{\"protocolVersion\":1,\"values\":{";

/// What comes between values and errors.
const MIDDLE: &str = "},\"errors\":{";

/// What comes after the errors.
const END: &str = "}}\n";

/// The answer to a request: for each id its value or an error, at most `limit` bytes where the errors alone leave room.
///
/// A secret that is missing, not for OpenClaw, expired, ambiguous or not text never fails the batch: its id has an error, and the
/// other ids have their values. Values that do not fit any more have errors too, since OpenClaw drops an answer that is longer
/// than it reads.
#[must_use]
pub fn answer(request: &Request, document: &Document, now: SystemTime, limit: usize) -> Secret {
    let found: Vec<_> = request.ids.iter().map(|id| (id.as_str(), find::find(id, document, now))).collect();
    let frame = BEGINNING.len() + MIDDLE.len() + END.len();
    let room_for_errors: usize = request.ids.iter().map(|id| error(id, Code::TooLarge).len() + 1).sum();
    let mut room = limit.saturating_sub(frame + room_for_errors);
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for (id, found) in found {
        match found.map(|value| member(id, &value.as_text())) {
            Ok(member) if member.len() < room => {
                room -= member.len() + 1;
                values.push(member);
            }
            Ok(_) => errors.push(error(id, Code::TooLarge)),
            Err(code) => errors.push(error(id, code)),
        }
    }
    let mut bytes = Vec::with_capacity(limit.saturating_sub(room));
    bytes.extend_from_slice(BEGINNING.as_bytes());
    join(&mut bytes, &values);
    bytes.extend_from_slice(MIDDLE.as_bytes());
    join(&mut bytes, &errors);
    bytes.extend_from_slice(END.as_bytes());
    Secret::from(bytes)
}

/// Adds the members of an object, with commas between them.
fn join(bytes: &mut Vec<u8>, members: &[Secret]) {
    for (index, member) in members.iter().enumerate() {
        bytes.extend_from_slice(if index == 0 { b"" } else { b"," });
        bytes.extend_from_slice(member.as_bytes());
    }
}

/// One member of an object that says an error.
fn error(id: &str, code: Code) -> Secret {
    /// An error, as OpenClaw reads it.
    #[derive(Serialize)]
    struct WireError {
        /// The word.
        code: &'static str,
    }

    member(id, &WireError { code: code.word() })
}

/// One member of a JSON object.
fn member(key: &str, value: &impl Serialize) -> Secret {
    let json = |bytes: Result<Vec<u8>, serde_json::Error>| match bytes {
        Ok(bytes) => Secret::from(bytes),
        Err(_) => unreachable!("text has a JSON form, and memory takes every byte"),
    };
    let (key, value) = (json(serde_json::to_vec(key)), json(serde_json::to_vec(value)));
    Secret::from([key.as_bytes(), b":", value.as_bytes()].concat())
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
