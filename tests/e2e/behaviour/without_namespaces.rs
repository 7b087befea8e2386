//! A kernel that refuses user namespaces, in earnest: in a namespace whose own limit of them is nought.

use super::refused;
use crate::harness::ways::{BEST_EFFORT, Way, namespaces_can_be_refused, where_namespaces_are_refused};
use crate::harness::{Run, each_scene};
use std::path::Path;

#[test]
fn run_stops_with_the_remedy_where_user_namespaces_are_refused() {
    each_scene(|scene| {
        if !namespaces_can_be_refused() {
            return;
        }
        let message = refused(scene, &where_namespaces_are_refused(scene, Run::shell("touch ran")), 69);
        assert!(message.contains("max_user_namespaces"), "the exact remedy: {message}");
        assert!(!scene.at_work("ran").exists());
    });
}

#[test]
fn file_rules_hold_without_namespaces_when_the_policy_allows_it() {
    each_scene(|scene| {
        if Way::WithoutNamespaces.walker(scene.identity).is_none() {
            return;
        }
        std::os::unix::fs::symlink(scene.at_home(".ssh/id_ed25519"), scene.at_work("link")).expect("a symlink");
        scene.write(&scene.at_work(".git/config"), "[core]\n");
        let script = "echo works >made; cat ~/.ssh/id_ed25519 link ../.env ~/.cargo/credentials.toml; echo evil >>.git/config; echo evil >>~/.bashrc; env";
        let outcome = Way::WithoutNamespaces.run(scene, &Run::shell(script)).expect("it applies");
        assert!(scene.at_work("made").exists(), "honest work goes on: {outcome}");
        assert!(!scene.canary.is_in(&outcome.stdout), "{outcome}");
        for (place, what) in [(scene.at_work(".git/config"), "protected"), (scene.at_home(".bashrc"), "home")] {
            assert!(!contains_evil(&place), "{what}: {outcome}");
        }
        assert!(outcome.err().contains("sandbox-exec:"), "it says what is lost: {outcome}");
    });
}

#[test]
fn root_does_without_namespaces_only_where_the_policy_lets_root_stay_root() {
    each_scene(|scene| {
        if scene.identity.id != 0 || Way::WithoutNamespaces.walker(scene.identity).is_none() {
            return;
        }
        let policy = BEST_EFFORT.replace("owner_remap = \"best-effort\"", "owner_remap = \"require\"");
        scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), &policy);
        let message = refused(scene, &where_namespaces_are_refused(scene, Run::shell("touch ran")), 69);
        assert!(message.contains("owner_remap is required by the policy"), "{message}");
        assert!(!scene.at_work("ran").exists());
    });
}

/// Whether an attack got through to a file.
fn contains_evil(place: &Path) -> bool {
    std::fs::read_to_string(place).is_ok_and(|content| content.contains("evil"))
}
