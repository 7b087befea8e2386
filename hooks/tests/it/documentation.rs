//! What `docs/hooks.md` tells people to install is what the hook understands.

use std::path::Path;

use serde_json::{Value, json};

use crate::golden::{files, golden, placed};
use crate::support::{World, hook};

/// The JSON blocks of the document.
fn blocks() -> Vec<Value> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hooks.md")).unwrap();
    text.split("```json\n")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect()
}

#[test]
fn the_documented_settings_install_a_hook_that_fails_closed() {
    let has_matcher = |block: &Value| block.to_string().contains("\"Bash|Monitor\"");
    let installed: Vec<Value> = blocks().into_iter().filter(has_matcher).collect();
    assert_eq!(installed.len(), 2, "the user's settings and the managed ones");
    for settings in installed {
        let group = &settings["hooks"]["PreToolUse"][0];
        assert_eq!(group["matcher"], "Bash|Monitor");
        let files = &settings["hooks"]["PreToolUse"][1];
        assert_eq!((&files["matcher"], &files["hooks"][0]["onFailure"]), (&json!("*"), &json!("block")));
        assert_eq!(files["hooks"][0]["command"], "/usr/local/bin/fs-guard-hook");
        let entry = &group["hooks"][0];
        assert_eq!((&entry["type"], &entry["onFailure"]), (&json!("command"), &json!("block")));
        assert!(entry["timeout"].as_u64().unwrap() > 5, "longer than the hook's own deadline");
        assert!(Path::new(entry["command"].as_str().unwrap()).is_absolute());
        let world = World::new();
        let launcher = world.base.join("sandbox-exec");
        let mut arguments: Vec<&str> =
            entry["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        arguments.extend(["--sandbox-exec", launcher.to_str().unwrap()]);
        let payload = world.payload("Monitor", &json!({ "command": "echo MON" }), &world.workspace);
        assert_eq!(hook(&arguments, &payload.to_string()).status.code(), Some(0));
    }
}

#[test]
fn the_documented_arguments_for_work_without_questions_approve_what_was_rewritten() {
    let documented: Vec<Value> = blocks().into_iter().filter(|block| block.get("args").is_some()).collect();
    assert_eq!(documented.len(), 1);
    let world = World::new();
    let launcher = world.base.join("sandbox-exec");
    let mut arguments: Vec<&str> =
        documented[0]["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    arguments.extend(["--sandbox-exec", launcher.to_str().unwrap()]);
    let payload = world.payload("Bash", &json!({ "command": "pwd" }), &world.workspace);
    let answer: Value = serde_json::from_slice(&hook(&arguments, &payload.to_string()).stdout).unwrap();
    let specific = &answer["hookSpecificOutput"];
    assert_eq!(specific["permissionDecision"], "allow");
    assert!(specific["updatedInput"]["command"].as_str().unwrap().starts_with(launcher.to_str().unwrap()));
}

/// All texts in a document.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[test]
fn every_documented_command_line_speaks_its_clients_protocol() {
    let commands: Vec<String> = blocks().iter().flat_map(texts).filter(|text| text.contains(" --client ")).collect();
    let words: Vec<Vec<&str>> = commands.iter().map(|command| command.splitn(4, ' ').collect()).collect();
    let mut clients: Vec<&str> = words.iter().map(|words| words[2]).collect();
    clients.dedup();
    assert_eq!(clients, ["codex", "gemini-cli", "copilot-cli", "cursor"]);
    for client in clients {
        for program in ["sandbox-exec-hook", "fs-guard-hook"] {
            let call = [format!("/usr/local/bin/{program}"), "--client".to_owned(), client.to_owned()];
            let mut lines = words.iter().filter(|words| words[..3] == call).peekable();
            assert!(lines.peek().is_some(), "{program} for {client}");
            // These two let a call go on when the hook was killed, so the shell has to say no.
            let stopped = ["codex", "gemini-cli"].contains(&client);
            assert!(lines.all(|words| words.get(3).is_some_and(|rest| rest.ends_with("exit 2; }")) == stopped));
        }
        let world = World::new();
        let (_, file) =
            files().into_iter().find(|(folder, file)| folder == client && golden(file).status == 0).unwrap();
        let payload = placed(golden(&file).payload.get(), &world);
        world.transcribe(&payload);
        let launcher = world.base.join("sandbox-exec");
        let output = hook(&["--client", client, "--sandbox-exec", launcher.to_str().unwrap()], &payload);
        assert_eq!(output.status.code(), Some(0), "{client}");
    }
}
