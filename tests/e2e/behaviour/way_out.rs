//! The process that serves the sandbox's network: when it starts, how it ends, and what is said then.

use super::refused;
use crate::harness::{Outcome, Run, Scene, each_scene, outcome};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A script for bash with a network of some hosts. `connect` connects to a port that nobody serves at first.
fn networked(script: &str) -> Run {
    let script = format!("connect() {{ (echo >/dev/tcp/203.0.113.7/${{1:-8443}}) 2>>tried; }}\n{script}");
    Run::new(&["/bin/bash", "-c", &script]).flags(&["--net", "allowlist", "--allow-host", "example.com:443"])
}

/// Waits until `found` finds something.
#[track_caller]
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the command has made a file in the workspace.
#[track_caller]
fn wait_for_file(scene: &Scene, name: &str) {
    wait_for(name, || scene.at_work(name).exists().then_some(()));
}

/// Whether a process is there and no zombie.
fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The processes of this scene that are egress, with their parents.
fn all_egress(scene: &Scene) -> Vec<(i32, i32)> {
    let program = |pid: i32| fs::read_link(format!("/proc/{pid}/exe"));
    let of = |pid: i32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        // Its own program is hidden from other processes of its user.
        let is_here = program(pid).or_else(|_| program(parent)).is_ok_and(|program| program.starts_with(&scene.root));
        (words == b"lobsterpot-egress\0" && is_here).then_some((pid, parent))
    };
    let entries = fs::read_dir("/proc").expect("proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(of).collect()
}

/// The egress that the process `parent` has started.
fn egress_of(scene: &Scene, parent: i32) -> Option<i32> {
    all_egress(scene).into_iter().find(|(_, of)| *of == parent).map(|(pid, _)| pid)
}

/// The id of a launcher that was started.
fn id(child: &Child) -> i32 {
    child.id().cast_signed()
}

/// What a launcher that was started does to its end.
#[track_caller]
fn finish(child: Child) -> Outcome {
    outcome::finish(child, PATIENCE)
}

/// The scene's audit log.
fn audit_log(scene: &Scene) -> String {
    fs::read_to_string(scene.at_home(".local/state/lobsterpot/audit.jsonl")).unwrap_or_default()
}

#[test]
fn nothing_runs_in_a_network_that_nobody_can_serve() {
    each_scene(|scene| {
        drop(scene.sandboxed(&Run::new(&["true"])));
        let place = scene.root.join("shipped/lobsterpot-egress");
        fs::remove_file(&place).expect("it was there");
        let said = refused(scene, &networked("touch ran"), 69);
        assert!(said.contains("lobsterpot-egress") && said.contains("it is not there"), "{said}");
        fs::create_dir(&place).expect("a folder in its place");
        refused(scene, &networked("touch ran"), 69);
        assert!(!scene.at_work("ran").exists());
        scene.sandboxed(&Run::new(&["touch", "ran"]).flags(&["--net", "none"])).ok();
        assert!(scene.at_work("ran").exists(), "without a network it is not needed");
    });
}

#[test]
fn an_egress_that_cannot_be_executed_leaves_the_network_closed() {
    each_scene(|scene| {
        drop(scene.sandboxed(&Run::new(&["true"])));
        let place = scene.root.join("shipped/lobsterpot-egress");
        fs::write(&place, "no program").expect("written");
        let outcome = scene.sandboxed(&networked("connect; connect 443; echo went on; exit 3"));
        assert_eq!((outcome.status, outcome.out().as_str()), (3, "went on\n"), "{outcome}");
        assert_eq!(outcome.err().matches("the network is closed").count(), 1, "{outcome}");
    });
}

#[test]
fn a_command_that_uses_no_network_starts_no_egress() {
    each_scene(|scene| {
        let child = scene.start_sandboxed(&networked("touch ready; until [ -e go ]; do sleep 0.02; done"));
        wait_for_file(scene, "ready");
        assert_eq!(egress_of(scene, id(&child)), None);
        scene.write(&scene.at_work("go"), "");
        let outcome = finish(child);
        assert_eq!((outcome.status, outcome.err().as_str()), (0, ""), "{outcome}");
        assert_eq!(audit_log(scene), "", "there was nothing to write");
    });
}

#[test]
fn egress_gets_nothing_of_the_callers_and_is_gone_with_the_command() {
    each_scene(|scene| {
        let run = networked("connect; touch ready; until [ -e go ]; do sleep 0.02; done; exit 5");
        let child = scene.start_sandboxed(&run.env("SECRET_TOKEN", scene.canary.text()));
        wait_for_file(scene, "ready");
        let egress = egress_of(scene, id(&child)).expect("it was started");
        let read = |name: &str| fs::read(format!("/proc/{egress}/{name}"));
        if let Ok(environment) = read("environ") {
            assert_eq!(environment, b"", "a closed environment");
        }
        let session = |pid| nix::unistd::getsid(Some(Pid::from_raw(pid))).expect("it is there");
        assert_ne!(session(egress), session(id(&child)), "a session of its own");
        for stream in 0..3 {
            let open = fs::read_link(format!("/proc/{egress}/fd/{stream}"));
            assert!(open.as_ref().map_or(true, |open| open == Path::new("/dev/null")), "{stream}: {open:?}");
        }
        scene.write(&scene.at_work("go"), "");
        let outcome = finish(child);
        assert_eq!(outcome.status, 5, "{outcome}");
        assert!(!is_alive(egress), "it ends before the launcher does");
        wait_for("the end of all others", || all_egress(scene).is_empty().then_some(()));
    });
}

