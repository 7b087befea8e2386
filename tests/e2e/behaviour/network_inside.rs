//! The sandbox's own network, seen from a program in it: what every program finds there, before anything is reached outside.

use super::refused;
use crate::harness::{Run, Scene, each_online, each_scene, require};

/// Options for a network from which one host can be reached.
const ALLOWLIST: [&str; 4] = ["--net", "allowlist", "--allow-host", "example.com:80,443,8443"];

/// Asserts that a Python program prints `expected` in a network from which one host can be reached.
#[track_caller]
fn python_prints(program: &str, expected: &str) {
    if !require(&["python3"]) {
        return;
    }
    each_scene(|scene| {
        let outcome = python(scene, program, &[]);
        assert_eq!(outcome, expected);
    });
}

/// What a Python program prints there.
#[track_caller]
fn python(scene: &Scene, program: &str, flags: &[&str]) -> String {
    scene.sandboxed(&Run::new(&["/usr/bin/python3", "-c", program]).flags(&ALLOWLIST).flags(flags)).ok()
}

/// Binds and listens where it is told to, connects where it is told to, and says what came of it.
const SERVE: &str = "
import socket
def serve(at, to, port=8080):
    family = socket.AF_INET6 if ':' in at else socket.AF_INET
    with socket.socket(family) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((at, port))
            server.listen()
            with socket.create_connection((to, port), 60) as client:
                server.settimeout(60)
                peer, _ = server.accept()
                peer.sendall(b'served')
                peer.close()
                return client.recv(9).decode()
        except OSError as error:
            return type(error).__name__
";

#[test]
fn no_socket_of_the_network_reaches_the_command() {
    each_scene(|scene| {
        let run = Run::shell("ls /proc/self/fd").flags(&ALLOWLIST).flags(&["--proxy"]);
        // The fourth is the listing's own.
        assert_eq!(scene.sandboxed(&run).ok(), "0\n1\n2\n3\n");
        let run = Run::shell("ls /proc/1/fd 2>&1 || true").flags(&ALLOWLIST);
        assert!(scene.sandboxed(&run).ok().contains("Permission denied"));
    });
}

#[test]
fn a_server_inside_can_be_reached_inside_at_every_address_that_it_takes() {
    python_prints(
        &format!(
            "{SERVE}
for at, to in [('127.0.0.1', '127.0.0.1'), ('0.0.0.0', '127.0.0.1'), ('::1', '::1'), ('::', '::1'), ('::', '127.0.0.1'),
               ('127.9.9.9', '127.9.9.9'), ('0.0.0.0', 'localhost')]:
    print(at, to, serve(at, to))"
        ),
        "127.0.0.1 127.0.0.1 served\n0.0.0.0 127.0.0.1 served\n::1 ::1 served\n:: ::1 served\n:: 127.0.0.1 served\n\
         127.9.9.9 127.9.9.9 served\n0.0.0.0 localhost served\n",
    );
}

#[test]
fn a_server_inside_at_an_address_that_egress_may_want_reaches_only_itself() {
    python_prints(
        &format!("{SERVE}\nprint(serve('198.18.0.16', '198.18.0.16', 8443), serve('192.0.2.1', '192.0.2.1', 8443))"),
        "served served\n",
    );
}

#[test]
fn a_port_that_egress_serves_cannot_be_taken_or_shared() {
    python_prints(
        "
import socket, itertools
for kind, port in [(socket.SOCK_STREAM, 443), (socket.SOCK_STREAM, 80), (socket.SOCK_STREAM, 53), (socket.SOCK_DGRAM, 53)]:
    for at in ['0.0.0.0', '127.0.0.1', '198.18.0.16', '198.18.0.1', '::', '::1', '::ffff:198.18.0.16']:
        for options in itertools.chain.from_iterable(itertools.combinations([2, 15, 25], n) for n in range(4)):
            family = socket.AF_INET6 if ':' in at else socket.AF_INET
            with socket.socket(family, kind) as own:
                try:
                    for option in options:
                        own.setsockopt(socket.SOL_SOCKET, option, b'lo\\0' if option == 25 else 1)
                    own.bind((at, port))
                    print('took', kind, at, port, options)
                except OSError:
                    pass
print('none')",
        "none\n",
    );
}

