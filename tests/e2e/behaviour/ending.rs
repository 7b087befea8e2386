//! How a call ends: with everything it started, in time.

use crate::harness::{Run, each_scene, leftovers};
use std::time::Duration;

#[test]
fn held_open_stdout_does_not_hang_the_caller() {
    each_scene(|scene| {
        let outcome = scene.sandboxed(&Run::shell("sleep 60 & echo done"));
        assert_eq!(outcome.ok(), "done\n");
        assert!(outcome.time < Duration::from_secs(5), "{:?}", outcome.time);
        assert!(outcome.streams_ended, "nobody holds the streams any longer");
    });
}

#[test]
fn background_processes_are_asked_to_end_before_they_are_ended() {
    each_scene(|scene| {
        let script = "(trap 'echo tidy >tidied.txt; exit 0' TERM; while :; do sleep 0.01; done) & sleep 0.2; exit 0";
        scene.sandboxed(&Run::shell(script)).ok();
        assert!(scene.at_work("tidied.txt").exists(), "it had the grace to tidy up in");
    });
}

#[test]
fn orphans_are_reaped() {
    each_scene(|scene| {
        let script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.02 &) ; done; sleep 0.4; grep -l '^State:.Z' /proc/[0-9]*/status; true";
        assert_eq!(scene.sandboxed(&Run::shell(script)).ok(), "", "no zombies");
    });
}

#[test]
fn killing_the_launcher_ends_the_sandbox() {
    each_scene(|scene| {
        let mut child = scene.start_sandboxed(&Run::shell("trap '' TERM HUP INT; sleep 60 & sleep 60"));
        std::thread::sleep(Duration::from_millis(300));
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
        std::thread::sleep(Duration::from_millis(1000));
        assert!(scene.at_work("kept.txt").exists(), "it went on");
    });
}
