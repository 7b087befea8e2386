//! Other processes: seeing into them, stopping them, outliving the call.

use crate::harness::{Attempt, Scene, Way, escape};

#[test]
fn process_of_the_host_cannot_be_killed() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::attack(scene, &["kill".to_owned(), pid]).effect(|scene| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            !scene.victim().is_alive()
        })
    });
}

#[test]
fn killing_everything_stays_inside() {
    escape(|scene| {
        scene.victim();
        let own = std::fs::read_link("/proc/self/ns/pid").expect("a pid namespace");
        Attempt::attack(scene, &["kill-all".into(), own.into_os_string()])
            .or_effect(|scene| !scene.victim().is_alive())
            .never_bare("it would end the machine")
            .never_by(Way::WithoutNamespaces, "were it to succeed, it would end the machine")
    });
}

#[test]
fn process_of_the_host_cannot_be_killed_by_descriptor() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::attack(scene, &["pidfd-kill".to_owned(), pid])
    });
}

#[test]
fn process_of_the_host_cannot_be_traced() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::attack(scene, &["ptrace".to_owned(), pid])
    });
}

#[test]
fn memory_of_the_host_s_processes_cannot_be_read() {
    for way in ["vm-read", "mem-read"] {
        escape(|scene| {
            let victim = scene.victim();
            let words = [way.to_owned(), victim.pid(), victim.address.clone(), victim.length.clone()];
            Attempt::attack(scene, &words).leaks()
        });
    }
}

#[test]
fn open_file_cannot_be_taken_out_of_another_process() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::attack(scene, &["pidfd-getfd".to_owned(), pid, "0".to_owned()]).leaks()
    });
}

#[test]
fn limits_of_another_process_cannot_be_set() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::attack(scene, &["raise-limits-of".to_owned(), pid])
    });
}

#[test]
fn process_of_the_host_cannot_be_slowed_down() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::attack(scene, &["slow-down".to_owned(), pid])
    });
}

/// An attack on everything in its own process group, which is not the test's.
fn on_its_group(scene: &Scene, attack: &str) -> Attempt {
    Attempt::attack(scene, &[attack]).with(|mut run| {
        run.outer = ["setsid", "--wait"].map(Into::into).to_vec();
        run
    })
}

#[test]
fn process_group_of_the_caller_cannot_be_slowed_down() {
    for attack in ["slow-down-group", "idle-group"] {
        escape(|scene| on_its_group(scene, attack));
    }
}

#[test]
fn daemon_does_not_outlive_the_call() {
    escape(|scene| {
        let wanted = scene.at_work("later.txt");
        Attempt::attack(scene, &["daemon", "later.txt", "1200"]).effect(move |_| {
            std::thread::sleep(std::time::Duration::from_millis(1600));
            wanted.exists()
        })
    });
}

#[test]
fn background_job_does_not_outlive_the_call() {
    escape(|scene| {
        let wanted = scene.at_work("later.txt");
        Attempt::shell("(trap '' HUP TERM INT; sleep 1.2; echo x >later.txt) >/dev/null 2>&1 & exit 0").effect(
            move |_| {
                std::thread::sleep(std::time::Duration::from_millis(1600));
                wanted.exists()
            },
        )
    });
}

#[test]
fn supervisor_cannot_be_traced_or_killed_from_inside() {
    escape(|_| {
        Attempt::shell("kill -9 1; kill -9 $PPID; sleep 0.2; cat /proc/1/mem >/dev/null; touch alive; kill -0 1 2>/dev/null; cat /proc/1/maps | grep -q .")
            .status_zero()
            .never_bare("process 1 of the host is left in peace")
    });
}
