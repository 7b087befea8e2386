//! Gemini CLI's `BeforeTool` protocol.
//!
//! Its traps, each seen in the running client: an answer in Claude Code's form is no decision, and the tool runs; exit
//! status 2 without a word is consent, too. A rewrite is merged into the input field by field, so that all of it is echoed:
//! what is there is what was judged. `ask` waits for ever where nobody can answer.

use std::path::PathBuf;

use serde::Serialize;

use crate::arguments::Approval;
use crate::call::{Call, Event, Lane, Origin, ShellCall, Start};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::claude_code::announced;
use crate::wire::sender::refuse_foreign;
use crate::wire::{Dialect, Fields, Refusal, cannot_ask, line};

/// Gemini CLI.
#[derive(Debug)]
pub(crate) struct Gemini;

/// The event.
const EVENT: &str = "BeforeTool";

/// The answer that stops a call.
#[derive(Serialize)]
struct Denied<'a> {
    /// `deny`.
    decision: &'static str,
    /// Why, for the model.
    reason: &'a str,
}

/// The answer that changes a call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rewritten<'a> {
    /// What the hook says of this event.
    hook_specific_output: Specific<'a>,
}

/// What the hook says of a `BeforeTool` event.
#[derive(Serialize)]
struct Specific<'a> {
    /// The event.
    #[serde(rename = "hookEventName")]
    event: &'static str,
    /// The whole input that the tool is to run with.
    tool_input: &'a Fields,
}

impl Dialect for Gemini {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        refuse_foreign(&payload, Client::Gemini)?;
        announced(&payload, EVENT)?;
        let directory = PathBuf::from(payload.required("cwd")?);
        Ok(Call {
            client: Client::Gemini,
            event: Event::Tool,
            session: Some(payload.required("session_id")?),
            input: payload.object("tool_input")?,
            tool: payload.required("tool_name")?,
            // The folder that the person started the client in: each command has a shell of its own, so no `cd` moves it.
            origin: Some(Origin::Folders(vec![directory.clone()])),
            directory,
            transcript: payload.optional("transcript_path")?.map(PathBuf::from),
            openclaw: None,
        })
    }

    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        Ok(ShellCall {
            command: call.input.command("command")?,
            // The client's shell starts in the call's `dir_path`, once the client has checked it.
            start: Start::ClientShell,
            keeps_directory: false,
            environment: Vec::new(),
            lane: Lane::Rewrite,
        })
    }

    fn rewritten(&self, mut call: Call, command: &str, _: Approval) -> Result<Vec<u8>, Denial> {
        call.input.replace_text("command", command)?;
        line(&Rewritten { hook_specific_output: Specific { event: EVENT, tool_input: &call.input } })
    }

    fn asked(&self, _: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        Err(cannot_ask(reason))
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        line(&Denied { decision: "deny", reason: refusal.reason }).unwrap_or_default()
    }
}
