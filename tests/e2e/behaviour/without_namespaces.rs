//! A kernel that refuses user namespaces, in earnest: in a namespace whose own limit of them is nought.

use super::refused;
use crate::harness::{Run, Scene, each_scene, require};
use std::path::Path;

/// Runs the launcher where no further user namespace can be made, as the scene's user without capabilities.
fn where_namespaces_are_refused(scene: &Scene, mut run: Run) -> Run {
    let id = scene.identity.id;
    run.outer = vec![scene.attack().into_os_string(), "where-namespaces-are-refused".into()];
    if nix::unistd::getuid().is_root() {
        let ids = [format!("--reuid={id}"), format!("--regid={id}"), "--clear-groups".to_owned()];
        run.outer.extend(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--securebits=+noroot"].map(Into::into));
        run.outer.extend(ids.into_iter().map(Into::into).chain(["--".into()]));
        run.outer_changes_user = scene.identity.changes();
    }
    run
}

/// Whether the preparation works here.
fn possible(scene: &Scene) -> bool {
    let refused = scene.bare(&where_namespaces_are_refused(scene, Run::new(&["unshare", "--user", "true"])));
    let works = scene.bare(&where_namespaces_are_refused(scene, Run::new(&["true"])));
    let possible = works.status == 0 && refused.status != 0;
    if !possible {
        crate::harness::skip("user namespaces cannot be refused for a test here");
    }
    possible
}

#[test]
fn run_stops_with_the_remedy_where_user_namespaces_are_refused() {
    each_scene(|scene| {
        if !require(&["setpriv"]) || !possible(scene) {
            return;
        }
        let message = refused(scene, &where_namespaces_are_refused(scene, Run::shell("touch ran")), 69);
        assert!(message.contains("max_user_namespaces"), "the exact remedy: {message}");
        assert!(!scene.at_work("ran").exists());
    });
}

/// A policy that goes on without namespaces.
const BEST_EFFORT: &str = "[require]\nuser_namespace = \"best-effort\"\nnetwork_namespace = \"best-effort\"\nabsent_names = \"best-effort\"\nsocket_supervision = \"best-effort\"\nowner_remap = \"best-effort\"\n";

#[test]
fn file_rules_hold_without_namespaces_when_the_policy_allows_it() {
    each_scene(|scene| {
        if !require(&["setpriv"]) || !possible(scene) {
            return;
        }
        if !nix::unistd::getuid().is_root() {
            return crate::harness::skip("only root can map every owner, and a policy's owner must be seen");
        }
        scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), BEST_EFFORT);
        std::os::unix::fs::symlink(scene.at_home(".ssh/id_ed25519"), scene.at_work("link")).expect("a symlink");
        scene.write(&scene.at_work(".git/config"), "[core]\n");
        let script = "echo works >made; cat ~/.ssh/id_ed25519 link ../.env ~/.cargo/credentials.toml; echo evil >>.git/config; echo evil >>~/.bashrc; env";
        let outcome = scene.sandboxed(&where_namespaces_are_refused(scene, Run::shell(script)));
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
        if scene.identity.id != 0 || !require(&["setpriv"]) || !possible(scene) {
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
