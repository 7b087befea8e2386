//! What `status` says.

use std::fs;

use crate::world::{CLIENTS, World};

/// Something that happens to a file.
type Change = fn(&str) -> String;

#[test]
fn clients_are_guarded_once_everything_is_installed_and_not_before() {
    for world in World::all() {
        assert!(world.expect(0, &["status"]).contains("no client was found"));
        for (client, file, text) in CLIENTS {
            world.write(&format!("home/{file}"), text);
            let said = world.expect(1, &["status"]);
            assert!(said.contains(&format!("{client}: NOT guarded\n  nothing is installed")), "{said}");
            world.expect(0, &["install", client]);
            let said = world.expect(0, &["status"]);
            assert!(said.contains(&format!("{client}: guarded\n  scope user: active")), "{said}");
        }
        let said = world.expect(0, &["status", "--json"]);
        for (client, ..) in CLIENTS {
            assert!(said.contains(&format!("\"client\": \"{client}\"")), "{said}");
        }
    }
}

#[test]
fn whatever_has_changed_since_is_said() {
    let changes: [(&str, &str, Change); 7] = [
        ("claude-code", "home/.claude/settings.json", |text| text.replacen('{', "{\"disableAllHooks\": true,", 1)),
        ("claude-code", "home/.claude/settings.json", |text| text.replace("\"block\"", "\"allow\"")),
        ("claude-code", "home/.claude/settings.json", |text| format!("{text}}}")),
        ("gemini", "home/.gemini/settings.json", |text| text.replace("600000", "10")),
        ("codex", "home/.codex/config.toml", |text| text.replace("sha256:", "sha256:0")),
        ("opencode", "home/.config/opencode/plugin/lobsterpot.js", |text| format!("{text}// x\n")),
        ("openclaw", "home/.local/share/lobsterpot/openclaw-plugin/index.mjs", |_| String::new()),
    ];
    for (client, file, change) in changes {
        let world = World::new();
        world.expect(0, &["install", client]);
        world.expect(0, &["status"]);
        world.write(file, &change(&world.read(file)));
        let said = world.expect(1, &["status"]);
        assert!(said.contains("not active\n    "), "{client}: {said}");
    }
}

#[test]
fn a_program_that_is_gone_or_no_longer_protects_is_said() {
    let world = World::new();
    world.expect(0, &["install", "claude-code"]);
    world.program("fs-guard-hook", "#!/bin/sh\nexit 0\n");
    assert!(world.expect(1, &["status"]).contains("was not refused"));
    for (client, program) in
        [("claude-code", "fs-guard-hook"), ("claude-code", "sandbox-exec"), ("openclaw", "fs-guard")]
    {
        let world = World::new();
        world.expect(0, &["install", client]);
        fs::remove_file(world.path("bin").join(program)).unwrap();
        assert!(world.expect(1, &["status"]).contains("No such file"), "{program}");
        assert!(world.expect(65, &["install", client]).contains("No such file"), "{program}");
        world.expect(0, &["uninstall", client]);
    }
}

#[test]
fn every_backend_of_openclaw_is_named() {
    let world = World::new();
    world.write(
        "home/.openclaw/openclaw.json",
        "{agents: {defaults: {model: 'claude-cli/x', models: {y: {agentRuntime: {id: 'codex'}}}}}}",
    );
    world.expect(0, &["install", "openclaw"]);
    let said = world.expect(1, &["status"]);
    for part in [
        "backend embedded: guarded",
        "backend claude-cli: NOT guarded: it runs its own tools: `lobsterpot install claude-code`",
        "backend codex: NOT guarded",
    ] {
        assert!(said.contains(part), "{said}");
    }
    world.expect(0, &["install", "claude-code"]);
    assert!(world.expect(1, &["status"]).contains("backend claude-cli: guarded"));
}

#[test]
fn an_ordinary_user_sees_what_root_has_installed_for_everybody() {
    let worlds = World::all();
    let [root, user] = worlds.as_slice() else { return };
    fs::create_dir(root.path("root")).unwrap();
    let place = root.path("root");
    let place = place.to_str().unwrap();
    root.expect(0, &["install", "claude-code", "--scope", "managed", "--approve", "--root", place]);
    let bin = root.path("bin");
    let said = user.expect(0, &["status", "--root", place, "--bin-dir", bin.to_str().unwrap()]);
    assert!(said.contains("claude-code: guarded\n  scope managed: active"), "{said}");
    user.write("home/.claude/settings.json", "{}");
    let refused = ["install", "claude-code", "--scope", "managed", "--root", place];
    assert!(user.expect(65, &refused).contains("Permission denied"));
}

#[test]
fn a_file_that_is_gone_is_said_in_one_line_and_made_again() {
    for (client, file) in [
        ("claude-code", ".claude/settings.json"),
        ("codex", ".codex/hooks.json"),
        ("opencode", ".config/opencode/plugin/lobsterpot.js"),
    ] {
        let world = World::new();
        world.write(&format!("home/{file}.mine"), "");
        world.expect(0, &["install", client]);
        let path = world.path("home").join(file);
        fs::remove_file(&path).unwrap();
        let expected = format!(
            "{client}: NOT guarded\n  scope user: not active\n    \"{}\" is gone: `lobsterpot install {client} --scope user` makes it again\n",
            path.display()
        );
        assert_eq!(world.expect(1, &["status"]), expected);
        world.expect(0, &["install", client]);
        world.expect(0, &["status"]);
    }
}

#[test]
fn what_another_scope_still_has_is_said_when_one_is_taken_out() {
    let world = World::new();
    fs::create_dir(world.path("root")).unwrap();
    let root = world.path("root");
    let place = root.to_str().unwrap();
    let managed = "scope managed is installed, and stays: `lobsterpot uninstall claude-code --scope managed`";
    world.expect(0, &["install", "claude-code", "--scope", "managed", "--root", place]);
    for loses_its_record in [false, true] {
        if loses_its_record {
            fs::remove_dir_all(root.join("var")).unwrap();
        }
        let said = world.expect(0, &["uninstall", "claude-code", "--root", place]);
        assert!(said.contains(managed) && said.contains("nothing to change"), "{said}");
    }
    world.expect(0, &["install", "claude-code", "--root", place]);
    let said = world.expect(0, &["uninstall", "claude-code", "--scope", "managed", "--root", place]);
    assert!(said.contains("scope user is installed, and stays"), "{said}");
    let said = world.expect(0, &["uninstall", "claude-code", "--root", place]);
    assert!(!said.contains("and stays"), "{said}");
}
