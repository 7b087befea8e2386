//! Signals sent to the launcher.

use crate::harness::patience::{PATIENCE, wait_for_file};
use crate::harness::{Run, each_scene, outcome};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[test]
fn signals_reach_the_command_and_its_own_status_comes_back() {
    each_scene(|scene| {
        for (signal, name) in
            [(Signal::SIGTERM, "TERM"), (Signal::SIGINT, "INT"), (Signal::SIGHUP, "HUP"), (Signal::SIGUSR1, "USR1")]
        {
            let script = format!("trap 'exit 33' {name}; touch ready; while :; do sleep 0.05; done");
            let mut child = scene.start_sandboxed(&Run::shell(&script));
            wait_for_file(scene, "ready");
            kill(Pid::from_raw(child.id().cast_signed()), signal).expect("it can be signalled");
            assert_eq!(outcome::wait(&mut child, PATIENCE), 33, "on {name}");
            std::fs::remove_file(scene.at_work("ready")).expect("the mark is there");
        }
    });
}

#[test]
fn command_that_dies_of_a_forwarded_signal_gives_128_and_its_number() {
    each_scene(|scene| {
        let mut child = scene.start_sandboxed(&Run::shell("touch ready; exec sleep 600"));
        wait_for_file(scene, "ready");
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("it can be signalled");
        assert_eq!(outcome::wait(&mut child, PATIENCE), 143);
    });
}

#[test]
fn ignored_signals_of_the_caller_do_not_stay_ignored_by_accident() {
    each_scene(|scene| {
        let mut run = Run::shell("grep SigIgn /proc/self/status");
        let bare = scene.bare(&run).ok();
        run.outer = ["/bin/sh", "-c", "trap '' USR2; exec \"$@\"", "sh"].map(Into::into).to_vec();
        let outer = scene.bare(&run).ok();
        assert_ne!(bare, outer, "the disposition is inherited bare");
        assert_eq!(scene.sandboxed(&run).ok(), outer, "and the same inside");
    });
}
