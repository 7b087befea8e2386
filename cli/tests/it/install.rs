//! Installing and taking back.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use crate::world::{CLIENTS, World};

#[test]
fn every_client_comes_back_to_the_byte() {
    for world in World::all() {
        for (client, file, text) in CLIENTS {
            world.write(&format!("home/{file}"), text);
            let before = world.files();
            assert!(world.expect(0, &["install", client]).contains("tried: a shell call came back rewritten"));
            let installed = world.files();
            assert_ne!(before, installed, "{client}");
            assert!(world.expect(0, &["install", client]).contains("nothing to change"), "{client}");
            assert_eq!(world.files(), installed, "{client}");
            world.expect(0, &["uninstall", client]);
            assert_eq!(world.files(), before, "{client}");
            assert!(world.expect(0, &["uninstall", client]).contains("nothing to change"), "{client}");
        }
    }
}

#[test]
fn what_does_not_exist_yet_is_made_for_its_owner_alone_and_goes_away_again() {
    for world in World::all() {
        for (client, ..) in CLIENTS {
            world.expect(0, &["install", client]);
            for (path, _) in world.files() {
                let mode = fs::symlink_metadata(&path).unwrap();
                assert!(mode.is_symlink() || mode.mode() & 0o077 == 0, "{}", path.display());
            }
            world.expect(0, &["uninstall", client]);
            assert_eq!(world.files(), [], "{client}");
        }
        let left: Vec<_> = fs::read_dir(world.path("home")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [".local"], "empty folders stay behind");
    }
}

#[test]
fn a_dry_run_shows_the_difference_and_changes_nothing() {
    let world = World::new();
    for (client, file, text) in CLIENTS {
        world.write(&format!("home/{file}"), text);
        let before = world.files();
        assert!(world.expect(0, &["install", client, "--dry-run"]).contains("nothing was changed"));
        assert_eq!(world.files(), before);
    }
    assert!(!world.path("home/.local").exists());
}

#[test]
fn settings_that_a_link_leads_to_are_replaced_there_with_their_mode() {
    for world in World::all() {
        world.write("home/dotfiles/claude.json", "{}\n");
        fs::set_permissions(world.path("home/dotfiles/claude.json"), Permissions::from_mode(0o640)).unwrap();
        world.write("home/.claude/x", "");
        symlink("../dotfiles/claude.json", world.path("home/.claude/settings.json")).unwrap();
        world.own("home/.claude/settings.json");
        world.expect(0, &["install", "claude-code"]);
        assert!(fs::symlink_metadata(world.path("home/.claude/settings.json")).unwrap().is_symlink());
        let facts = fs::metadata(world.path("home/dotfiles/claude.json")).unwrap();
        assert_eq!(facts.mode() & 0o7777, 0o640);
        assert!(world.read("home/dotfiles/claude.json").contains("sandbox-exec-hook"));
        let backup = fs::metadata(world.path("home/dotfiles/claude.json.lobsterpot-backup-1")).unwrap();
        assert_eq!((backup.mode() & 0o7777, backup.uid()), (0o640, facts.uid()));
    }
}

#[test]
fn managed_settings_are_for_everybody_and_shut_other_hooks_out() {
    let world = World::new();
    fs::create_dir(world.path("root")).unwrap();
    let root = world.path("root");
    let arguments = ["install", "claude-code", "--scope", "managed", "--approve", "--root", root.to_str().unwrap()];
    world.expect(0, &arguments);
    let path = world.path("root/etc/claude-code/managed-settings.json");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
    let text = fs::read_to_string(&path).unwrap();
    for part in [
        "\"allowManagedHooksOnly\": true",
        "\"BASH_ENV\": \"\"",
        "\"onFailure\": \"block\"",
        "\"timeout\": 600",
        "\"--approve\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    world.expect(0, &["uninstall", "claude-code", "--scope", "managed", "--root", root.to_str().unwrap()]);
    assert!(!path.exists());
}

#[test]
fn rules_that_deny_are_carried_over_and_taken_back() {
    let world = World::new();
    let text = "{\"permissions\": {\"deny\": [\"Bash(rm *)\"], \"allow\": [\"Bash(ls)\"]}}";
    world.write("home/.claude/settings.json", text);
    let said = world.expect(0, &["install", "claude-code"]);
    assert!(said.contains("your rules that allow shell commands no longer match"), "{said}");
    let rule = format!("Bash(*{}/sandbox-exec *'rm*)", world.path("bin").display());
    assert!(world.read("home/.claude/settings.json").contains(&rule));
    world.expect(0, &["uninstall", "claude-code"]);
    assert_eq!(world.read("home/.claude/settings.json"), text);
}

#[test]
fn what_was_chosen_before_stays_until_it_is_taken_back_and_is_said() {
    for world in World::all() {
        world.write("home/proj/notes.png", "notes");
        let folder = world.path("home/proj");
        let folder = folder.to_str().unwrap();
        let settings = |world: &World| world.read("home/.claude/settings.json");
        let args = ["install", "claude-code", "--approve", "--workspace", folder];
        assert!(!world.expect(0, &args).contains("is kept from"));
        let before = world.files();
        let said = world.expect(0, &["install", "claude-code"]);
        assert!(said.contains("note: --approve is kept from the last installation; --no-approve"), "{said}");
        assert!(said.contains(&format!("note: --workspace {folder} is kept from")), "{said}");
        assert!(said.contains("nothing to change"), "{said}");
        assert_eq!(world.files(), before);
        let said = world.expect(0, &["install", "claude-code", "--no-approve"]);
        assert!(said.contains("--workspace") && !said.contains("--approve is kept"), "{said}");
        assert!(!settings(&world).contains("--approve") && settings(&world).contains(folder));
        world.expect(0, &["install", "claude-code", "--no-workspace", "--approve"]);
        assert!(settings(&world).contains("--approve") && !settings(&world).contains(folder));
        world.expect(0, &["uninstall", "claude-code"]);
        world.expect(0, &["install", "claude-code"]);
        assert!(!settings(&world).contains("--approve"), "an uninstalled choice comes back");
        world.expect(64, &["install", "claude-code", "--approve", "--no-approve"]);
        world.expect(64, &["install", "claude-code", "--no-workspace", "--workspace", folder]);
    }
}
