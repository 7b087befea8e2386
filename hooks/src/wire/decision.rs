//! The protocol of our own making, which our plugins for OpenClaw and opencode speak: a payload that says whose it is and in
//! which version, and one line as the answer, always; nothing else counts.

use serde::Serialize;

use crate::client::Client;
use crate::denial::Denial;
use crate::wire::sender::refuse_foreign;
use crate::wire::{Fields, Refusal, line};

/// The version of the protocol; a payload of another one is not understood.
const VERSION: &str = "1";

/// Refuses a payload of another client, or of another version of the protocol.
///
/// # Errors
/// When it is one.
pub(super) fn addressed(payload: &Fields, client: Client) -> Result<(), Denial> {
    refuse_foreign(payload, client)?;
    payload.required("client")?;
    match payload.value("version") {
        Some(version) if version.get() == VERSION => Ok(()),
        _ => Err(Denial::Payload { problem: format!("\"version\" is not {VERSION}") }),
    }
}

/// One answer. A plugin that gets no such line stops the call.
#[derive(Serialize)]
struct Answer<'a> {
    /// `allow`, `ask` or `deny`.
    decision: &'static str,
    /// The stable reason code of a denial or question.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    /// Why, for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The whole input that the tool is to run with, when that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a Fields>,
}

/// The answer that lets the call go ahead, with `params` in the place of its own when there are some.
///
/// # Errors
/// When they cannot be written as JSON.
pub(super) fn allowed(params: Option<&Fields>) -> Result<Vec<u8>, Denial> {
    line(&Answer { decision: "allow", code: None, reason: None, params })
}

/// The answer that has a person asked.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn asked(reason: &str) -> Result<Vec<u8>, Denial> {
    line(&Answer { decision: "ask", code: Some("tool.ask"), reason: Some(reason), params: None })
}

/// The answer that stops the call.
pub(super) fn denied(refusal: &Refusal<'_>) -> Vec<u8> {
    let answer = Answer { decision: "deny", code: Some(refusal.code), reason: Some(refusal.reason), params: None };
    line(&answer).unwrap_or_default()
}
