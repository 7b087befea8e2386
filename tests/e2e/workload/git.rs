//! Git: everything a developer does all day.

use super::Workload;
use crate::harness::{Run, Scene};

/// Fixed dates, so that both runs make the same objects.
const FIXED: &str = "export GIT_AUTHOR_DATE='2026-01-02T03:04:05Z' GIT_COMMITTER_DATE='2026-01-02T03:04:05Z'; set -e; ";

/// The file in which git keeps times and numbers of files.
const INDEX: &[&str] = &["*index"];

/// A repository with one commit.
fn repository(scene: &mut Scene) {
    scene.bare(&Run::shell(&format!("{FIXED} git init -q . && git add . && git commit -qm first"))).ok();
}

/// Work with git.
fn git(title: &str, script: &str) -> Workload {
    Workload::shell(title, &format!("{FIXED} {script}")).tools(&["git"]).content_varies(INDEX)
}

#[test]
fn git_starts_a_repository_below_the_workspace() {
    git(
        "start a repository in a folder of the workspace",
        "git init -q sub; cd sub; echo a >a; git add a; git commit -qm first; git log --oneline | grep first",
    )
    .holds();
}

#[test]
fn git_commits_branches_merges_and_stashes() {
    git(
        "commit, branch, merge, stash, tag",
        "echo a >a; git add a; git commit -qm second; git switch -qc side; echo b >b; git add b; git commit -qm side; \
         git switch -q main; git merge -q side; echo c >>a; git stash -q; git stash pop -q; git commit -qam third; git tag v1; \
         git branch -d side; git status --porcelain; test \"$(git rev-list --count HEAD)\" = 4",
    )
    .prepare(repository)
    .holds();
}

#[test]
fn git_rebases_amends_and_resets() {
    git(
        "rebase, amend, reset",
        "git switch -qc topic; echo t >t; git add t; git commit -qm topic; git switch -q main; echo m >m; git add m; \
         git commit -qm main; git switch -q topic; git rebase -q main; git commit -q --amend -m again; git reset -q --hard HEAD~1; test ! -e t",
    )
    .prepare(repository)
    .holds();
}

#[test]
fn git_adds_everything_without_committing_placeholders() {
    git(
        "`git add -A`, which finds nothing of the sandbox's own",
        "echo a >a; git add -A; git commit -qm all; test \"$(git show --name-only --format= HEAD)\" = a; test -z \"$(git status --porcelain)\"",
    )
    .prepare(repository)
    .holds();
}

#[test]
fn git_clones_fetches_and_pushes_a_local_bare_repository() {
    git(
        "clone, fetch, pull and push by path",
        "git clone -q ./upstream.git copy; cd copy; echo a >a; git add a; git commit -qm second; git push -q; \
         git fetch -q; git pull -q; test \"$(git rev-list --count origin/main)\" = 2",
    )
    .prepare(|scene| {
        repository(scene);
        scene.bare(&Run::shell(&format!("{FIXED} git clone -q --bare . upstream.git"))).ok();
    })
    .content_varies(&["*.pack", "*.idx", "*.rev"])
    .holds();
}

#[test]
fn git_makes_and_removes_a_worktree() {
    git(
        "worktrees: add, commit in one, remove",
        "git worktree add -q -b side tree; cd tree; echo a >a; git add a; git commit -qm side; cd ..; git worktree remove tree; \
         git worktree list | wc -l; git log -1 --format=%s side",
    )
    .prepare(repository)
    .holds();
}

#[test]
fn git_runs_the_hooks_that_exist() {
    git("hooks that are there already run", "echo a >a; git add a; git commit -qm second; test -e hook-ran")
        .prepare(|scene| {
            repository(scene);
            crate::harness::plant::program(&scene.at_work(".git/hooks/pre-commit"), "#!/bin/sh\ntouch hook-ran\n");
        })
        .holds();
}

#[test]
fn git_collects_garbage() {
    git(
        "`git gc`, `git fsck`",
        "echo a >a; git add a; git commit -qm second; git gc -q; git fsck; ls .git/objects/pack/*.pack | wc -l; git status",
    )
    .prepare(repository)
    .content_varies(&["*.pack", "*.idx", "*.rev", "*.bitmap", "*/packs"])
    .without_names(&[".git/info/refs", ".git/objects/info/*"])
    .note("git complains that it cannot write lists for web servers into `.git/info`, which is protected, and goes on")
    .holds();
}

#[test]
fn git_reports_the_state_of_a_repository_kept_elsewhere() {
    for (title, setup) in [
        (
            "a repository kept elsewhere (`.git` is a file)",
            "git init -q --separate-git-dir=store . && git add README.md && git commit -qm first",
        ),
        (
            "a repository kept elsewhere (`.git` is a link)",
            "git init -q . && git add README.md && git commit -qm first && mv .git store && ln -s store .git",
        ),
    ] {
        git(title, "echo more >>README.md; git status --porcelain && git log --format=%s")
            .prepare(move |scene| drop(scene.bare(&Run::shell(&format!("{FIXED} {setup}"))).ok()))
            .holds();
    }
}

#[test]
fn git_adds_and_updates_submodules() {
    git(
        "submodules by path: add, commit, clone with them, update",
        "export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always; git init -q part; cd part; echo p >p; git add p; \
         git commit -qm part; cd ..; git init -q whole; cd whole; git submodule add -q ../part part; git commit -qm whole; cd ..; \
         git clone -q --recurse-submodules whole copy; cd part; echo q >q; git add q; git commit -qm more; cd ../copy; \
         git submodule update -q --remote; git add part; git commit -qm update; git submodule status; ls part",
    )
    .content_varies(&["*.pack", "*.idx", "*.rev"])
    .holds();
}

#[test]
fn git_filters_large_files_through_a_store() {
    git(
        "clean and smudge filters, as git-lfs has them",
        "git clone -q . copy; cd copy; cat big; echo more >>big; git add big; git commit -qm more; git show HEAD:big; rm big; git checkout -q big; cat big",
    )
    .prepare(|scene| {
        let filter = "#!/bin/sh\n# Keeps contents in a store beside the repository, and pointers in it.\nstore=$HOME/code/project/store; mkdir -p $store\n\
             case $1 in clean) cat >$store/new; name=$(sha256sum $store/new | cut -c1-64); mv $store/new $store/$name; echo pointer $name;;\n\
             smudge) read -r word name; cat $store/$name;; esac\n";
        crate::harness::plant::program(&scene.at_home(".local/bin/git-keep"), filter);
        scene.identity.own(&scene.at_home(".local/bin/git-keep"));
        let config = "git config --global filter.keep.clean 'git-keep clean'; git config --global filter.keep.smudge 'git-keep smudge'; \
             git config --global filter.keep.required true; printf 'big filter=keep\\n' >.gitattributes; echo large >big; printf 'store\\ncopy\\n' >.gitignore";
        scene.bare(&Run::shell(config)).ok();
        repository(scene);
    })
    .without_names(&["*.git/objects/*"])
    .note("a clone of the workspace's own repository copies objects instead of linking them, as `.git` is a mount of its own")
    .holds();
}
