//! `edit`, with editors that do what people do, and what they should not.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Home, Ran, write_program};

/// An editor that runs `script` on the file `$1`, after it has told where that is.
fn editor(home: &Home, script: &str) -> PathBuf {
    let path = home.path("editor");
    let told = home.path("told");
    write_program(&path, format!("#!/bin/sh\necho \"$1\" >> {}\n{script}\n", told.display()).as_bytes());
    path
}

/// Edits with such an editor. Swap is accepted: the host that tests run on may have some.
fn edit(home: &Home, script: &str, arguments: &[&str]) -> Ran {
    let words: Vec<&str> = ["edit", "--allow-swap"].iter().chain(arguments).copied().collect();
    let mut command = home.command(&words);
    command.env("EDITOR", editor(home, script)).output().map(Ran::from).map(noticed).unwrap()
}

/// Without the notice that the editor is not known.
fn noticed(mut ran: Ran) -> Ran {
    ran.stderr = ran.stderr.replacen(UNKNOWN, "", 1);
    ran
}

/// What is said about an editor that is not known.
const UNKNOWN: &str = "lobsterpot-vault: this editor is not known here: see to it that it keeps no copies elsewhere\n";

/// The files that the editor was given; all of them, and their folders, have to be gone.
fn gone(home: &Home) -> usize {
    let told = fs::read_to_string(home.path("told")).unwrap_or_default();
    for file in told.lines().map(PathBuf::from) {
        assert!(!file.parent().unwrap().exists(), "{}", file.display());
    }
    told.lines().count()
}

/// What the vault's file holds.
fn bytes(home: &Home) -> Vec<u8> {
    fs::read(home.vault()).unwrap()
}

#[test]
fn lines_are_changed_added_and_removed() {
    let home = Home::with_secrets(&[("A", "1"), ("B", "2"), ("KEY", "line\nline\n")]);
    let ran =
        edit(&home, "sed -i -e 's/^A = .*/A = \"new\"/' -e '/^B = /d' $1; echo '\"c/d\" = \"4\"' >> $1", &[]).done();
    assert!(ran.stderr.contains("added 1, changed 1, removed 1"), "{}", ran.stderr);
    assert_eq!((home.get("A"), home.get("c/d"), home.get("KEY")), (b"new".into(), b"4".into(), b"line\nline\n".into()));
    home.run(&["get", "B"]).refused(66, "no secret B", "");
    assert_eq!(gone(&home), 1);
}

#[test]
fn no_change_writes_nothing() {
    let home = Home::with_secrets(&[("A", "1")]);
    let before = bytes(&home);
    let ran = edit(&home, "ls -la \"${1%/*}\"; ls -ld \"${1%/*}\"; touch $1", &[]).done();
    assert!(ran.stderr.contains("nothing changed"), "{}", ran.stderr);
    let listed = ran.text();
    assert!(listed.contains("-rw-------") && listed.contains("drwx------"), "{listed}");
    assert_eq!(bytes(&home), before);
    assert_eq!(gone(&home), 1);
}

#[test]
fn a_mistake_is_opened_again_with_its_line_and_can_be_mended() {
    let home = Home::with_secrets(&[("A", "1")]);
    let script = "if grep -q '^#! line' $1; then head -1 $1; sed -i 's/^B = hunter2/B = \"hunter2\"/' $1; else echo 'B = hunter2' >> $1; fi";
    let ran = edit(&home, script, &[]).done();
    assert!(ran.text().starts_with("#! line 7: this is not"), "{}", ran.text());
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    assert_eq!(home.get("B"), b"hunter2");
    assert_eq!(gone(&home), 2);
}

#[test]
fn a_mistake_that_is_left_as_it_is_changes_nothing() {
    let home = Home::with_secrets(&[("A", "1")]);
    let before = bytes(&home);
    let ran = edit(&home, "grep -q '^B = ' $1 || echo 'B = hunter2' >> $1", &[]);
    assert_eq!(ran.status, 65);
    assert!(ran.stderr.contains("hint: nothing was changed") && !ran.stderr.contains("hunter2"), "{}", ran.stderr);
    assert_eq!(bytes(&home), before);
    assert_eq!(gone(&home), 2);
}

#[test]
fn copies_that_an_editor_makes_beside_the_text_are_wiped() {
    let home = Home::with_secrets(&[("A", "1")]);
    let script = "cp $1 $1~; cp $1 \"${1%/*}/.x.swp\"; mkdir -p \"${1%/*}/a/b\"; cp $1 \"${1%/*}/a/b/c\"; ln $1 \"${1%/*}/d\"; rm \"${1%/*}/d\"; echo $TMPDIR";
    let ran = edit(&home, script, &[]).done();
    assert!(fs::read_to_string(home.path("told")).unwrap().starts_with(ran.text().trim()));
    assert_eq!(gone(&home), 1);
}

