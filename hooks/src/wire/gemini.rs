//! Gemini CLI's `BeforeTool` protocol.
//!
//! Its traps, each seen in the running client: an answer in Claude Code's form is no decision, and the tool runs; exit
//! status 2 without a word is consent, too. A rewrite is merged into the input field by field, so that all of it is echoed:
//! what is there is what was judged. `ask` waits for ever where nobody can answer.

use std::path::PathBuf;

use serde::Serialize;

use crate::arguments::Approval;
use crate::call::{Call, Origin};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::sender::{announced, refuse_foreign};
use crate::wire::{Dialect, Fields, Refusal, line};

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
        announced(&payload, "hook_event_name", EVENT)?;
        let directory = PathBuf::from(payload.required("cwd")?);
        let (tool, input) = (payload.required("tool_name")?, payload.object("tool_input")?);
        Ok(Call {
            session: Some(payload.required("session_id")?),
            // The folder that the person started the client in: each command has a shell of its own, which starts in the
            // call's `dir_path` once the client has checked it, so no `cd` moves this.
            origin: Some(Origin::Folders(vec![directory.clone()])),
            transcript: payload.optional("transcript_path")?.map(PathBuf::from),
            ..Call::of(Client::Gemini, tool, input, directory)
        })
    }

    fn rewritten(&self, call: Call, _: Approval) -> Result<Vec<u8>, Denial> {
        line(&Rewritten { hook_specific_output: Specific { event: EVENT, tool_input: &call.input } })
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        line(&Denied { decision: "deny", reason: refusal.reason }).unwrap_or_default()
    }
}
