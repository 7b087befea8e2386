//! Cline's `PreToolUse` hook file, from its documents and published source; not run.
//!
//! It looks at nothing but the JSON on standard output: whatever the exit status, `{"cancel":true}` stops the call and its
//! absence lets it go. Hook files cannot change a call in every version, and one that does not know the field would run the
//! command as it was. So no call is rewritten: a command passes when it is written as this hook would have written it, and
//! otherwise the denial tells the model how to write it.

use std::path::PathBuf;

use serde::Serialize;

use crate::arguments::Approval;
use crate::call::{Call, Lane, Origin, ShellCall};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::sender::{announced, refuse_foreign};
use crate::wire::{Dialect, Fields, Refusal, command_of, line};

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
        announced(&payload, "hookName", EVENT)?;
        payload.required("clineVersion")?;
        let roots: Vec<PathBuf> = payload.decoded("workspaceRoots")?.unwrap_or_default();
        let call = payload.object("preToolUse")?;
        let unknown = || Denial::Payload { problem: "\"workspaceRoots\" names no folder".to_owned() };
        let (tool, input) = (call.required("toolName")?, call.object("parameters")?);
        let directory = roots.first().cloned().ok_or_else(unknown)?;
        Ok(Call {
            session: Some(payload.required("taskId")?),
            origin: Some(Origin::Folders(roots)),
            ..Call::of(Client::Cline, tool, input, directory)
        })
    }

    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        Ok(ShellCall { lane: Lane::Verify, ..command_of(call)? })
    }

    fn passed(&self) -> Vec<u8> {
        line(&Answer { cancel: false, error_message: None }).unwrap_or_default()
    }

    fn rewritten(&self, _: Call, _: Approval) -> Result<Vec<u8>, Denial> {
        Err(Denial::Internal { problem: "this client's calls are never rewritten".to_owned() })
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        line(&Answer { cancel: true, error_message: Some(refusal.reason) }).unwrap_or_default()
    }
}
