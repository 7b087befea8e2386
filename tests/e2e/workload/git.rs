//! Git: everything a developer does all day.

use super::works;
use crate::harness::{Run, Scene, each_scene};

/// Fixed names and dates, so that both runs make the same objects.
const FIXED: &str = "export GIT_AUTHOR_DATE='2026-01-02T03:04:05Z' GIT_COMMITTER_DATE='2026-01-02T03:04:05Z'; set -e; ";

/// A repository with one commit.
fn repository(scene: &Scene) {
    scene.bare(&Run::shell(&format!("{FIXED} git init -q . && git add . && git commit -qm first"))).ok();
}

#[test]
fn git_starts_a_repository_below_the_workspace() {
    works(
        &["git"],
        |_| {},
        &format!(
            "{FIXED} git init -q sub; cd sub; echo a >a; git add a; git commit -qm first; git log --oneline | grep -q first"
        ),
    );
}

#[test]
fn git_commits_branches_merges_and_stashes() {
    works(
        &["git"],
        repository,
        &format!(
            "{FIXED} echo a >a; git add a; git commit -qm second; git switch -qc side; echo b >b; git add b; git commit -qm side; \
             git switch -q main; git merge -q side; echo c >>a; git stash -q; git stash pop -q; git commit -qam third; git tag v1; \
             git branch -d side; git status --porcelain; test \"$(git rev-list --count HEAD)\" = 4"
        ),
    );
}

#[test]
fn git_rebases_amends_and_resets() {
    works(
        &["git"],
        repository,
        &format!(
            "{FIXED} git switch -qc topic; echo t >t; git add t; git commit -qm topic; git switch -q main; echo m >m; git add m; \
             git commit -qm main; git switch -q topic; git rebase -q main; git commit -q --amend -m again; git reset -q --hard HEAD~1; test ! -e t"
        ),
    );
}

#[test]
fn git_adds_everything_without_committing_placeholders() {
    works(
        &["git"],
        repository,
        &format!(
            "{FIXED} echo a >a; git add -A; git commit -qm all; test \"$(git show --name-only --format= HEAD)\" = a; test -z \"$(git status --porcelain)\""
        ),
    );
}

#[test]
fn git_clones_fetches_and_pushes_a_local_bare_repository() {
    works(
        &["git"],
        |scene| {
            repository(scene);
            scene.bare(&Run::shell(&format!("{FIXED} git clone -q --bare . upstream.git"))).ok();
        },
        &format!(
            "{FIXED} git clone -q ./upstream.git copy; cd copy; echo a >a; git add a; git commit -qm second; git push -q; \
             git fetch -q; git pull -q; test \"$(git rev-list --count origin/main)\" = 2"
        ),
    );
}

#[test]
fn git_makes_and_removes_a_worktree() {
    works(
        &["git"],
        repository,
        &format!(
            "{FIXED} git worktree add -q -b side tree; cd tree; echo a >a; git add a; git commit -qm side; cd ..; git worktree remove tree; git log -1 --format=%s side | grep -q side"
        ),
    );
}

#[test]
fn git_runs_the_hooks_that_exist() {
    works(
        &["git"],
        |scene| {
            repository(scene);
            crate::harness::plant::program(&scene.at_work(".git/hooks/pre-commit"), "#!/bin/sh\ntouch hook-ran\n");
        },
        &format!("{FIXED} echo a >a; git add a; git commit -qm second; test -e hook-ran"),
    );
}

#[test]
fn git_collects_garbage() {
    // Not compared with bare: git also writes lists for web servers there (`.git/info/refs`), into a folder that is protected.
    each_scene(|scene| {
        repository(scene);
        let script = format!(
            "{FIXED} echo a >a; git add a; git commit -qm second; git gc -q; git fsck; ls .git/objects/pack/*.pack; git status"
        );
        assert!(scene.sandboxed(&Run::shell(&script)).ok().contains(".pack"));
    });
}

#[test]
fn git_reports_the_state_of_a_repository_kept_elsewhere() {
    for setup in [
        "git init -q --separate-git-dir=store . && git add README.md && git commit -qm first",
        "git init -q . && git add README.md && git commit -qm first && mv .git store && ln -s store .git",
    ] {
        works(
            &["git"],
            |scene| drop(scene.bare(&Run::shell(&format!("{FIXED} {setup}"))).ok()),
            "echo more >>README.md; git status --porcelain | grep -q ' M README.md' && git log --oneline | grep -q first",
        );
    }
}
