//! One thing that was looked at, and programs that are asked about it.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lobsterpot_policy::printable;
use serde_json::{Value, json};

/// How long a program that is asked may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether it has ended.
const TICK: Duration = Duration::from_millis(5);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warn,
    /// It does not work, or does not protect.
    Fail,
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// What was looked at, such as `host.landlock`.
    name: String,
    /// How it is.
    pub(super) state: State,
    /// What was seen.
    message: String,
    /// What to do.
    hint: Option<String>,
}

impl Check {
    /// Something that is as it should be.
    pub(super) fn ok(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Ok, message: message.into(), hint: None }
    }

    /// Something that could be better.
    pub(super) fn warn(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { state: State::Warn, ..Self::ok(name, message) }
    }

    /// Something that does not work.
    pub(super) fn fail(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { state: State::Fail, ..Self::ok(name, message) }
    }

    /// The same, with what to do.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// For a person: one line, and one for what to do.
    pub(super) fn line(&self) -> String {
        let word = match self.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        let hint = self.hint.as_deref().map(|hint| format!("     hint: {}\n", printable(hint))).unwrap_or_default();
        format!("{word} {}: {}\n{hint}", printable(&self.name), printable(&self.message))
    }

    /// For a person, among other things: its name goes first, and how it is follows from what is said.
    pub(super) fn entry(&self) -> String {
        let hint = self.hint.as_deref().map(|hint| format!("  hint: {}\n", printable(hint))).unwrap_or_default();
        format!("{}: {}\n{hint}", printable(&self.name), printable(&self.message))
    }

    /// For a program.
    pub(super) fn as_json(&self) -> Value {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        json!({ "name": self.name, "state": state, "message": self.message, "hint": self.hint })
    }
}

/// Starts a program of ours that shows something, and gives what it wrote to standard output.
///
/// # Errors
/// Why there is no answer.
pub(super) fn ask(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("it does not start: {error}"))?;
    let output = child.stdout.take();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let read = output.map(|output| output.take(LONGEST).read_to_string(&mut text));
        read.is_some_and(|read| read.is_ok()).then_some(text)
    });
    let started = Instant::now();
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if started.elapsed() > PATIENCE {
            // It may have ended just now; either way it is waited for.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("it does not answer within {} seconds", PATIENCE.as_secs()));
        }
        thread::sleep(TICK);
    }
    reader.join().ok().flatten().ok_or_else(|| "its answer is no text".to_owned())
}

/// As [`ask`], for an answer in JSON.
///
/// # Errors
/// Why there is no answer, or none that can be read.
pub(super) fn ask_json(program: &Path, arguments: &[&str]) -> Result<Value, String> {
    let text = ask(program, arguments)?;
    serde_json::from_str(&text).map_err(|error| format!("its answer cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_so_that_the_hint_can_be_typed_and_drives_no_terminal() {
        let line = Check::fail("log", "\u{1b}[2J is not trusted").hint("mv '/home/j\u{fc}rg/a' /b\n").line();
        assert_eq!(line, "FAIL log: \\u{1b}[2J is not trusted\n     hint: mv '/home/j\u{fc}rg/a' /b\\n\n");
    }
}