#[test]
fn an_editor_that_fails_or_is_killed_changes_nothing() {
    let home = Home::with_secrets(&[("A", "1")]);
    let before = bytes(&home);
    for (script, ended) in
        [("echo 'B = \"2\"' >> $1; exit 3", "exit status: 3"), ("echo 'B = \"2\"' >> $1; kill -9 $$", "signal: 9")]
    {
        edit(&home, script, &["A"]).refused(1, ended, "nothing was changed");
    }
    edit(&home, "rm $1", &["A"]).refused(1, "has left no text", "nothing was changed");
    edit(&home, ": > $1", &[]).refused(65, "the text is empty", "nothing was changed");
    assert_eq!(bytes(&home), before);
    assert_eq!(gone(&home), 4);
}

#[test]
fn what_a_killed_edit_has_left_is_wiped_by_lock() {
    let home = Home::with_secrets(&[("A", "1")]);
    let ran = edit(&home, "dirname $1 > $HOME/desk; kill -9 $PPID", &[]);
    assert_eq!(ran.status, 137, "{ran:?}");
    let desk = fs::read_to_string(home.path("desk")).unwrap();
    let target = tempfile::tempdir_in("/dev/shm").unwrap();
    home.run(&["lock", "--to", target.path().join("none").to_str().unwrap()]).done();
    assert!(!std::path::Path::new(desk.trim_end()).exists(), "{desk}");
}

#[test]
fn one_value_is_edited_as_it_is() {
    let home = Home::with_secrets(&[("A", "no end"), ("BYTES", "a\u{1}b")]);
    edit(&home, "cat $1; printf 'new\\n' > $1", &["A"]).done();
    assert_eq!(home.get("A"), b"new");
    edit(&home, "true", &["NONE"]).refused(66, "no secret NONE", "list");
    edit(&home, "true", &["BYTES"]).refused(77, "is not plain text", "set BYTES");
    home.run(&["set", "A", "--keep-value", "--consumer", "openclaw"]).done();
    edit(&home, "true", &["A"]).refused(77, "not for `get`", "set A");
    assert!(!edit(&home, "cat $1", &[]).done().text().contains("new"));
}

#[test]
fn what_somebody_else_changes_meanwhile_is_kept_and_so_is_the_text() {
    let home = Home::with_secrets(&[("A", "1"), ("B", "2")]);
    let vault = format!("{} {}", crate::harness::PROGRAM, home.options().join(" "));
    let other =
        |name: &str| format!("printf other | {vault} set {name} 2>/dev/null; sed -i 's/^A = .*/A = \"mine\"/' $1");
    edit(&home, &other("B"), &[]).done();
    assert_eq!((home.get("A"), home.get("B")), (b"mine".into(), b"other".into()));
    let script = format!("sed -i 's/^A = .*/A = \"again\"/' $1; {}", other("A").split("; ").next().unwrap());
    let ran = edit(&home, &script, &[]);
    assert_eq!((ran.status, home.get("A")), (75, b"other".to_vec()), "{ran:?}");
    assert!(ran.stderr.contains("A was changed by somebody else"), "{}", ran.stderr);
    let kept = ran.stderr.split("what you wrote is in ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(fs::read_to_string(kept).unwrap().contains("A = \"again\""));
    fs::remove_dir_all(PathBuf::from(kept).parent().unwrap()).unwrap();
    assert_eq!(gone(&home), 2);
}

#[test]
fn an_editor_that_is_not_there_is_told() {
    let home = Home::with_secrets(&[("A", "1")]);
    let mut command = home.command(&["edit"]);
    Ran::from(command.env("VISUAL", "no-such-editor -x").output().unwrap()).refused(
        69,
        "there is no editor no-such-editor",
        "VISUAL",
    );
}

/// Waits until the editor has told where its file is.
fn wait_for(home: &Home, child: &mut Child) {
    let end = Instant::now() + Duration::from_secs(120);
    while !home.path("told").exists() {
        assert!(Instant::now() < end && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_program_that_is_ended_while_somebody_edits_wipes_the_text_first() {
    let home = Home::with_secrets(&[("A", "1")]);
    let before = bytes(&home);
    let script = format!("while ! [ -e {} ]; do sleep 0.05; done; echo 'B = \"2\"' >> $1", home.path("go").display());
    let mut command = home.command(&["edit", "--allow-swap"]);
    command.env("EDITOR", editor(&home, &script)).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait_for(&home, &mut child);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none());
    fs::write(home.path("go"), "").unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
    assert_eq!(bytes(&home), before);
    assert_eq!(gone(&home), 1);
}
