//! Histories: every place that git keeps things in, and repositories made to run something.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use lobsterpot_vault::scan::{Passed, Place, Report};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{VALUE, below, folder, history, lines};
use crate::harness::has;

/// Whether git is there to make repositories with.
fn has_git() -> bool {
    has("git")
}

/// Git in a folder, with nobody's configuration.
fn git_command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["-c", "safe.directory=*", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("HOME", "/nonexistent")])
        .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@b"), ("GIT_COMMITTER_NAME", "a")])
        .envs([("GIT_COMMITTER_EMAIL", "a@b"), ("GIT_EDITOR", "true")])
        .stderr(Stdio::null());
    command
}

/// Runs git in a folder; what it says.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = git_command(folder, arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Writes a file and commits it.
pub(super) fn commit(folder: &Path, file: &str, text: &str) -> String {
    fs::write(folder.join(file), text).unwrap();
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--no-gpg-sign", "--message", "change"]);
    git(folder, &["rev-parse", "HEAD"])
}

/// A repository with one clean commit.
pub(super) fn repository() -> (tempfile::TempDir, std::path::PathBuf) {
    let (guard, folder) = folder();
    git(&folder, &["init", "--quiet", "--initial-branch=main"]);
    commit(&folder, "clean", "nothing\n");
    (guard, folder)
}

/// The kinds of the objects that were found.
fn kinds(report: &Report) -> Vec<&'static str> {
    let kind = |place: &Place| if let Place::Object { kind, .. } = place { Some(*kind) } else { None };
    report.findings.iter().filter_map(|finding| kind(&finding.place)).collect()
}

#[test]
fn what_was_committed_and_removed_is_told_by_commit_and_path() {
    if !has_git() {
        return;
    }
    for is_packed in [false, true] {
        let (_guard, folder) = repository();
        fs::create_dir(folder.join("conf")).unwrap();
        let added = commit(&folder, "conf/app.env", &format!("A=1\nKEY={VALUE}\n"));
        fs::remove_file(folder.join("conf/app.env")).unwrap();
        commit(&folder, "clean", "more\n");
        if is_packed {
            git(&folder, &["gc", "--quiet", "--prune=now"]);
        }
        let blob = git(&folder, &["rev-parse", &format!("{added}:conf/app.env")]);
        let report = history(&folder);
        let expected = format!(".git: git blob {blob}:2 = conf/app.env in commit {added}: KEY (raw)");
        assert_eq!(lines(&report, &folder), [expected], "packed: {is_packed}");
        assert!(report.unread.is_empty(), "{:?}", report.unread);
        let without = below(&folder);
        assert_eq!((without.findings.len(), without.passed[0].0), (0, Passed::History));
    }
}

#[test]
fn messages_of_commits_and_tags_and_names_in_trees_are_searched() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = repository();
    git(&folder, &["commit", "--quiet", "--no-gpg-sign", "--allow-empty", "--message", &format!("why: {VALUE}")]);
    git(&folder, &["reset", "--quiet", "--hard", "HEAD~1"]);
    git(&folder, &["tag", "--no-sign", "--annotate", "v1", "--message", &format!("release {VALUE}")]);
    git(&folder, &["pack-refs", "--all"]);
    commit(&folder, &format!("{}.txt", VALUE.replace('/', "%2f")), "x");
    fs::remove_dir_all(folder.join(".git/logs")).unwrap();
    for editor in ["COMMIT_EDITMSG", "TAG_EDITMSG"] {
        let _ = fs::remove_file(folder.join(".git").join(editor));
    }
    let report = history(&folder);
    let mut found = kinds(&report);
    found.sort_unstable();
    assert_eq!(found, ["commit", "tag", "tree"], "{:?}", report.lines());
}

