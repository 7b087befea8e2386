//! OpenClaw: our plugin in a folder of its own, the configuration that loads it and selects its sandbox backend, and the
//! launcher as the shell of the gateway's service.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::install::agent::{Agent, Scope};
use crate::install::change::{Change, Mark};
use crate::install::clients::{Context, Piece, Values, assets, needed};
use crate::install::edit::Edit;
use crate::install::error::InstallError;
use crate::install::json::{CHOICE, Dialect};
use crate::install::programs::LAUNCHER;
use crate::install::trial;
use crate::install::version::Installed;

/// The plugin's name.
const PLUGIN: &str = "lobsterpot";

/// Our own folder, in a home folder.
const SHARE: &str = ".local/share/lobsterpot";

/// The plugin's folder in ours.
const FOLDER: &str = "openclaw-plugin";

/// The vault's program, where it was installed, too.
const VAULT: &str = "lobsterpot-vault";

/// The launcher under another name, in our folder: OpenClaw treats the names of known shells specially.
const SHELL: &str = "lobsterpot-shell";

/// The client's configuration, in a home folder.
const CONFIGURATION: &str = ".openclaw/openclaw.json";

/// Where the gateway's service takes additions from, in a home folder.
const SERVICE: &str = ".config/systemd/user/openclaw-gateway.service.d/lobsterpot.conf";

/// What an agent of its own must not say otherwise than the defaults.
const SANDBOX: [(&str, &str); 3] = [("mode", "all"), ("backend", PLUGIN), ("workspaceAccess", "rw")];

/// The files of an installation: the configuration comes last, when everything it names is there.
///
/// # Errors
/// For everybody's sessions, and for a workspace: OpenClaw's own are taken.
pub(crate) fn pieces(context: &Context<'_>) -> Result<Vec<Piece>, InstallError> {
    if context.scope == Scope::Managed {
        let problem = "OpenClaw has one configuration, in the home folder of the user that it runs as";
        return Err(InstallError::Scope { agent: Agent::OpenClaw.name(), scope: context.scope.name(), problem });
    }
    if context.wishes.workspace.is_some() {
        let problem = "every agent has a workspace of its own in OpenClaw's configuration".to_owned();
        return Err(InstallError::Option { option: "--workspace", problem });
    }
    let plugin = folder(context);
    let files = assets::OPENCLAW.iter();
    let mut pieces: Vec<Piece> =
        files.map(|(path, text)| Piece::Whole { path: plugin.join(path), text: (*text).to_owned() }).collect();
    pieces.push(Piece::Whole { path: context.person.home.join(SERVICE), text: service(context) });
    let path = context.person.home.join(CONFIGURATION);
    pieces.push(Piece::Edited { path, dialect: Dialect::Five, changes });
    Ok(pieces)
}

/// The plugin's folder.
fn folder(context: &Context<'_>) -> PathBuf {
    context.person.home.join(SHARE).join(FOLDER)
}

/// The launcher's other name, and what it leads to.
pub(crate) fn shell(context: &Context<'_>) -> (PathBuf, PathBuf) {
    (context.person.home.join(SHARE).join(SHELL), PathBuf::from(context.programs.path(LAUNCHER)))
}

/// The addition to the gateway's service: commands that run outside of the backend start in the launcher.
fn service(context: &Context<'_>) -> String {
    let shell = shell(context).0.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("[Service]\nEnvironment=\"SHELL={shell}\"\n")
}

/// What is to be so in the configuration.
///
/// # Errors
/// When it holds something that would get around the sandbox and that nobody can decide about but its owner.
fn changes(context: &Context<'_>, values: &Values<'_>) -> Result<Vec<Change>, String> {
    let current = values.current;
    refuse_holes(current)?;
    for path in needed(Agent::OpenClaw).iter().map(|program| PathBuf::from(context.programs.path(program))) {
        if path.is_symlink() {
            return Err(format!(
                "\"{}\" is a symbolic link, which the plugin does not start: name the real folder with --bin-dir",
                path.display()
            ));
        }
    }
    let plugin = folder(context).to_string_lossy().into_owned();
    let mark = Mark::Ending(format!("/{SHARE}/{FOLDER}"));
    let entry = json!({ "enabled": true, "config": { "bin": context.programs.folder() } });
    let mut changes = vec![
        Change::element(&["plugins", "load", "paths"], json!(plugin), mark),
        Change::own(&["plugins", "entries", PLUGIN], entry),
        Change::shared(&["agents", "defaults", "sandbox", "scope"], json!("agent")),
        Change::shared(&["tools", "fs", "workspaceOnly"], json!(true)),
        Change::shared(&["tools", "elevated", "enabled"], json!(false)),
    ];
    if current.pointer("/plugins/allow").is_some() {
        changes.push(Change::element(&["plugins", "allow"], json!(PLUGIN), Mark::Same));
    }
    for (key, value) in SANDBOX {
        changes.push(Change::shared(&["agents", "defaults", "sandbox", key], json!(value)));
    }
    for (way, agent) in agents(current)? {
        for (key, value) in SANDBOX.into_iter().filter(|(key, _)| agent.pointer(&format!("/sandbox/{key}")).is_some()) {
            changes.push(Change::shared(&["agents", way[0].as_str(), way[1].as_str(), "sandbox", key], json!(value)));
        }
    }
    Ok(changes)
}

