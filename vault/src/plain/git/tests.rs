//! Repositories that keep a file, and one that would like to run something.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Trace, traces};

/// Runs git in a folder.
fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository with a folder `a` and a file in it.
fn repository(arguments: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &[&["init", "-q"], arguments].concat());
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("a/.env"), "A=1\n").unwrap();
    fs::write(folder.path().join("README"), "x\n").unwrap();
    folder
}

/// What is found about `a/.env`.
fn found(folder: &Path) -> Vec<&'static str> {
    let kind = |trace: &Trace| match trace {
        Trace::Index(_) => "index",
        Trace::Commit { .. } => "commit",
        Trace::Unknown { reason, .. } => reason,
    };
    traces(&folder.canonicalize().unwrap().join("a/.env")).iter().map(kind).collect()
}

#[test]
fn a_file_that_git_never_saw_leaves_no_trace() {
    let folder = repository(&[]);
    assert!(found(folder.path()).is_empty());
    git(folder.path(), &["add", "README"]);
    git(folder.path(), &["commit", "-qm", "x"]);
    assert!(found(folder.path()).is_empty());
}

#[test]
fn a_file_in_the_index_or_in_any_commit_is_found() {
    for kind in ["sha1", "sha256"] {
        let folder = repository(&["--object-format", kind]);
        git(folder.path(), &["add", "a/.env"]);
        assert_eq!(found(folder.path()), ["index"], "{kind}");
        git(folder.path(), &["commit", "-qm", "x"]);
        assert_eq!(found(folder.path()), ["index", "commit"], "{kind}");
        git(folder.path(), &["rm", "-q", "--cached", "a/.env"]);
        git(folder.path(), &["commit", "-qm", "y"]);
        assert_eq!(found(folder.path()), ["commit"], "{kind}");
        git(folder.path(), &["pack-refs", "--all"]);
        git(folder.path(), &["gc", "-q"]);
        assert_eq!(found(folder.path()), ["commit"], "{kind}");
    }
}

#[test]
fn a_commit_that_was_amended_away_is_found_in_the_reflog() {
    let folder = repository(&[]);
    git(folder.path(), &["add", "a/.env", "README"]);
    git(folder.path(), &["commit", "-qm", "x"]);
    git(folder.path(), &["rm", "-q", "--cached", "a/.env"]);
    git(folder.path(), &["commit", "-q", "--amend", "-m", "y"]);
    assert_eq!(found(folder.path()), ["commit"]);
}

#[test]
fn a_linked_working_tree_is_understood() {
    let folder = repository(&[]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "x"]);
    let other = tempfile::tempdir().unwrap();
    git(folder.path(), &["worktree", "add", "-q", other.path().join("w").to_str().unwrap(), "-b", "w"]);
    assert_eq!(found(&other.path().join("w")), ["index", "commit"]);
}

#[test]
fn nothing_in_the_repository_is_run() {
    let folder = repository(&[]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "x"]);
    let mark = folder.path().join("ran");
    let evil = folder.path().join("evil");
    fs::write(&evil, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
    Command::new("chmod").arg("+x").arg(&evil).status().unwrap();
    let evil = evil.to_str().unwrap();
    for key in
        ["core.fsmonitor", "core.pager", "diff.external", "core.sshCommand", "gpg.program", "core.alternateRefsCommand"]
    {
        git(folder.path(), &["config", key, evil]);
    }
    git(folder.path(), &["config", "log.showSignature", "true"]);
    git(folder.path(), &["config", "core.hooksPath", folder.path().to_str().unwrap()]);
    assert_eq!(found(folder.path()), ["index", "commit"]);
    assert!(!mark.exists());
}

#[test]
fn a_broken_repository_is_said_to_be_one() {
    let folder = repository(&[]);
    git(folder.path(), &["add", "."]);
    fs::write(folder.path().join(".git/index"), "nonsense").unwrap();
    assert_eq!(found(folder.path()), ["git failed to read the index"]);
}

