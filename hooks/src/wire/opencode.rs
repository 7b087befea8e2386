//! The protocol between our opencode plugin and the hooks.
//!
//! opencode runs JavaScript plugins and no hooks. The plugin hands on what `tool.execute.before` was given, adds the folders
//! that opencode itself told it at its start, and stops the call unless one decision comes back.

use std::path::PathBuf;

use crate::arguments::Approval;
use crate::call::{Call, Event, Lane, Origin, ShellCall, Start};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::sender::refuse_foreign;
use crate::wire::{Dialect, Fields, Refusal, cannot_ask, decision};

/// opencode.
#[derive(Debug)]
pub(crate) struct Opencode;

/// Refuses a payload of another client, or of another version of the protocol.
///
/// # Errors
/// When it is one.
pub(super) fn addressed(payload: &Fields, client: Client) -> Result<(), Denial> {
    refuse_foreign(payload, client)?;
    payload.required("client")?;
    match payload.value("version") {
        Some(version) if version.get() == decision::VERSION => Ok(()),
        _ => Err(Denial::Payload { problem: format!("\"version\" is not {}", decision::VERSION) }),
    }
}

impl Dialect for Opencode {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        addressed(&payload, Client::Opencode)?;
        let directory = PathBuf::from(payload.required("directory")?);
        let input = payload.object("input")?;
        Ok(Call {
            client: Client::Opencode,
            event: Event::Tool,
            session: Some(input.required("sessionID")?),
            tool: input.required("tool")?,
            input: payload.object("output")?.object("args")?,
            // What opencode told the plugin at its start; a model's `workdir` is in the input.
            origin: Some(Origin::Folders(vec![directory.clone()])),
            directory,
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
            lane: Lane::Rewrite,
        })
    }

    fn passed(&self) -> Vec<u8> {
        decision::allowed(None).unwrap_or_default()
    }

    fn rewritten(&self, mut call: Call, command: &str, _: Approval) -> Result<Vec<u8>, Denial> {
        call.input.replace_text("command", command)?;
        decision::allowed(Some(&call.input))
    }

    fn asked(&self, _: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        Err(cannot_ask(reason))
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        decision::denied(refusal)
    }
}
