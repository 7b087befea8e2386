//! The folder that a model has led its session to: it decides where a call starts, never what may be read or written.

use crate::harness::ways::{answer, call, in_the_clients_shell, rewritten};
use crate::harness::{Identity, Outcome, Run, Scene};
use serde_json::json;
use std::path::PathBuf;

/// Reads a secret, and leaves something in the home.
const COMMAND: &str = "echo STARTED; cat ~/.ssh/id_ed25519; echo evil >~/planted";

/// What becomes of a call.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// The hook denies it.
    Denied,
    /// It is put into the sandbox, which may refuse to start there.
    Confined,
}

/// Where a session was started, and where it stands.
type Place = fn(&Scene) -> PathBuf;

/// A shell call of a session that was started in one folder and stands in another one, bare and through the hook.
#[track_caller]
fn call_from(started: Place, stands: Place, expected: &Fate) {
    for identity in Identity::all_known() {
        let got =
            |scene: &Scene, outcome: &Outcome| scene.canary.is_in(&outcome.stdout) || scene.at_home("planted").exists();
        let scene = world(identity);
        let folder = stands(&scene);
        let folder = if folder.is_dir() { folder } else { scene.workspace.clone() };
        let outcome = scene.bare(&Run::shell(COMMAND).folder(&folder));
        assert!(got(&scene, &outcome), "must succeed bare, or it shows nothing: {outcome}");
        let scene = world(identity);
        let mut payload = call(&scene, "Bash", &started(&scene), &stands(&scene));
        payload["tool_input"]["command"] = json!(COMMAND);
        let said = answer(&scene, &payload, &[]);
        let fate = if said.status == 2 { Fate::Denied } else { Fate::Confined };
        assert_eq!(fate, *expected, "as {}: {said}", identity.name());
        if fate == Fate::Denied {
            assert!(
                said.out().contains("\"deny\"") && (said.out().contains("[fs.") || said.out().contains("[hook.")),
                "with a reason: {said}"
            );
            continue;
        }
        let outcome = scene.bare(&in_the_clients_shell(&scene, &rewritten(&said, &payload)));
        let refused = outcome.err().contains("sandbox-exec: ") && outcome.stdout.is_empty();
        assert!(refused || outcome.out().contains("STARTED"), "it ran, or was refused: {outcome}");
        assert!(!got(&scene, &outcome), "the attack succeeded as {}: {outcome}", identity.name());
    }
}

/// A scene with a repository, a folder whose name begins like the workspace's, and a link out of the workspace.
fn world(identity: Identity) -> Scene {
    let scene = Scene::new(identity);
    scene.bare(&Run::shell("git init -q .")).ok();
    scene.mkdir(&scene.at_home("code/project-secret"));
    std::os::unix::fs::symlink(&scene.home, scene.at_work("link")).expect("a symlink");
    scene
}

/// The workspace.
fn workspace(scene: &Scene) -> PathBuf {
    scene.workspace.clone()
}

#[test]
fn session_led_to_the_root_of_the_host_runs_nothing() {
    call_from(workspace, |_| "/".into(), &Fate::Denied);
}

#[test]
fn session_led_to_the_home_runs_nothing() {
    call_from(workspace, |scene| scene.home.clone(), &Fate::Denied);
}

#[test]
fn session_led_to_a_folder_above_the_workspace_runs_nothing() {
    call_from(workspace, |scene| scene.at_home("code"), &Fate::Denied);
}

#[test]
fn session_led_to_a_folder_whose_name_begins_like_the_workspaces_runs_nothing() {
    call_from(workspace, |scene| scene.at_home("code/project-secret"), &Fate::Denied);
}

#[test]
fn session_led_up_by_dot_dots_runs_nothing() {
    call_from(workspace, |scene| scene.at_work("../.."), &Fate::Denied);
    call_from(workspace, |scene| scene.at_work("sub/../../../.ssh"), &Fate::Denied);
    call_from(workspace, |_| "project/../..".into(), &Fate::Denied);
}

#[test]
fn session_led_out_by_a_link_in_the_workspace_is_confined_to_the_workspace() {
    call_from(workspace, |scene| scene.at_work("link"), &Fate::Confined);
    call_from(workspace, |scene| scene.at_work("link/.ssh"), &Fate::Confined);
}

#[test]
fn session_led_to_a_folder_that_does_not_exist_gets_no_other_one() {
    call_from(workspace, |scene| scene.at_work("gone/deeper"), &Fate::Confined);
}

#[test]
fn session_started_at_the_root_of_the_host_or_in_the_home_gets_neither() {
    call_from(|_| "/".into(), |_| "/".into(), &Fate::Denied);
    call_from(|scene| scene.home.clone(), |scene| scene.home.clone(), &Fate::Confined);
    call_from(|scene| scene.home.clone(), |scene| scene.at_work("sub"), &Fate::Confined);
    call_from(|scene| scene.at_home(".ssh"), |scene| scene.at_home(".ssh"), &Fate::Confined);
}

#[test]
fn session_led_into_the_git_folder_can_make_no_hook_there() {
    for below in [".git", ".git/hooks", ".git/objects"] {
        for identity in Identity::all_known() {
            let command = "echo STARTED; cd \"$(git rev-parse --git-dir)\"; echo evil >hooks/pre-commit";
            let planted = |scene: &Scene| scene.at_work(".git/hooks/pre-commit").exists();
            let scene = world(identity);
            scene.bare(&Run::shell(command).folder(&scene.at_work(below)));
            assert!(planted(&scene), "must succeed bare, or it shows nothing");
            let scene = world(identity);
            let mut payload = call(&scene, "Bash", &scene.workspace, &scene.at_work(below));
            payload["tool_input"]["command"] = json!(command);
            let said = answer(&scene, &payload, &[]);
            let outcome = scene.bare(&in_the_clients_shell(&scene, &rewritten(&said, &payload)));
            assert!(outcome.out().contains("STARTED"), "{outcome}");
            assert!(!planted(&scene), "a hook was made as {}: {outcome}", identity.name());
        }
    }
}
