//! A kernel that refuses user namespaces, in earnest: in a namespace whose own limit of them is nought.

use super::refused;
use crate::harness::{Run, Scene, each_scene, require};
use std::path::Path;

/// Runs the launcher where no further user namespace can be made, without capabilities.
fn where_namespaces_are_refused(mut run: Run) -> Run {
    let script = "echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all --securebits=+noroot \"$@\"";
    run.outer = ["unshare", "--user", "--map-root-user", "/bin/sh", "-c", script, "sh"].map(Into::into).to_vec();
    run
}

/// Whether the preparation works here.
fn possible(scene: &Scene) -> bool {
    let refused = scene.bare(&where_namespaces_are_refused(Run::new(&["unshare", "--user", "true"])));
    let works = scene.bare(&where_namespaces_are_refused(Run::new(&["true"])));
    let possible = works.status == 0 && refused.status != 0;
    if !possible {
        crate::harness::skip("user namespaces cannot be refused for a test here");
    }
    possible
}

#[test]
fn run_stops_with_the_remedy_where_user_namespaces_are_refused() {
    each_scene(|scene| {
        if !require(&["unshare", "setpriv"]) || !possible(scene) {
            return;
        }
        let message = refused(scene, &where_namespaces_are_refused(Run::shell("touch ran")), 69);
        assert!(message.contains("max_user_namespaces"), "the exact remedy: {message}");
        assert!(!scene.at_work("ran").exists());
    });
}

/// A policy that goes on without namespaces.
const BEST_EFFORT: &str = "[require]\nuser_namespace = \"best-effort\"\nnetwork_namespace = \"best-effort\"\nabsent_names = \"best-effort\"\nsocket_supervision = \"best-effort\"\n";

#[test]
fn file_rules_hold_without_namespaces_when_the_policy_allows_it() {
    each_scene(|scene| {
        if !require(&["unshare", "setpriv"]) || !possible(scene) {
            return;
        }
        scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), BEST_EFFORT);
        std::os::unix::fs::symlink(scene.at_home(".ssh/id_ed25519"), scene.at_work("link")).expect("a symlink");
        scene.write(&scene.at_work(".git/config"), "[core]\n");
        let script = "echo works >made; cat ~/.ssh/id_ed25519 link ../.env ~/.cargo/credentials.toml; echo evil >>.git/config; echo evil >>~/.bashrc; env";
        let outcome = scene.sandboxed(&where_namespaces_are_refused(Run::shell(script)));
        assert!(scene.at_work("made").exists(), "honest work goes on: {outcome}");
        assert!(!scene.canary.is_in(&outcome.stdout), "{outcome}");
        for (place, what) in [(scene.at_work(".git/config"), "protected"), (scene.at_home(".bashrc"), "home")] {
            assert!(!contains_evil(&place), "{what}: {outcome}");
        }
        assert!(outcome.err().contains("sandbox-exec:"), "it says what is lost: {outcome}");
    });
}

/// Whether an attack got through to a file.
fn contains_evil(place: &Path) -> bool {
    std::fs::read_to_string(place).is_ok_and(|content| content.contains("evil"))
}
