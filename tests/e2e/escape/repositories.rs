//! Git folders in other shapes than a plain `.git`: a file, a symlink, the workspace itself, one beside the workspace.

use crate::harness::{Attempt, Run, Scene, escape};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A repository whose git folder lies at `store` in the workspace, where a `.git` file points.
fn separate(scene: &Scene) {
    scene.bare(&Run::shell("git init -q --separate-git-dir=store . && git add README.md && git commit -qm first")).ok();
}

/// A repository whose `.git` is a symlink to `store`.
fn linked(scene: &Scene) {
    scene.bare(&Run::shell("git init -q . && git add README.md && git commit -qm first && mv .git store")).ok();
    symlink("store", scene.at_work(".git")).expect("a symlink");
    scene.identity.own(&scene.at_work(".git"));
}

/// Whether a file says `evil`.
fn is_evil(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|content| content.contains("evil"))
}

/// Has the person outside ask git for the state of the workspace, and tells whether that ran the attacker's program.
fn runs_for_the_person(scene: &Scene) -> bool {
    drop(scene.bare(&Run::shell("git status")));
    scene.at_home("ran-outside").exists()
}

#[test]
fn git_file_cannot_be_written_removed_or_replaced() {
    for script in [
        "echo evil >>.git",
        "echo 'gitdir: evil' >.git",
        "rm -f .git",
        "echo 'gitdir: evil' >x; mv -f x .git",
        "ln -sf evil .git",
        "mv .git away; mkdir .git",
    ] {
        escape(move |scene| {
            separate(scene);
            let place = scene.at_work(".git");
            let before = fs::read(&place).expect("a git file");
            Attempt::shell(script).effect(move |_| {
                !place.symlink_metadata().is_ok_and(|status| status.is_file())
                    || fs::read(&place).ok().as_ref() != Some(&before)
            })
        });
    }
}

#[test]
fn git_folder_that_a_git_file_points_to_cannot_be_made_to_run_programs() {
    for target in ["store/hooks/pre-commit", "store/config"] {
        escape(move |scene| {
            separate(scene);
            let place = scene.at_work(target);
            Attempt::attack(scene, &["write", target, "evil"]).effect(move |_| is_evil(&place))
        });
    }
}

#[test]
fn git_folder_behind_a_symlink_cannot_be_made_to_run_programs() {
    for target in ["store/hooks/pre-commit", ".git/hooks/pre-commit", "store/config", ".git/config"] {
        escape(move |scene| {
            linked(scene);
            let place = scene.at_work(target);
            Attempt::attack(scene, &["write", target, "evil"]).effect(move |_| is_evil(&place))
        });
    }
}

#[test]
fn symlink_that_is_the_git_folder_cannot_be_repointed() {
    for script in
        ["ln -sfn evil .git", "rm -f .git; mkdir .git", "ln -s evil x; mv -fT x .git", "rm -f .git; ln -s evil .git"]
    {
        escape(move |scene| {
            linked(scene);
            let place = scene.at_work(".git");
            Attempt::shell(script).effect(move |_| {
                let is_there = place.symlink_metadata().is_ok();
                is_there && fs::read_link(&place).ok().as_deref() != Some(Path::new("store"))
            })
        });
    }
}

#[test]
fn workspace_cannot_become_a_git_folder_itself() {
    escape(|_| {
        Attempt::shell(
            "git init -q --bare seed; mv seed/objects seed/refs .; mv seed/HEAD .; mv seed/config . 2>/dev/null; \
             git config -f config core.bare false; git config -f config core.worktree .; \
             git config -f config core.fsmonitor 'touch ~/ran-outside; false'",
        )
        .effect(|scene| runs_for_the_person(scene))
    });
}

#[test]
fn head_of_a_git_folder_cannot_appear_in_the_workspace() {
    super::protected::cannot_appear("HEAD");
}

#[test]
fn git_configuration_cannot_be_changed_in_a_folder_given_for_writing() {
    escape(|scene| {
        let other = scene.at_home("other");
        scene.mkdir(&other);
        scene.bare(&Run::shell("git init -q .").folder(&other)).ok();
        let place = other.join(".git/config");
        Attempt::attack(scene, &["write".into(), place.clone().into_os_string(), "evil".into()])
            .with(|run| run.flags(&["--rw".into(), other.into_os_string()]))
            .effect(move |_| is_evil(&place))
    });
}

#[test]
fn guarded_name_cannot_appear_in_a_folder_given_for_writing() {
    for script in ["echo evil >.mcp.json", "echo evil >x; mv x .mcp.json", "echo evil >x; ln x .mcp.json"] {
        escape(move |scene| {
            let other = scene.at_home("other");
            scene.mkdir(&other);
            let place = other.join(".mcp.json");
            Attempt::shell(&format!("cd {} && {script}", other.display()))
                .with(|run| run.flags(&["--rw".into(), other.into_os_string()]))
                .effect(move |_| place.symlink_metadata().is_ok())
        });
    }
}
