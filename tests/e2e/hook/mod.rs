//! A captured tool call goes in, a rewritten command comes out and runs in the sandbox.

use crate::harness::{Identity, Outcome, Run, Scene, ways};
use serde_json::{Value, json};

/// Runs a test for each user, all of them known to the passwd file: the hook takes the home from there.
#[track_caller]
fn each_known(test: impl Fn(&Scene)) {
    Identity::all_known().into_iter().for_each(|identity| test(&Scene::new(identity)));
}

/// The captured call of a tool, moved to the scene.
fn call(scene: &Scene, tool: &str) -> Value {
    ways::call(scene, tool, &scene.workspace, &scene.workspace)
}

/// What the hook answers.
fn answer(scene: &Scene, payload: &Value) -> Outcome {
    ways::answer(scene, payload, &[])
}

/// The command that the client would run instead.
#[track_caller]
fn rewritten(scene: &Scene, payload: &Value) -> String {
    ways::rewritten(&answer(scene, payload), payload)
}

/// Runs a command as the client's shell does, which notes where the command left it.
fn as_the_client(scene: &Scene, command: &str) -> (Outcome, String) {
    let outcome = scene.bare(&ways::in_the_clients_shell(scene, command));
    (outcome, std::fs::read_to_string(scene.at_home(".cwd-note")).unwrap_or_default())
}

/// A payload with another command.
fn with_command(scene: &Scene, command: &str) -> Value {
    let mut payload = call(scene, "Bash");
    payload["tool_input"]["command"] = json!(command);
    payload
}

/// Asserts that a command does the same through the hook as bare.
#[track_caller]
fn same_through_the_hook(command: Option<&str>) {
    each_known(|scene| {
        let payload = command.map_or_else(|| call(scene, "Bash"), |command| with_command(scene, command));
        let original = payload["tool_input"]["command"].as_str().expect("a command").to_owned();
        let (bare, left_bare) = as_the_client(scene, &original);
        let names = scene.names_at_work();
        std::fs::remove_dir_all(&scene.workspace).expect("the workspace can be emptied");
        scene.write(&scene.at_work("README.md"), "a project\n");
        let (inside, left_inside) = as_the_client(scene, &rewritten(scene, &payload));
        assert_eq!((inside.status, inside.out(), inside.err()), (bare.status, bare.out(), bare.err()), "of {original}");
        assert_eq!(left_inside, left_bare, "the folder that it ends in");
        assert_eq!(scene.names_at_work(), names, "the files that it makes");
    });
}

#[test]
fn captured_call_does_the_same_through_the_hook() {
    same_through_the_hook(None);
}

#[test]
fn other_command_lines_do_the_same_through_the_hook() {
    for command in [
        "echo one; echo two >&2; false",
        "cat <<'END'\nit's \"here\" $HOME\nEND\n",
        "mkdir -p 'a b' && cd 'a b' && echo x >'new\nline'",
        "printf '%s\\n' \"$(ls)\" | wc -l # a comment",
        "f() { return 9; }; f",
        "exit 4",
        "(cd / && pwd)",
        "echo 'ünïcode' && echo \"back\\\\slash\"",
    ] {
        same_through_the_hook(Some(command));
    }
}

#[test]
fn canaries_are_invisible_through_the_hook() {
    each_known(|scene| {
        let command = "cat ~/.ssh/id_ed25519 ../.env ~/.openclaw/openclaw.json ~/.bash_history; env; grep -rs CANARY ~ /proc/*/environ; echo done";
        let (bare, _) = as_the_client(scene, command);
        assert!(scene.canary.is_in(&bare.stdout), "bare, it shows them: {bare}");
        let (inside, _) = as_the_client(scene, &rewritten(scene, &with_command(scene, command)));
        assert!(inside.out().contains("done"), "{inside}");
        assert!(!scene.canary.is_in(&inside.stdout) && !scene.canary.is_in(&inside.stderr), "{inside}");
    });
}

#[test]
fn command_cannot_break_out_of_the_quoting() {
    each_known(|scene| {
        for command in [
            "'; cat ~/.ssh/id_ed25519; '",
            "\"; cat ~/.ssh/id_ed25519 #",
            "x\ncat ~/.ssh/id_ed25519\n",
            "'\\''; cat ~/.ssh/id_ed25519 '",
            ") ; cat ~/.ssh/id_ed25519 ; (",
            "$(cat ~/.ssh/id_ed25519)",
        ] {
            let (inside, _) = as_the_client(scene, &rewritten(scene, &with_command(scene, command)));
            assert!(!scene.canary.is_in(&inside.stdout) && !scene.canary.is_in(&inside.stderr), "{command}: {inside}");
        }
    });
}

#[test]
fn folder_reported_by_the_command_is_never_run() {
    each_known(|scene| {
        let command = "mkdir -p '$(touch pwned)' '`touch pwned`' && cd '$(touch pwned)'";
        let (inside, left) = as_the_client(scene, &rewritten(scene, &with_command(scene, command)));
        inside.ok();
        assert!(left.trim_end().ends_with("$(touch pwned)"), "{left}");
        let found = scene.names_at_work().into_iter().any(|name| name.ends_with("pwned"));
        assert!(!found, "the name was evaluated");
    });
}

#[test]
fn other_tools_are_not_the_hooks_business() {
    each_known(|scene| {
        let outcome = answer(scene, &call(scene, "Read"));
        assert_eq!((outcome.status, outcome.out().as_str()), (0, ""), "{outcome}");
    });
}

#[test]
fn garbage_is_denied() {
    each_known(|scene| {
        let hook = scene.binary("sandbox-exec-hook").into_os_string();
        for garbage in ["", "{", "[]", "null", "{\"tool_name\":\"Bash\"}", "\u{0}"] {
            let outcome = scene
                .bare(&Run::new(&[hook.clone(), "--client".into(), "claude-code".into()]).input(garbage.as_bytes()));
            assert_eq!(outcome.status, 2, "{garbage:?}: {outcome}");
            let answer: Value =
                serde_json::from_str(&outcome.out()).unwrap_or_else(|error| panic!("{error}: {outcome}"));
            assert_eq!(answer["hookSpecificOutput"]["permissionDecision"], "deny", "{outcome}");
            assert!(!outcome.stderr.is_empty(), "the reason is on stderr too");
        }
    });
}

#[test]
fn installation_is_tried_in_a_shell_that_reads_what_the_hook_writes_whatever_the_folders_are_called() {
    each_known(|scene| {
        for program in ["sandbox-exec", "sandbox-exec-hook", "fs-guard", "fs-guard-hook"] {
            scene.binary(program);
        }
        // Its name holds `cd`, so the hook takes the command of the trial for one that may change the folder.
        let place = scene.at_home("macdonald");
        scene.mkdir(&place);
        let program = scene.binary("lobsterpot").into_os_string();
        let options = ["install", "claude-code", "--no-shell-prefix", "--dry-run", "--home"];
        let words: Vec<_> = std::iter::once(program).chain(options.map(Into::into)).collect();
        let mut run = Run::new(&words);
        run.argv.push(scene.home.clone().into());
        scene.bare(&run.env("TMPDIR", &place)).ok();
    });
}
