//! Writing: what a file keeps, what is left alone, and what happens when it cannot be done.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use crate::scene::{CANARY, Scene, as_everybody, is_root};

/// The permissions of a file.
fn mode(scene: &Scene, name: &str) -> u32 {
    fs::symlink_metadata(scene.path(name)).unwrap().mode() & 0o7777
}

#[test]
fn what_is_written_is_there_and_nothing_else() {
    as_everybody(|scene| {
        for content in [b"".as_slice(), b"text\n", b"\0\xff\xfe\r\n", &vec![7; 3_000_000]] {
            scene.done(&["write", "file"], content);
            assert_eq!(scene.content("file"), content);
            assert_eq!(scene.names("."), ["file"]);
        }
    });
}

#[test]
fn a_replaced_file_keeps_its_permissions_and_a_new_one_has_the_usual_ones() {
    as_everybody(|scene| {
        scene.done(&["write", "new"], "x");
        assert_eq!(mode(scene, "new"), 0o666 & !umask());
        for permissions in [0o600, 0o755, 0o4711, 0o2755] {
            scene.plant("old", "before");
            fs::set_permissions(scene.path("old"), fs::Permissions::from_mode(permissions)).unwrap();
            scene.done(&["write", "old"], "after");
            assert_eq!(mode(scene, "old"), permissions & 0o1777, "{permissions:o}");
            assert_eq!(scene.content("old"), b"after");
        }
    });
}

/// The caller's own mask, which the program inherits.
fn umask() -> u32 {
    let output = Command::new("sh").args(["-c", "umask"]).output().unwrap();
    u32::from_str_radix(String::from_utf8(output.stdout).unwrap().trim(), 8).unwrap()
}

#[test]
fn a_file_keeps_its_owner() {
    if !is_root() {
        return;
    }
    let scene = Scene::new(None);
    scene.plant("file", "before");
    std::os::unix::fs::chown(scene.path("file"), Some(61_111), Some(61_112)).unwrap();
    scene.done(&["write", "file"], "after");
    let facts = fs::metadata(scene.path("file")).unwrap();
    assert_eq!((facts.uid(), facts.gid()), (61_111, 61_112));
    assert_eq!(scene.content("file"), b"after");
}

