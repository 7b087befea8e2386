//! What stays inside, or comes in: servers of the sandbox's own, published ports, commands that use no network, programs that
//! insist on a proxy.

use crate::harness::online::{egress_of, policy, set_policy};
use crate::harness::patience::{PATIENCE, wait_for, wait_for_file};
use crate::harness::{Outcome, Run, Scene, each_online, host, require};
use std::time::{Duration, Instant};

/// Runs a script in the sandbox with some hosts allowed, as everybody.
#[track_caller]
fn inside(flags: &[&str], script: &str, look: impl Fn(&Scene, &Outcome)) {
    if !require(&["curl", "python3"]) || host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com:80,443,8080", "*.wild.example.com:*"]));
        let outcome = scene.sandboxed(&super::trusting(script).flags(flags));
        look(scene, &outcome);
    });
}

/// A web server in the sandbox, with its port in `$port` and its log in `log`.
const SERVER: &str = "serve() { /usr/bin/python3 -u -m http.server $1 --bind $2 >log 2>&1 & for i in $(seq 2400); do port=$(sed -n 's/.* port \\([0-9]*\\) .*/\\1/p' log); \
     [ -n \"$port\" ] && break; sleep 0.05; done; }\n";

#[test]
fn server_inside_is_reached_by_every_local_name() {
    let script = format!(
        "{SERVER}serve 0 '::'; for place in 127.0.0.1 localhost [::1] ip6.localhost 127.9.9.9; do curl -gsS http://$place:$port/README.md || echo no $place; done; kill $!"
    );
    inside(&[], &script, |_, outcome| {
        let out = outcome.out();
        assert_eq!(out.matches("a project").count(), 5, "{outcome}");
        assert!(!outcome.err().contains("sandbox-exec: "), "none of it is a matter of the policy: {outcome}");
    });
}

#[test]
fn server_inside_keeps_a_port_that_an_allowed_host_has_too() {
    let script = format!(
        "{SERVER}serve 8080 0.0.0.0; curl -sS http://127.0.0.1:8080/README.md; curl -sS http://web.example.com:8080/; curl -sS http://127.0.0.1:8080/README.md; kill $!"
    );
    inside(&[], &script, |_, outcome| {
        assert_eq!(outcome.out().matches("a project").count(), 2, "{outcome}");
    });
}

#[test]
fn datagrams_between_local_programs_pass() {
    let script = "/usr/bin/python3 -c \"\nimport socket\nfor family, place in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):\n    one = socket.socket(family, socket.SOCK_DGRAM); one.bind((place, 0))\n\
         \x20   two = socket.socket(family, socket.SOCK_DGRAM); two.sendto(b'local', one.getsockname()); print(one.recv(100).decode())\n\"";
    inside(&[], script, |_, outcome| assert_eq!(outcome.ok().matches("local").count(), 2, "{outcome}"));
}

#[test]
fn command_that_uses_no_network_starts_no_egress() {
    if host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com:80"]));
        let script = "cat README.md; touch ready; while [ ! -e seen ]; do sleep 0.05; done; \
             ~/.local/bin/attack fetch web.example.com 80 / >/dev/null; touch used; while [ ! -e over ]; do sleep 0.05; done";
        let child = scene.start_sandboxed(&Run::shell(script));
        wait_for_file(scene, "ready");
        let before = egress_of(scene);
        scene.write(&scene.at_work("seen"), "");
        wait_for_file(scene, "used");
        let after = egress_of(scene);
        scene.write(&scene.at_work("over"), "");
        let output = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(before, [], "nothing has used the network yet: {err}");
        assert!(!after.is_empty(), "and then something has: {err}");
        wait_for("its end, with the command", || egress_of(scene).is_empty().then_some(()));
    });
}

#[test]
fn published_port_leads_from_the_hosts_loopback_to_a_server_inside() {
    if !require(&["curl", "python3"]) || host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com"]));
        let port = 20_000 + std::process::id() % 10_000 + scene.identity.id % 2;
        let serve = Run::shell("timeout 600 /usr/bin/python3 -m http.server 8123 --bind 127.0.0.1");
        let flag = format!("{port}:8123");
        let mut server = scene.start_sandboxed(&serve.flags(&["--publish", &flag]));
        let get = Run::new(&["curl", "-sS", "-m", "60", &format!("http://127.0.0.1:{port}/README.md")]);
        let deadline = Instant::now() + PATIENCE;
        let mut answer = scene.bare(&get);
        while answer.status != 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(200));
            answer = scene.bare(&get);
        }
        let elsewhere =
            scene.bare(&Run::new(&["curl", "-sS", "-m", "5", &format!("http://192.168.77.2:{port}/README.md")]));
        let ended = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(server.id().cast_signed()),
            nix::sys::signal::Signal::SIGTERM,
        );
        drop(server.wait());
        assert!(answer.out().contains("a project") && ended.is_ok(), "as {}: {answer}", scene.identity.name());
        assert_ne!(elsewhere.status, 0, "on the loopback only: {elsewhere}");
    });
}

#[test]
fn programs_that_insist_on_a_proxy_have_one_when_asked_for() {
    let script = "env | grep -i proxy; curl -sS -p -x http://198.18.0.1:3128 http://web.example.com/ && curl -sS -x http://198.18.0.1:3128 https://web.example.com/ \
         && curl -sS -x socks5h://198.18.0.1:3128 https://web.example.com/ && curl -sS https://web.example.com/ && curl -sS http://web.example.com/";
    inside(&["--proxy"], script, |_, outcome| {
        assert_eq!(outcome.ok().matches("hello from web.example.com").count(), 5, "{outcome}");
        assert!(outcome.out().contains("198.18.0.1:3128"), "the environment names it: {outcome}");
    });
}

#[test]
fn no_variable_of_the_environment_speaks_of_a_proxy_otherwise() {
    inside(&[], "env; curl -sS https://web.example.com/", |_, outcome| {
        assert!(!outcome.ok().to_lowercase().contains("proxy="), "{outcome}");
    });
}
