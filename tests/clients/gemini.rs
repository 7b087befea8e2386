//! Gemini CLI, guarded in the user's own settings.

use crate::client::gemini::Gemini;
use crate::model::call;
use crate::shared;
use crate::trial::{Attack, attacks, broken, work};
use crate::world::World;
use serde_json::json;

#[test]
fn shell_calls_cannot_reach_secrets() {
    attacks(&Gemini, |_| {
        let mut all = shared::shell_attacks(&Gemini);
        let elsewhere = json!({"command": "cat private.txt", "description": "x", "dir_path": "../other"});
        all.push(Attack::leaks("a shell that starts in another project", call("run_shell_command", elsewhere)));
        let aside = json!({"command": "cat ~/.ssh/id_ed25519 >one.txt; echo >one.done", "description": "x", "is_background": true});
        let holds = |world: &World| world.read(&world.at_work("one.txt")).contains(world.canary.text());
        let background = Attack::effect("a background shell", call("run_shell_command", aside), holds);
        all.push(background.then(shared::once_there(&Gemini, "one.done")));
        all
    });
}

#[test]
fn guards_cannot_be_switched_off_from_within() {
    attacks(&Gemini, |world| {
        let mut all = shared::shell_attacks_on_the_guards(&Gemini, world);
        all.extend(shared::attacks_on_repository_settings(&Gemini, world));
        all
    });
}

#[test]
fn file_tools_keep_to_the_workspace() {
    attacks(&Gemini, |world| {
        let mut all = shared::file_attacks(&Gemini, world);
        let other = world.at_home("code/other");
        let grep = json!({"pattern": "secret", "dir_path": other});
        all.push(Attack::leaks("grep_search elsewhere", call("grep_search", grep)).refused("fs."));
        for (tool, input) in
            [("list_directory", json!({"dir_path": other})), ("glob", json!({"pattern": "*.txt", "dir_path": other}))]
        {
            all.push(Attack::says(&format!("{tool} elsewhere"), call(tool, input), "private.txt").refused("fs."));
        }
        all
    });
}

#[test]
fn broken_guards_stop_the_tools() {
    broken(&Gemini, shared::BREAKAGES);
}

#[test]
fn work_goes_on_as_before() {
    work(&Gemini, |world| {
        let mut all = shared::work(&Gemini, world);
        let edit = json!({"file_path": world.at_work("new.txt"), "old_string": "three", "new_string": "four", "instruction": "x"});
        all.push((call("replace", edit), vec![]));
        all.push((call("grep_search", json!({"pattern": "fou"})), vec!["four".to_owned()]));
        all.push((call("glob", json!({"pattern": "**/*.txt"})), vec!["made.txt".to_owned(), "new.txt".to_owned()]));
        all.push((call("list_directory", json!({"dir_path": world.workspace})), vec!["made.txt".to_owned()]));
        all
    });
}
