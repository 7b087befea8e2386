//! Codex CLI: two hooks in `hooks.json`, and the trust without which it skips them in silence in `config.toml`.
//!
//! Codex runs a user's hook only when `[hooks.state."FILE:pre_tool_use:GROUP:HOOK"]` has the digest of the hook as it stands
//! in the file. The digest is SHA-256 of the hook's event, matcher and entry as JSON with sorted keys and no spaces; what
//! Codex 0.169 computes is in the tests. The groups are counted, so ours come last, where they move nobody else's.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::install::agent::{Agent, Scope};
use crate::install::change::{Change, Mark, starts};
use crate::install::clients::{Context, PATIENCE_SECONDS, Piece, Values, line};
use crate::install::edit::Edit;
use crate::install::error::InstallError;
use crate::install::file::digest;
use crate::install::json::Dialect;
use crate::install::programs::{FILE_HOOK, SHELL_HOOK};
use crate::install::trial;
use crate::install::version::Installed;

/// Where the hooks are.
const HOOKS: [&str; 2] = ["hooks", "PreToolUse"];

/// The files of an installation: the hooks first, for what is trusted is worked out from them. Until the trust is there as well, Codex
/// skips them, as if they were not there yet.
///
/// # Errors
/// For everybody's sessions.
pub(crate) fn pieces(context: &Context<'_>) -> Result<Vec<Piece>, InstallError> {
    if context.scope == Scope::Managed {
        let problem = "managed hooks of Codex belong into /etc/codex/requirements.toml, which is not edited here";
        return Err(InstallError::Scope { agent: Agent::Codex.name(), scope: context.scope.name(), problem });
    }
    let folder = context.person.home.join(".codex");
    Ok(vec![
        Piece::Edited { path: folder.join("hooks.json"), dialect: Dialect::Strict, changes: hooks },
        Piece::Edited { path: folder.join("config.toml"), dialect: Dialect::Toml, changes: trust },
    ])
}

/// What is to be so in `hooks.json`.
///
/// # Errors
/// When the file has a shape in which it cannot be.
fn hooks(context: &Context<'_>, _values: &Values<'_>) -> Result<Vec<Change>, String> {
    Ok(vec![group(context, SHELL_HOOK, "^Bash$"), group(context, FILE_HOOK, ".*")])
}

/// The group of one hook.
fn group(context: &Context<'_>, program: &str, matcher: &str) -> Change {
    let hook =
        json!({ "type": "command", "command": line(Agent::Codex, program, context), "timeout": PATIENCE_SECONDS });
    Change::element(&HOOKS, json!({ "matcher": matcher, "hooks": [hook] }), Mark::Program(program.to_owned()))
}

/// What is to be so in `config.toml`, given what `hooks.json` will say.
///
/// # Errors
/// When the file has a shape in which it cannot be.
fn trust(context: &Context<'_>, values: &Values<'_>) -> Result<Vec<Change>, String> {
    let file = context.person.home.join(".codex/hooks.json");
    let Some(Value::Array(groups)) = values.before.first().and_then(|value| value.pointer("/hooks/PreToolUse")) else {
        return Ok(Vec::new());
    };
    let mut changes = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let entries = group.get("hooks").and_then(Value::as_array).into_iter().flatten();
        for (index, entry) in entries.enumerate() {
            if starts(entry, SHELL_HOOK) || starts(entry, FILE_HOOK) {
                let key = format!("{}:pre_tool_use:{number}:{index}", file.display());
                let hash = json!(fingerprint(group.get("matcher"), entry));
                changes.push(Change::own(&["hooks", "state", &key, "trusted_hash"], hash));
            }
        }
    }
    Ok(changes)
}

/// The digest by which Codex knows a hook again.
fn fingerprint(matcher: Option<&Value>, entry: &Value) -> String {
    let mut hook = json!({ "type": "command", "async": false });
    for key in ["command", "timeout"] {
        hook[key] = entry.get(key).cloned().unwrap_or(Value::Null);
    }
    let mut identity = json!({ "event_name": "pre_tool_use", "hooks": [hook] });
    if let Some(matcher) = matcher {
        identity["matcher"] = matcher.clone();
    }
    // The members of these values are kept in the order of their names.
    format!("sha256:{}", digest(identity.to_string().as_bytes()))
}

/// Lets the real client say whether it trusts the hooks, in a home folder that is thrown away.
///
/// # Errors
/// When it does not.
pub(crate) fn try_trust(installed: &Installed, edits: &[Edit]) -> Result<String, InstallError> {
    let wrong = |problem: String| InstallError::Client { program: installed.path.display().to_string(), problem };
    let scene =
        tempfile::Builder::new().prefix("lobsterpot-try-").tempdir().map_err(|error| wrong(error.to_string()))?;
    let folder = scene.path().canonicalize().map_err(|error| wrong(error.to_string()))?;
    for edit in edits {
        let (Some(name), Some(text), Some(there)) = (edit.found.path.file_name(), &edit.text, edit.found.path.parent())
        else {
            continue;
        };
        // The keys of the trust name the file: here it lies elsewhere. Nothing else of the user's configuration matters.
        let text = if name == "config.toml" { only_trust(text) } else { text.clone() };
        let text = text.replace(&*there.to_string_lossy(), &folder.to_string_lossy());
        std::fs::write(folder.join(name), text).map_err(|error| wrong(error.to_string()))?;
    }
    let mut command = Command::new(&installed.path);
    command.arg("app-server").env("HOME", &folder).env("CODEX_HOME", &folder);
    let output = trial::ask(command, &questions(&folder), 1, &folder).map_err(|error| wrong(error.to_string()))?;
    let hooks = output.pointer("/result/data/0/hooks").and_then(Value::as_array).cloned().unwrap_or_default();
    let ours = |program: &str| {
        let mut found = hooks.iter().filter(|hook| starts(hook, program));
        found
            .any(|hook| hook.get("trustStatus") == Some(&json!("trusted")) && hook.get("enabled") == Some(&json!(true)))
    };
    match [SHELL_HOOK, FILE_HOOK].into_iter().find(|program| !ours(program)) {
        None => Ok("Codex itself says that it trusts both hooks".to_owned()),
        Some(program) => {
            Err(wrong(format!("it does not trust {program}: start `codex`, type /hooks and trust it there")))
        }
    }
}

