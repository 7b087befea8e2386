//! What is served: names, connections, and sockets that are made on demand.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use lobsterpot_policy::ReasonCode;
use lobsterpot_policy::orders::{Event, Role};
use nix::errno::Errno;

use crate::harness::{As, Egress, Programs, allow};
use crate::inside::Inside;

/// What the first name of a run is given.
const FIRST: [u8; 4] = [198, 18, 0, 16];

/// A sandbox's network and an egress for it.
pub(crate) struct World {
    /// The network.
    pub(crate) inside: Inside,
    /// The program.
    pub(crate) egress: Egress,
}

impl World {
    /// With these rules, and further sockets.
    pub(crate) fn new(by: As, rules: &[&str], more: impl FnOnce(&Inside) -> Vec<(OwnedFd, Role)>) -> Option<Self> {
        let programs = Programs::new();
        let is_root = nix::unistd::geteuid().is_root();
        let inside = Inside::new(&programs.it(), by == As::Ordinary && is_root)?;
        let mut sockets = more(&inside);
        sockets.push((inside.make("namespace"), Role::Namespace));
        sockets.push((inside.make("bind-udp 0.0.0.0:53"), Role::DnsUdp));
        sockets.extend(inside.ask("bind-udp [::]:53").ok().flatten().map(|socket| (socket, Role::DnsUdp)));
        sockets.push((inside.make("listen [::]:53"), Role::DnsTcp));
        let egress = Egress::start(&programs, by, allow(rules), sockets);
        Some(Self { inside, egress })
    }

    /// Asks for a name's address, as a stub resolver does.
    fn ask(&self, name: &str) -> Vec<u8> {
        self.ask_at("198.18.0.1:53", name)
    }

    /// Asks for a name's address at any nameserver.
    fn ask_at(&self, nameserver: &str, name: &str) -> Vec<u8> {
        let socket = UdpSocket::from(self.inside.make(&format!("connect-udp {nameserver}")));
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        socket.send(&question(name)).unwrap();
        let mut bytes = [0; 1500];
        let length = socket.recv(&mut bytes).unwrap();
        bytes[..length].to_vec()
    }

    /// Says that a program is about to connect, and waits until it may.
    pub(crate) fn want(&self, id: u64, address: SocketAddr) {
        let (address, port) = (address.ip(), address.port());
        let text = format!(r#"{{"want":{{"id":{id},"address":"{address}","port":{port}}}}}"#);
        self.egress.say(text.as_bytes());
        self.egress.event_that(|event| *event == Event::Ready { id });
    }

    /// The next refusal. That a name of an allowed connection could not be looked up is none, and may be told at any time.
    pub(crate) fn refusal(&self) -> lobsterpot_policy::orders::Refused {
        let is_refusal =
            |event: &Event| matches!(event, Event::Refused(refused) if refused.reason != ReasonCode::Unresolved);
        let event = self.egress.event_that(is_refusal);
        let Event::Refused(refused) = event else { panic!("{event:?}") };
        refused
    }
}

/// A question for the address of `name`: RFC 1035.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// A server at an address of this host that is not its loopback, which a rule can name. None where there is no such address.
pub(crate) fn server() -> Option<(TcpListener, SocketAddr)> {
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: the kernel only chooses the address that it would be sent from.
    let own = probe.connect("192.0.2.1:9").and_then(|()| probe.local_addr());
    let server = own.and_then(|own| TcpListener::bind((own.ip(), 0)));
    if server.is_err() {
        eprintln!("SKIP: this host has no address but its loopback");
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "no address");
    }
    let server = server.ok()?;
    let address = server.local_addr().unwrap();
    Some((server, address))
}

/// Nothing but the sockets that every sandbox has.
pub(crate) fn nothing(_: &Inside) -> Vec<(OwnedFd, Role)> {
    Vec::new()
}

#[test]
fn an_allowed_name_has_an_address_and_no_other_name_has() {
    for by in [As::Caller, As::Ordinary] {
        let Some(world) = World::new(by, &["example.com"], nothing) else { return };
        let answer = world.ask("example.com");
        assert_eq!((answer[3] & 0xf, answer[7]), (0, 1));
        assert_eq!(answer[answer.len() - 4..], FIRST);
        let answer = world.ask("evil.example");
        assert_eq!((answer[3] & 0xf, answer[7]), (3, 0), "it does not exist");
        let refused = world.refusal();
        assert_eq!((refused.host.as_str(), refused.reason), ("evil.example", ReasonCode::HostNotAllowed));
        assert!(refused.instead.contains("evil.example"), "{}", refused.instead);
    }
}

