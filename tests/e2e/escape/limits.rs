//! The host's resources: all of them are bounded by default.

use crate::harness::attempt::escape_as_root;
use crate::harness::{Attempt, Way, escape};

#[test]
fn fork_bomb_is_bounded() {
    escape(|scene| Attempt::attack(scene, &["fork-bomb", "300"]).with(|run| run.flags(&["--limit", "processes=64"])));
}

#[test]
fn memory_is_bounded() {
    escape(|scene| {
        Attempt::attack(scene, &["alloc", "400000000"]).with(|run| run.flags(&["--limit", "memory=200MiB"]))
    });
}

#[test]
fn file_size_is_bounded() {
    escape(|scene| {
        Attempt::attack(scene, &["fill", "big", "40000000"]).with(|run| run.flags(&["--limit", "file-size=10MiB"]))
    });
}

#[test]
fn open_files_are_bounded() {
    escape(|scene| {
        Attempt::attack(scene, &["open-files", "500"]).with(|run| run.flags(&["--limit", "open-files=100"]))
    });
}

#[test]
fn temporary_folder_is_bounded() {
    escape(|scene| {
        let place = format!("/tmp/lobsterpot-e2e-{}", crate::harness::canary::random_name());
        scene.goes_away(std::path::Path::new(&place));
        Attempt::attack(scene, &["fill", &place, "60000000"]).with(|run| run.flags(&["--limit", "tmpfs=16MiB"]))
    });
}

#[test]
fn shared_memory_folder_is_bounded() {
    escape(|scene| {
        let place = format!("/dev/shm/lobsterpot-e2e-{}", crate::harness::canary::random_name());
        scene.goes_away(std::path::Path::new(&place));
        Attempt::attack(scene, &["fill", &place, "60000000"]).with(|run| run.flags(&["--limit", "tmpfs=16MiB"]))
    });
}

#[test]
fn masks_are_no_place_to_fill() {
    escape(|scene| {
        let place = scene.at_home("filled");
        Attempt::attack(scene, &["fill".into(), place.into_os_string(), "2000000000".into()])
            .never_bare("it would fill the disk")
    });
}

#[test]
fn number_of_private_files_is_bounded() {
    escape(|scene| {
        Attempt::attack(scene, &["inodes", "/tmp", "70000"]).with(|run| run.flags(&["--limit", "tmpfs=16MiB"]))
    });
}

#[test]
fn message_queues_hold_no_memory() {
    escape(|scene| Attempt::attack(scene, &["queue-bomb", "81920"]));
}

#[test]
fn command_is_the_first_to_go_when_memory_runs_out() {
    let already = std::fs::read_to_string("/proc/self/oom_score_adj").is_ok_and(|value| value.trim() == "1000");
    escape(|scene| {
        let attempt = Attempt::attack(scene, &["oom-order"]);
        if already { attempt.never_bare("this very process is the first to go") } else { attempt }
    });
}

#[test]
fn first_process_inside_stays_the_first_to_go_whatever_a_command_does() {
    escape(|_| {
        Attempt::shell(
            "for p in /proc/[0-9]*; do echo 0 >$p/oom_score_adj; done 2>/dev/null; [ $(cat /proc/1/oom_score_adj) != 1000 ]",
        )
        .status_zero()
        .never_bare("outside, the first process is the machine's")
        .never_by(Way::WithoutNamespaces, "the first process is the machine's there, too")
    });
}

#[test]
fn core_dumps_cannot_be_turned_on() {
    escape(|scene| Attempt::attack(scene, &["core"]));
}

#[test]
fn limits_cannot_be_raised_by_root_inside() {
    let may = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let set = status
            .lines()
            .find_map(|line| line.strip_prefix("CapEff:"))
            .and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        set.is_some_and(|set| set >> 24 & 1 == 1)
    });
    escape_as_root(|scene| {
        let attempt = Attempt::attack(scene, &["raise-limit"]);
        if may { attempt } else { attempt.never_bare("root has no CAP_SYS_RESOURCE here") }
    });
}

#[test]
fn wall_clock_ends_a_command_that_ignores_signals() {
    escape(|scene| {
        let wanted = scene.at_work("survived");
        Attempt::shell("trap '' TERM INT HUP ALRM; sleep 5; sleep 5; touch survived")
            .with(|run| run.flags(&["--timeout", "4s"]))
            .effect(move |_| wanted.exists())
    });
}
