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

/// A repository with two submodules, one of which has a slash in its name, as most have.
fn with_submodules(scene: &Scene) {
    let add = "git -c protocol.file.allow=always submodule --quiet add";
    scene
        .bare(&Run::shell(&format!(
            "git init -q . && git init -q ~/upstream && git -C ~/upstream commit -q --allow-empty -m x && \
         {add} ~/upstream sub && {add} ~/upstream libs/deep && git commit -qm first"
        )))
        .ok();
}

#[test]
fn configuration_of_a_submodule_cannot_be_changed() {
    for name in ["sub", "libs/deep"] {
        escape(move |scene| {
            with_submodules(scene);
            Attempt::shell(&format!(
                "git config -f .git/modules/{name}/config core.fsmonitor 'touch ~/ran-outside; false'"
            ))
            .effect(|scene| runs_for_the_person(scene))
        });
    }
}

#[test]
fn configuration_of_a_submodule_cannot_be_redirected() {
    for (name, up) in [("sub", "../../.."), ("libs/deep", "../../../..")] {
        escape(move |scene| {
            with_submodules(scene);
            Attempt::shell(&format!(
                "cp -r .git/modules/{name} evil; git config -f evil/config --unset core.worktree; \
                 git config -f evil/config core.fsmonitor 'touch ~/ran-outside; false'; \
                 echo {up}/evil >.git/modules/{name}/commondir; echo {up}/evil >new; mv new .git/modules/{name}/commondir"
            ))
            .effect(|scene| runs_for_the_person(scene))
        });
    }
}

#[test]
fn hooks_of_a_submodule_cannot_be_changed() {
    for target in [".git/modules/sub/hooks/post-index-change", ".git/modules/libs/deep/hooks/post-index-change"] {
        escape(move |scene| {
            with_submodules(scene);
            let place = scene.at_work(target);
            Attempt::shell(&format!(
                "echo evil >{target}; d=$(dirname {target}); mv $d away; mkdir $d; echo evil >{target}; \
                 mv .git/modules away2 && cp -r away2 .git/modules && echo evil >{target}"
            ))
            .effect(move |_| is_evil(&place))
        });
    }
}

#[test]
fn linked_worktree_cannot_be_given_another_configuration() {
    for script in [
        "git config -f .git/worktrees/tree/config.worktree core.fsmonitor evil",
        "echo evil >x; mv x .git/worktrees/tree/config.worktree",
        "echo evil >.git/worktrees/tree/commondir; echo evil >x; mv x .git/worktrees/tree/commondir",
        "cp -r .git/worktrees x && mv .git/worktrees y && mv x .git/worktrees && echo evil >.git/worktrees/tree/commondir",
    ] {
        escape(move |scene| {
            let make = "git init -q . && git commit -q --allow-empty -m x && git worktree add -q tree && \
                        git config extensions.worktreeConfig true";
            scene.bare(&Run::shell(make)).ok();
            let places = ["config.worktree", "commondir"].map(|name| scene.at_work(".git/worktrees/tree").join(name));
            Attempt::shell(script).effect(move |_| places.iter().any(|place| is_evil(place)))
        });
    }
}

#[test]
fn configuration_of_git_cannot_include_a_file_of_the_workspace() {
    escape(|scene| {
        scene.bare(&Run::shell("git init -q .")).ok();
        Attempt::shell(
            "git config -f evil core.fsmonitor 'touch ~/ran-outside; false'; git config include.path ../evil; \
             git config includeIf.gitdir:/.path $PWD/evil; git config --global include.path $PWD/evil; \
             git config -f ~/.config/git/config include.path $PWD/evil; git config --worktree include.path ../evil",
        )
        .effect(|scene| runs_for_the_person(scene))
    });
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
