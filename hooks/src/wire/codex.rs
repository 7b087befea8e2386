//! Codex's `PreToolUse` protocol.
//!
//! Its traps, each seen in the running client: a field that it does not know makes the whole answer a failed hook, and the
//! tool runs; so do `ask`, a denial without a reason, and exit status 2 without a word on standard error. A rewrite counts
//! only together with `allow`, and is `{command}` alone: the folder, the shell and the terminal of a call are never shown
//! to a hook.

use std::path::PathBuf;

use crate::arguments::Approval;
use crate::call::{Call, Origin};
use crate::client::Client;
use crate::denial::Denial;
use crate::transcript;
use crate::wire::sender::{announced, refuse_foreign};
use crate::wire::{COMMAND, Dialect, Fields, Refusal, specific};

/// Codex CLI.
#[derive(Debug)]
pub(crate) struct Codex;

impl Dialect for Codex {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        refuse_foreign(&payload, Client::Codex)?;
        announced(&payload, "hook_event_name", specific::EVENT)?;
        payload.required("turn_id")?;
        let session = payload.required("session_id")?;
        let transcript = payload.optional("transcript_path")?.map(PathBuf::from);
        let began = transcript.as_ref().and_then(|transcript| transcript::began_in(transcript, &session));
        let (tool, input) = (payload.required("tool_name")?, payload.object("tool_input")?);
        Ok(Call {
            session: Some(session),
            origin: began.map(|folder| Origin::Folders(vec![folder])),
            transcript,
            ..Call::of(Client::Codex, tool, input, PathBuf::from(payload.required("cwd")?))
        })
    }

    fn rewritten(&self, call: Call, _: Approval) -> Result<Vec<u8>, Denial> {
        specific::answer(Some(("allow", None)), Some(&call.input.only(&[COMMAND])))
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        specific::denied(refusal)
    }
}
