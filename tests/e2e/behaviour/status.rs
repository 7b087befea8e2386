//! Exit statuses.

use super::{refused, same_as_bare};
use crate::harness::{Run, each_scene};

#[test]
fn own_status_of_the_command_comes_through() {
    for status in [0, 1, 2, 42, 64, 70, 124, 125, 255] {
        same_as_bare(&Run::shell(&format!("exit {status}")));
    }
}

#[test]
fn death_by_signal_is_128_and_its_number() {
    for signal in ["TERM", "KILL", "SEGV", "PIPE", "USR1", "INT", "HUP", "ABRT"] {
        same_as_bare(&Run::shell(&format!("ulimit -c 0; kill -{signal} $$")));
    }
}

#[test]
fn command_is_not_the_first_process() {
    each_scene(|scene| {
        let pid: u32 = scene.sandboxed(&Run::shell("echo $$")).ok().trim().parse().expect("a number");
        assert!(pid > 1, "a first process ignores signals");
    });
}

#[test]
fn command_that_is_not_there_gives_127() {
    each_scene(|scene| {
        refused(scene, &Run::new(&["no-such-command-anywhere"]), 127);
        refused(scene, &Run::new(&["./missing"]), 127);
    });
}

#[test]
fn file_that_is_no_program_gives_126() {
    each_scene(|scene| {
        refused(scene, &Run::new(&["./README.md"]), 126);
        refused(scene, &Run::new(&["/etc"]), 126);
    });
}

#[test]
fn wall_clock_gives_124_in_time() {
    each_scene(|scene| {
        let outcome = scene.sandboxed(&Run::new(&["sleep", "300"]).flags(&["--timeout", "300ms"]));
        assert_eq!(outcome.status, 124, "{outcome}");
        assert!(outcome.time.as_secs() < 100, "{:?}", outcome.time);
    });
}

#[test]
fn stand_in_for_a_shell_runs_a_command_line() {
    each_scene(|scene| {
        let launcher = scene.binary("sandbox-exec").into_os_string();
        let outcome = scene.bare(&Run::new(&[launcher, "-c".into(), "echo $((6 * 7)); exit 5".into()]));
        assert_eq!((outcome.status, outcome.out().trim()), (5, "42"), "{outcome}");
    });
}
