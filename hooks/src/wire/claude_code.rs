//! Claude Code's `PreToolUse` protocol.
//!
//! Its traps, each seen in the running client: output that is not exactly one JSON document is ignored and the tool runs;
//! `permissionDecision: allow` also approves the call, which is the hook's to do only when its installer says so;
//! `updatedInput` replaces the whole input, so all of it is echoed.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::arguments::Approval;
use crate::call::{Call, Origin};
use crate::denial::Denial;
use crate::wire::Fields;

/// The client's name, on the command line and in policies.
pub(crate) const CLIENT: &str = "claude-code";

/// Fields that Claude Code never sends, and whose they are.
const FOREIGN: [(&str, &str); 8] = [
    ("turn_id", "Codex"),
    ("toolName", "Copilot CLI"),
    ("toolArgs", "Copilot CLI"),
    ("conversation_id", "Cursor"),
    ("cursor_version", "Cursor"),
    ("clineVersion", "Cline"),
    ("hookName", "Cline"),
    ("preToolUse", "Cline"),
];

/// The answer's outer object.
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
    /// Required by the client: an answer without it is ignored.
    hook_event_name: &'static str,
    /// `deny` or `ask`; `allow` only for a call that was rewritten, and only when the installer wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_decision: Option<&'static str>,
    /// Why, for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_decision_reason: Option<&'a str>,
    /// The whole input that the tool is to run with.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_input: Option<&'a Fields>,
}

/// Reads one payload.
///
/// # Errors
/// When it is not one JSON object, is another client's, or lacks what every call of this client carries.
pub(crate) fn read(payload: &[u8]) -> Result<Call, Denial> {
    let fields: Fields =
        serde_json::from_slice(payload).map_err(|error| Denial::Payload { problem: error.to_string() })?;
    refuse_foreign(&fields)?;
    let event = text(&fields, "hook_event_name")?;
    if event != "PreToolUse" {
        return Err(Denial::Payload { problem: format!("the event is \"{event}\", not \"PreToolUse\"") });
    }
    text(&fields, "session_id")?;
    let transcript = PathBuf::from(text(&fields, "transcript_path")?);
    let input = fields.value("tool_input").ok_or_else(|| missing("tool_input"))?;
    let input: Fields = serde_json::from_str(input.get())
        .map_err(|error| Denial::Payload { problem: format!("\"tool_input\": {error}") })?;
    Ok(Call {
        tool: text(&fields, "tool_name")?,
        input,
        directory: PathBuf::from(text(&fields, "cwd")?),
        origin: origin(&transcript),
    })
}

/// Refuses a payload that another client wrote: it would not understand this client's answers, and run the tool.
///
/// # Errors
/// When it is one.
fn refuse_foreign(fields: &Fields) -> Result<(), Denial> {
    let foreign = |found| Err(Denial::Foreign { found, expected: "Claude Code" });
    if let Some((_, client)) = FOREIGN.iter().find(|(name, _)| fields.has(name)) {
        return foreign(client);
    }
    if fields.text("hook_event_name").is_some_and(|event| event == "BeforeTool") {
        return foreign("Gemini CLI");
    }
    if fields.has("timestamp") && !fields.has("permission_mode") {
        return foreign("Copilot CLI");
    }
    Ok(())
}

/// The string that `name` must hold.
///
/// # Errors
/// When it is absent, empty, or something else.
fn text(fields: &Fields, name: &'static str) -> Result<String, Denial> {
    if !fields.has(name) {
        return Err(missing(name));
    }
    match fields.text(name) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(Denial::Payload { problem: format!("\"{name}\" is not a text") }),
    }
}

/// The denial for a field that is not there.
fn missing(name: &'static str) -> Denial {
    Denial::Payload { problem: format!("\"{name}\" is missing") }
}

/// The session's first folder, from `…/projects/SLUG/SESSION.jsonl`.
fn origin(transcript: &Path) -> Option<Origin> {
    let folder = transcript.parent()?;
    if folder.parent()?.file_name()? != "projects" {
        return None;
    }
    Some(Origin { slug: folder.file_name()?.to_str()?.to_owned() })
}

