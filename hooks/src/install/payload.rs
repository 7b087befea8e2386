//! The calls with which an installation is tried: as each client describes them, with a harmless command and a path that no
//! agent may read.

use std::path::Path;

use serde_json::{Value, json};

use crate::install::agent::Agent;

/// A session's name, in the form that all clients use.
const SESSION: &str = "00000000-0000-4000-8000-000000000000";

/// A moment.
const MOMENT: &str = "2026-01-01T00:00:00.000Z";

/// A shell call in `folder`.
pub(crate) fn shell(agent: Agent, folder: &Path, command: &str) -> Value {
    match agent {
        Agent::ClaudeCode => claude(folder, "Bash", &json!({ "command": command, "description": "try the sandbox" })),
        Agent::Codex => codex(folder, "Bash", &json!({ "command": command })),
        Agent::Gemini => {
            gemini(folder, "run_shell_command", &json!({ "command": command, "description": "try the sandbox" }))
        }
        Agent::Copilot => copilot(folder, "bash", &json!({ "command": command, "description": "try the sandbox" })),
        Agent::OpenCode => opencode(folder, "bash", &json!({ "command": command, "description": "try the sandbox" })),
        Agent::OpenClaw => openclaw(folder, "exec", &json!({ "command": command })),
    }
}

/// A call that reads the file `path` with the client's own tool, from a session in `folder`; Codex has none but for images.
pub(crate) fn read(agent: Agent, folder: &Path, path: &Path) -> Value {
    match agent {
        Agent::ClaudeCode => claude(folder, "Read", &json!({ "file_path": path })),
        Agent::Codex => codex(folder, "view_image", &json!({ "path": path })),
        Agent::Gemini => gemini(folder, "read_file", &json!({ "file_path": path })),
        Agent::Copilot => copilot(folder, "view", &json!({ "path": path })),
        Agent::OpenCode => opencode(folder, "read", &json!({ "filePath": path })),
        Agent::OpenClaw => openclaw(folder, "read", &json!({ "path": path })),
    }
}

/// What Claude Code sends. Its transcript's folder names the one in which the session was started.
fn claude(folder: &Path, tool: &str, input: &Value) -> Value {
    let plain = |unit: u16| u8::try_from(unit).ok().filter(u8::is_ascii_alphanumeric).map_or('-', char::from);
    let slug: String = folder.to_string_lossy().encode_utf16().map(plain).collect();
    json!({
        "session_id": SESSION,
        "transcript_path": format!("/nowhere/.claude/projects/{slug}/{SESSION}.jsonl"),
        "cwd": folder,
        "prompt_id": SESSION,
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": tool,
        "tool_input": input,
        "tool_use_id": "toolu_install",
    })
}

/// What Codex sends.
fn codex(folder: &Path, tool: &str, input: &Value) -> Value {
    json!({
        "session_id": SESSION,
        "turn_id": SESSION,
        "transcript_path": null,
        "cwd": folder,
        "hook_event_name": "PreToolUse",
        "model": "none",
        "permission_mode": "bypassPermissions",
        "tool_name": tool,
        "tool_input": input,
        "tool_use_id": "call_install",
    })
}

/// What Gemini CLI sends.
fn gemini(folder: &Path, tool: &str, input: &Value) -> Value {
    json!({
        "session_id": SESSION,
        "transcript_path": "",
        "cwd": folder,
        "hook_event_name": "BeforeTool",
        "timestamp": MOMENT,
        "tool_name": tool,
        "tool_input": input,
    })
}

/// What Copilot CLI sends for the event with a small first letter.
fn copilot(folder: &Path, tool: &str, input: &Value) -> Value {
    json!({ "sessionId": SESSION, "timestamp": 1_795_171_941_723_u64, "cwd": folder, "toolName": tool, "toolArgs": input })
}

/// What our own plugin for opencode sends.
fn opencode(folder: &Path, tool: &str, input: &Value) -> Value {
    json!({
        "client": "opencode",
        "version": 1,
        "directory": folder,
        "worktree": folder,
        "input": { "tool": tool, "sessionID": SESSION, "callID": "call_install" },
        "output": { "args": input },
    })
}

/// What our own plugin for OpenClaw sends.
fn openclaw(folder: &Path, tool: &str, input: &Value) -> Value {
    json!({
        "client": "openclaw",
        "version": 1,
        "tool": tool,
        "kind": null,
        "params": input,
        "derived_paths": null,
        "workspace": folder,
        "directory": null,
        "backend": false,
    })
}
