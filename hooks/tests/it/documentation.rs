//! What `docs/hooks.md` tells people to install is what the hook understands.

use std::path::Path;

use serde_json::{Value, json};

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
    let installed: Vec<Value> = blocks().into_iter().filter(|block| block.get("hooks").is_some()).collect();
    assert_eq!(installed.len(), 2, "the user's settings and the managed ones");
    for settings in installed {
        let group = &settings["hooks"]["PreToolUse"][0];
        assert_eq!(group["matcher"], "Bash|Monitor");
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
