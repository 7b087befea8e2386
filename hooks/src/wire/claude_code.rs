//! Claude Code's `PreToolUse` protocol.
//!
//! Its traps, each seen in the running client: output that is not exactly one JSON document is ignored and the tool runs;
//! `permissionDecision: allow` also approves the call, which is the hook's to do only when its installer says so;
//! `updatedInput` replaces the whole input, so all of it is echoed.

use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use crate::arguments::Approval;
use crate::call::{Call, Origin, ShellCall, Start};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::sender::{announced, refuse_foreign};
use crate::wire::{Dialect, Fields, Refusal, command_of, specific};

/// Claude Code.
#[derive(Debug)]
pub(crate) struct ClaudeCode;

impl Dialect for ClaudeCode {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        refuse_foreign(&payload, Client::ClaudeCode)?;
        announced(&payload, "hook_event_name", specific::EVENT)?;
        let transcript = PathBuf::from(payload.required("transcript_path")?);
        let (tool, input) = (payload.required("tool_name")?, payload.object("tool_input")?);
        Ok(Call {
            session: Some(payload.required("session_id")?),
            origin: origin(&transcript),
            transcript: Some(transcript),
            ..Call::of(Client::ClaudeCode, tool, input, PathBuf::from(payload.required("cwd")?))
        })
    }

    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        let keeps_directory = keeps_directory(call);
        Ok(ShellCall { start: Start::CallDirectory, keeps_directory, ..command_of(call)? })
    }

    fn rewritten(&self, call: Call, approval: Approval) -> Result<Vec<u8>, Denial> {
        specific::answer(specific::approved(approval), Some(&call.input))
    }

    fn asked(&self, _: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        specific::answer(Some(("ask", Some(reason))), None)
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        specific::denied(refusal)
    }
}

/// The session's first folder, from `…/projects/SLUG/SESSION.jsonl`.
fn origin(transcript: &Path) -> Option<Origin> {
    let folder = transcript.parent()?;
    if folder.parent()?.file_name()? != "projects" {
        return None;
    }
    Some(Origin::Slug(folder.file_name()?.to_str()?.to_owned()))
}

/// Whether the client reads the session's folder back after this call.
///
/// It does so only after a foreground `Bash`; a value that is not plainly false is taken for a background call.
fn keeps_directory(call: &Call) -> bool {
    let background = call.input.value("run_in_background").map(RawValue::get);
    call.tool == "Bash" && matches!(background, None | Some("false" | "null"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ClaudeCode, keeps_directory, origin};
    use crate::call::{Call, Origin};
    use crate::client::Client;
    use crate::denial::Denial;
    use crate::wire::Dialect;

    /// Reads a payload for `tool_input`, with `extra` fields before it.
    ///
    /// # Errors
    /// As the dialect.
    fn read(extra: &str, tool_input: &str) -> Result<Call, Denial> {
        let payload = format!(
            r#"{{"session_id":"s","transcript_path":"/h/.claude/projects/-w/s.jsonl","cwd":"/w","permission_mode":"default",
            "hook_event_name":"PreToolUse","tool_name":"Bash",{extra}"tool_input":{tool_input}}}"#
        );
        ClaudeCode.read(serde_json::from_str(&payload).unwrap())
    }

    #[test]
    fn the_session_folder_is_only_taken_from_a_transcript_below_projects() {
        let slug = |path: &str| origin(Path::new(path));
        let expected = Some(Origin::Slug("-home-u-p".to_owned()));
        assert_eq!(slug("/home/u/.claude/projects/-home-u-p/id.jsonl"), expected);
        assert_eq!(slug("/home/u/.claude/-home-u-p/id.jsonl"), None);
        assert_eq!(slug("id.jsonl"), None);
        assert_eq!(slug("/"), None);
    }

    #[test]
    fn another_clients_fields_are_recognised_even_when_null() {
        for (extra, client) in [("\"turn_id\":null,", Client::Codex), ("\"cursor_version\":\"1\",", Client::Cursor)] {
            match read(extra, "{}") {
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
            assert_eq!(keeps_directory(&read("", input).unwrap()), expected, "{input}");
        }
    }
}
