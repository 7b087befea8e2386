//! `fs-guard serve`: one answer for every request, in order, until the input ends.
//!
//! The format is in `docs/fs-guard.md`. A request that makes no sense gets an answer that says so; only a broken frame, after which
//! nobody knows where the next one begins, ends the service.

mod answer;
mod frame;
#[cfg(any(test, fuzzing))]
mod promises;
mod request;

use std::io::{self, BufReader, Read, Write};

use serde_json::Value;

use self::answer::Fields;
use self::frame::Next;
use self::request::{Call, Request, RequestError};
use crate::guard::Guard;
use crate::ops::{Kind, OpError, Operations};

#[cfg(any(test, fuzzing))]
pub use promises::assert_served;

pub(crate) use answer::{checked, facts, listing};
pub(crate) use request::{access, edits};

/// The version of the protocol.
const PROTOCOL: u64 = 1;
/// How much is read at once, where there is as much.
const CHUNK: usize = 64 * 1024;

/// Why the service ended before its input did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// A frame was broken; the other side has been told.
    #[error("{message}")]
    Frame {
        /// What was wrong with it.
        message: String,
    },
    /// The answer cannot be written.
    #[error("writing an answer failed: {source}")]
    Write {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

/// Answers requests from `input` on `output`. `confined` says how the process is confined, for `hello`.
///
/// # Errors
/// When a frame is broken or an answer cannot be written.
pub(crate) fn serve(guard: &Guard, confined: &str, input: impl Read, output: impl Write) -> Result<(), ServeError> {
    let mut input = BufReader::with_capacity(CHUNK, input);
    let mut output = io::BufWriter::with_capacity(CHUNK, output);
    let (mut question, mut reply) = (Vec::new(), Vec::new());
    loop {
        // Whoever waits for an answer before the next request gets it; whoever sends many gets theirs together.
        if input.buffer().is_empty() {
            output.flush()?;
        }
        match frame::read(&mut input, &mut question) {
            Ok(Next::End) => return Ok(output.flush()?),
            Ok(Next::Frame) => {
                compose(&mut reply, &answer(guard, confined, &question))?;
                output.write_all(&reply)?;
            }
            Err(error) => {
                let message = error.to_string();
                compose(&mut reply, &answer::whole(None, Err(bad_request(&message))))?;
                output.write_all(&reply)?;
                output.flush()?;
                return Err(ServeError::Frame { message });
            }
        }
    }
}

/// Writes an answer as a frame; one that is too long becomes an error.
///
/// # Errors
/// When it cannot be written as JSON.
fn compose(reply: &mut Vec<u8>, answer: &Value) -> io::Result<()> {
    if frame::build(reply, |reply| serde_json::to_writer(reply, answer))?.is_some() {
        return Ok(());
    }
    let error = bad_request("The answer is larger than a frame may be.");
    let answer = answer::whole(answer.get("id").and_then(Value::as_u64), Err(error));
    frame::build(reply, |reply| serde_json::to_writer(reply, &answer))?;
    Ok(())
}

/// The answer to one request.
fn answer(guard: &Guard, confined: &str, question: &[u8]) -> Value {
    match request::parse(question) {
        Ok((id, request)) => {
            answer::whole(id, carry_out(guard, confined, request).map_err(|error| answer::error(&error)))
        }
        Err(error) => answer::whole(request::id(question), Err(malformed(&error))),
    }
}

/// Does what is asked.
///
/// # Errors
/// When it is refused or fails.
fn carry_out(guard: &Guard, confined: &str, Request { directory, call }: Request) -> Result<Fields, OpError> {
    let files = Operations::new(guard, directory);
    Ok(match call {
        Call::Hello => hello(guard, confined),
        Call::Check { path, access, spelling } => checked(&files.check(&path, access, spelling)),
        Call::Read { path, span } => answer::content(&files.read(&path, span)?),
        Call::Write { path, data, options } => {
            files.write(&path, &data, options)?;
            answer::number("size", u64::try_from(data.len()).unwrap_or(u64::MAX))
        }
        Call::Edit { path, edits } => {
            let replaced = files.edit(&path, &edits)?;
            answer::number("replaced", u64::try_from(replaced).unwrap_or(u64::MAX))
        }
        Call::List { path } => listing(&files.list(&path)?),
        Call::Stat { path, last } => facts(&files.stat(&path, last)?),
        Call::Mkdir { path, parents } => files.mkdir(&path, parents).map(|()| Fields::new())?,
        Call::Rename { from, to } => files.rename(&from, &to).map(|()| Fields::new())?,
        Call::Remove { path, options } => files.remove(&path, options).map(|()| Fields::new())?,
    })
}

/// Who answers.
fn hello(guard: &Guard, confined: &str) -> Fields {
    let mut fields = answer::number("protocol", PROTOCOL);
    fields.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    let workspaces = guard.workspaces().iter().map(|workspace| answer::path(workspace));
    fields.insert("workspaces".to_owned(), workspaces.collect());
    fields.insert("confined".to_owned(), confined.into());
    fields
}

/// What is said about a request that cannot be understood.
fn malformed(error: &RequestError) -> Fields {
    bad_request(&error.to_string())
}

/// What is said about a request, or a frame, that makes no sense.
fn bad_request(message: &str) -> Fields {
    let hint = "Write requests as docs/fs-guard.md describes them.";
    let error = OpError::Request { message: message.to_owned(), hint };
    debug_assert_eq!(error.kind(), Kind::Request);
    answer::error(&error)
}

#[cfg(test)]
mod tests;