/// The agents that have settings of their own, and the keys that lead to each: newer configurations have them by name,
/// older ones in a list.
///
/// # Errors
/// When one in a list has no name.
fn agents(configuration: &Value) -> Result<Vec<([String; 2], &Value)>, String> {
    let mut found = Vec::new();
    if let Some(Value::Object(entries)) = configuration.pointer("/agents/entries") {
        found.extend(entries.iter().map(|(name, agent)| (["entries".to_owned(), name.clone()], agent)));
    }
    for agent in configuration.pointer("/agents/list").and_then(Value::as_array).into_iter().flatten() {
        let name = agent.get("id").and_then(Value::as_str).ok_or("an agent has no id")?;
        found.push((["list".to_owned(), format!("{CHOICE}{name}")], agent));
    }
    Ok(found)
}

/// Refuses a configuration in which something stands that the installer does not decide about.
///
/// # Errors
/// Says what it is.
pub(crate) fn refuse_holes(configuration: &Value) -> Result<(), String> {
    let sandboxes = std::iter::once(configuration.pointer("/agents/defaults/sandbox"))
        .chain(agents(configuration)?.into_iter().map(|(_, agent)| agent.get("sandbox")));
    for sandbox in sandboxes.flatten() {
        if sandbox.pointer("/docker/binds").and_then(Value::as_array).is_some_and(|binds| !binds.is_empty()) {
            return Err(
                "`sandbox.docker.binds` opens further folders; take it out, and name them in the policy".to_owned()
            );
        }
    }
    if configuration.pointer("/plugins/enabled") == Some(&json!(false)) {
        return Err("`plugins.enabled` is false, so no plugin would run".to_owned());
    }
    let denied = configuration.pointer("/plugins/deny").and_then(Value::as_array);
    if denied.is_some_and(|names| names.contains(&json!(PLUGIN))) {
        return Err("`plugins.deny` names the plugin".to_owned());
    }
    if ["/plugins", "/agents", "/tools"]
        .iter()
        .any(|place| configuration.pointer(place).is_some_and(|value| value.get("$include").is_some()))
    {
        return Err(
            "`plugins`, `agents` or `tools` come from another file ($include), which is not edited here".to_owned()
        );
    }
    Ok(())
}

/// The clients that OpenClaw starts instead of its own tools, by the names that the configuration has for them: their tools
/// know nothing of the sandbox backend.
pub(crate) fn backends(configuration: &Value) -> Vec<(&'static str, Option<Agent>)> {
    let known = [("claude-cli", Some(Agent::ClaudeCode)), ("google-gemini-cli", Some(Agent::Gemini)), ("codex", None)];
    known.into_iter().filter(|(name, _)| names(configuration, name)).collect()
}

