//! The launcher's own helpers as the target: what acts outside for the sandbox must not be led astray, stalled or worn out.

use crate::harness::{Attempt, Run, Scene, escape};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// A repository with a hook, as a person would have left it.
fn repository(scene: &Scene) {
    scene.bare(&Run::shell("git init -q . && git add README.md && git commit -qm first")).ok();
    scene.write(&scene.at_work(".git/hooks/post-commit"), "#!/bin/sh\nexit 0\n");
}

/// Whether there is anything under this name, a dangling symlink included.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[test]
fn symlink_above_a_guarded_name_does_not_have_a_file_outside_moved_away() {
    escape(|scene| {
        let settings = scene.at_home(".claude/settings.json");
        scene.write(&settings, "{}\n");
        Attempt::shell("ln -s \"$HOME/.claude\" x; mv x .openclaw; touch y; sleep .2; touch z; sleep .2")
            .effect(move |_| !is_there(&settings))
            .never_bare("without the launcher nothing outside moves names aside")
    });
}

#[test]
fn symlink_above_a_guarded_name_does_not_have_the_git_hooks_moved_away() {
    escape(|scene| {
        repository(scene);
        let hook = scene.at_work(".git/hooks/post-commit");
        Attempt::shell("ln -s y x; mv x .openclaw; ln -s .git y; touch z; sleep .1; touch zz; sleep .1")
            .effect(move |_| !is_there(&hook))
            .never_bare("without the launcher nothing outside moves names aside")
    });
}

/// A race for `.mcp.json` after some preparation, won when the name is there once all is over.
fn race_for_a_name(prepared: &'static str, read_only: &'static str) {
    escape(move |scene| {
        let (place, folder) = (scene.at_work(".mcp.json"), scene.workspace.clone());
        scene.at_end(move |_| {
            std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("its mode");
        });
        let attack = scene.attack();
        Attempt::shell(&format!("{prepared} {} create-race l harmless .mcp.json {read_only}", attack.display()))
            .effect(move |_| is_there(&place))
    });
}

#[test]
fn name_won_in_a_race_is_not_kept() {
    race_for_a_name("", "");
}

#[test]
fn name_won_in_a_race_is_not_kept_where_names_for_quarantine_are_taken() {
    race_for_a_name("for n in $(seq 0 1000); do : >.mcp.json.quarantined-$n; done;", "");
}

#[test]
fn name_won_in_a_race_is_not_kept_in_a_folder_made_read_only() {
    race_for_a_name("", ".");
}

#[test]
fn wall_clock_ends_a_command_whose_connections_wait_and_change_their_minds() {
    escape(|scene| {
        Attempt::attack(scene, &["connect-stall", "full.sock", "24"])
            .with(|run| run.flags(&["--timeout", "4s"]))
            .or_lasts(Duration::from_secs(22))
    });
}
