//! stdin, stdout, stderr and closed descriptors.

use super::same_as_bare;
use crate::harness::{Run, each_scene};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn three_megabytes_go_through_stdin_and_stdout_unchanged() {
    each_scene(|scene| {
        let input: Vec<u8> = (0..3_000_000_u32).map(|index| (index * 7 % 251) as u8).collect();
        let outcome = scene.sandboxed(&Run::new(&["cat"]).input(&input));
        assert_eq!(outcome.status, 0);
        assert!(outcome.stdout == input, "the bytes are the same");
    });
}

#[test]
fn fifty_megabytes_of_output_arrive() {
    each_scene(|scene| {
        let outcome = scene.sandboxed(&Run::shell("head -c 50000000 /dev/zero"));
        assert_eq!((outcome.status, outcome.stdout.len()), (0, 50_000_000));
    });
}

#[test]
fn both_streams_stay_apart() {
    same_as_bare(&Run::shell("echo out; echo err >&2; exit 3"));
}

#[test]
fn end_of_input_reaches_the_command() {
    same_as_bare(&Run::new(&["wc", "-c"]).input(b"12345"));
    same_as_bare(&Run::new(&["cat"]));
}

#[test]
fn reader_that_goes_away_ends_the_writer() {
    each_scene(|scene| {
        let mut run = Run::new(&["yes"]);
        run.outer = ["/bin/sh", "-c", "\"$@\" | head -n 1", "sh"].map(Into::into).to_vec();
        assert_eq!(scene.sandboxed(&run).ok(), "y\n");
    });
}

#[test]
fn closed_streams_are_no_reason_to_fail() {
    each_scene(|scene| {
        for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
            let mut run = Run::shell("exit 7");
            run.outer = vec!["/bin/bash".into(), "-c".into(), format!("\"$@\" {closed}").into(), "bash".into()];
            let outcome = scene.sandboxed(&run);
            assert_eq!(outcome.status, 7, "with {closed}: {outcome}");
        }
    });
}

#[test]
fn closed_stdout_is_not_taken_for_another_file() {
    each_scene(|scene| {
        let mut run = Run::shell("echo lost; ls -l /proc/self/fd/ >&2");
        run.outer = ["/bin/bash", "-c", "\"$@\" >&-", "bash"].map(Into::into).to_vec();
        let outcome = scene.sandboxed(&run);
        assert!(outcome.stdout.is_empty(), "{outcome}");
    });
}

#[test]
fn descriptor_asked_for_stays_open() {
    each_scene(|scene| {
        let run = Run::shell("cat <&9").flags(&["--fd", "9"]).fd(9, &scene.at_work("README.md"));
        assert_eq!(scene.sandboxed(&run).ok(), "a project\n");
    });
}

#[test]
fn launcher_says_nothing_when_all_is_well() {
    each_scene(|scene| {
        let outcome = scene.sandboxed(&Run::new(&["true"]));
        assert!(outcome.stdout.is_empty() && outcome.stderr.is_empty(), "{outcome}");
    });
}

#[test]
fn streams_can_be_opened_again_by_name() {
    each_scene(|scene| {
        // A pipe of the command's own: the test's may belong to somebody else, who alone could open it again.
        for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert_eq!(scene.sandboxed(&Run::shell(&format!("{{ echo ok >{name}; }} | cat"))).ok(), "ok\n", "{name}");
        }
        for name in ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"] {
            let script = format!("{{ echo ok >{name}; }} 2>&1 >/dev/null | cat");
            assert_eq!(scene.sandboxed(&Run::shell(&script)).ok(), "ok\n", "{name}");
        }
    });
}

#[test]
fn own_files_in_proc_can_be_written() {
    each_scene(|scene| {
        scene.sandboxed(&Run::shell("echo 0 >/proc/self/oom_score_adj && printf renamed >/proc/self/comm")).ok();
    });
}

/// A folder that comes and goes while the launcher plans makes it plan anew: the command that then runs has the caller's streams.
#[test]
fn streams_survive_a_second_attempt() {
    each_scene(|scene| {
        let (here, away) = (scene.at_home(".config/git"), scene.at_home(".config/away"));
        scene.write(&here.join("ignore"), "*.o\n");
        let over = Arc::new(AtomicBool::new(false));
        let mover = std::thread::spawn({
            let over = Arc::clone(&over);
            move || {
                while !over.load(Ordering::Relaxed) {
                    for (from, to) in [(&here, &away), (&away, &here)] {
                        std::fs::rename(from, to).expect("a folder can be renamed");
                        std::thread::sleep(Duration::from_micros(700));
                    }
                }
            }
        });
        let mut ran = 0;
        for _ in 0..150 {
            let outcome = scene.sandboxed(&Run::shell("cat; echo out; echo err >&2").input(b"in\n"));
            if outcome.status == 0 {
                assert_eq!((outcome.out().as_str(), outcome.err().as_str()), ("in\nout\n", "err\n"));
                ran += 1;
            } else {
                assert!(outcome.err().starts_with("sandbox-exec: "), "{outcome}");
            }
        }
        over.store(true, Ordering::Relaxed);
        mover.join().expect("the mover");
        assert!(ran > 0, "none of the runs began");
    });
}
