//! What is not installed, and that everything is as it was then.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::world::{REFUSES, REWRITES, World};

/// The settings of a client.
const SETTINGS: &str = "home/.claude/settings.json";

/// Asserts that an installation is refused with `reason`, and leaves everything as it was.
fn assert_refused(world: &World, arguments: &[&str], reason: &str) {
    let before = world.files();
    let said = world.expect(65, arguments);
    assert!(said.contains(reason), "{said}");
    assert!(said.contains("\nhint: "), "{said}");
    assert_eq!(world.files(), before);
    assert!(!world.path("home/.claude/settings.json.lobsterpot-backup-1").exists());
}

#[test]
fn a_hook_that_does_not_protect_is_not_installed() {
    let leaks = r#"#!/bin/sh
PATH=/usr/bin:/bin
path=$(sed "s/.*< '\([^']*\)'.*/\1/")
printf '{"hookSpecificOutput":{"updatedInput":{"command":"read found < %s; echo $found ran-to-its-end"}}}' "$path"
"#;
    for (hook, text, reason) in [
        ("sandbox-exec-hook", "#!/bin/sh\nexit 0\n", "did not come back rewritten"),
        ("sandbox-exec-hook", "#!/bin/sh\nexit 2\n", "did not come back rewritten"),
        ("sandbox-exec-hook", "no program at all", "did not"),
        (
            "sandbox-exec-hook",
            "#!/bin/sh\necho '{\"hookSpecificOutput\":{\"updatedInput\":{\"command\":\"exit 7\"}}}'\n",
            "did not run",
        ),
        ("sandbox-exec-hook", leaks, "could read a file outside"),
        ("fs-guard-hook", "#!/bin/sh\nexit 0\n", "was not refused"),
        ("fs-guard-hook", "#!/bin/sh\necho broken >&2\nexit 2\n", "refused for another reason"),
        ("fs-guard-hook", "#!/bin/sh\necho 'no [fs.masked]. hint: none' >&2\nexit 2\n", "in the workspace was refused"),
        ("fs-guard-hook", "#!/bin/sh\nkill -SEGV $$\n", "was not refused"),
    ] {
        for world in World::all() {
            world.write(SETTINGS, "{\"mine\": 1}\n");
            world.program(hook, text);
            assert_refused(&world, &["install", "claude-code"], reason);
        }
    }
}

#[test]
fn settings_that_cannot_be_understood_or_are_not_safe_are_left_alone() {
    for (text, reason) in [
        ("{\"a\": 1", "cannot be understood"),
        ("{// c\n}", "cannot be understood"),
        ("{\"a\": 1, \"a\": 2}", "there twice"),
        ("[]", "not an object"),
        ("{\"hooks\": {\"PreToolUse\": 7}}", "not an array"),
        ("{\"permissions\": {\"allow\": \"all\"}}", "is not a list"),
        ("{\"hooks\": {\"PreToolUse\": [{\"hooks\": [{\"command\": \"x\", \"timeout\": 0}]}]}}", "timeout"),
    ] {
        let world = World::new();
        world.write(SETTINGS, text);
        assert_refused(&world, &["install", "claude-code"], reason);
    }
    for mode in [0o660, 0o606, 0o666] {
        let world = World::new();
        world.write(SETTINGS, "{}");
        fs::set_permissions(world.path(SETTINGS), Permissions::from_mode(mode)).unwrap();
        assert_refused(&world, &["install", "claude-code"], "can write it");
    }
    let world = World::new();
    world.write(SETTINGS, "{}");
    fs::set_permissions(world.path("home/.claude"), Permissions::from_mode(0o777)).unwrap();
    assert_refused(&world, &["install", "claude-code"], "can write it");
    let world = World::new();
    world.write(SETTINGS, "{}");
    fs::hard_link(world.path(SETTINGS), world.path("home/other")).unwrap();
    assert_refused(&world, &["install", "claude-code"], "hard links");
}

#[test]
fn settings_of_somebody_else_are_left_alone() {
    for world in World::all().into_iter().skip(1) {
        world.write(SETTINGS, "{}");
        std::os::unix::fs::chown(world.path(SETTINGS), Some(0), Some(0)).unwrap();
        assert_refused(&world, &["install", "claude-code"], "belongs to the user id 0");
        assert_refused(&world, &["install", "claude-code", "--scope", "managed"], "only root");
    }
}