#[test]
fn references_that_cannot_be_read_are_no_reason_to_find_nothing() {
    let folder = repository(&[]);
    git(folder.path(), &["add", "a/.env"]);
    git(folder.path(), &["commit", "-qm", "x"]);
    git(folder.path(), &["rm", "-q", "--cached", "a/.env"]);
    git(folder.path(), &["pack-refs", "--all"]);
    fs::remove_dir_all(folder.path().join(".git/logs")).unwrap();
    assert_eq!(found(folder.path()), ["commit"]);
    // A list that is longer than any that is read.
    let packed = folder.path().join(".git/packed-refs");
    let text = fs::read_to_string(&packed).unwrap();
    fs::write(&packed, format!("# {}\n{text}", "x".repeat(16 << 20))).unwrap();
    assert_eq!(found(folder.path()), ["not every reference can be read"]);
}

#[test]
fn a_repository_that_cannot_be_found_is_said_to_be_there() {
    let folder = repository(&[]);
    let dot = folder.path().join(".git");
    fs::rename(&dot, folder.path().join("elsewhere")).unwrap();
    for text in ["", "gitdir elsewhere\n", "\u{ff}"] {
        fs::write(&dot, text).unwrap();
        assert_eq!(found(folder.path()), ["where the repository is cannot be read"], "{text:?}");
    }
    fs::remove_file(&dot).unwrap();
    std::os::unix::fs::symlink("nowhere", &dot).unwrap();
    assert_eq!(found(folder.path()), ["where the repository is cannot be read"]);
    fs::remove_file(&dot).unwrap();
    fs::write(&dot, "gitdir: elsewhere\n").unwrap();
    assert!(found(folder.path()).is_empty());
}

#[test]
fn a_shallow_clone_is_not_taken_for_a_broken_one() {
    let folder = repository(&[]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "x"]);
    git(folder.path(), &["commit", "-qm", "y", "--allow-empty"]);
    let other = tempfile::tempdir().unwrap();
    let from = format!("file://{}", folder.path().display());
    git(other.path(), &["clone", "-q", "--depth=1", &from, "w"]);
    assert_eq!(found(&other.path().join("w")), ["index", "commit"]);
}

#[test]
fn a_commit_that_another_working_tree_alone_leads_to_is_found() {
    let folder = repository(&[]);
    git(folder.path(), &["add", "README"]);
    git(folder.path(), &["commit", "-qm", "x"]);
    let other = tempfile::tempdir().unwrap();
    let tree = other.path().join("w");
    git(folder.path(), &["worktree", "add", "-q", "--detach", tree.to_str().unwrap()]);
    fs::create_dir(tree.join("a")).unwrap();
    fs::write(tree.join("a/.env"), "A=1\n").unwrap();
    git(&tree, &["add", "."]);
    git(&tree, &["commit", "-qm", "y"]);
    assert_eq!(found(folder.path()), ["commit"]);
}

#[test]
fn references_in_tables_are_no_reason_to_find_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("git").args(["init", "-q", "--ref-format=reftable"]).arg(folder.path()).output().unwrap();
    if !made.status.success() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "this git has no references in tables");
        eprintln!("SKIP: this git has no references in tables (git 2.45)");
        return;
    }
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("a/.env"), "A=1\n").unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "x"]);
    git(folder.path(), &["rm", "-q", "--cached", "a/.env"]);
    git(folder.path(), &["commit", "-qm", "y"]);
    assert_eq!(found(folder.path()), ["commit"]);
}

#[test]
fn a_name_that_is_no_line_of_text_is_looked_up_whole_and_told_as_one_word() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    for (name, told) in [
        (&b"a\n'b.env"[..], r"-- $'a\012\047b.env'"),
        (b"\xff.env", r"-- $'\377.env'"),
        (b"x'; touch y; '.env", r"-- 'x'\''; touch y; '\''.env'"),
    ] {
        let folder = repository(&[]);
        let path = folder.path().canonicalize().unwrap().join(OsStr::from_bytes(name));
        fs::write(&path, "A=1\n").unwrap();
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "-qm", "x"]);
        let traces = traces(&path);
        assert!(matches!(traces.as_slice(), [Trace::Index(_), Trace::Commit { .. }]), "{name:?} {traces:?}");
        let sentence = traces[0].sentence();
        assert!(sentence.contains(told), "{sentence}");
    }
}