/// Whether a text or key in `value` is the backend's name, alone or before a model's.
fn names(value: &Value, backend: &str) -> bool {
    let is = |text: &str| text.strip_prefix(backend).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match value {
        Value::String(text) => is(text),
        Value::Array(elements) => elements.iter().any(|element| names(element, backend)),
        Value::Object(members) => members.iter().any(|(key, member)| is(key) || names(member, backend)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What a person should know.
pub(crate) fn warnings(context: &Context<'_>, configuration: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    if !is_seen_inside(context) {
        let folder = context.programs.folder().display();
        warnings.push(format!("a sandboxed command cannot see \"{folder}\", so one that is confined twice does not start: better /usr/local/bin or ~/.local/bin"));
    }
    for (name, agent) in backends(configuration) {
        warnings.push(match agent {
            Some(agent) => format!("the backend {name} runs its own tools: its hooks must be installed as well (`lobsterpot install {agent}`)"),
            None => format!("the backend {name} runs its own tools, which no hook of ours can rewrite: it is not covered"),
        });
    }
    warnings.extend(vault(context, configuration));
    warnings.push("the gateway takes its new shell after `systemctl --user daemon-reload` and a restart".to_owned());
    warnings
}

/// How OpenClaw can take its keys from the vault, where the vault's program is and the configuration does not name it. OpenClaw
/// starts it only as a regular file of its own user's.
fn vault(context: &Context<'_>, configuration: &Value) -> Option<String> {
    let providers = configuration.pointer("/secrets/providers").and_then(Value::as_object);
    let is_ours = |provider: &Value| {
        let command = provider.pointer("/command").and_then(Value::as_str);
        let plugin = provider.pointer("/pluginIntegration/pluginId").and_then(Value::as_str);
        command.is_some_and(|path| Path::new(path).ends_with(VAULT)) || plugin == Some(PLUGIN)
    };
    let facts = std::fs::symlink_metadata(context.programs.folder().join(VAULT)).ok().filter(Metadata::is_file)?;
    if providers.is_some_and(|providers| providers.values().any(is_ours)) {
        return None;
    }
    let own = context.person.home.join(".local/bin").join(VAULT);
    let (path, first) = if facts.uid() == context.person.uid {
        (context.programs.folder().join(VAULT), String::new())
    } else {
        (own.clone(), format!(" (after copying {VAULT} to \"{}\": it must belong to you)", own.display()))
    };
    let provider = json!({ "source": "exec", "command": path, "args": ["provider", "openclaw"] });
    Some(format!(
        "OpenClaw can take its keys from the vault{first}: \"secrets\": {{ \"providers\": {{ \"lobsterpot\": {provider} }} }}"
    ))
}

/// Whether a command in the sandbox finds the launcher: the tool policy and the gateway's shell may both confine one.
fn is_seen_inside(context: &Context<'_>) -> bool {
    let Ok(scene) = tempfile::Builder::new().prefix("lobsterpot-try-").tempdir() else { return false };
    let launcher = context.programs.path(LAUNCHER);
    let mut command = Command::new(&launcher);
    command.arg("--workspace").arg(scene.path()).args(["--", "/bin/sh", "-c", "test -x \"$1\"", "sh", &launcher]);
    trial::run(command, None, scene.path()).is_ok_and(|output| output.status.success())
}

/// Lets the real client load the plugin with the new configuration, in a home folder that is thrown away.
///
/// # Errors
/// When it does not load it.
pub(crate) fn try_loading(
    context: &Context<'_>,
    installed: &Installed,
    edits: &[Edit],
) -> Result<String, InstallError> {
    let wrong = |problem: String| InstallError::Client { program: installed.path.display().to_string(), problem };
    let scene =
        tempfile::Builder::new().prefix("lobsterpot-try-").tempdir().map_err(|error| wrong(error.to_string()))?;
    let home = scene.path().join("home");
    let plugin = scene.path().join(FOLDER);
    copy(&plugin).and_then(|()| std::fs::create_dir(&home)).map_err(|error| wrong(error.to_string()))?;
    let is_it = |edit: &&Edit| edit.found.path.ends_with(CONFIGURATION);
    let text = edits.iter().rfind(is_it).and_then(|edit| edit.text.clone()).unwrap_or_default();
    let text = text.replace(&*folder(context).to_string_lossy(), &plugin.to_string_lossy());
    let configuration = scene.path().join("openclaw.json");
    std::fs::write(&configuration, text).map_err(|error| wrong(error.to_string()))?;
    let mut command = Command::new(&installed.path);
    command.args(["plugins", "inspect", PLUGIN, "--runtime", "--json"]);
    command.env("HOME", &home).env("OPENCLAW_CONFIG_PATH", &configuration);
    for name in ["OPENCLAW_HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_PROFILE"] {
        command.env_remove(name);
    }
    let output = trial::run(command, None, &home).map_err(|error| wrong(error.to_string()))?;
    let answer = loaded(&output.stdout)
        .ok_or_else(|| wrong(format!("it says nothing of the plugin: {}", trial::said(&output))))?;
    match answer.as_str() {
        "loaded" => Ok("OpenClaw itself loads the plugin with the new configuration".to_owned()),
        other => Err(wrong(format!("it says that the plugin is \"{other}\", not \"loaded\""))),
    }
}

/// The plugin's status in what the client says, which may begin with lines of its log.
fn loaded(said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let start = text.match_indices('{').find_map(|(start, _)| {
        serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>().next()?.ok().filter(Value::is_object)
    })?;
    start.pointer("/plugin/status")?.as_str().map(str::to_owned)
}

/// Writes the plugin's files.
///
/// # Errors
/// As the system says.
fn copy(folder: &Path) -> std::io::Result<()> {
    for (path, text) in assets::OPENCLAW {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{backends, loaded};

    #[test]
    fn backends_are_found_by_the_models_that_need_them() {
        let configuration = json!({ "agents": { "defaults": {
            "model": { "fallbacks": ["claude-cli/claude-sonnet-5"] },
            "models": { "openai/x": { "agentRuntime": { "id": "codex" } } },
        } } });
        let names: Vec<&str> = backends(&configuration).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["claude-cli", "codex"]);
        assert!(backends(&json!({ "a": "codex-like", "b": "not claude-cli" })).is_empty());
    }

    #[test]
    fn the_status_is_found_behind_lines_of_a_log() {
        assert_eq!(loaded(b"[x] {odd\n{\"plugin\":{\"status\":\"loaded\"}}\n").as_deref(), Some("loaded"));
        assert_eq!(loaded(b"nothing"), None);
    }
}
