//! Our own messages: names, hosts, texts of policies and variables that hold escape sequences, marks of direction and ends of lines.
//!
//! What an attacker names is shown to a person, in a terminal. Each of these shows it as it is in the shell's own message.

use crate::harness::{Run, Scene, each_scene};
use std::ffi::OsString;

/// Sets a terminal's title, clears it, reads from right to left, colours by a C1 character, and begins another line.
const HOSTILE: &str = "\u{1b}]0;evil\u{7}\u{1b}[2J\u{202e}evil\u{2066}\u{9b}31m\r\nhint: evil";

/// Whether a terminal would act on what was printed.
fn acts(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let turns = |character| matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().any(|character| character.is_control() && !"\n\t".contains(character) || turns(character))
        || text.lines().any(|line| line == "hint: evil")
}

/// Runs one of our programs in the workspace, with its name first, and looks at both streams.
#[track_caller]
fn says_nothing_to_a_terminal(scene: &Scene, commands: &[Vec<OsString>]) {
    for words in commands {
        let mut words = words.clone();
        let name = words.first().and_then(|name| name.to_str()).expect("a name").to_owned();
        words[0] = scene.binary(&name).into();
        let outcome = scene.bare(&Run::new(&words));
        assert!(!acts(&outcome.stdout) && !acts(&outcome.stderr), "{words:?}: {outcome}");
        assert!(!outcome.stdout.is_empty() || !outcome.stderr.is_empty(), "says something: {words:?}");
    }
}

/// A command line of one of our programs.
fn line(words: &[&str]) -> Vec<OsString> {
    words.iter().map(Into::into).collect()
}

#[test]
fn shell_itself_says_what_a_terminal_acts_on_and_the_launcher_does_not() {
    each_scene(|scene| {
        let bare = scene.bare(&Run::new(&["/bin/sh", "-c", "\"$1\"", "sh", HOSTILE]));
        assert!(acts(&bare.stderr), "the shell shows it as it is: {bare}");
        let outcome = scene.sandboxed(&Run::new(&[HOSTILE]));
        assert!(outcome.status == 127 && !acts(&outcome.stderr), "{outcome}");
    });
}

#[test]
fn arguments_of_the_launcher_say_nothing_to_a_terminal() {
    each_scene(|scene| {
        let commands: Vec<_> = [
            vec!["--workspace", HOSTILE, "--", "true"],
            vec![HOSTILE],
            vec!["--rw", HOSTILE, "--", "true"],
            vec!["--ro", HOSTILE, "--", "true"],
            vec!["--net", HOSTILE, "--", "true"],
            vec!["--allow-host", HOSTILE, "--", "true"],
            vec!["--limit", HOSTILE, "--", "true"],
            vec!["--profile", HOSTILE, "--", "true"],
            vec!["--policy", HOSTILE, "--", "true"],
            vec!["--chdir", HOSTILE, "--", "true"],
            vec!["--timeout", HOSTILE, "--", "true"],
            vec!["--dry-run", "--mask", HOSTILE, "--", HOSTILE],
            vec!["--explain", "--mask", HOSTILE, "--", "true"],
        ]
        .into_iter()
        .map(|rest| line(&[vec!["sandbox-exec"], rest].concat()))
        .collect();
        says_nothing_to_a_terminal(scene, &commands);
    });
}

#[test]
fn folders_and_variables_say_nothing_to_a_terminal() {
    each_scene(|scene| {
        let folder = scene.at_work(HOSTILE);
        scene.mkdir(&folder);
        let launcher = scene.binary("sandbox-exec").into_os_string();
        for option in ["--dry-run", "--explain"] {
            let words = [launcher.clone(), option.into(), "--".into(), "true".into()];
            let run = Run::new(&words).folder(&folder).env("EDITOR", HOSTILE).env("TERM", HOSTILE);
            for run in
                [run.clone().env("PATH", format!("/{HOSTILE}:/usr/bin:/bin")), run.clone().env("HOME", HOSTILE), run]
            {
                let outcome = scene.bare(&run);
                assert!(!acts(&outcome.stdout) && !acts(&outcome.stderr), "{outcome}");
            }
        }
    });
}

#[test]
fn policies_say_nothing_to_a_terminal() {
    let escaped = "\\u001b]0;evil\\u0007\\u202e\\r\\nhint: evil";
    each_scene(|scene| {
        for text in [
            format!("[files]\nread = [\"{escaped}\"]\n"),
            format!("\"{escaped}\" = 1\n"),
            format!("[files]\nmask = [{{ path = \"notes\", reason = \"{escaped}\" }}]\n"),
            format!("[network]\nmode = \"allowlist\"\nallow = [\"{escaped}\"]\n"),
            format!("[environment.set]\n\"{escaped}\" = \"1\"\n"),
            format!("[environment.set]\nEVIL = \"{escaped}\"\n"),
            format!("[limits]\nmemory = \"{escaped}\"\n"),
            format!("x = \"{HOSTILE}"),
        ] {
            scene.write(&scene.at_work("notes"), "x");
            let place = scene.at_home(".config/lobsterpot/evil.toml");
            scene.write(&place, &text);
            let place = place.to_string_lossy().into_owned();
            says_nothing_to_a_terminal(
                scene,
                &[
                    line(&["sandbox-exec", "--policy", &place, "--explain", "--", "cat", "notes"]),
                    line(&["sandbox-exec", "--policy", &place, "--dry-run", "--", "true"]),
                    line(&["fs-guard", "--policy", &place, "read", "notes"]),
                ],
            );
        }
    });
}

