//! Cursor's hooks, from its documents; not run.
//!
//! One tool call fires several events. `preToolUse` may rewrite a shell call; `beforeShellExecution` then shows the command
//! that will run, and may only stop it: so it passes exactly the commands that the first could have written. Silence is no
//! consent here, and what is not understood blocks or passes as the hook's `failClosed` says.

use std::path::PathBuf;

use serde::Serialize;

use crate::arguments::Approval;
use crate::call::{Call, Event, Lane, Origin, ShellCall};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::sender::refuse_foreign;
use crate::wire::{COMMAND, Dialect, Fields, Refusal, cannot_ask, command_of, line};

/// Cursor.
#[derive(Debug)]
pub(crate) struct Cursor;

/// An answer.
#[derive(Serialize)]
struct Answer<'a> {
    /// `allow`, `deny` or `ask`.
    permission: &'static str,
    /// Why, for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_message: Option<&'a str>,
    /// Why, for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_message: Option<&'a str>,
    /// The whole input that the tool is to run with.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_input: Option<&'a Fields>,
}

impl Answer<'_> {
    /// The answer with this decision and reason.
    fn because<'a>(permission: &'static str, reason: &'a str) -> Answer<'a> {
        Answer { permission, user_message: Some(reason), agent_message: Some(reason), updated_input: None }
    }
}

impl Dialect for Cursor {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        refuse_foreign(&payload, Client::Cursor)?;
        let (event, tool, input) = subject(&payload)?;
        let roots: Vec<PathBuf> = payload.decoded("workspace_roots")?.unwrap_or_default();
        let given = payload.optional("cwd")?.map(PathBuf::from);
        let unknown =
            || Denial::Payload { problem: "neither \"cwd\" nor \"workspace_roots\" names a folder".to_owned() };
        let directory = given.or_else(|| roots.first().cloned()).ok_or_else(unknown)?;
        Ok(Call {
            event,
            session: Some(payload.required("conversation_id")?),
            origin: Some(Origin::Folders(roots)),
            ..Call::of(Client::Cursor, tool, input, directory)
        })
    }

    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        let lane = if call.event == Event::Tool { Lane::Rewrite } else { Lane::Verify };
        Ok(ShellCall { lane, ..command_of(call)? })
    }

    fn passed(&self) -> Vec<u8> {
        let answer = Answer { permission: "allow", user_message: None, agent_message: None, updated_input: None };
        line(&answer).unwrap_or_default()
    }

    fn rewritten(&self, call: Call, _: Approval) -> Result<Vec<u8>, Denial> {
        let input = Some(&call.input);
        line(&Answer { permission: "allow", user_message: None, agent_message: None, updated_input: input })
    }

    fn asked(&self, call: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        // The general event knows no questions.
        if call.event == Event::Tool { Err(cannot_ask(reason)) } else { line(&Answer::because("ask", reason)) }
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        line(&Answer::because("deny", refusal.reason)).unwrap_or_default()
    }
}

/// What a payload is about: its event, the tool as the general event would name it, and the input.
///
/// # Errors
/// When the event is unknown, or lacks what it carries.
fn subject(payload: &Fields) -> Result<(Event, String, Fields), Denial> {
    match payload.required("hook_event_name")?.as_str() {
        "preToolUse" => Ok((Event::Tool, payload.required("tool_name")?, payload.object("tool_input")?)),
        "beforeShellExecution" => {
            payload.command(COMMAND)?;
            Ok((Event::ShellCommand, "Shell".to_owned(), payload.only(&[COMMAND, "cwd"])))
        }
        "beforeReadFile" => {
            let input = payload.only(&["file_path", "attachments"]);
            payload.required("file_path").map(|_| (Event::FileRead, "Read".to_owned(), input))
        }
        "beforeMCPExecution" => {
            let input = serde_json::from_str(&payload.required("tool_input")?);
            let input = input.map_err(|error| Denial::Payload { problem: format!("\"tool_input\": {error}") })?;
            Ok((Event::McpCall, format!("MCP:{}", payload.required("tool_name")?), input))
        }
        event => Err(Denial::Payload { problem: format!("the event \"{event}\" is not known") }),
    }
}