#[test]
fn every_name_of_a_file_with_hard_links_has_the_new_content() {
    as_everybody(|scene| {
        scene.plant("one", "before, and longer than after");
        fs::hard_link(scene.path("one"), scene.path("two")).unwrap();
        scene.done(&["write", "one"], "after");
        scene.done(&["edit", "two"], r#"[{"old":"after","new":"later and longer"}]"#);
        assert_eq!(scene.content("one"), b"later and longer");
        assert_eq!(fs::metadata(scene.path("two")).unwrap().nlink(), 2);
    });
}

#[test]
fn through_a_link_its_target_is_replaced_and_not_the_link() {
    as_everybody(|scene| {
        scene.plant("real/file", "before");
        scene.plant_link("link", "real/file");
        scene.plant_link("dangling", "real/new");
        scene.done(&["write", "link"], "after");
        scene.done(&["write", "dangling"], "made");
        assert!(fs::symlink_metadata(scene.path("link")).unwrap().is_symlink());
        assert!(fs::symlink_metadata(scene.path("dangling")).unwrap().is_symlink());
        assert_eq!((scene.content("real/file"), scene.content("real/new")), (b"after".to_vec(), b"made".to_vec()));
    });
}

#[test]
fn a_file_that_must_be_new_replaces_nothing() {
    as_everybody(|scene| {
        scene.plant("old", "before");
        scene.plant_link("dangling", "target");
        scene.refused(&["write", "--exclusive", "old"], "after", 74, "fs.exists");
        assert_eq!(scene.content("old"), b"before");
        scene.done(&["write", "--exclusive", "new"], "content");
        assert_eq!(scene.content("new"), b"content");
    });
}

#[test]
fn missing_folders_are_made_only_when_asked_for() {
    as_everybody(|scene| {
        scene.refused(&["write", "a/b/c"], "x", 66, "fs.not-found");
        assert!(scene.names(".").is_empty());
        scene.done(&["write", "--parents", "a/b/c"], "x");
        scene.done(&["write", "--parents", "a/b/d"], "y");
        assert_eq!((scene.content("a/b/c"), scene.content("a/b/d")), (b"x".to_vec(), b"y".to_vec()));
        scene.refused(&["write", "--parents", "a/b/c/d"], "x", 74, "fs.not-a-folder");
    });
}

#[test]
fn protected_names_are_never_made_replaced_or_changed() {
    as_everybody(|scene| {
        scene.plant(".git/config", "[core]\n");
        for name in [".git/config", ".git/hooks/pre-commit", ".envrc", ".mcp.json", "./.git/../.git/hooks/x"] {
            scene.refused(&["write", "--parents", name], "evil", 77, "fs.protected");
            scene.refused(&["check", name, "--for", "write"], "", 77, "fs.protected");
        }
        scene.refused(&["edit", ".git/config"], r#"[{"old":"core","new":"evil"}]"#, 77, "fs.protected");
        scene.refused(&["mkdir", ".git/hooks"], "", 77, "fs.protected");
        assert_eq!(scene.content(".git/config"), b"[core]\n");
        assert_eq!(scene.names(".git"), ["config"]);
    });
}

#[test]
fn permissions_bind_whoever_is_not_root() {
    as_everybody(|scene| {
        if !scene.is_ordinary() {
            return;
        }
        scene.plant("closed/file", "before");
        scene.plant("fixed", "before");
        fs::set_permissions(scene.path("closed"), fs::Permissions::from_mode(0o555)).unwrap();
        fs::set_permissions(scene.path("fixed"), fs::Permissions::from_mode(0o444)).unwrap();
        scene.refused(&["write", "closed/new"], "x", 74, "fs.");
        scene.refused(&["write", "fixed"], "after", 74, "fs.");
        assert_eq!(scene.content("fixed"), b"before");
        // The file itself may be written, although nothing can be put beside it.
        scene.done(&["write", "closed/file"], "after, in place");
        assert_eq!(scene.content("closed/file"), b"after, in place");
        fs::set_permissions(scene.path("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    });
}

#[test]
fn too_much_content_is_refused_and_changes_nothing() {
    as_everybody(|scene| {
        scene.plant("file", "before");
        let outcome = scene.run(&["write", "file"], vec![b'x'; 32 * 1024 * 1024 + 1]);
        assert_eq!(outcome.status, 74, "{}", outcome.err);
        assert!(outcome.err.starts_with("fs-guard: fs.too-large"), "{}", outcome.err);
        assert_eq!(scene.content("file"), b"before");
    });
}

#[test]
fn attributes_and_access_lists_are_kept() {
    as_everybody(|scene| {
        scene.plant("file", "before");
        let path = scene.path("file");
        let set = |words: &[&str]| Command::new(words[0]).args(&words[1..]).arg(&path).status();
        if !matches!(set(&["setfattr", "-n", "user.note", "-v", "kept"]), Ok(status) if status.success()) {
            println!("skipped: no setfattr, or no attributes here");
            return;
        }
        scene.done(&["write", "file"], "after");
        let shown = Command::new("getfattr").args(["-n", "user.note", "--only-values"]).arg(&path).output().unwrap();
        assert_eq!(shown.stdout, b"kept");
    });
}

/// A small file system in the workspace, unmounted at the end.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// Mounts it at `name`.
    fn new(scene: &Scene, name: &str) -> Self {
        scene.plant_folder(name);
        let path = scene.path(name);
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k,mode=777", "none"]).arg(&path).status();
        assert!(status.unwrap().success());
        Self(path)
    }
}

impl Drop for SmallDisk {
    /// Unmounts it.
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_the_old_content_stays() {
    if !is_root() {
        println!("skipped: only root can mount a small disk");
        return;
    }
    as_everybody(|scene| {
        let _disk = SmallDisk::new(scene, "disk");
        for name in ["disk/one", "disk/linked"] {
            scene.plant(name, "before");
        }
        fs::hard_link(scene.path("disk/linked"), scene.path("disk/other")).unwrap();
        for name in ["disk/one", "disk/linked", "disk/new"] {
            let outcome = scene.run(&["write", name], vec![b'x'; 1_000_000]);
            assert_eq!(outcome.status, 74, "{name}: {}", outcome.err);
            assert!(outcome.err.contains("Free some space"), "{name}: {}", outcome.err);
        }
        assert_eq!(scene.content("disk/one"), b"before");
        assert_eq!(scene.content("disk/other"), b"before");
        assert_eq!(scene.names("disk"), ["linked", "one", "other"]);
        scene.done(&["write", "disk/one"], "fits");
        assert_eq!(scene.content("disk/one"), b"fits");
    });
}

#[test]
fn a_secret_beside_the_workspace_survives_everything() {
    as_everybody(|scene| {
        scene.plant_link("out", "../outside");
        for arguments in [
            ["write", "out/secret"].as_slice(),
            &["write", "out/new"],
            &["edit", "out/secret"],
            &["mkdir", "out/folder"],
            &["rename", "out/secret", "stolen"],
            &["rename", "out", "../outside/moved"],
            &["remove", "out/secret"],
            &["remove", "--recursive", "out/"],
            &["remove", "--recursive", "../outside"],
        ] {
            let outcome = scene.run(arguments, r#"[{"old":"canary","new":"gone"}]"#);
            assert_ne!(outcome.status, 0, "{arguments:?}");
        }
        assert_eq!(scene.content("../outside/secret"), CANARY.as_bytes());
        assert_eq!(scene.names("../outside"), ["secret"]);
    });
}
