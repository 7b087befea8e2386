//! Hooks without memory, descriptors, room or a place to write to: each answers, or ends in a way that the installed command line
//! turns into a denial. A status of Rust's own (101, 134) is consent for some clients and never comes.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{World, feed};

/// Both hooks.
const HOOKS: [&str; 2] = [env!("CARGO_BIN_EXE_sandbox-exec-hook"), env!("CARGO_BIN_EXE_fs-guard-hook")];
/// Every client.
const CLIENTS: [&str; 8] =
    ["claude-code", "codex", "gemini-cli", "copilot-cli", "opencode", "cursor", "cline", "openclaw"];
/// Signals by which the kernel and the C library end what has no memory to start with.
const NO_START: [i32; 3] = [127, 128 + 9, 128 + 11];

/// What a hook does after `limit`, a line of the shell's, with `client`; `words` say which hook.
fn limited(limit: &str, hook: &str, client: &str, payload: &str) -> Output {
    let script = format!("{limit}\n\"$1\" --client \"$2\"\nexit $?");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script, "sh", hook, client]);
    feed(command, payload.as_bytes())
}

/// Asserts that an answer is one: whole consent, or a denial with a reason; `may_fail` when it may not even have started.
#[track_caller]
fn assert_answered(output: &Output, may_fail: bool, what: &str) {
    let status = output.status.code();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let is_whole = stdout.trim().is_empty() || serde_json::from_str::<Value>(&stdout).is_ok();
    match status {
        Some(0) => assert!(is_whole, "{what}: half an answer: {stdout}"),
        Some(2) => {
            assert!(is_whole, "{what}: half an answer: {stdout}");
            assert!(!output.stderr.is_empty(), "{what}: some clients take silence for consent");
        }
        Some(other) if may_fail && NO_START.contains(&other) => {
            assert!(stdout.is_empty(), "{what}: it answered and failed: {stdout}");
        }
        other => panic!("{what}: {other:?}, {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// A payload that the first client would send; for others it is one to deny.
fn payload(world: &World) -> String {
    world.payload("Bash", &json!({ "command": "ls" }), &world.workspace).to_string()
}

#[test]
fn a_hook_without_memory_answers_or_does_not_start() {
    let world = World::new();
    let payload = payload(&world);
    for (index, client) in CLIENTS.iter().enumerate() {
        for hook in HOOKS {
            // From what no program can start with, to what is enough; each client at other points on the way.
            for step in 0..14 {
                let kilobytes = 640 + 96 * step + 12 * index;
                let what = format!("{hook} --client {client} with {kilobytes} KiB of data");
                assert_answered(&limited(&format!("ulimit -d {kilobytes}"), hook, client, &payload), true, &what);
            }
            for megabytes in [5, 6, 7, 8, 12] {
                let what = format!("{hook} --client {client} with {megabytes} MiB of addresses");
                let limit = format!("ulimit -v {}", megabytes * 1024 + 64 * index);
                assert_answered(&limited(&limit, hook, client, &payload), true, &what);
            }
        }
    }
}

#[test]
fn a_hook_without_descriptors_or_room_answers() {
    let world = World::new();
    let payload = payload(&world);
    for client in CLIENTS {
        for hook in HOOKS {
            for limit in (3..=8).map(|count| format!("ulimit -n {count}")).chain(["ulimit -f 0".to_owned()]) {
                let what = format!("{hook} --client {client} after {limit}");
                assert_answered(&limited(&limit, hook, client, &payload), false, &what);
            }
        }
    }
}

#[test]
fn a_hook_whose_answer_has_no_room_denies() {
    let world = World::new();
    let file = world.base.join("answer");
    for hook in HOOKS {
        for limit in ["ulimit -f 0", ":"] {
            let script = format!("{limit}\nexec \"$1\" --client claude-code >\"$2\"");
            let full = if limit == ":" { std::path::Path::new("/dev/full") } else { &file };
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &script, "sh", hook]).arg(full);
            let output = feed(command, b"{}");
            let is_silent = std::fs::metadata(full).is_ok_and(|status| status.len() == 0);
            assert!(is_silent && !output.stderr.is_empty(), "{hook} after {limit}: {output:?}");
            assert_eq!(output.status.code(), Some(2), "{hook} after {limit}: {output:?}");
        }
    }
}

#[test]
fn garbage_of_every_kind_is_denied_in_every_dialect() {
    let world = World::new();
    let good = payload(&world);
    let deep = format!("{}{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let huge = format!("\"{}\"", "x".repeat(9 << 20));
    let garbage: [&[u8]; 6] =
        [b"", b"\xff\xfe\0", &good.as_bytes()[..good.len() / 2], deep.as_bytes(), huge.as_bytes(), b"[1,2,3]"];
    for client in CLIENTS {
        for hook in HOOKS {
            for bytes in garbage {
                let mut command = Command::new(hook);
                command.args(["--client", client]).stdout(Stdio::piped());
                let output = feed(command, bytes);
                let start = String::from_utf8_lossy(&bytes[..bytes.len().min(20)]).into_owned();
                assert_eq!(output.status.code(), Some(2), "{hook} --client {client}: {start}: {output:?}");
                assert_answered(&output, false, &format!("{hook} --client {client}: {start}"));
            }
        }
    }
}
