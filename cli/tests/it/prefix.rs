//! Claude Code's own shell in the sandbox: another hook's answer may come after ours.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::{CONFINES, World};

/// The settings.
const SETTINGS: &str = "home/.claude/settings.json";

/// Another hook of the user's, which sees shell calls.
const RIVAL: &str =
    r#"{"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "/their/hook"}]}]}}"#;

/// A world with an OpenClaw that has Claude Code as its backend.
fn with_openclaw(world: &World) {
    world.write("home/.openclaw/openclaw.json", "{agents: {defaults: {model: 'claude-cli/x'}}}");
}

#[test]
fn beside_openclaw_the_shell_is_prefixed_without_being_asked() {
    for world in World::all() {
        world.expect(0, &["install", "claude-code"]);
        assert!(!world.read(SETTINGS).contains("CLAUDE_CODE_SHELL_PREFIX"));
        with_openclaw(&world);
        world.expect(0, &["install", "openclaw"]);
        let said = world.expect(1, &["status"]);
        assert!(
            said.contains("backend claude-cli: NOT guarded: it runs its own tools, and OpenClaw's own answer"),
            "{said}"
        );
        let said = world.expect(0, &["install", "claude-code"]);
        for part in
            ["confines a command that no hook has rewritten", "[workspace] roots", "a `cd` ends with its command"]
        {
            assert!(said.contains(part), "{said}");
        }
        let link = world.path("home/.local/share/lobsterpot/claude-code-shell");
        let prefix = format!("\"CLAUDE_CODE_SHELL_PREFIX\": \"{} -c\"", link.display());
        assert!(world.read(SETTINGS).contains(&prefix), "{}", world.read(SETTINGS));
        assert_eq!(fs::read_link(&link).unwrap(), world.path("bin/sandbox-exec"));
        assert!(world.expect(0, &["status"]).contains("backend claude-cli: guarded"));
        world.expect(0, &["uninstall", "openclaw"]);
        fs::remove_dir_all(world.path("home/.openclaw")).unwrap();
        assert!(link.is_symlink(), "another client's guards are gone, and this one's are not");
        assert!(world.expect(0, &["install", "claude-code"]).contains("nothing to change"));
        world.expect(0, &["uninstall", "claude-code"]);
        assert!(!link.is_symlink());
        assert!(world.files().is_empty(), "{:?}", world.files());
    }
}

#[test]
fn leaving_the_prefix_out_must_be_said_and_is_not_called_guarded() {
    let world = World::new();
    with_openclaw(&world);
    world.expect(0, &["install", "openclaw"]);
    world.expect(0, &["install", "claude-code"]);
    let said = world.expect(0, &["install", "claude-code", "--no-shell-prefix"]);
    assert!(said.contains("is not guarded without the prefix"), "{said}");
    assert!(!world.read(SETTINGS).contains("CLAUDE_CODE_SHELL_PREFIX"));
    assert!(world.expect(1, &["status"]).contains("install claude-code --shell-prefix"));
    world.expect(64, &["install", "claude-code", "--no-shell-prefix", "--shell-prefix"]);
}

#[test]
fn a_prefix_that_does_not_protect_or_lets_no_work_be_done_is_refused() {
    let (start, end) = CONFINES.split_once("exec /bin/sh -c").unwrap();
    assert!(end.contains("read()"));
    for (shell, reason) in [
        ("exec /bin/sh \"$@\"", "let a file outside of the workspace be read"),
        ("/bin/sh -c \"read() { return 1; }; $2\"; exit 0", "instead of 7"),
        ("cd /; exec /bin/sh -c \"read() { return 1; }; cd() { :; }; $2\"", "could not write in its workspace"),
        ("exec /bin/sh -c \"read() { return 1; }; test() { return 1; }; $2\"", "put the programs into"),
        ("exit 78", "did not run"),
    ] {
        let world = World::new();
        world.write(SETTINGS, "{}");
        world.program("sandbox-exec", &format!("{start}{shell}\n"));
        let said = world.expect(65, &["install", "claude-code", "--shell-prefix"]);
        assert!(said.contains(reason), "{shell}: {said}");
        assert_eq!(world.read(SETTINGS), "{}");
        assert_eq!(world.files().len(), 1, "{:?}", world.files());
    }
}

#[test]
fn a_prefix_that_no_longer_protects_is_said() {
    let world = World::new();
    world.expect(0, &["install", "claude-code", "--shell-prefix"]);
    world.expect(0, &["status"]);
    world.program("sandbox-exec", "#!/bin/sh\nwhile [ \"$1\" != -- ] && [ \"$1\" != -c ]; do shift; done\n[ \"$1\" = -c ] && exec /bin/sh \"$@\"\nshift\nexec \"$@\"\n");
    let said = world.expect(1, &["status"]);
    assert!(said.contains("the prefix of the shell let a file outside"), "{said}");
    fs::remove_file(world.path("home/.local/share/lobsterpot/claude-code-shell")).unwrap();
    assert!(world.expect(1, &["status"]).contains("claude-code-shell"));
}

#[test]
fn beside_another_hook_only_the_prefix_is_called_guarded() {
    let world = World::new();
    world.write(SETTINGS, RIVAL);
    assert!(world.expect(0, &["install", "claude-code"]).contains("1 other PreToolUse hooks"));
    let said = world.expect(1, &["status"]);
    assert!(said.contains("not active\n    1 other PreToolUse hooks see shell calls"), "{said}");
    world.expect(0, &["install", "claude-code", "--shell-prefix"]);
    assert!(world.expect(0, &["status"]).contains("claude-code: guarded"));
}

#[test]
fn a_workspace_that_is_named_comes_with_the_line_for_the_policy() {
    let world = World::new();
    world.write("home/proj/notes.png", "notes");
    let folder = world.path("home/proj");
    let said = world.expect(0, &["install", "claude-code", "--shell-prefix", "--workspace", folder.to_str().unwrap()]);
    assert!(said.contains(&format!("the policy must say: [workspace] roots = [\"{}\"]", folder.display())), "{said}");
}

#[test]
fn in_an_image_the_prefix_is_the_path_that_the_image_will_have() {
    let world = World::new();
    let root = world.path("root");
    fs::create_dir(&root).unwrap();
    let place = root.to_str().unwrap();
    world.expect(0, &["install", "claude-code", "--scope", "managed", "--shell-prefix", "--root", place]);
    let text = world.read("root/etc/claude-code/managed-settings.json");
    assert!(
        text.contains("\"CLAUDE_CODE_SHELL_PREFIX\": \"/usr/local/lib/lobsterpot/claude-code-shell -c\""),
        "{text}"
    );
    let link = root.join("usr/local/lib/lobsterpot/claude-code-shell");
    assert!(link.is_symlink());
    for (folder, mode) in [
        ("etc", 0o755),
        ("etc/claude-code", 0o755),
        ("usr/local/lib/lobsterpot", 0o755),
        ("var", 0o755),
        ("var/lib", 0o755),
        ("var/lib/lobsterpot/install", 0o700),
    ] {
        assert_eq!(fs::metadata(root.join(folder)).unwrap().permissions().mode() & 0o7777, mode, "{folder}");
    }
    let said = world.expect(0, &["status", "--root", place]);
    assert!(said.contains("claude-code: guarded\n  scope managed: active"), "{said}");
    fs::remove_file(&link).unwrap();
    assert!(world.expect(1, &["status", "--root", place]).contains("claude-code-shell"));
    world.expect(0, &["uninstall", "claude-code", "--scope", "managed", "--root", place]);
    assert!(!root.join("etc/claude-code").exists());
}
