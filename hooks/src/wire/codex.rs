//! Codex's `PreToolUse` protocol.
//!
//! Its traps, each seen in the running client: a field that it does not know makes the whole answer a failed hook, and the
//! tool runs; so do `ask`, a denial without a reason, and exit status 2 without a word on standard error. A rewrite counts
//! only together with `allow`, and is `{command}` alone: the folder, the shell and the terminal of a call are never shown
//! to a hook.

use std::path::PathBuf;

use crate::arguments::Approval;
use crate::call::{Call, Event, Lane, Origin, ShellCall, Start};
use crate::client::Client;
use crate::denial::Denial;
use crate::transcript;
use crate::wire::claude_code::announced;
use crate::wire::sender::refuse_foreign;
use crate::wire::{Dialect, Fields, Refusal, cannot_ask, specific};

/// Codex CLI.
#[derive(Debug)]
pub(crate) struct Codex;

impl Dialect for Codex {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        refuse_foreign(&payload, Client::Codex)?;
        announced(&payload, specific::EVENT)?;
        payload.required("turn_id")?;
        let session = payload.required("session_id")?;
        let transcript = payload.optional("transcript_path")?.map(PathBuf::from);
        let began = transcript.as_ref().and_then(|transcript| transcript::began_in(transcript, &session));
        Ok(Call {
            client: Client::Codex,
            event: Event::Tool,
            session: Some(session),
            input: payload.object("tool_input")?,
            tool: payload.required("tool_name")?,
            directory: PathBuf::from(payload.required("cwd")?),
            origin: began.map(|folder| Origin::Folders(vec![folder])),
            transcript,
            openclaw: None,
        })
    }

    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        Ok(ShellCall {
            command: call.input.command("command")?,
            start: Start::ClientShell,
            keeps_directory: false,
            environment: Vec::new(),
            lane: Lane::Rewrite,
        })
    }

    fn rewritten(&self, mut call: Call, command: &str, _: Approval) -> Result<Vec<u8>, Denial> {
        call.input.replace_text("command", command)?;
        specific::answer(Some(("allow", None)), Some(&call.input.only(&["command"])))
    }

    fn asked(&self, _: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        Err(cannot_ask(reason))
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        specific::denied(refusal)
    }
}