#[test]
fn what_no_branch_leads_to_is_searched() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = repository();
    // A stash, a commit that was dropped without a trace, a file that was only ever staged, an object of nobody.
    fs::write(folder.join("clean"), format!("stashed {VALUE}")).unwrap();
    git(&folder, &["stash", "--quiet"]);
    commit(&folder, "dropped", &format!("dropped {VALUE}"));
    git(&folder, &["reset", "--quiet", "--hard", "HEAD~1"]);
    fs::write(folder.join("staged"), format!("staged {VALUE}")).unwrap();
    git(&folder, &["add", "staged"]);
    fs::remove_file(folder.join("staged")).unwrap();
    fs::write(folder.join("loose"), format!("loose {VALUE}")).unwrap();
    git(&folder, &["hash-object", "-w", "loose"]);
    fs::remove_file(folder.join("loose")).unwrap();
    fs::remove_file(folder.join(".git/logs/HEAD")).unwrap();
    let report = history(&folder);
    let told = report.lines();
    assert_eq!(kinds(&report), ["blob"; 4], "{told}");
    for origin in ["clean in commit", "dropped in commit", "staged in the index"] {
        assert!(told.contains(origin), "{origin}: {told}");
    }
}

#[test]
fn reflogs_references_and_configuration_are_searched_also_from_a_folder_below() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = repository();
    fs::create_dir(folder.join("below")).unwrap();
    let address = format!("https://user:{}@host/x", VALUE.replace('/', "%2F").replace('"', "%22").replace('\\', "%5C"));
    git(&folder, &["config", "remote.origin.url", &address]);
    git(&folder, &["update-ref", "-m", &format!("by {VALUE}"), "--create-reflog", "refs/heads/other", "HEAD"]);
    let found = lines(&history(&folder.join("below")), &folder);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().any(|line| line.starts_with(".git/config:")), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with(".git/logs/refs/heads/other:1")), "{found:?}");
}

#[test]
fn every_layout_of_a_repository_is_read() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = folder();
    let origin = folder.join("origin");
    fs::create_dir(&origin).unwrap();
    git(&origin, &["init", "--quiet", "--initial-branch=main"]);
    commit(&origin, "old", &format!("KEY={VALUE}"));
    fs::remove_file(origin.join("old")).unwrap();
    commit(&origin, "new", "x");
    let address = format!("file://{}", origin.display());
    for (name, arguments) in [
        ("bare", vec!["clone", "--quiet", "--bare", &address]),
        ("mirror", vec!["clone", "--quiet", "--mirror", &address]),
        ("shallow", vec!["clone", "--quiet", "--depth=2", &address]),
        ("unpopulated", vec!["clone", "--quiet", "--no-checkout", &address]),
        ("shared", vec!["clone", "--quiet", "--shared", origin.to_str().unwrap()]),
    ] {
        git(&folder, &[arguments, vec![name]].concat());
        let report = history(&folder.join(name));
        assert_eq!((kinds(&report).len(), report.unread.len()), (1, 0), "{name}: {:?}", report.unread);
        assert!(report.lines().contains("old in commit"), "{name}: {}", report.lines());
    }
    git(&origin, &["worktree", "add", "--quiet", "../tree"]);
    assert_eq!(kinds(&history(&folder.join("tree"))).len(), 1);
    git(&folder.join("bare"), &["--git-dir=.", "fsck"]);
    // All of them at once: objects that are shared by a worktree are read once.
    assert_eq!(kinds(&history(&folder)).len(), 6);
}

#[test]
fn a_repository_with_other_ids_is_read() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = folder();
    git(&folder, &["init", "--quiet", "--object-format=sha256"]);
    commit(&folder, "old", VALUE);
    commit(&folder, "old", "gone");
    let report = history(&folder);
    assert_eq!((kinds(&report), report.unread.len()), (vec!["blob"], 0), "{:?}", report.unread);
}

#[test]
fn a_replaced_object_is_read_as_it_is() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = repository();
    commit(&folder, "file", VALUE);
    let old = git(&folder, &["rev-parse", "HEAD:file"]);
    commit(&folder, "file", "harmless");
    let new = git(&folder, &["rev-parse", "HEAD:file"]);
    git(&folder, &["replace", &old, &new]);
    assert_eq!(kinds(&history(&folder)), ["blob"]);
}