#[test]
fn file_guard_says_nothing_to_a_terminal() {
    each_scene(|scene| {
        let below = format!("/etc/{HOSTILE}");
        let commands = [
            vec!["read", HOSTILE],
            vec!["read", &below],
            vec!["check", HOSTILE],
            vec!["check", "--for", HOSTILE, "x"],
            vec!["mkdir", &below],
            vec!["remove", &below],
            vec!["rename", "README.md", &below],
            vec!["stat", HOSTILE],
            vec!["--workspace", HOSTILE, "read", "x"],
            vec!["--policy", HOSTILE, "read", "x"],
            vec![HOSTILE],
        ];
        let commands: Vec<_> = commands.into_iter().map(|rest| line(&[vec!["fs-guard"], rest].concat())).collect();
        says_nothing_to_a_terminal(scene, &commands);
        // Names in a list are data, but not where a person reads them.
        scene.write(&scene.at_work("folder/README").with_file_name(HOSTILE), "x");
        let words = [scene.binary("fs-guard").into_os_string(), "list".into(), "folder".into()];
        let mut run = Run::new(&words);
        run.outer = vec![scene.attack().into(), "in-terminal".into(), "24".into(), "80".into()];
        let shown = scene.bare(&run);
        // The terminal itself ends lines with CR and LF.
        let text = shown.out().replace("\r\n", "\n");
        assert!(text.contains("evil") && !acts(text.as_bytes()), "{shown}");
    });
}

#[test]
fn hooks_say_nothing_to_a_terminal() {
    each_scene(|scene| {
        says_nothing_to_a_terminal(
            scene,
            &[
                line(&["sandbox-exec-hook", HOSTILE]),
                line(&["sandbox-exec-hook", "--client", HOSTILE]),
                line(&["fs-guard-hook", "--client", HOSTILE]),
            ],
        );
        let call = |tool: &str, path: &str| {
            let folder = scene.workspace.to_string_lossy();
            serde_json::json!({
                "session_id": "s", "transcript_path": "/nowhere/t.jsonl", "cwd": folder, "hook_event_name": "PreToolUse",
                "permission_mode": "default", "tool_name": tool, "tool_input": { "file_path": path },
            })
        };
        for (tool, path) in [("Read", format!("/etc/shadow/{HOSTILE}")), (HOSTILE, "/etc/shadow".to_owned())] {
            let words = [scene.binary("fs-guard-hook").into_os_string(), "--client".into(), "claude-code".into()];
            let outcome = scene.bare(&Run::new(&words).input(call(tool, &path).to_string().as_bytes()));
            assert!(!outcome.stdout.is_empty() && !acts(&outcome.stderr), "{outcome}");
            let document: serde_json::Value = serde_json::from_slice(&outcome.stdout).expect("one document");
            let reason =
                document["hookSpecificOutput"]["permissionDecisionReason"].as_str().expect("a reason").to_owned();
            assert!(!acts(reason.as_bytes()), "what the client shows: {outcome}");
        }
    });
}

#[test]
fn front_door_and_vault_say_nothing_to_a_terminal() {
    each_scene(|scene| {
        // Options of the vault are folders of its own: what is not trusted is named, too.
        let below = format!("{}/{HOSTILE}", scene.home.display());
        scene.write(&scene.at_home("plain.env"), &format!("A{HOSTILE}=1\nB=\"\n"));
        let commands: Vec<Vec<OsString>> = [
            vec!["lobsterpot", HOSTILE],
            vec!["lobsterpot", "install", HOSTILE],
            vec!["lobsterpot", "install", "claude-code", "--workspace", HOSTILE],
            vec!["lobsterpot", "status", HOSTILE],
            vec!["lobsterpot", "status", "--home", &below],
            vec!["lobsterpot", "doctor", HOSTILE],
            vec!["lobsterpot-vault", HOSTILE],
            vec!["lobsterpot-vault", "--vault", &below, "list"],
            vec!["lobsterpot-vault", "--identity", &below, "list"],
            vec!["lobsterpot-vault", "get", HOSTILE],
            vec!["lobsterpot-vault", "import", &below],
            vec!["lobsterpot-vault", "import", "../../plain.env"],
            vec!["lobsterpot-vault", "render", &below],
            vec!["lobsterpot-vault", "scan", &below],
            vec!["lobsterpot-egress", HOSTILE],
        ]
        .iter()
        .map(|words| line(words))
        .collect();
        says_nothing_to_a_terminal(scene, &commands);
    });
}