/// The command of a call to a shell tool.
///
/// # Errors
/// When there is none, or it is not a text that a shell could be given.
pub(crate) fn command(call: &Call) -> Result<String, Denial> {
    let raw = call.input.value("command").ok_or_else(|| missing("tool_input.command"))?;
    serde_json::from_str(raw.get())
        .map_err(|error| Denial::Payload { problem: format!("\"tool_input.command\": {error}") })
}

/// Whether the client reads the session's folder back after this call.
///
/// It does so only after a foreground `Bash`; a value that is not plainly false is taken for a background call.
pub(crate) fn keeps_directory(call: &Call) -> bool {
    let background = call.input.value("run_in_background").map(RawValue::get);
    call.tool == "Bash" && matches!(background, None | Some("false" | "null"))
}

/// The answer that runs the call with `command` in the place of its own.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn rewritten(mut call: Call, command: &str, approval: Approval) -> Result<Vec<u8>, Denial> {
    let raw = serde_json::value::to_raw_value(command).map_err(|error| internal(&error))?;
    call.input.replace("command", &raw);
    let (decision, reason) = match approval {
        Approval::Leave => (None, None),
        Approval::Give => (Some("allow"), Some("it runs in the sandbox")),
    };
    encode(decision, reason, Some(&call.input)).map_err(|error| internal(&error))
}

/// The answer that stops the call; empty when even that cannot be written, and then the exit status stops it.
pub(crate) fn denied(reason: &str) -> Vec<u8> {
    encode(Some("deny"), Some(reason), None).unwrap_or_default()
}

/// The answer that has a person asked.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn asked(reason: &str) -> Result<Vec<u8>, Denial> {
    encode(Some("ask"), Some(reason), None).map_err(|error| internal(&error))
}

/// One answer as JSON, with the newline that ends it.
///
/// # Errors
/// When a part of it cannot be written as JSON.
fn encode(
    permission_decision: Option<&'static str>,
    permission_decision_reason: Option<&str>,
    updated_input: Option<&Fields>,
) -> Result<Vec<u8>, serde_json::Error> {
    let hook_specific_output =
        Specific { hook_event_name: "PreToolUse", permission_decision, permission_decision_reason, updated_input };
    let mut bytes = serde_json::to_vec(&Output { hook_specific_output })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The denial for JSON that cannot be written.
fn internal(error: &serde_json::Error) -> Denial {
    Denial::Internal { problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Origin, keeps_directory, origin, read};
    use crate::denial::Denial;

    /// A payload for `tool_input`, with `extra` fields before it.
    fn payload(extra: &str, tool_input: &str) -> String {
        format!(
            r#"{{"session_id":"s","transcript_path":"/h/.claude/projects/-w/s.jsonl","cwd":"/w","permission_mode":"default",
            "hook_event_name":"PreToolUse","tool_name":"Bash",{extra}"tool_input":{tool_input}}}"#
        )
    }

    #[test]
    fn the_session_folder_is_only_taken_from_a_transcript_below_projects() {
        let slug = |path: &str| origin(Path::new(path)).map(|Origin { slug }| slug);
        assert_eq!(slug("/home/u/.claude/projects/-home-u-p/id.jsonl").as_deref(), Some("-home-u-p"));
        assert_eq!(slug("/home/u/.claude/-home-u-p/id.jsonl"), None);
        assert_eq!(slug("id.jsonl"), None);
        assert_eq!(slug("/"), None);
    }

    #[test]
    fn another_clients_fields_are_recognised_even_when_null() {
        for (extra, client) in [("\"turn_id\":null,", "Codex"), ("\"cursor_version\":\"1\",", "Cursor")] {
            match read(payload(extra, "{}").as_bytes()) {
                Err(Denial::Foreign { found, .. }) => assert_eq!(found, client),
                other => panic!("{extra} gave {other:?}"),
            }
        }
    }

    #[test]
    fn only_a_foreground_bash_keeps_its_folder() {
        for (input, expected) in [
            ("{}", true),
            (r#"{"run_in_background":false}"#, true),
            (r#"{"run_in_background":null}"#, true),
            (r#"{"run_in_background":true}"#, false),
            (r#"{"run_in_background":"true"}"#, false),
            (r#"{"run_in_background":1}"#, false),
        ] {
            assert_eq!(keeps_directory(&read(payload("", input).as_bytes()).unwrap()), expected, "{input}");
        }
    }
}