/// Makes a repository in which everything that git would run leaves a mark.
fn booby_trapped(folder: &Path, mark: &Path) {
    let trap = folder.join("trap");
    fs::write(&trap, format!("#!/bin/sh\n: >'{}'\nexit 1\n", mark.display())).unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    let trap = trap.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
        "diff.x.textconv",
        "diff.x.command",
        "diff.external",
        "merge.x.driver",
        "gpg.program",
        "gpg.ssh.program",
        "credential.helper",
        "sequence.editor",
        "uploadpack.packObjectsHook",
        "pager.diff-tree",
        "pager.cat-file",
        "interactive.diffFilter",
    ] {
        git(folder, &["config", key, trap]);
    }
    for (key, value) in [
        ("alias.cat-file", format!("!{trap}")),
        ("filter.x.required", "true".to_owned()),
        ("log.showSignature", "true".to_owned()),
        ("core.untrackedCache", "true".to_owned()),
        ("core.repositoryFormatVersion", "1".to_owned()),
        ("extensions.partialClone", "origin".to_owned()),
        ("remote.origin.promisor", "true".to_owned()),
        ("remote.origin.url", format!("ext::sh -c {trap}")),
        ("protocol.ext.allow", "always".to_owned()),
        ("protocol.allow", "always".to_owned()),
    ] {
        git(folder, &["config", key, &value]);
    }
    for hook in ["reference-transaction", "post-index-change", "post-checkout", "fsmonitor-watchman", "pre-auto-gc"] {
        fs::copy(folder.join("trap"), folder.join(".git/hooks").join(hook)).unwrap();
    }
    fs::write(folder.join(".gitattributes"), "* filter=x diff=x merge=x\n").unwrap();
    fs::write(folder.join(".git/info/attributes"), "* filter=x diff=x merge=x\n").unwrap();
}

#[test]
fn a_hostile_repository_runs_nothing() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = repository();
    commit(&folder, "old", &format!("KEY={VALUE}"));
    commit(&folder, "old", "gone");
    let lost = git(&folder, &["rev-parse", "HEAD~1:clean"]);
    let mark = folder.join("mark");
    booby_trapped(&folder, &mark);
    // An object that only a remote has: git would fetch it, by running what the remote's address says.
    fs::remove_file(folder.join(".git/objects").join(&lost[..2]).join(&lost[2..])).unwrap();
    assert!(!mark.exists());
    let _ = git_command(&folder, &["status"]).stdout(Stdio::null()).status();
    assert!(mark.exists(), "the traps do not work, so this test shows nothing");
    fs::remove_file(&mark).unwrap();
    let _ = git_command(&folder, &["cat-file", "-p", &lost]).stdout(Stdio::null()).status();
    assert!(mark.exists(), "the remote is no trap, so this test shows nothing");
    fs::remove_file(&mark).unwrap();
    let report = history(&folder);
    assert!(!mark.exists(), "something ran");
    assert_eq!(kinds(&report), ["blob"]);
    assert!(report.lines().contains("old in commit"), "{}", report.lines());
}

#[test]
fn a_configuration_that_never_ends_does_not_stop_a_scan() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = repository();
    commit(&folder, "old", VALUE);
    commit(&folder, "old", "gone");
    mkfifo(&folder.join(".git/endless"), Mode::S_IRWXU).unwrap();
    let config = fs::read_to_string(folder.join(".git/config")).unwrap();
    fs::write(folder.join(".git/config"), format!("[include]\n\tpath = endless\n{config}")).unwrap();
    assert_eq!(kinds(&history(&folder)), ["blob"]);
    fs::remove_file(folder.join(".git/shallow")).ok();
    mkfifo(&folder.join(".git/shallow"), Mode::S_IRWXU).unwrap();
    mkfifo(&folder.join(".git/commondir"), Mode::S_IRWXU).unwrap();
    assert_eq!(kinds(&history(&folder)), ["blob"]);
}

#[test]
fn a_broken_repository_is_listed_and_not_left_out() {
    if !has_git() {
        return;
    }
    let (_guard, folder) = repository();
    commit(&folder, "old", VALUE);
    let blob = git(&folder, &["rev-parse", "HEAD:old"]);
    let object = folder.join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    fs::set_permissions(&object, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&object, "broken").unwrap();
    let report = history(&folder);
    assert_eq!(report.unread.len(), 1);
    assert!(report.unread[0].place.ends_with(".git: history"), "{:?}", report.unread);
    fs::write(folder.join("own"), "gitdir: /nonexistent").unwrap();
    fs::create_dir(folder.join("module")).unwrap();
    fs::rename(folder.join("own"), folder.join("module/.git")).unwrap();
    assert_eq!(history(&folder.join("module")).unread.len(), 1);
}
