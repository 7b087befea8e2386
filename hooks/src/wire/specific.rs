//! The `hookSpecificOutput` object, which Claude Code introduced and Codex and Copilot CLI also read.

use serde::Serialize;

use crate::arguments::Approval;
use crate::denial::Denial;
use crate::wire::{Fields, Refusal, line};

/// The only event that these answers are for.
pub(super) const EVENT: &str = "PreToolUse";

/// The answer's outer object. Nothing else may stand in it: Codex takes a field that it does not know for a failed hook, and
/// runs the tool.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Output<'a> {
    /// What the hook says of this event.
    hook_specific_output: Specific<'a>,
}

/// What the hook says of a `PreToolUse` event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Specific<'a> {
    /// Required by the clients: an answer without it is ignored.
    hook_event_name: &'static str,
    /// The decision. `allow` also approves the call, in Claude Code and Copilot CLI.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_decision: Option<&'static str>,
    /// Why, for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_decision_reason: Option<&'a str>,
    /// The whole input that the tool is to run with.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_input: Option<&'a Fields>,
}

/// An answer with these parts.
///
/// # Errors
/// When a part of it cannot be written as JSON.
pub(super) fn answer(
    decision: Option<(&'static str, Option<&str>)>,
    updated_input: Option<&Fields>,
) -> Result<Vec<u8>, Denial> {
    let (permission_decision, permission_decision_reason) = match decision {
        Some((decision, reason)) => (Some(decision), reason),
        None => (None, None),
    };
    let hook_specific_output =
        Specific { hook_event_name: EVENT, permission_decision, permission_decision_reason, updated_input };
    line(&Output { hook_specific_output })
}

/// The decision for a call that will run in the sandbox.
pub(super) fn approved(approval: Approval) -> Option<(&'static str, Option<&'static str>)> {
    match approval {
        Approval::Leave => None,
        Approval::Give => Some(("allow", Some("it runs in the sandbox"))),
    }
}

/// The answer that stops the call.
pub(super) fn denied(refusal: &Refusal<'_>) -> Vec<u8> {
    answer(Some(("deny", Some(refusal.reason))), None).unwrap_or_default()
}
