//! Copilot CLI's protocol, in both of its forms: the event `preToolUse` with fields of its own, and `PreToolUse` with those of
//! Claude Code.
//!
//! Its traps, each seen in the running client: an answer in the other form is ignored, and the tool runs; a time-out is
//! consent. Any exit status but 0 is a denial. A rewrite replaces the whole input.

use std::path::PathBuf;

use serde::Serialize;

use crate::arguments::Approval;
use crate::call::{Call, Event, Origin, ShellCall};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::sender::{announced, refuse_foreign};
use crate::wire::{Dialect, Fields, Refusal, command_of, line, specific};

/// Copilot CLI.
#[derive(Debug)]
pub(crate) struct Copilot;

/// An answer to `preToolUse`.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    /// `deny`, `ask`, or `allow`, which also approves the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_decision: Option<&'static str>,
    /// Why, for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_decision_reason: Option<&'a str>,
    /// The whole input that the tool is to run with.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_args: Option<&'a Fields>,
}

impl Dialect for Copilot {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        refuse_foreign(&payload, Client::Copilot)?;
        let directory = PathBuf::from(payload.required("cwd")?);
        let origin = Some(Origin::Folders(vec![directory.clone()]));
        let (event, session, tool, input) = if payload.has("hook_event_name") {
            announced(&payload, "hook_event_name", specific::EVENT)?;
            payload.required("timestamp")?;
            (Event::ClaudeShaped, "session_id", "tool_name", "tool_input")
        } else {
            refuse_results(&payload)?;
            (Event::Tool, "sessionId", "toolName", "toolArgs")
        };
        let session = Some(payload.required(session)?);
        let (tool, input) = (payload.required(tool)?, payload.object(input)?);
        Ok(Call { event, session, origin, ..Call::of(Client::Copilot, tool, input, directory) })
    }

    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        // One shell lives through the session, and it stands where the last `cd` led.
        Ok(ShellCall { keeps_directory: true, ..command_of(call)? })
    }

    fn rewritten(&self, call: Call, approval: Approval) -> Result<Vec<u8>, Denial> {
        let decision = specific::approved(approval);
        if call.event == Event::ClaudeShaped {
            return specific::answer(decision, Some(&call.input));
        }
        line(&Answer {
            permission_decision: decision.map(|(decision, _)| decision),
            permission_decision_reason: decision.and_then(|(_, reason)| reason),
            modified_args: Some(&call.input),
        })
    }

    fn asked(&self, call: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        if call.event == Event::ClaudeShaped {
            return specific::answer(Some(("ask", Some(reason))), None);
        }
        let (decision, reason) = (Some("ask"), Some(reason));
        line(&Answer { permission_decision: decision, permission_decision_reason: reason, modified_args: None })
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        let (decision, reason) = (Some("deny"), Some(refusal.reason));
        let answer = Answer { permission_decision: decision, permission_decision_reason: reason, modified_args: None };
        line(&answer).unwrap_or_default()
    }
}

/// Refuses the payloads of events that come at other times: they carry the same fields, and more.
///
/// # Errors
/// When it is one.
fn refuse_results(payload: &Fields) -> Result<(), Denial> {
    match ["hookName", "toolResult", "toolInput"].into_iter().find(|name| payload.has(name)) {
        Some(name) => {
            Err(Denial::Payload { problem: format!("with \"{name}\" it is not a call before its tool runs") })
        }
        None => Ok(()),
    }
}