#[test]
fn nobody_inside_can_listen_beside_egress_at_a_port_that_it_serves_on_demand() {
    if !require(&["python3"]) {
        return;
    }
    let program = "
import socket, itertools
address = socket.gethostbyname('web.example.com')
first = socket.create_connection((address, 8080), 60)
first.sendall(b'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n')
print(first.recv(12).decode())
for at in [address, '0.0.0.0', '::', '::ffff:' + address]:
    for options in itertools.chain.from_iterable(itertools.combinations([2, 15, 25], n) for n in range(4)):
        with socket.socket(socket.AF_INET6 if ':' in at else socket.AF_INET) as own:
            try:
                for option in options:
                    own.setsockopt(socket.SOL_SOCKET, option, b'lo\\0' if option == 25 else 1)
                own.bind((at, 8080))
                own.listen()
                print('took', at, options)
            except OSError:
                pass
print('none')";
    each_online(|scene| {
        let flags = ["--net", "allowlist", "--allow-host", "web.example.com:8080"];
        let outcome = scene.sandboxed(&Run::new(&["/usr/bin/python3", "-c", program]).flags(&flags));
        assert_eq!(outcome.ok(), "HTTP/1.1 200\nnone\n");
    });
}

#[test]
fn the_network_cannot_be_changed_from_inside() {
    each_scene(|scene| {
        let run = Run::shell(
            "for key in ipv4/ip_unprivileged_port_start ipv4/ping_group_range ipv4/conf/all/forwarding ipv6/conf/all/disable_ipv6; do \
             (echo 0 0 >/proc/sys/net/$key) 2>/dev/null && echo changed $key; done; echo done",
        );
        assert_eq!(scene.sandboxed(&run.flags(&ALLOWLIST)).ok(), "done\n");
    });
    if !require(&["ip"]) {
        return;
    }
    each_scene(|scene| {
        for change in [
            "link set lo down",
            "addr add 192.0.2.1/32 dev lo",
            "addr del 198.18.0.1/32 dev lo",
            "link add d0 type dummy",
        ] {
            let outcome = scene.sandboxed(&Run::shell(&format!("ip {change}")).flags(&ALLOWLIST));
            assert_eq!(outcome.status, 2, "{change}: {outcome}");
            assert!(outcome.err().contains("Operation not permitted"), "{change}: {outcome}");
        }
        let looked = scene.sandboxed(&Run::shell("ip -brief addr show lo").flags(&ALLOWLIST)).ok();
        assert!(looked.contains("127.0.0.1/8") && looked.contains("198.18.0.1/32"), "{looked}");
    });
}

#[test]
fn sockets_that_could_pass_the_checks_by_cannot_be_made() {
    python_prints(
        "
import socket
for family, kind, protocol in [(2, 3, 1), (2, 3, 17), (2, 3, 255), (2, 2, 1), (10, 2, 58), (10, 3, 58), (17, 3, 3), (17, 2, 3),
                               (16, 3, 4), (16, 3, 12), (40, 1, 0), (2, 1, 132), (2, 5, 132)]:
    try:
        socket.socket(family, kind, protocol)
        print('made', family, kind, protocol)
    except OSError:
        pass
fast = socket.socket()
try:
    fast.sendto(b'x', 0x20000000, ('192.0.2.1', 443))
    print('sent without connect')
except OSError as error:
    print(error.errno)",
        "95\n",
    );
}

#[test]
fn udp_that_nobody_serves_is_refused_at_once() {
    python_prints(
        "
import socket
for to in [('192.0.2.1', 443), ('2001:db8::1', 443), ('198.18.0.16', 123)]:
    quic = socket.socket(socket.AF_INET6 if ':' in to[0] else socket.AF_INET, socket.SOCK_DGRAM)
    quic.settimeout(60)
    quic.connect(to)
    quic.send(b'initial')
    try:
        quic.recv(9)
    except ConnectionRefusedError:
        print('refused')",
        "refused\nrefused\nrefused\n",
    );
}