#[test]
fn every_nameserver_is_the_same_one() {
    let Some(world) = World::new(As::Caller, &["example.com"], nothing) else { return };
    for nameserver in ["198.18.0.1:53", "8.8.8.8:53", "[2001:2::1]:53", "[2001:4860:4860::8888]:53"] {
        let answer = world.ask_at(nameserver, "example.com");
        assert_eq!(answer[answer.len() - 4..], FIRST, "{nameserver}");
        assert_eq!(world.ask_at(nameserver, "evil.example")[3] & 0xf, 3, "{nameserver}");
    }
}

#[test]
fn a_program_that_insists_on_a_proxy_gets_the_same_answers() {
    let Some((server, address)) = server() else { return };
    let proxy = |inside: &Inside| vec![(inside.make("listen 198.18.0.1:3128"), Role::Proxy)];
    let Some(world) = World::new(As::Caller, &[&address.to_string()], proxy) else { return };
    let ask = |host: &str| {
        let mut client = world.inside.connect("198.18.0.1:3128".parse().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(client, "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut head = [0; 12];
        client.read_exact(&mut head).unwrap();
        (client, String::from_utf8(head.to_vec()).unwrap())
    };
    let (client, head) = ask(&address.to_string());
    assert_eq!(head, "HTTP/1.1 200");
    assert!(server.accept().is_ok());
    drop(client);
    for host in ["evil.example:443", "127.0.0.1:22", "169.254.169.254:80", "localhost:631", "[::1]:22"] {
        assert_eq!(ask(host).1, "HTTP/1.1 403", "{host}");
    }
    // A connection to the listener itself needs no other one.
    world.want(1, "198.18.0.1:3128".parse().unwrap());
}

#[test]
fn a_port_listens_only_once_it_is_wanted_and_only_where_the_policy_allows_it() {
    for by in [As::Caller, As::Ordinary] {
        let Some(world) = World::new(by, &["example.com:8443"], nothing) else { return };
        world.ask("example.com");
        let allowed = SocketAddr::from((FIRST, 8443));
        assert_eq!(world.inside.connect(allowed).unwrap_err(), Errno::ECONNREFUSED);
        world.want(1, allowed);
        world.inside.connect(allowed).unwrap();
        // Wanted again, it is there already.
        world.want(2, allowed);
        world.inside.connect(allowed).unwrap();
        let elsewhere = [
            ("198.18.0.16:8444", ReasonCode::HostNotAllowed),
            ("198.18.0.17:8443", ReasonCode::AddressNotNamed),
            ("203.0.113.9:8443", ReasonCode::SpecialAddress),
            ("1.1.1.1:8443", ReasonCode::AddressNotNamed),
            ("[2001:2::99]:8443", ReasonCode::AddressNotNamed),
        ];
        for (id, (address, reason)) in (3..).zip(elsewhere) {
            let address: SocketAddr = address.parse().unwrap();
            let text = format!(r#"{{"want":{{"id":{id},"address":"{}","port":{}}}}}"#, address.ip(), address.port());
            world.egress.say(text.as_bytes());
            assert_eq!(world.refusal().reason, reason, "{address}");
            world.egress.event_that(|event| *event == Event::Ready { id });
            assert_eq!(world.inside.connect(address).unwrap_err(), Errno::ECONNREFUSED, "{address}");
        }
    }
}

#[test]
fn a_server_in_the_sandbox_keeps_its_port() {
    let Some(world) = World::new(As::Caller, &["example.com:8080"], nothing) else { return };
    let server = TcpListener::from(world.inside.make("listen 0.0.0.0:8080"));
    world.ask("example.com");
    world.want(1, (FIRST, 8080).into());
    let mut client = world.inside.connect("127.0.0.1:8080".parse().unwrap()).unwrap();
    let (mut served, _) = server.accept().unwrap();
    client.write_all(b"x").unwrap();
    served.read_exact(&mut [0]).unwrap();
}

#[test]
fn bytes_go_to_the_server_that_a_rule_names_and_back() {
    let Some((server, address)) = server() else { return };
    for by in [As::Caller, As::Ordinary] {
        let Some(world) = World::new(by, &[&address.to_string()], nothing) else { return };
        world.want(1, address);
        let mut client = world.inside.connect(address).unwrap();
        let (mut served, _) = server.accept().unwrap();
        served.write_all(b"server first").unwrap();
        client.read_exact(&mut [0; 12]).unwrap();
        client.write_all(b"\x00\x01\x02client").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = Vec::new();
        served.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"\x00\x01\x02client");
        drop(served);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn the_hosts_loopback_stays_out_of_reach_where_no_rule_names_it() {
    let server = TcpListener::bind("127.0.0.2:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let address = server.local_addr().unwrap();
    let port = address.port();
    let tcp = |inside: &Inside| vec![(inside.make(&format!("listen [::]:{port}")), Role::Tcp { port })];
    let Some(world) = World::new(As::Caller, &[&format!("example.com:{port}")], tcp) else { return };
    for own in [address, (IpAddr::from([127, 0, 0, 1]), port).into(), (IpAddr::from([198, 18, 0, 1]), port).into()] {
        let mut client = world.inside.connect(own).unwrap();
        let ended = client.write_all(b"x").and_then(|()| client.read(&mut [0]));
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "{own}");
        assert!(server.accept().is_err(), "{own}");
    }
    let refused = world.refusal();
    assert_eq!(refused.reason, ReasonCode::AddressNotNamed);
}

#[test]
fn a_published_port_leads_to_the_server_in_the_sandbox() {
    for by in [As::Caller, As::Ordinary] {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let outside = door.local_addr().unwrap();
        let Some(world) = World::new(by, &[], |_| vec![(door.into(), Role::Published { port: 3000 })]) else { return };
        let server = TcpListener::from(world.inside.make("listen 127.0.0.1:3000"));
        let mut client = std::net::TcpStream::connect(outside).unwrap();
        let (mut served, _) = server.accept().unwrap();
        client.write_all(b"hello").unwrap();
        served.read_exact(&mut [0; 5]).unwrap();
        served.write_all(b"back").unwrap();
        client.read_exact(&mut [0; 4]).unwrap();
    }
}

#[test]
fn datagrams_to_other_ports_are_refused_at_once_and_reported() {
    let icmp = |inside: &Inside| vec![(inside.make("icmp"), Role::Tap)];
    let Some(world) = World::new(As::Caller, &["example.com"], icmp) else { return };
    world.ask("example.com");
    let quic = UdpSocket::from(world.inside.make("connect-udp 198.18.0.16:443"));
    quic.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    quic.send(b"hello").unwrap();
    assert_eq!(quic.recv(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    let refused = world.refusal();
    let told = (refused.host.as_str(), refused.port, refused.protocol.as_str(), refused.reason);
    assert_eq!(told, ("example.com", 443, "udp", ReasonCode::Protocol));
}

#[test]
fn a_crash_closes_the_network() {
    let Some((server, address)) = server() else { return };
    let port = address.port();
    let tcp = |inside: &Inside| vec![(inside.make(&format!("listen [::]:{port}")), Role::Tcp { port })];
    let Some(mut world) = World::new(As::Caller, &[&address.to_string()], tcp) else { return };
    let mut open = world.inside.connect(address).unwrap();
    let (_served, _) = server.accept().unwrap();
    world.egress.process.kill().unwrap();
    world.egress.process.wait().unwrap();
    assert!(matches!(open.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(world.inside.connect(address).unwrap_err(), Errno::ECONNREFUSED);
    assert!(server.set_nonblocking(true).is_ok() && server.accept().is_err());
}

#[test]
fn what_was_tried_right_before_the_end_is_told_too() {
    let more = |inside: &Inside| {
        vec![(inside.make("icmp"), Role::Tap), (inside.make("listen [::]:80"), Role::Tcp { port: 80 })]
    };
    for _ in 0..20 {
        let Some(world) = World::new(As::Caller, &["example.com:80"], more) else { return };
        let control = world.egress.control.as_ref().unwrap();
        let datagram = UdpSocket::from(world.inside.make("connect-udp 198.18.0.16:443"));
        // Neither is waited for.
        datagram.send(b"hello").unwrap();
        drop(world.inside.connect("203.0.113.7:80".parse().unwrap()).unwrap());
        nix::sys::socket::shutdown(std::os::fd::AsRawFd::as_raw_fd(control), nix::sys::socket::Shutdown::Write)
            .unwrap();
        let told: Vec<Event> = std::iter::from_fn(|| world.egress.event()).collect();
        let protocol = |event: &Event| {
            let Event::Refused(refused) = event else { return None };
            Some(refused.protocol.clone())
        };
        let mut protocols: Vec<String> = told.iter().filter_map(protocol).collect();
        protocols.sort();
        assert_eq!(protocols, ["tcp", "udp"], "{told:?}");
    }
}

#[test]
fn repetitions_are_counted_and_told_at_the_end() {
    let Some(world) = World::new(As::Caller, &["example.com"], nothing) else { return };
    (0..5).for_each(|_| drop(world.ask("evil.example")));
    let control = world.egress.control.as_ref().unwrap();
    nix::sys::socket::shutdown(std::os::fd::AsRawFd::as_raw_fd(control), nix::sys::socket::Shutdown::Write).unwrap();
    let told = world.egress.event_that(|event| matches!(event, Event::Repeated { .. }));
    assert!(matches!(told, Event::Repeated { times: 5, .. }), "{told:?}");
}