/// The part of a configuration that says which hooks are trusted.
fn only_trust(text: &str) -> String {
    let document = text.parse::<toml_edit::DocumentMut>().ok();
    let state = document.and_then(|document| Some(document.get("hooks")?.get("state")?.clone()));
    let mut rest = toml_edit::DocumentMut::new();
    if let Some(state) = state {
        rest["hooks"] = toml_edit::Item::Table(toml_edit::Table::new());
        rest["hooks"]["state"] = state;
    }
    rest.to_string()
}

/// What the client's server is asked.
fn questions(folder: &Path) -> Vec<Value> {
    let client = json!({ "name": "lobsterpot", "title": "Lobsterpot", "version": env!("CARGO_PKG_VERSION") });
    vec![
        json!({ "id": 0, "method": "initialize", "params": { "clientInfo": client } }),
        json!({ "method": "initialized" }),
        json!({ "id": 1, "method": "hooks/list", "params": { "cwds": [folder] } }),
    ]
}

/// Why Codex's own sandbox would not let the launcher start inside it, given the configuration. As seen with 0.169: without
/// network sockets the loopback cannot be brought up, and root's user map is taken.
fn stopped(configuration: &Value, is_root: bool) -> Option<String> {
    let mode = configuration.get("sandbox_mode").and_then(Value::as_str);
    let network = configuration.pointer("/sandbox_workspace_write/network_access") == Some(&json!(true));
    if mode == Some("danger-full-access") || (mode == Some("workspace-write") && network && !is_root) {
        return None;
    }
    let now = match (mode, network) {
        (Some("workspace-write"), true) => "sandbox_mode = \"workspace-write\"".to_owned(),
        (Some("workspace-write"), false) => "sandbox_mode = \"workspace-write\" without network_access".to_owned(),
        (Some(mode), _) => format!("sandbox_mode = \"{mode}\""),
        (None, _) => "the default, as config.toml names no sandbox_mode".to_owned(),
    };
    let cure = if is_root {
        "As root only `sandbox_mode = \"danger-full-access\"` lets it start; Lobsterpot's own sandbox holds then"
    } else {
        "Set `sandbox_mode = \"workspace-write\"` and `[sandbox_workspace_write] network_access = true` (Lobsterpot's own sandbox still lets out only what its policy allows), or `sandbox_mode = \"danger-full-access\"`"
    };
    Some(format!(
        "Codex's own sandbox ({now}) does not let the launcher start inside it: shell calls end with status 70. {cure}"
    ))
}

/// What a person should know; `configuration` is what `config.toml` will mean.
pub(crate) fn warnings(context: &Context<'_>, configuration: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    if context.wishes.workspace.is_none() {
        warnings.push("Codex tells where a session began only in its transcript: without transcripts, or with a CODEX_HOME that is not called .codex, name the workspaces in the policy ([workspace] roots), or one with --workspace".to_owned());
    }
    warnings.extend(stopped(configuration, context.person.is_root()));
    warnings.extend([
        "Codex skips hooks whose place or text has changed: after editing hooks.json by hand, run this again".to_owned(),
        "what is typed into a terminal that is already open (write_stdin) reaches no hook; it stays in the sandbox in which that terminal was started".to_owned(),
    ]);
    warnings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{fingerprint, stopped};

    #[test]
    fn a_sandbox_of_codex_in_which_the_launcher_cannot_start_is_said() {
        let open = json!({ "sandbox_mode": "danger-full-access" });
        let closed = json!({ "sandbox_mode": "workspace-write" });
        let network =
            json!({ "sandbox_mode": "workspace-write", "sandbox_workspace_write": { "network_access": true } });
        let reads = json!({ "sandbox_mode": "read-only", "sandbox_workspace_write": { "network_access": true } });
        for (configuration, as_user, as_root) in [
            (&open, false, false),
            (&network, false, true),
            (&closed, true, true),
            (&reads, true, true),
            (&json!({}), true, true),
        ] {
            assert_eq!(stopped(configuration, false).is_some(), as_user, "{configuration}");
            assert_eq!(stopped(configuration, true).is_some(), as_root, "{configuration}");
        }
        assert!(stopped(&closed, false).is_some_and(|note| note.contains("network_access = true")));
        assert!(stopped(&network, true).is_some_and(|note| !note.contains("network_access = true")));
    }

    #[test]
    fn the_digest_is_the_one_that_codex_computes() {
        // Both seen in the answer of `codex app-server` 0.169.0 to `hooks/list`.
        for (matcher, command, expected) in [
            (
                "^Bash$",
                "/opt/x/sandbox-exec-hook --client codex",
                "sha256:809d6d7972160e40dcbad28035bb08a1cedda26f8a822e3974a6ee46520773ec",
            ),
            (
                ".*",
                "/opt/x/fs-guard-hook --client codex",
                "sha256:4cce90496445518d50e071d0f551772c1edc5306f1e0fcb2711ca8b40ccb419e",
            ),
        ] {
            let entry = json!({ "type": "command", "command": command, "timeout": 10 });
            assert_eq!(fingerprint(Some(&json!(matcher)), &entry), expected);
        }
    }
}
