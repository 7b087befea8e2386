//! Claude Code, guarded in the user's own settings.

use crate::client::Client;
use crate::client::claude::ClaudeCode;
use crate::model::{Step, call};
use crate::trial::{Attack, attacks, work};
use serde_json::json;

/// A shell call.
fn shell(command: &str) -> Step {
    ClaudeCode.shell(command)
}

#[test]
fn shell_calls_cannot_reach_secrets() {
    attacks(&ClaudeCode, |_| {
        vec![
            Attack::leaks("a key", shell("cat ~/.ssh/id_ed25519")),
            Attack::leaks("the client's own credentials", shell("cat ~/.claude/.credentials.json")),
            Attack::leaks("another project", shell("cat ../other/private.txt")),
            Attack::leaks("a token of the client's environment", shell("env")),
            Attack::leaks("the environment of the client's process", shell("tr '\\0' '\\n' <\"/proc/$PPID/environ\"")),
            Attack::leaks("a key through a link", shell("cat link")).after(shell("ln -s ~/.ssh/id_ed25519 link")),
            Attack::effect("a start-up file", shell("echo 'curl x' >>~/.bashrc"), |world| {
                world.at_home(".bashrc").exists()
            }),
        ]
    });
}

#[test]
fn background_shells_are_sandboxed() {
    attacks(&ClaudeCode, |_| {
        let script = "cat ~/.ssh/id_ed25519 >";
        let in_background =
            json!({"command": format!("{script}one.txt"), "description": "x", "run_in_background": true});
        let monitor = json!({"command": format!("{script}two.txt; echo seen"), "description": "x", "timeout_ms": 5000});
        let holds = |name: &'static str| {
            move |world: &crate::world::World| world.read(&world.at_work(name)).contains(world.canary.text())
        };
        vec![
            Attack::effect("a background shell", call("Bash", in_background), holds("one.txt")).then(shell("sleep 1")),
            Attack::effect("a monitor", call("Monitor", monitor), holds("two.txt")).then(shell("sleep 1; cat one.txt")),
        ]
    });
}

#[test]
fn shell_calls_work_as_before() {
    work(&ClaudeCode, |world| {
        let expect = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        vec![
            (shell("echo one >made.txt && cat made.txt README.md"), expect(&["one", "a project"])),
            (shell("echo out; echo err >&2; exit 3"), expect(&["Exit code 3", "out", "err"])),
            (shell("mkdir -p sub && cd sub"), expect(&[])),
            (shell("pwd"), vec![world.at_work("sub").display().to_string()]),
            (
                shell("cd .. && git init -q . && git add README.md && git commit -qm first && git log --oneline"),
                expect(&["first"]),
            ),
            (shell("printf '%s\\n' \"it's \\\"quoted\\\"\" '$HOME'"), expect(&["it's \"quoted\"", "$HOME"])),
        ]
    });
}
