//! The program `scan`, as people and scripts run it.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::geteuid;

use super::VALUE;
use super::git::{commit, repository};
use crate::harness::{Home, has, skip, write_program};

/// A home with the value in the vault, and a folder to search.
fn home() -> Home {
    let home = Home::with_secrets(&[("KEY", VALUE), ("MODE", "production"), ("PIN", "1234")]);
    fs::create_dir(home.path("tree")).unwrap();
    home
}

/// A path of a home as an argument.
fn argument(home: &Home, name: &str) -> String {
    home.path(name).to_str().unwrap().to_owned()
}

#[test]
fn findings_go_to_standard_output_and_remarks_to_standard_error() {
    let home = home();
    let tree = argument(&home, "tree");
    let clean = home.run(&["scan", &tree]);
    assert_eq!((clean.status, clean.text().as_str()), (0, ""), "{clean:?}");
    assert!(clean.stderr.contains("not searched for: MODE: a word or a number"), "{}", clean.stderr);
    assert!(clean.stderr.contains("not searched for: PIN: shorter than 8 bytes"), "{}", clean.stderr);
    fs::write(home.path("tree/.env"), format!("A=1\nKEY='{}'\n", VALUE.replace('\'', r"'\''"))).unwrap();
    let found = home.run(&["scan", &tree]);
    assert_eq!((found.status, found.text()), (1, format!("{tree}/.env:2: KEY (shell)\n")));
}

#[test]
fn no_output_holds_the_value_or_what_stands_around_it() {
    let home = home();
    let tree = argument(&home, "tree");
    fs::write(home.path("tree/log"), format!("neighbour {VALUE} neighbour")).unwrap();
    for options in [vec![], vec!["--json"], vec!["--debug"], vec!["--json", "--debug", "--plain"]] {
        let ran = home.run(&[vec!["scan", tree.as_str()], options].concat());
        assert_eq!(ran.status, 1, "{ran:?}");
        let said = ran.text() + &ran.stderr;
        for part in [VALUE, &VALUE[..12], &VALUE[12..], "neighbour"] {
            assert!(!said.contains(part), "{said}");
        }
    }
}

#[test]
fn programs_are_told_the_same_as_json() {
    let home = home();
    let tree = argument(&home, "tree");
    fs::write(home.path("tree/log"), format!("one\n{VALUE}")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&home.run(&["scan", &tree, "--json"]).text()).unwrap();
    let path = format!("{tree}/log");
    let expected = serde_json::json!([{"place": "file", "path": path, "offset": 4, "line": 2, "count": 1,
        "name": "KEY", "form": "raw", "layers": []}]);
    assert_eq!(told["findings"], expected);
    assert_eq!((&told["searched"], &told["files"]), (&1.into(), &1.into()));
    assert_eq!(told["unsearched"][0], serde_json::json!({"name": "MODE", "reason": "plain"}));
}

#[test]
fn environments_and_command_lines_of_processes_are_searched() {
    let home = home();
    let mut child = Command::new("sleep");
    child.arg("600").env_clear().env("OTHER", "1").env("TOKEN", format!("Bearer {VALUE}"));
    let mut other = Command::new("sh");
    // Not the last command, which a shell becomes.
    other.args(["-c", "read line; :", VALUE]).stdin(Stdio::piped()).env_clear();
    let (mut child, mut other) = (child.spawn().unwrap(), other.spawn().unwrap());
    let found = home.run(&["scan", "--environment"]);
    child.kill().unwrap();
    other.kill().unwrap();
    let (first, second) = (child.id(), other.id());
    child.wait().unwrap();
    other.wait().unwrap();
    assert_eq!(found.status, 1, "{found:?}");
    let told = found.text();
    assert!(told.contains(&format!("process {first} (sleep): variable TOKEN: KEY (raw)\n")), "{told}");
    assert!(told.contains(&format!("process {second} (sh): its command line: KEY (raw)\n")), "{told}");
}

#[test]
fn what_an_ordinary_user_cannot_read_is_listed_and_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let home = if geteuid().is_root() {
        if !has("setpriv") {
            return;
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Home::in_folder(folder.path())
    } else {
        Home::new()
    };
    let user = ["--reuid=61234", "--regid=61234", "--clear-groups", "--"];
    let program = if geteuid().is_root() { "setpriv" } else { crate::harness::PROGRAM };
    let user: &[&str] = if geteuid().is_root() { &user } else { &[] };
    fs::create_dir_all(home.path("tree/closed")).unwrap();
    fs::write(home.path("tree/secret"), "x").unwrap();
    if geteuid().is_root() {
        let all = [home.path(""), home.path("tree"), home.path("tree/closed"), home.path("tree/secret")];
        all.iter().for_each(|path| std::os::unix::fs::chown(path, Some(61234), Some(61234)).unwrap());
    }
    let run = |arguments: &[&str]| crate::harness::feed(home.under(program, user, arguments), VALUE.as_bytes());
    run(&["init"]).done();
    run(&["set", "KEY", "--raw"]).done();
    for place in ["tree/closed", "tree/secret"] {
        fs::set_permissions(home.path(place), Permissions::from_mode(0o0)).unwrap();
    }
    let ran = run(&["scan", home.path("tree").to_str().unwrap()]);
    fs::set_permissions(home.path("tree/closed"), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(ran.status, 74, "{ran:?}");
    assert!(ran.stderr.contains("could not be read: 2 places"), "{}", ran.stderr);
}

#[test]
fn a_vault_that_does_not_open_searches_nothing() {
    let home = Home::new();
    home.run(&["scan", "/"]).refused(66, "", "");
}

#[test]
fn no_value_is_in_memory_while_others_are_read() {
    if !geteuid().is_root() {
        return skip("only root can look into a process that closed itself");
    }
    if !has("git") {
        return;
    }
    let home = home();
    let (_guard, folder) = repository();
    commit(&folder, "file", "x");
    // In place of git, a program that says that it runs, and waits.
    fs::create_dir(home.path("bin")).unwrap();
    write_program(&home.path("bin/git"), b"#!/bin/sh\necho running >&3\nexec sleep 600\n");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = home.under("sh", &["-c", "exec \"$@\" 3>&0", "sh"], &["scan", "--git", folder.to_str().unwrap()]);
    command.env("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display())).env("TMPDIR", home.path("tree"));
    let mut child = command.stdin(writer).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert_eq!(line, "running\n");
    let held = holds(child.id(), VALUE.as_bytes());
    let control = holds(child.id(), b"vault.age");
    let folders = fs::read_dir(home.path("tree")).unwrap().count();
    let gits = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    for pid in gits.split_whitespace() {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.parse().unwrap()), nix::sys::signal::SIGKILL).unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(74));
    assert!(control, "nothing was read, so this test shows nothing");
    assert!(!held, "the value is in memory");
    assert_eq!(folders, 1);
    assert_eq!(fs::read_dir(home.path("tree")).unwrap().count(), 0, "a folder was left behind");
}

/// Whether the memory of a process holds some bytes.
fn holds(pid: u32, wanted: &[u8]) -> bool {
    std::thread::sleep(Duration::from_millis(50));
    let memory = File::open(Path::new("/proc").join(pid.to_string()).join("mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    maps.lines().filter(|line| line.contains(" rw")).any(|line| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(u64::from_str_radix(end, 16).unwrap() - start).unwrap()];
        let count = memory.read_at(&mut bytes, start).unwrap_or(0);
        bytes[..count].windows(wanted.len()).any(|window| window == wanted)
    })
}
