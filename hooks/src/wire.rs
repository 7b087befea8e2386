//! The agents' wire protocols, one module per client: bytes in, a [`Call`] out, and answers back.
//!
//! Nothing outside this module knows a client's field names or the form of its answers. What most clients do alike is here, as
//! what a [`Dialect`] does unless it says otherwise; the forms that several share are in `sender` (whose payload it is),
//! `specific` (the answers of Claude Code and of those that took them over) and `decision` (what our own plugins speak). So a
//! client's module has what is its own, and nothing else.

pub(crate) mod claude_code;
pub(crate) mod cline;
pub(crate) mod codex;
pub(crate) mod copilot;
pub(crate) mod cursor;
mod decision;
mod fields;
pub(crate) mod gemini;
pub(crate) mod openclaw;
pub(crate) mod opencode;
mod sender;
mod specific;

use std::fmt::Debug;

use serde::Serialize;

pub(crate) use fields::Fields;

use crate::arguments::Approval;
use crate::call::{Call, Lane, ShellCall, Start};
use crate::denial::Denial;

/// How one client talks.
///
/// An answer here is what goes to standard output. A denial also goes to standard error and into the exit status, which is
/// the same for all clients.
pub(crate) trait Dialect: Debug + Sync {
    /// Reads one payload.
    ///
    /// # Errors
    /// When it is another client's or another event's, or lacks what every call of this client carries.
    fn read(&self, payload: Fields) -> Result<Call, Denial>;

    /// The command of a call to a shell tool.
    ///
    /// # Errors
    /// When there is none, or the input asks for what a sandbox cannot give.
    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        command_of(call)
    }

    /// The answer that lets the call go ahead as it is: silence, where the client takes that for consent.
    fn passed(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The answer that runs the call with the command that its input has now. Called by [`rewritten`] alone.
    ///
    /// # Errors
    /// When it cannot be written as JSON, or the client cannot be told.
    fn rewritten(&self, call: Call, approval: Approval) -> Result<Vec<u8>, Denial>;

    /// The answer that has a person asked. A client that cannot ask is told to stop.
    ///
    /// # Errors
    /// When it cannot be written as JSON, or the client does not ask.
    fn asked(&self, _call: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        Err(cannot_ask(reason))
    }

    /// The answer that stops the call; empty when even that cannot be written, and then the exit status stops it.
    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8>;
}

/// The field of a shell tool's input that holds the command, whoever the client is.
const COMMAND: &str = "command";

/// The command of a call, as most clients run it: in the place of it they take another one, which starts where a shell of theirs
/// stands that ends with it.
///
/// # Errors
/// When there is none.
fn command_of(call: &Call) -> Result<ShellCall, Denial> {
    Ok(ShellCall {
        command: call.input.command(COMMAND)?,
        start: Start::ClientShell,
        keeps_directory: false,
        environment: Vec::new(),
        lane: Lane::Rewrite,
    })
}

/// The answer that runs `call` with `command` in the place of its own.
///
/// # Errors
/// When it cannot be written as JSON, or the client cannot be told.
pub(crate) fn rewritten(mut call: Call, command: &str, approval: Approval) -> Result<Vec<u8>, Denial> {
    call.input.replace_text(COMMAND, command)?;
    call.client.dialect().rewritten(call, approval)
}

/// A denial in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal<'a> {
    /// The stable reason code.
    pub(crate) code: &'a str,
    /// The whole reason, as the model and the person read it.
    pub(crate) reason: &'a str,
}

/// One document as JSON, with the newline that ends it.
///
/// # Errors
/// When a part of it cannot be written as JSON.
fn line(document: &impl Serialize) -> Result<Vec<u8>, Denial> {
    let mut bytes = serde_json::to_vec(document).map_err(|error| Denial::Internal { problem: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The denial in the place of a question that the client does not ask, or does not wait for.
fn cannot_ask(reason: &str) -> Denial {
    Denial::Unasked { question: reason.trim_end_matches('.').to_owned() }
}
