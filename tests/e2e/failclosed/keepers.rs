//! The processes that keep a run, killed or stopped while the command runs: what is promised holds, or the run ends.

use std::process::Child;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::patience::{PATIENCE, wait_for, wait_for_file};
use crate::harness::{Run, Scene, each_scene, leftovers, outcome, require};

/// How long nothing must happen. A machine that is slower only makes the test weaker.
const A_WHILE: Duration = Duration::from_millis(150);

/// Starts `script` under the launcher and waits until it has made `ready`.
#[track_caller]
fn start(scene: &Scene, script: &str, flags: &[&str]) -> Child {
    let script = format!("echo >ready; {script}");
    let child = scene.start_sandboxed(&Run::new(&["/bin/bash", "-c", &script]).flags(flags));
    wait_for_file(scene, "ready");
    std::fs::remove_file(scene.at_work("ready")).expect("it is there");
    child
}

/// The launcher's process.
fn launcher(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// The children of a process whose command line is `name`, or the launcher's own.
fn children(parent: Pid, name: Option<&str>) -> Vec<Pid> {
    let all = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    let all = all.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
    let is_meant = |pid: &i32| {
        let words = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let is_egress = words.starts_with("lobsterpot-egress");
        if name.is_some() { is_egress } else { !is_egress }
    };
    all.filter(is_meant).map(Pid::from_raw).collect()
}

/// Sends a signal that must arrive.
#[track_caller]
fn send(pid: Pid, signal: Signal) {
    kill(pid, signal).expect("it is there and ours");
}

#[test]
fn what_is_supervised_waits_for_a_launcher_that_is_stopped() {
    each_scene(|scene| {
        let script = "until [ -e go ]; do sleep 0.02; done; mkdir .vscode; echo x >.mcp.json; echo over >over; exit 0";
        let mut child = start(scene, script, &[]);
        send(launcher(&child), Signal::SIGSTOP);
        scene.write(&scene.at_work("go"), "");
        std::thread::sleep(A_WHILE);
        assert!(!scene.at_work(".mcp.json").exists() && !scene.at_work(".vscode").exists(), "nobody was asked");
        send(launcher(&child), Signal::SIGCONT);
        outcome::wait(&mut child, PATIENCE);
        assert!(scene.at_work("over").exists(), "honest work goes on");
        assert!(!scene.at_work(".mcp.json").exists() && !scene.at_work(".vscode").exists(), "refused");
        std::fs::remove_file(scene.at_work("go")).expect("it is there");
    });
}

#[test]
fn launcher_that_is_killed_while_it_is_stopped_takes_everything_with_it() {
    each_scene(|scene| {
        let mut child = start(scene, "trap '' TERM HUP INT; while :; do sleep 0.02; done", &[]);
        send(launcher(&child), Signal::SIGSTOP);
        send(launcher(&child), Signal::SIGKILL);
        assert_eq!(outcome::wait(&mut child, PATIENCE), 137);
        leftovers::wait_until_gone(&scene.root).expect("nothing survives");
    });
}

#[test]
fn first_process_that_is_killed_takes_everything_with_it_and_it_is_told() {
    each_scene(|scene| {
        let child = start(scene, "trap '' TERM HUP INT; while :; do sleep 0.02; done", &[]);
        let inits = children(launcher(&child), None);
        assert_eq!(inits.len(), 1, "one first process");
        send(inits[0], Signal::SIGKILL);
        let outcome = outcome::finish(child, PATIENCE);
        assert_eq!(outcome.status, 137, "{outcome}");
        assert_eq!(outcome.err(), "sandbox-exec: the sandbox was destroyed from outside by SIGKILL\n");
        leftovers::wait_until_gone(&scene.root).expect("nothing survives");
    });
}

#[test]
fn first_process_that_is_stopped_cannot_keep_the_run_beyond_its_time() {
    each_scene(|scene| {
        let child = start(scene, "while :; do sleep 0.02; done", &["--timeout", "10s"]);
        let inits = children(launcher(&child), None);
        send(inits[0], Signal::SIGSTOP);
        let outcome = outcome::finish(child, PATIENCE);
        assert_eq!(outcome.status, 124, "{outcome}");
        leftovers::wait_until_gone(&scene.root).expect("nothing survives");
    });
}

#[test]
fn first_process_that_was_stopped_goes_on_where_it_was() {
    each_scene(|scene| {
        let mut child = start(scene, "until [ -e go ]; do sleep 0.02; done; exit 7", &[]);
        let inits = children(launcher(&child), None);
        send(inits[0], Signal::SIGSTOP);
        scene.write(&scene.at_work("go"), "");
        std::thread::sleep(A_WHILE);
        assert!(child.try_wait().expect("a child").is_none(), "nobody has seen the command's end");
        send(inits[0], Signal::SIGCONT);
        assert_eq!(outcome::wait(&mut child, PATIENCE), 7);
        std::fs::remove_file(scene.at_work("go")).expect("it is there");
    });
}

#[test]
fn egress_that_is_stopped_lets_nothing_out_and_does_not_outlive_the_run() {
    if !require(&["bash"]) {
        return;
    }
    each_scene(|scene| {
        let connect = "(echo >/dev/tcp/203.0.113.7/8443) 2>/dev/null";
        let script = format!(
            "{connect}; until [ -e go ]; do sleep 0.02; done; timeout 0.3 bash -c '{connect}' && echo out >out; exit 9"
        );
        let child = start(scene, &script, &["--net", "allowlist", "--allow-host", "example.com:443"]);
        let egress = wait_for("egress", || children(launcher(&child), Some("egress")).first().copied());
        send(egress, Signal::SIGSTOP);
        scene.write(&scene.at_work("go"), "");
        let outcome = outcome::finish(child, PATIENCE);
        assert_eq!(outcome.status, 9, "{outcome}");
        assert!(!scene.at_work("out").exists(), "nothing goes out");
        leftovers::wait_until_gone(&scene.root).expect("nothing survives");
        wait_for("the end of egress", || kill(egress, None).is_err().then_some(()));
        std::fs::remove_file(scene.at_work("go")).expect("it is there");
    });
}
