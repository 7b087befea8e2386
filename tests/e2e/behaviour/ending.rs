//! How a call ends: with everything it started, in time.

use crate::harness::patience::wait_for_file;
use crate::harness::{Run, each_scene, leftovers};
use std::time::Duration;

#[test]
fn held_open_stdout_does_not_hang_the_caller() {
    each_scene(|scene| {
        let outcome = scene.sandboxed(&Run::shell("sleep 300 & echo done"));
        assert_eq!(outcome.ok(), "done\n");
        assert!(outcome.time < Duration::from_secs(100), "{:?}", outcome.time);
        assert!(outcome.streams_ended, "nobody holds the streams any longer");
    });
}

#[test]
fn background_processes_are_asked_to_end_before_they_are_ended() {
    each_scene(|scene| {
        // As much time as a busy machine takes: the run ends when they have ended.
        scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), "[limits]\ngrace = \"60s\"\n");
        let script = "(trap 'echo tidy >tidied.txt; exit 0' TERM; touch set; while :; do sleep 0.01; done) & \
                      until [ -e set ]; do sleep 0.01; done; exit 0";
        scene.sandboxed(&Run::shell(script)).ok();
        assert!(scene.at_work("tidied.txt").exists(), "it had the grace to tidy up in");
    });
}

#[test]
fn orphans_are_reaped() {
    each_scene(|scene| {
        // Whatever has ended is reaped in a moment; what is never reaped stays a zombie however often it is looked for.
        let script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c 'sleep 0.02; echo >>ended' &) ; done; \
                      until [ \"$(wc -l <ended)\" = 10 ]; do sleep 0.02; done 2>/dev/null; \
                      for i in $(seq 600); do grep -qs '^State:.Z' /proc/[0-9]*/status || break; sleep 0.05; done; \
                      grep -ls '^State:.Z' /proc/[0-9]*/status; true";
        assert_eq!(scene.sandboxed(&Run::shell(script)).ok(), "", "no zombies");
    });
}

#[test]
fn killing_the_launcher_ends_the_sandbox() {
    each_scene(|scene| {
        let mut child = scene.start_sandboxed(&Run::shell("trap '' TERM HUP INT; sleep 600 & touch ready; sleep 600"));
        wait_for_file(scene, "ready");
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
        leftovers::wait_until_gone(&scene.root).expect("nothing survives");
    });
}

#[test]
fn process_kept_on_purpose_finishes_its_work() {
    each_scene(|scene| {
        let script = "(sleep 0.8; echo kept >kept.txt) >/dev/null 2>&1 & exit 3";
        let outcome = scene.sandboxed(&Run::shell(script).flags(&["--keep"]));
        assert_eq!(outcome.status, 3, "the command's own status: {outcome}");
        wait_for_file(scene, "kept.txt");
    });
}
