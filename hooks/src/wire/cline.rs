//! Cline's `PreToolUse` hook file, from its documents and published source; not run.
//!
//! It looks at nothing but the JSON on standard output: whatever the exit status, `{"cancel":true}` stops the call and its
//! absence lets it go. Hook files cannot change a call in every version, and one that does not know the field would run the
//! command as it was. So no call is rewritten: a command passes when it is written as this hook would have written it, and
//! otherwise the denial tells the model how to write it.

use std::path::PathBuf;

use serde::Serialize;

use crate::arguments::Approval;
use crate::call::{Call, Event, Lane, Origin, ShellCall, Start};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::sender::refuse_foreign;
use crate::wire::{Dialect, Fields, Refusal, cannot_ask, line};

/// Cline.
#[derive(Debug)]
pub(crate) struct Cline;

/// The event.
const EVENT: &str = "PreToolUse";

/// An answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    /// Whether the call is stopped.
    cancel: bool,
    /// Why, for the person and the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
}

impl Dialect for Cline {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        refuse_foreign(&payload, Client::Cline)?;
        let event = payload.required("hookName")?;
        if event != EVENT {
            return Err(Denial::Payload { problem: format!("the event is \"{event}\", not \"{EVENT}\"") });
        }
        payload.required("clineVersion")?;
        let roots: Vec<PathBuf> = payload.decoded("workspaceRoots")?.unwrap_or_default();
        let announced = payload.object("preToolUse")?;
        let unknown = || Denial::Payload { problem: "\"workspaceRoots\" names no folder".to_owned() };
        Ok(Call {
            client: Client::Cline,
            event: Event::Tool,
            session: Some(payload.required("taskId")?),
            tool: announced.required("toolName")?,
            input: announced.object("parameters")?,
            directory: roots.first().cloned().ok_or_else(unknown)?,
            origin: Some(Origin::Folders(roots)),
            transcript: None,
            openclaw: None,
        })
    }

    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        Ok(ShellCall {
            command: call.input.command("command")?,
            start: Start::ClientShell,
            keeps_directory: false,
            environment: Vec::new(),
            lane: Lane::Verify,
        })
    }

    fn passed(&self) -> Vec<u8> {
        line(&Answer { cancel: false, error_message: None }).unwrap_or_default()
    }

    fn rewritten(&self, _: Call, _: &str, _: Approval) -> Result<Vec<u8>, Denial> {
        Err(Denial::Internal { problem: "this client's calls are never rewritten".to_owned() })
    }

    fn asked(&self, _: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        Err(cannot_ask(reason))
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        line(&Answer { cancel: true, error_message: Some(refusal.reason) }).unwrap_or_default()
    }
}
