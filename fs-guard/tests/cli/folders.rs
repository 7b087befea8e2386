//! Making, renaming and removing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::scene::{CANARY, as_everybody};

#[test]
fn folders_are_made_one_by_one_or_with_those_above() {
    as_everybody(|scene| {
        scene.done(&["mkdir", "a"], "");
        scene.refused(&["mkdir", "a"], "", 74, "fs.exists");
        scene.refused(&["mkdir", "b/c"], "", 66, "fs.not-found");
        scene.done(&["mkdir", "--parents", "b/c/d"], "");
        scene.done(&["mkdir", "--parents", "b/c/d"], "");
        scene.plant("file", "");
        scene.refused(&["mkdir", "--parents", "file"], "", 74, "fs.exists");
        scene.refused(&["mkdir", "--parents", "file/x"], "", 74, "fs.not-a-folder");
        assert!(scene.path("b/c/d").is_dir());
    });
}

#[test]
fn a_file_or_folder_gets_another_name_and_replaces_what_has_it() {
    as_everybody(|scene| {
        scene.plant("a/one", "1");
        scene.plant("b/two", "2");
        scene.plant_link("link", "a/one");
        scene.done(&["rename", "a/one", "b/two"], "");
        assert_eq!(scene.content("b/two"), b"1");
        scene.done(&["rename", "b", "c"], "");
        assert_eq!(scene.content("c/two"), b"1");
        scene.done(&["rename", "link", "moved"], "");
        assert_eq!(fs::read_link(scene.path("moved")).unwrap().as_os_str(), "a/one");
        scene.refused(&["rename", "c", "none/c"], "", 66, "fs.not-found");
        scene.refused(&["rename", "none", "c"], "", 66, "fs.not-found");
        scene.refused(&["rename", "a", "c"], "", 74, "fs.not-empty");
    });
}

#[test]
fn a_folder_with_something_protected_stays_whole_and_where_it_is() {
    as_everybody(|scene| {
        scene.plant(".git/config", "[core]\n");
        scene.plant(".git/objects/x", "x");
        scene.plant(".github/hooks/x", "x");
        scene.plant("src/deep/file", "x");
        let everything = scene.names(".");
        for arguments in [
            ["rename", ".git", "git"].as_slice(),
            &["remove", "--recursive", ".git"],
            &["remove", ".git/config"],
            &["remove", "--recursive", "."],
            &["remove", "--recursive", "../work"],
            &["rename", ".", "../outside/work"],
            &["rename", "../work", "../outside/work"],
        ] {
            let outcome = scene.run(arguments, "");
            assert_eq!(outcome.status, 77, "{arguments:?}: {}", outcome.err);
        }
        assert_eq!(scene.names("."), everything);
        assert_eq!(scene.names(".git"), ["config", "objects"]);
        assert_eq!(scene.content(".git/objects/x"), b"x");
    });
}

#[test]
fn nothing_becomes_protected_or_unmasked_by_moving_the_folder_around_it() {
    as_everybody(|scene| {
        scene.plant(".git/HEAD", "ref: refs/heads/main\n");
        scene.plant("evil/hooks/pre-commit", "#!/bin/sh\n");
        scene.plant("secrets/.env", CANARY);
        scene.plant("settings/settings.json", "{}");
        scene.refused(&["rename", "evil/hooks", ".git/hooks"], "", 77, "fs.protected");
        scene.refused(&["rename", "evil/hooks/pre-commit", ".git/hooks/pre-commit"], "", 77, "fs.protected");
        scene.refused(&["rename", "settings", ".claude"], "", 77, "fs.protected");
        scene.refused(&["rename", "settings/settings.json", ".mcp.json"], "", 77, "fs.protected");
        let outcome = scene.run(&["rename", "secrets/.env", "secrets/env"], "");
        assert_eq!(outcome.status, 77, "{}", outcome.err);
        assert_eq!(scene.names(".git"), ["HEAD"]);
        assert_eq!(scene.content("evil/hooks/pre-commit"), b"#!/bin/sh\n");
        assert_eq!(scene.content("secrets/.env"), CANARY.as_bytes());
    });
}

#[test]
fn what_links_lead_to_is_never_removed() {
    as_everybody(|scene| {
        scene.plant("keep/file", "x");
        scene.plant_folder("gone/deep");
        scene.plant_link("gone/in", "../keep");
        scene.plant_link("gone/deep/out", "../../../outside");
        scene.plant_link("link", "keep");
        scene.refused(&["remove", "gone"], "", 74, "fs.not-empty");
        scene.done(&["remove", "--recursive", "gone"], "");
        scene.done(&["remove", "--recursive", "link"], "");
        assert_eq!(scene.names("."), ["keep"]);
        assert_eq!(scene.content("keep/file"), b"x");
        assert_eq!(scene.content("../outside/secret"), CANARY.as_bytes());
    });
}

#[test]
fn removing_nothing_is_an_error_unless_that_is_fine() {
    as_everybody(|scene| {
        scene.refused(&["remove", "none"], "", 66, "fs.not-found");
        scene.done(&["remove", "--force", "none"], "");
        scene.plant(".git/config", "[core]\n");
        scene.refused(&["remove", "--force", ".git/config"], "", 77, "fs.protected");
        scene.plant_folder("empty");
        scene.done(&["remove", "empty"], "");
        assert_eq!(scene.names("."), [".git"]);
    });
}

#[test]
fn a_folder_that_cannot_be_searched_is_not_moved() {
    as_everybody(|scene| {
        if !scene.is_ordinary() {
            return;
        }
        scene.plant("locked/inside/file", "x");
        fs::set_permissions(scene.path("locked/inside"), fs::Permissions::from_mode(0o000)).unwrap();
        for arguments in [["rename", "locked", "moved"].as_slice(), &["remove", "--recursive", "locked"]] {
            let outcome = scene.run(arguments, "");
            assert_eq!(outcome.status, 74, "{arguments:?}: {}", outcome.err);
        }
        fs::set_permissions(scene.path("locked/inside"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(scene.content("locked/inside/file"), b"x");
    });
}

#[test]
fn a_folder_whose_files_cannot_be_looked_at_is_not_shown_as_empty() {
    as_everybody(|scene| {
        if !scene.is_ordinary() {
            return;
        }
        scene.plant("locked/file", "x");
        fs::set_permissions(scene.path("locked"), fs::Permissions::from_mode(0o444)).unwrap();
        scene.refused(&["list", "locked"], "", 74, "fs.io");
        fs::set_permissions(scene.path("locked"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(scene.done(&["list", "locked"], ""), b"file\n");
    });
}