#[test]
fn the_end_of_egress_closes_the_network_and_the_command_goes_on() {
    each_scene(|scene| {
        let script = "connect 443; touch ready; until [ -e go ]; do sleep 0.02; done
            connect 443 && echo open; connect && echo open; connect 53 && echo open; echo went on; exit 7";
        let child = scene.start_sandboxed(&networked(script));
        wait_for_file(scene, "ready");
        let egress = wait_for("egress", || egress_of(scene, id(&child)));
        kill(Pid::from_raw(egress), Signal::SIGKILL).expect("it can be killed");
        wait_for("its end", || (!is_alive(egress)).then_some(()));
        wait_for("the launcher to reap it", || (!Path::new(&format!("/proc/{egress}")).exists()).then_some(()));
        scene.write(&scene.at_work("go"), "");
        let outcome = finish(child);
        assert_eq!((outcome.status, outcome.out().as_str()), (7, "went on\n"), "{outcome}");
        let said = "sandbox-exec: network: lobsterpot-egress was ended by SIGKILL: the network is closed for the rest of the run\n";
        assert_eq!(outcome.err().matches(said).count(), 1, "said once: {outcome}");
        assert!(audit_log(scene).contains("way-out-ended"), "{}", audit_log(scene));
    });
}

#[test]
fn an_interrupt_from_the_terminal_is_for_the_command_and_not_for_egress() {
    each_scene(|scene| {
        let script = "trap 'echo interrupted >>seen' INT; connect; touch ready
            until [ -e seen ] && [ -e go ]; do sleep 0.02; done; connect; exit 4";
        let child = scene.start_sandboxed(&networked(script));
        wait_for_file(scene, "ready");
        let egress = egress_of(scene, id(&child)).expect("it was started");
        killpg(Pid::from_raw(id(&child)), Signal::SIGINT).expect("the group can be signalled");
        wait_for_file(scene, "seen");
        assert!(is_alive(egress));
        scene.write(&scene.at_work("go"), "");
        let outcome = finish(child);
        assert_eq!(outcome.status, 4, "{outcome}");
        assert!(!outcome.err().contains("closed"), "{outcome}");
    });
}

#[test]
fn a_launcher_that_is_killed_takes_egress_with_it() {
    each_scene(|scene| {
        let mut child = scene.start_sandboxed(&networked("connect; touch ready; sleep 60"));
        wait_for_file(scene, "ready");
        let egress = egress_of(scene, id(&child)).expect("it was started");
        child.kill().expect("it can be killed");
        outcome::wait(&mut child, PATIENCE);
        wait_for("the end of egress", || (!is_alive(egress)).then_some(()));
        wait_for("the end of all others", || all_egress(scene).is_empty().then_some(()));
    });
}

#[test]
fn what_is_kept_keeps_its_network_and_ends_it() {
    each_scene(|scene| {
        let script = "connect; (touch ready; until [ -e go ]; do sleep 0.02; done; connect; touch done) >/dev/null 2>&1 & exit 6";
        let outcome = scene.sandboxed(&networked(script).flags(&["--keep"]));
        assert_eq!(outcome.status, 6, "{outcome}");
        assert!(outcome.streams_ended, "nobody holds the caller's streams: {outcome}");
        wait_for_file(scene, "ready");
        assert!(!all_egress(scene).is_empty(), "egress goes on");
        scene.write(&scene.at_work("go"), "");
        wait_for_file(scene, "done");
        wait_for("the end of egress", || all_egress(scene).is_empty().then_some(()));
    });
}

#[test]
fn a_port_to_publish_that_is_taken_stops_the_run() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    each_scene(|scene| {
        let publish = ["--publish".to_owned(), format!("{port}:8000")];
        let said = refused(scene, &networked("touch ran").flags(&publish), 69);
        assert!(said.contains(&port.to_string()), "{said}");
        assert!(!scene.at_work("ran").exists());
    });
}

#[test]
fn many_connections_at_once_to_ports_that_nobody_serves_are_all_refused_soon() {
    each_scene(|scene| {
        let script = "for port in $(seq 2000 2400); do connect $port & done; wait; echo done";
        let outcome = scene.sandboxed(&networked(script));
        assert_eq!(outcome.ok(), "done\n");
        let tried = fs::read_to_string(scene.at_work("tried")).expect("what bash said");
        assert_eq!(tried.matches("Connection refused").count(), 802, "each said twice");
        assert!(outcome.time < PATIENCE, "{outcome}");
    });
}

#[test]
fn the_audit_log_can_be_neither_read_nor_written_inside() {
    each_scene(|scene| {
        scene.sandboxed(&networked("true")).ok();
        let place = scene.root.join("shipped/lobsterpot-egress");
        fs::write(&place, "no program").expect("written");
        let first = scene.sandboxed(&networked("connect"));
        assert!(first.err().contains("closed"), "{first}");
        let before = audit_log(scene);
        assert!(before.contains("way-out-ended"), "{before}");
        let folder = scene.at_home(".local/state/lobsterpot");
        let (file, mode) =
            (folder.join("audit.jsonl"), |path: &Path| fs::metadata(path).expect("there").mode() & 0o777);
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::metadata(&file).expect("there").uid(), scene.identity.id);
        let attack = "cat ~/.local/state/lobsterpot/audit.jsonl; echo forged >>~/.local/state/lobsterpot/audit.jsonl
            rm -rf ~/.local/state/lobsterpot; mkdir -p ~/.local/state/lobsterpot; echo forged >~/.local/state/lobsterpot/audit.jsonl; true";
        let outcome = scene
            .sandboxed(&Run::new(&["/bin/bash", "-c", attack]).flags(&["--rw", &scene.home.display().to_string()]));
        assert!(!outcome.out().contains("way-out-ended"), "{outcome}");
        assert_eq!(audit_log(scene), before);
    });
}
