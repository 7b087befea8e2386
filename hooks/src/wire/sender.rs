//! Whose payload it is. An answer in one client's words is noise to another, and noise runs the tool.

use crate::client::Client;
use crate::denial::Denial;
use crate::wire::Fields;

/// Fields that only one client sends.
const MARKS: [(&str, Client); 14] = [
    ("prompt_id", Client::ClaudeCode),
    ("turn_id", Client::Codex),
    ("toolName", Client::Copilot),
    ("toolArgs", Client::Copilot),
    ("sessionId", Client::Copilot),
    ("conversation_id", Client::Cursor),
    ("generation_id", Client::Cursor),
    ("cursor_version", Client::Cursor),
    ("workspace_roots", Client::Cursor),
    ("clineVersion", Client::Cline),
    ("hookName", Client::Cline),
    ("preToolUse", Client::Cline),
    ("workspaceRoots", Client::Cline),
    ("taskId", Client::Cline),
];

/// Events that only one client has.
const EVENTS: [(&str, Client); 7] = [
    ("BeforeTool", Client::Gemini),
    ("AfterTool", Client::Gemini),
    ("preToolUse", Client::Cursor),
    ("beforeShellExecution", Client::Cursor),
    ("beforeReadFile", Client::Cursor),
    ("beforeMCPExecution", Client::Cursor),
    ("afterFileEdit", Client::Cursor),
];

/// Refuses a payload that bears the mark of a client other than `expected`.
///
/// # Errors
/// When it does.
pub(super) fn refuse_foreign(fields: &Fields, expected: Client) -> Result<(), Denial> {
    match marked(fields, expected) {
        Some(found) => Err(Denial::Foreign { found, expected, listener: deaf(fields) }),
        None => Ok(()),
    }
}

/// Refuses every event but `expected`, whose name the client writes into the field `field`.
///
/// # Errors
/// When it is another one, or missing.
pub(super) fn announced(payload: &Fields, field: &'static str, expected: &str) -> Result<(), Denial> {
    match payload.required(field)? {
        event if event == expected => Ok(()),
        event => Err(Denial::Payload { problem: format!("the event is \"{event}\", not \"{expected}\"") }),
    }
}

/// Cline, when the payload is its own and no one else's: it looks neither at the status nor at standard error.
fn deaf(fields: &Fields) -> Option<Client> {
    let whole = fields.has("clineVersion") && fields.has("preToolUse") && !fields.has("hook_event_name");
    whole.then_some(Client::Cline)
}

/// The client other than `expected` whose mark a payload bears.
fn marked(fields: &Fields, expected: Client) -> Option<Client> {
    let other = |client: &Client| *client != expected;
    // Copilot's other events carry `hookName`, too: there it is an event that is not understood, but not Cline's.
    let bears = |name: &str| fields.has(name) && !(name == "hookName" && fields.has("toolName"));
    let by_field = MARKS.into_iter().find(|(name, client)| other(client) && bears(name));
    by_field.map(|(_, client)| client).or_else(|| by_event(fields).filter(other))
}

/// The client that says so itself, has such an event, or alone combines such fields.
fn by_event(fields: &Fields) -> Option<Client> {
    if let Some(name) = fields.text("client") {
        return Client::named(&name);
    }
    let event = fields.text("hook_event_name")?;
    if let Some((_, client)) = EVENTS.into_iter().find(|(name, _)| *name == event) {
        return Some(client);
    }
    if event != "PreToolUse" {
        return None;
    }
    match (fields.has("timestamp"), fields.has("permission_mode"), fields.has("turn_id")) {
        (true, false, _) => Some(Client::Copilot),
        (_, true, true) => Some(Client::Codex),
        (false, true, false) => Some(Client::ClaudeCode),
        _ => None,
    }
}
