//! Captured payloads of a real client, and exactly what the hook answers.
//!
//! In the files, `$W` is a throw-away folder, `$SLUG` the name that the client gives to a session started in `$W/proj`, and
//! `$HOOK` the hook's own path.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::support::{HOOK, World, assert_denied, feed, hook, slug};

/// The clients' names.
pub(crate) const CLIENTS: [&str; 8] =
    ["claude-code", "codex", "gemini-cli", "copilot-cli", "opencode", "cursor", "cline", "openclaw"];

/// One call and its answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Golden {
    /// A policy file for `--policy`, if the call needs one.
    #[serde(default)]
    pub(crate) policy: Option<String>,
    /// What the client sends, byte for byte.
    pub(crate) payload: Box<RawValue>,
    /// What the hook writes to standard output.
    pub(crate) stdout: String,
    /// What it writes to standard error.
    pub(crate) stderr: String,
    /// Its exit status.
    pub(crate) status: i32,
}

/// The golden files, each with the client that it is of: the name of its folder.
pub(crate) fn files() -> Vec<(String, PathBuf)> {
    let listed = |folder: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let named = |folder: &PathBuf| folder.file_name().unwrap().to_str().unwrap().to_owned();
    let folders = listed(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")));
    folders.iter().flat_map(|folder| listed(folder).into_iter().map(|file| (named(folder), file))).collect()
}

/// One golden file.
pub(crate) fn golden(file: &Path) -> Golden {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Puts a world's paths in the place of their names.
pub(crate) fn placed(text: &str, world: &World) -> String {
    let hook = Path::new(HOOK).canonicalize().unwrap();
    text.replace("$W", world.base.to_str().unwrap())
        .replace("$SLUG", &slug(&world.workspace))
        .replace("$HOOK", hook.to_str().unwrap())
}

#[test]
fn every_captured_payload_gets_its_exact_answer() {
    for (client, file) in files() {
        let golden = golden(&file);
        let world = World::new();
        let launcher = world.base.join("sandbox-exec");
        let mut arguments = vec!["--client", &client, "--sandbox-exec", launcher.to_str().unwrap()];
        let policy = world.base.join("policy.toml");
        if let Some(text) = &golden.policy {
            fs::write(&policy, text).unwrap();
            arguments.extend(["--policy", policy.to_str().unwrap()]);
        }
        let payload = placed(golden.payload.get(), &world);
        world.transcribe(&payload);
        let output = hook(&arguments, &payload);
        let name = file.display();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), placed(&golden.stdout, &world), "{name}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), placed(&golden.stderr, &world), "{name}");
        assert_eq!(output.status.code(), Some(golden.status), "{name}");
    }
}

#[test]
fn every_client_has_a_transcript_of_every_verdict() {
    for client in CLIENTS {
        let of_client = files().into_iter().filter(|(folder, _)| folder == client);
        let names: Vec<String> =
            of_client.map(|(_, file)| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        let starting = |with: &str| names.iter().any(|name| name.starts_with(with));
        assert!(starting("ask-"), "{client}");
        assert!(starting("deny-by-policy"), "{client}");
        let foreign = if client == "claude-code" { "deny-codex" } else { "deny-claude-code" };
        assert!(starting(foreign), "{client}");
        let confined = files().into_iter().any(|(folder, file)| {
            let golden = golden(&file);
            folder == client
                && golden.status == 0
                && (golden.stdout + golden.payload.get()).contains("/sandbox-exec --workspace")
        });
        assert!(confined, "{client} has no shell call that runs in the sandbox");
    }
}

#[test]
fn the_launcher_beside_the_hook_and_the_workspace_of_its_arguments_are_used() {
    let world = World::new();
    // In the place of the hook's own folder, which cargo makes: a folder that holds just the two programs.
    let installed = world.base.join("bin");
    fs::create_dir(&installed).unwrap();
    fs::copy(HOOK, installed.join("sandbox-exec-hook")).unwrap();
    fs::copy(world.base.join("sandbox-exec"), installed.join("sandbox-exec")).unwrap();
    let elsewhere = world.base.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let payload = world.payload("Bash", &json!({ "command": "ls" }), &elsewhere).to_string();
    let mut command = Command::new(installed.join("sandbox-exec-hook"));
    command.args(["--client", "claude-code", "--workspace", elsewhere.to_str().unwrap()]);
    let answer: Value = serde_json::from_slice(&feed(command, payload.as_bytes()).stdout).unwrap();
    let (bin, there) = (installed.display(), elsewhere.display());
    assert_eq!(
        answer["hookSpecificOutput"]["updatedInput"]["command"],
        format!("{bin}/sandbox-exec --workspace {there} --chdir {there} -- /bin/bash -c 'ls'")
    );
}

#[test]
fn only_a_call_that_runs_in_the_sandbox_is_ever_approved_and_only_on_request() {
    let world = World::new();
    let launcher = world.base.join("sandbox-exec");
    let plain = ["--client", "claude-code", "--sandbox-exec", launcher.to_str().unwrap()];
    let approving: Vec<&str> = plain.into_iter().chain(["--approve"]).collect();
    let call = |tool: &str, input: Value| world.payload(tool, &input, &world.workspace).to_string();
    for command in ["ls", "cd sub"] {
        let payload = call("Bash", json!({ "command": command }));
        let mut approved: Value = serde_json::from_slice(&hook(&approving, &payload).stdout).unwrap();
        let left: Value = serde_json::from_slice(&hook(&plain, &payload).stdout).unwrap();
        let specific = approved["hookSpecificOutput"].as_object_mut().unwrap();
        assert_eq!(specific.remove("permissionDecision"), Some(json!("allow")));
        assert_eq!(specific.remove("permissionDecisionReason"), Some(json!("it runs in the sandbox")));
        assert_eq!(approved, left, "nothing but the approval differs");
    }
    for tool in ["Write", "WebFetch", "mcp__srv__echo"] {
        let output = hook(&approving, &call(tool, json!({ "command": "ls", "file_path": "/etc/passwd" })));
        assert_eq!((output.status.code(), output.stdout), (Some(0), Vec::new()), "{tool}");
    }
    assert_denied(&hook(&approving, &call("Bash", json!({ "command": "a\0b" }))), "hook.command");
    fs::remove_file(&launcher).unwrap();
    assert_denied(&hook(&approving, &call("Bash", json!({ "command": "ls" }))), "hook.program");
}
