//! What is refused is said in words from which somebody can go on, once, at the end of the run; and nothing is said otherwise.

use crate::harness::{Outcome, Run, Scene, each_scene, require};
use std::os::unix::net::UnixListener;

/// Runs python.
fn python(scene: &Scene, code: &str, flags: &[&str]) -> Outcome {
    scene.sandboxed(&Run::new(&["/usr/bin/python3", "-c", code]).flags(flags))
}

/// The launcher's lines.
fn told(outcome: &Outcome) -> Vec<String> {
    let said = outcome.err();
    said.lines()
        .filter(|line| line.starts_with("sandbox-exec: ") || line.starts_with("hint: "))
        .map(str::to_owned)
        .collect()
}

/// Calls that are refused, in C's names: `clone` and `unshare` with a new user namespace, a trace, a mount, a raw socket.
const CALLS: &str = "import ctypes, socket\nc = ctypes.CDLL(None, use_errno=True)\n\
    for call in (lambda: c.unshare(0x10000000), lambda: c.ptrace(0, 0, 0, 0), lambda: c.ptrace(0, 0, 0, 0), \
    lambda: c.mount(b'none', b'/mnt', b'tmpfs', 0, None)):\n    assert call() == -1 and ctypes.get_errno() == 1\n\
    try: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\n\
    except PermissionError: pass\n";

#[test]
fn refused_call_is_named_once_with_its_reason_and_a_way_on() {
    if !require(&["python3"]) {
        return;
    }
    each_scene(|scene| {
        let outcome = python(scene, CALLS, &[]);
        outcome.ok();
        let lines = told(&outcome);
        for (call, times, hint) in [
            ("unshare", "", "--profile dev"),
            ("ptrace", ", 2 times", "--profile dev"),
            ("mount", "", "in no profile"),
            ("socket", "", "ping"),
        ] {
            let begins = format!("sandbox-exec: refused the system call {call} (sys.denied){times}: ");
            let at = lines.iter().position(|line| line.starts_with(&begins));
            let at = at.unwrap_or_else(|| panic!("nothing is said of {call}: {outcome}"));
            assert!(lines[at + 1].starts_with("hint: ") && lines[at + 1].contains(hint), "{lines:#?}");
        }
        assert_eq!(lines.len(), 8, "{lines:#?}");
    });
}

#[test]
fn what_is_allowed_or_harmless_is_not_spoken_of() {
    if !require(&["python3"]) {
        return;
    }
    each_scene(|scene| {
        let outcome =
            python(scene, "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0", &["--profile", "dev"]);
        assert_eq!((outcome.status, told(&outcome)), (0, vec![]), "{outcome}");
        let tries = "import ctypes, socket\nc = ctypes.CDLL(None)\nc.syscall(425, 1, 0)\n\
            try: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nexcept PermissionError: pass\n\
            for path in ('/run/user/1/bus', '/run/dbus/system_bus_socket', '/run/nowhere'):\n    \
            try: socket.socket(socket.AF_UNIX).connect(path)\n    except FileNotFoundError: pass\n";
        let outcome = python(scene, tries, &[]);
        assert_eq!((outcome.status, told(&outcome)), (0, vec![]), "{outcome}");
    });
}

#[test]
fn socket_of_the_container_engine_is_named_whether_or_not_it_is_there() {
    if !require(&["python3"]) {
        return;
    }
    each_scene(|scene| {
        let code = "import socket\nfor path in ('/var/run/docker.sock', '/run/docker.sock'):\n    \
            try: socket.socket(socket.AF_UNIX).connect(path)\n    except FileNotFoundError: print('refused')\n";
        let outcome = python(scene, code, &[]);
        assert_eq!(outcome.ok(), "refused\nrefused\n");
        let lines = told(&outcome);
        assert!(
            lines[0].starts_with(
                "sandbox-exec: refused the socket \"/run/docker.sock\" (fs.socket-not-allowed), 2 times: "
            ),
            "{lines:#?}"
        );
        assert!(lines.len() == 2 && lines[1].contains("files.sockets"), "{lines:#?}");
    });
}

#[test]
fn socket_of_a_server_outside_is_named() {
    if !require(&["python3"]) {
        return;
    }
    each_scene(|scene| {
        let place = scene.at_work("outside.sock");
        let _listener = UnixListener::bind(&place).expect("a socket");
        std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("its mode");
        let code = "import socket\ntry: socket.socket(socket.AF_UNIX).connect('outside.sock')\nexcept PermissionError: print('refused')\n";
        let outcome = python(scene, code, &["--keep"]);
        assert_eq!(outcome.ok(), "refused\n");
        let lines = told(&outcome);
        let path = place.display();
        let expected = format!("sandbox-exec: refused the socket \"{path}\" (fs.socket-not-allowed): ");
        assert!(lines[0].starts_with(&expected), "{lines:#?}");
    });
}
