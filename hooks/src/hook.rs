//! One hook call from beginning to end, whichever hook it is: read, understand, have it judged, answer.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::ExitCode;

use crate::answer::{Answer, Voice};
use crate::arguments::{self, Job, Options};
use crate::call::{Call, Outcome};
use crate::denial::Denial;
use crate::files::Value;
use crate::role::Role;
use crate::wire::{self, Fields};
use crate::{directory, guard};

/// The longest payload that is read.
const LONGEST_PAYLOAD: u64 = 8 * 1024 * 1024;

/// Runs a hook with these arguments, without the program's name. `judge` decides on a call; everything else is the same for
/// every hook.
pub(crate) fn run_with(
    role: Role,
    arguments: impl Iterator<Item = OsString>,
    judge: impl FnOnce(&Call, &Options) -> Result<Outcome, Denial>,
) -> ExitCode {
    match arguments::parse(role, arguments) {
        Ok(Job::Answer(options)) => {
            let voice = Voice { role, client: Some(options.client) };
            guard::guarded(voice, || {
                answer(&options, io::stdin().lock(), judge).unwrap_or_else(|denial| voice.denied(&denial))
            })
        }
        Ok(Job::Directory { within }) => {
            directory::relay(&within, io::stdin().lock(), io::stdout().lock());
            ExitCode::SUCCESS
        }
        Err(denial) => {
            let voice = Voice { role, client: None };
            guard::guarded(voice, || voice.denied(&denial))
        }
    }
}

/// Answers the call that `input` describes.
///
/// # Errors
/// Every reason to stop the call.
pub(crate) fn answer(
    options: &Options,
    input: impl Read,
    judge: impl FnOnce(&Call, &Options) -> Result<Outcome, Denial>,
) -> Result<Answer, Denial> {
    let dialect = options.client.dialect();
    let call = dialect.read(fields(&payload(input)?)?)?;
    match judge(&call, options)? {
        Outcome::Pass => Ok(Answer::go_on(dialect.passed())),
        Outcome::Rewrite(command) => {
            // The input is echoed as it came. A reader stricter than the client's own could not read half a character, and whoever
            // cannot read an answer may go on without it.
            Value::of(&call.input)?;
            wire::rewritten(call, &command, options.approval).map(Answer::go_on)
        }
        Outcome::Ask(reason) => dialect.asked(&call, &reason).map(Answer::go_on),
    }
}

/// Reads the payload, up to a bound.
///
/// # Errors
/// When there is none, it is too long, or cannot be read.
fn payload(input: impl Read) -> Result<Vec<u8>, Denial> {
    let mut bytes = Vec::new();
    input
        .take(LONGEST_PAYLOAD + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Denial::Payload { problem: format!("failed to read it: {error}") })?;
    match u64::try_from(bytes.len()) {
        Ok(0) => Err(Denial::Payload { problem: "it is empty".to_owned() }),
        Ok(length) if length <= LONGEST_PAYLOAD => Ok(bytes),
        _ => Err(Denial::Oversize { limit: LONGEST_PAYLOAD }),
    }
}

/// The payload as one JSON object.
///
/// # Errors
/// When it is anything else.
fn fields(payload: &[u8]) -> Result<Fields, Denial> {
    serde_json::from_slice(payload).map_err(|error| Denial::Payload { problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{LONGEST_PAYLOAD, payload};
    use crate::denial::Denial;

    #[test]
    fn an_endless_payload_is_denied_after_the_bound() {
        assert!(matches!(payload(io::repeat(b' ')), Err(Denial::Oversize { limit: LONGEST_PAYLOAD })));
        assert!(matches!(payload(io::empty()), Err(Denial::Payload { .. })));
    }
}