#[test]
fn names_of_the_sandbox_itself_are_found_without_asking_anybody() {
    python_prints(
        "
import ipaddress, socket, time
began = time.monotonic()
print({name[4][0] for name in socket.getaddrinfo('localhost', 80)} <= {'127.0.0.1', '::1'})
print(all(ipaddress.ip_address(name[4][0]).is_loopback for name in socket.getaddrinfo(socket.gethostname(), 80)))
socket.getfqdn()
# A question that nobody answers takes ten seconds: resolv.conf(5).
print(time.monotonic() - began < 9)",
        "True\nTrue\nTrue\n",
    );
}

#[test]
fn name_service_inside_names_the_sandboxs_own_server_and_outside_of_an_allowlist_the_hosts() {
    each_scene(|scene| {
        let show = Run::shell("cat /etc/resolv.conf /etc/nsswitch.conf /etc/hosts");
        let inside = scene.sandboxed(&show.clone().flags(&ALLOWLIST)).ok();
        assert!(inside.contains("\nnameserver 198.18.0.1\n") && inside.contains("\nhosts: files dns\n"), "{inside}");
        for network in ["none", "host"] {
            let (bare, other) = (scene.bare(&show), scene.sandboxed(&show.clone().flags(&["--net", network])));
            assert_eq!(other.out(), bare.out(), "{network}");
        }
        let change = Run::shell(
            "for file in resolv.conf nsswitch.conf hosts; do (echo evil >/etc/$file) 2>/dev/null && echo changed; done; echo no",
        );
        assert_eq!(scene.sandboxed(&change.flags(&ALLOWLIST)).ok(), "no\n");
    });
}

#[test]
fn programs_are_told_of_the_proxy_when_it_was_asked_for_and_only_then() {
    each_scene(|scene| {
        let run = Run::shell("env | grep -i _proxy= | sort -f").env("https_proxy", "http://user:secret@192.0.2.1:3128");
        assert_eq!(scene.sandboxed(&run.clone().flags(&ALLOWLIST)).out(), "", "the caller's own is not passed");
        let told = scene.sandboxed(&run.flags(&ALLOWLIST).flags(&["--proxy"])).ok();
        assert_eq!(told.lines().count(), 8, "{told}");
        for name in ["http_proxy", "HTTPS_PROXY", "all_proxy"] {
            assert!(told.contains(&format!("{name}=http://198.18.0.1:3128\n")), "{told}");
        }
    });
}

#[test]
fn a_stricter_network_cannot_be_had_inside() {
    each_scene(|scene| {
        let launcher = scene.binary("sandbox-exec");
        std::fs::create_dir_all(scene.at_home(".local/bin")).expect("a folder");
        crate::harness::scene::put(&launcher, &scene.at_home(".local/bin/sandbox-exec"));
        let inner =
            |network: &str| Run::new(&["sandbox-exec", "--net", network, "--", "echo", "ran"]).flags(&ALLOWLIST);
        assert_eq!(scene.sandboxed(&inner("allowlist")).ok(), "ran\n");
        let outcome = scene.sandboxed(&inner("none"));
        assert!(outcome.status == 64 && outcome.err().contains("--net none cannot be honoured"), "{outcome}");
    });
}

#[test]
fn what_is_said_about_hosts_where_none_can_be_reached_stops_the_run() {
    each_scene(|scene| {
        for flags in [["--allow-host", "example.com"], ["--publish", "18080:3000"]] {
            let run = Run::shell("touch ran").flags(&["--net", "none"]).flags(&flags);
            let message = refused(scene, &run, 64);
            assert!(message.contains(flags[0]) && message.contains("--net allowlist"), "{message}");
            assert!(!scene.at_work("ran").exists());
        }
    });
}
