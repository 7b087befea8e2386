//! A kernel that refuses user namespaces, in earnest: in a namespace whose own limit of them is nought.

use super::refused;
use crate::harness::ways::{BEST_EFFORT, Way, best_effort, namespaces_can_be_refused, where_namespaces_are_refused};
use crate::harness::{Run, each_scene, leftovers, outcome};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

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

#[test]
fn command_ends_with_a_launcher_that_is_killed_without_namespaces() {
    each_scene(|scene| {
        if Way::WithoutNamespaces.walker(scene.identity).is_none() {
            return;
        }
        let run = where_namespaces_are_refused(scene, Run::shell("echo >ready; exec sleep 1000"));
        let mut child = scene.start_sandboxed(&best_effort(scene, run));
        let end = Instant::now() + PATIENCE;
        while !scene.at_work("ready").exists() {
            assert!(Instant::now() < end, "the command does not start");
            std::thread::sleep(Duration::from_millis(3));
        }
        // What makes the place around the launcher waits for it.
        let around = child.id();
        let inside = std::fs::read_to_string(format!("/proc/{around}/task/{around}/children")).expect("it is there");
        let launcher = Pid::from_raw(inside.trim().parse().expect("one process"));
        kill(launcher, Signal::SIGKILL).expect("the launcher is there");
        assert_eq!(outcome::wait(&mut child, PATIENCE), 137);
        leftovers::wait_until_gone(&scene.root).expect("nothing survives");
    });
}

/// Whether an attack got through to a file.
fn contains_evil(place: &Path) -> bool {
    std::fs::read_to_string(place).is_ok_and(|content| content.contains("evil"))
}
