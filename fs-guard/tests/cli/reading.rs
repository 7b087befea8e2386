//! Reading, and looking without reading.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::scene::{CANARY, as_everybody, is_root};

#[test]
fn a_file_is_read_byte_for_byte() {
    as_everybody(|scene| {
        for content in [b"".as_slice(), b"text\n", b"no end", b"\0\xff\xfe\r\n", &vec![7; 3_000_000]] {
            scene.plant("a/file", content);
            assert_eq!(scene.done(&["read", "a/file"], ""), content);
        }
    });
}

#[test]
fn a_part_of_a_file_is_read() {
    as_everybody(|scene| {
        scene.plant("file", "0123456789");
        assert_eq!(scene.done(&["read", "file", "--offset", "3"], ""), b"3456789");
        assert_eq!(scene.done(&["read", "file", "--limit", "3"], ""), b"012");
        assert_eq!(scene.done(&["read", "file", "--offset", "8", "--limit", "10"], ""), b"89");
        assert_eq!(scene.done(&["read", "file", "--offset", "99", "--limit", "10"], ""), b"");
        assert_eq!(scene.done(&["read", "file", "--limit", "0"], ""), b"");
    });
}

#[test]
fn a_huge_file_is_read_in_parts_only() {
    as_everybody(|scene| {
        scene.plant("huge", "");
        fs::File::options().write(true).open(scene.path("huge")).unwrap().set_len(1 << 40).unwrap();
        scene.refused(&["read", "huge"], "", 74, "fs.too-large");
        assert_eq!(scene.done(&["read", "huge", "--offset", "1000000000000", "--limit", "3"], ""), [0; 3]);
        scene.refused(&["edit", "huge"], r#"[{"old":"a","new":"b"}]"#, 74, "fs.too-large");
    });
}

#[test]
fn what_lies_outside_is_refused_by_whatever_way_it_is_named() {
    as_everybody(|scene| {
        scene.plant_link("file", "../outside/secret");
        scene.plant_link("folder", "../outside");
        scene.plant_link("absolute", scene.path("../outside/secret"));
        let real = scene.path("../outside/secret").canonicalize().unwrap().into_os_string();
        let names = ["file", "folder/secret", "absolute", "../outside/secret", "folder/../outside/secret"];
        for name in names.iter().map(OsString::from).chain([real]) {
            for arguments in [["read"].as_slice(), &["list"], &["stat"]] {
                let arguments: Vec<OsString> = arguments.iter().map(OsString::from).chain([name.clone()]).collect();
                let outcome = scene.run(&arguments, "");
                assert_eq!(outcome.status, 77, "{arguments:?}: {}", outcome.err);
                assert!(outcome.out.is_empty(), "{arguments:?}");
            }
            let outcome = scene.run(&[OsStr::new("write"), &name], "evil");
            assert_eq!(outcome.status, 77, "{name:?}: {}", outcome.err);
        }
        assert_eq!(scene.content("../outside/secret"), CANARY.as_bytes());
    });
}

#[test]
fn what_is_masked_is_neither_read_nor_listed_nor_looked_at() {
    as_everybody(|scene| {
        scene.plant(".env", CANARY);
        scene.plant("b", "x");
        scene.plant_folder("a");
        scene.plant_link("c", "b");
        scene.refused(&["read", ".env"], "", 77, "fs.masked");
        scene.refused(&["stat", ".env"], "", 77, "fs.masked");
        scene.refused(&["write", ".env"], "", 77, "fs.masked");
        assert_eq!(scene.done(&["list", "."], ""), b"a/\nb\nc\n");
        let json: serde_json::Value = serde_json::from_slice(&scene.done(&["list", ".", "--json"], "")).unwrap();
        let expected = serde_json::json!({"truncated": false, "entries": [
            {"name": "a", "kind": "directory", "size": 0},
            {"name": "b", "kind": "file", "size": 1},
            {"name": "c", "kind": "symlink", "size": 0},
        ]});
        assert_eq!(json, expected);
    });
}

#[test]
fn fifos_sockets_and_devices_are_refused_at_once_but_can_be_looked_at() {
    as_everybody(|scene| {
        mkfifo(&scene.path("fifo"), Mode::from_bits_truncate(0o666)).unwrap();
        scene.own(scene.path("fifo"));
        let _socket = UnixListener::bind(scene.path("socket")).unwrap();
        let mut names = vec!["fifo", "socket"];
        if is_root() {
            use nix::sys::stat::{SFlag, makedev, mknod};
            mknod(&scene.path("zero"), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 5)).unwrap();
            names.push("zero");
        }
        for name in names {
            scene.refused(&["read", name], "", 77, "fs.special");
            scene.refused(&["write", name], "x", 77, "fs.special");
            scene.refused(&["edit", name], r#"[{"old":"a","new":"b"}]"#, 77, "fs.special");
            let facts = String::from_utf8(scene.done(&["stat", name], "")).unwrap();
            assert!(facts.starts_with("other "), "{facts}");
            scene.done(&["remove", name], "");
        }
    });
}

#[test]
fn names_that_are_no_text_work_like_all_others() {
    as_everybody(|scene| {
        let name = OsString::from_vec(b"caf\xe9 \n\xff".to_vec());
        scene.done(&[OsStr::new("write"), &name], "content");
        assert_eq!(scene.done(&[OsStr::new("read"), &name], ""), b"content");
        assert_eq!(scene.done(&["list", "."], ""), b"caf\xe9 \n\xff\n");
        let json: serde_json::Value = serde_json::from_slice(&scene.done(&["list", ".", "--json"], "")).unwrap();
        assert_eq!(json["entries"][0]["name_base64"], "Y2Fm6SAK/w==");
        scene.done(&[OsStr::new("rename"), &name, OsStr::new("plain")], "");
        assert_eq!(scene.content("plain"), b"content");
    });
}

#[test]
fn what_is_not_there_is_told_apart_from_what_is_refused() {
    as_everybody(|scene| {
        scene.plant("file", "");
        scene.plant_link("dangling", "nothing");
        for name in ["none", "none/deeper", "dangling"] {
            scene.refused(&["read", name], "", 66, "fs.not-found");
            scene.refused(&["stat", name], "", 66, "fs.not-found");
            scene.refused(&["list", name], "", 66, "fs.not-found");
            scene.refused(&["edit", name], r#"[{"old":"a","new":"b"}]"#, 66, "fs.not-found");
        }
        scene.refused(&["read", "file/x"], "", 74, "fs.not-a-folder");
        scene.refused(&["list", "file"], "", 74, "fs.not-a-folder");
        scene.refused(&["read", "."], "", 74, "fs.is-directory");
        assert!(scene.done(&["stat", "--no-follow", "dangling"], "").starts_with(b"symlink "));
    });
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    as_everybody(|scene| {
        scene.plant("large", vec![b'x'; 4_000_000]);
        let mut child = scene.command(&["read", "large"]).spawn().unwrap();
        drop(child.stdout.take());
        let outcome = child.wait_with_output().unwrap();
        assert_eq!((outcome.status.code(), outcome.stderr.as_slice()), (Some(0), b"".as_slice()));
    });
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused_in_one_line() {
    as_everybody(|scene| {
        for arguments in [
            [].as_slice(),
            &["bogus"],
            &["read"],
            &["read", "a", "b"],
            &["check", "a"],
            &["check", "a", "--for", "joy"],
            &["--profile", "none", "read", "a"],
            &["read", "a", "--offset", "-1"],
        ] {
            let outcome = scene.run(arguments, "");
            assert_eq!(outcome.status, 64, "{arguments:?}");
            assert!(outcome.err.lines().all(|line| line.starts_with("fs-guard: ")), "{arguments:?}: {}", outcome.err);
            assert!(outcome.out.is_empty(), "{arguments:?}");
        }
    });
}

#[test]
fn a_check_says_what_a_use_would_do() {
    as_everybody(|scene| {
        scene.plant("file", "");
        scene.plant_link("link", "file");
        let real = scene.path("file");
        assert_eq!(scene.done(&["check", "link", "--for", "write"], ""), format!("{}\n", real.display()).as_bytes());
        scene.plant_folder(".git");
        scene.refused(&["check", ".git/hooks/pre-commit", "--for", "write"], "", 77, "fs.protected");
        scene.refused(&["check", "none", "--for", "read"], "", 66, "fs.not-found");
        scene.plant(".env", CANARY);
        let outcome = scene.run(&["check", ".env", "--for", "write", "--json"], "");
        assert_eq!(outcome.status, 77);
        let json: serde_json::Value = serde_json::from_slice(&outcome.out).unwrap();
        assert_eq!((&json["decision"], &json["code"]), (&"deny".into(), &"fs.masked".into()), "{json}");
    });
}
