//! Work of git that one command begins and the next goes on with, in the sandbox and outside.

use super::in_conflict;
use crate::harness::{Run, each_scene};

#[test]
fn rebase_merge_pick_and_patch_are_begun_by_one_command_and_finished_by_the_next() {
    for (begin, finish) in [
        ("git rebase main", "git rebase --continue"),
        ("git rebase -s subtree -X patience main", "git rebase --continue"),
        ("git rebase -s resolve main", "git rebase --continue"),
        ("git rebase --apply main", "git rebase --continue"),
        ("git merge main", "git commit -q --no-edit"),
        ("git cherry-pick --strategy=ort main main", "git cherry-pick --abort"),
        ("git format-patch -q -1 main --stdout >p; git am -3 --whitespace=fix p", "git am --continue"),
        (
            "git rebase -x 'echo ran >>ran' main",
            "mv .git/rebase-merge/git-rebase-todo.quarantined-* .git/rebase-merge/git-rebase-todo; git rebase --continue && grep -q ran ran",
        ),
    ] {
        each_scene(|scene| {
            in_conflict(scene);
            scene.bare(&Run::shell("git config rerere.enabled true")).ok();
            let first = scene.sandboxed(&Run::shell(begin));
            let is_set_aside = begin.contains(" -x ") || begin.contains(" resolve ");
            assert_eq!(first.err().contains("sandbox-exec: "), is_set_aside, "{begin}: {first}");
            let next = format!("git status >/dev/null; echo d >f; git add f && export GIT_EDITOR=true; {finish}");
            let second = scene.sandboxed(&Run::shell(&next));
            second.ok();
            assert!(!second.err().contains("sandbox-exec: "), "{begin}: {second}");
            let left = scene.bare(&Run::shell("git status")).ok();
            assert!(!left.contains("in progress") && !left.contains("You are currently"), "{begin}: {left}");
        });
    }
}

#[test]
fn rebase_that_the_person_began_is_left_as_it_is() {
    each_scene(|scene| {
        in_conflict(scene);
        drop(scene.bare(&Run::shell("git rebase -x 'touch ~/ran-outside' main")));
        let outcome = scene.sandboxed(&Run::shell("echo d >f; git add f; git status"));
        assert!(!outcome.err().contains("sandbox-exec: "), "{outcome}");
        drop(scene.bare(&Run::shell("GIT_EDITOR=true git rebase --continue")));
        assert!(scene.at_home("ran-outside").exists(), "what a person's own rebase runs");
    });
}