#[test]
fn programs_that_somebody_else_could_change_are_not_installed() {
    let world = World::new();
    world.write(SETTINGS, "{}");
    for (name, mode, reason) in [
        ("bin/fs-guard-hook", 0o777, "can write it"),
        ("bin/sandbox-exec", 0o644, "not executable"),
        ("bin", 0o777, "can write it"),
    ] {
        fs::set_permissions(world.path(name), Permissions::from_mode(mode)).unwrap();
        assert_refused(&world, &["install", "claude-code"], reason);
        fs::set_permissions(world.path(name), Permissions::from_mode(0o755)).unwrap();
    }
    fs::remove_file(world.path("bin/sandbox-exec-hook")).unwrap();
    assert_refused(&world, &["install", "claude-code"], "No such file");
    world.program("sandbox-exec-hook", REWRITES);
    world.program("fs-guard-hook", REFUSES);
    let bin = world.path("bin");
    assert_refused(&world, &["install", "claude-code", "--workspace", bin.to_str().unwrap()], "lies in the workspace");
    assert_refused(&world, &["install", "claude-code", "--bin-dir", "bin"], "not an absolute path");
}

#[test]
fn a_configuration_that_gets_around_the_sandbox_is_not_called_guarded() {
    for (text, reason) in [
        ("{agents: {defaults: {sandbox: {docker: {binds: ['/:/host']}}}}}", "docker.binds"),
        ("{agents: {list: [{id: 'x', sandbox: {docker: {binds: ['/']}}}]}}", "docker.binds"),
        ("{plugins: {enabled: false}}", "plugins.enabled"),
        ("{plugins: {deny: ['lobsterpot']}}", "plugins.deny"),
        ("{agents: {$include: './a.json'}}", "$include"),
    ] {
        let world = World::new();
        world.write("home/.openclaw/openclaw.json", text);
        assert_refused(&world, &["install", "openclaw"], reason);
    }
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let world = World::new();
    fs::create_dir(world.path("root")).unwrap();
    let place = world.path("root");
    let place = place.to_str().unwrap();
    for arguments in [
        &["install", "codex", "--approve"][..],
        &["install", "gemini", "--shell-prefix"],
        &["install", "openclaw", "--workspace", "/w"],
        &["install", "copilot", "--scope", "managed", "--root", place],
        &["install", "codex", "--no-shell-prefix"],
    ] {
        assert_refused(&world, arguments, "");
    }
    let said = world.expect(65, &["install", "codex", "--approve"]);
    assert!(said.contains("--approve cannot be used: only Claude Code and Copilot take it"), "{said}");
    let said = world.expect(64, &["install", "emacs"]);
    assert!(said.contains("\"emacs\" is none of openclaw, claude-code, codex, gemini, copilot, opencode"), "{said}");
    for by_hand in ["cursor", "cline"] {
        assert!(world.expect(64, &["install", by_hand]).contains("set up by hand, see docs/hooks.md"));
    }
    for arguments in [&["install"][..], &["install", "emacs"], &["install", "codex", "--scope", "all"], &["remove"]] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
    }
}

#[test]
fn a_workspace_that_cannot_be_one_is_said_before_anything_is_tried() {
    for world in World::all() {
        world.write(SETTINGS, "{}");
        world.write("home/file", "x");
        fs::remove_file(world.path("bin/sandbox-exec-hook")).unwrap();
        std::os::unix::fs::symlink(world.path("home"), world.path("scratch/home")).unwrap();
        let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
        for (folder, reason) in [
            (path("home/none"), "No such file"),
            (path("home/file"), "is not a folder"),
            ("proj".to_owned(), "is not an absolute path"),
            (path("home"), "it is or holds a home folder"),
            (path("scratch/home"), "it is or holds a home folder"),
            ("/".to_owned(), "it is or holds a home folder"),
            ("/usr".to_owned(), "that everything else relies on"),
        ] {
            for client in ["claude-code", "codex"] {
                assert_refused(&world, &["install", client, "--workspace", &folder], reason);
            }
        }
    }
}
