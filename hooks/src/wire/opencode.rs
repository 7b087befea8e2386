//! The protocol between our opencode plugin and the hooks.
//!
//! opencode runs JavaScript plugins and no hooks. The plugin hands on what `tool.execute.before` was given, adds the folders
//! that opencode itself told it at its start, and stops the call unless one decision comes back.

use std::path::PathBuf;

use crate::arguments::Approval;
use crate::call::{Call, Origin};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::{Dialect, Fields, Refusal, decision};

/// opencode.
#[derive(Debug)]
pub(crate) struct Opencode;

impl Dialect for Opencode {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        decision::addressed(&payload, Client::Opencode)?;
        let directory = PathBuf::from(payload.required("directory")?);
        let input = payload.object("input")?;
        let arguments = payload.object("output")?.object("args")?;
        Ok(Call {
            session: Some(input.required("sessionID")?),
            // What opencode told the plugin at its start; a model's `workdir` is in the arguments.
            origin: Some(Origin::Folders(vec![directory.clone()])),
            ..Call::of(Client::Opencode, input.required("tool")?, arguments, directory)
        })
    }

    fn passed(&self) -> Vec<u8> {
        decision::allowed(None).unwrap_or_default()
    }

    fn rewritten(&self, call: Call, _: Approval) -> Result<Vec<u8>, Denial> {
        decision::allowed(Some(&call.input))
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        decision::denied(refusal)
    }
}
