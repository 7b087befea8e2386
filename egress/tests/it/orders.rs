//! Orders that are wrong: nothing is served then.

use std::net::TcpListener;
use std::os::fd::OwnedFd;

use lobsterpot_policy::orders::{Event, Orders, Role};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use crate::harness::{As, Egress, ORDINARY, Programs, SPAWNING, allow, ended, line, number, start, words};

/// The status with which the program ends when it is started with `text`, and what it says.
fn refused(text: &[u8], descriptors: &[OwnedFd]) -> (Option<i32>, String) {
    let mut process = start(&Programs::new(), As::Caller, text, descriptors);
    let (status, _) = ended(&mut process);
    (status.code(), words(&mut process))
}

/// Orders with these descriptors.
fn with(descriptors: Vec<(i32, Role)>) -> Vec<u8> {
    let network = allow(&["example.com"]);
    let orders = Orders { version: Orders::VERSION, network, become_id: Some(ORDINARY), descriptors };
    serde_json::to_vec(&orders).unwrap()
}

#[test]
fn started_by_hand_it_says_who_starts_it() {
    let (status, said) = refused(b"", &[]);
    assert_eq!(status, Some(64));
    assert!(said.starts_with("lobsterpot-egress: ") && said.contains("sandbox-exec"), "{said}");
}

#[test]
fn it_says_its_version_and_takes_no_other_argument() {
    let run = |argument: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lobsterpot-egress"));
        let _alone = SPAWNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        command.arg(argument).stdin(std::process::Stdio::null()).output().unwrap()
    };
    let version = run("--version");
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(version.stdout, format!("lobsterpot-egress {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
    assert_eq!(run("--help").status.code(), Some(0));
    let other = run("--no-seccomp\u{1b}[2J");
    let said = String::from_utf8(other.stderr).unwrap();
    assert_eq!(other.status.code(), Some(64));
    assert!(said.starts_with("lobsterpot-egress: ") && said.contains("\nhint: ") && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn garbage_is_refused() {
    let good = String::from_utf8(with(Vec::new())).unwrap();
    let unknown = good.replacen('{', "{\"more\":1,", 1);
    let version = good.replace("\"version\":1", "\"version\":2");
    assert!(version != good);
    for text in ["{}", "null", "\u{0}\u{1}", "{\"version\":", &unknown, &version, &good[..good.len() - 1]] {
        let (status, said) = refused(text.as_bytes(), &[]);
        assert_eq!(status, Some(65), "{text}: {said}");
    }
}

#[test]
fn a_line_that_is_missing_or_there_twice_is_refused() {
    assert_eq!(refused(&with(Vec::new()), &[]).0, Some(65));
    let ((_a, one), (_b, two)) = (line(), line());
    let both = vec![(number(&one), Role::Control), (number(&two), Role::Control)];
    assert_eq!(refused(&with(both), &[one, two]).0, Some(65));
    let (_ours, theirs) = line();
    let twice = vec![(number(&theirs), Role::Control); 2];
    assert_eq!(refused(&with(twice), &[theirs]).0, Some(65));
}

#[test]
fn a_descriptor_that_is_not_open_or_a_stream_is_refused() {
    for foreign in [-1, 0, 1, 2, 900, i32::MAX] {
        let (_ours, theirs) = line();
        let named = vec![(number(&theirs), Role::Control), (foreign, Role::Tap)];
        let (status, said) = refused(&with(named), &[theirs]);
        assert_eq!(status, Some(65), "{foreign}: {said}");
    }
}

#[test]
fn a_descriptor_that_is_not_what_its_role_says_is_refused() {
    let file = || -> OwnedFd { tempfile::tempfile().unwrap().into() };
    let local = || TcpListener::bind("127.0.0.1:0").unwrap();
    let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = local().local_addr().unwrap().port();
    let stream = || socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC).unwrap().0;
    let udp = || -> OwnedFd { std::net::UdpSocket::bind("127.0.0.1:0").unwrap().into() };
    let namespace: OwnedFd = std::fs::File::open("/proc/self/ns/user").unwrap().into();
    let wrong: Vec<(OwnedFd, Role)> = vec![
        (file(), Role::Tcp { port }),
        (local().into(), Role::Tcp { port: 1 }),
        (local().into(), Role::DnsTcp),
        (udp(), Role::DnsUdp),
        (udp(), Role::Proxy),
        (local().into(), Role::Tap),
        (udp(), Role::Tap),
        (namespace, Role::Namespace),
        (file(), Role::Namespace),
        (everywhere.into(), Role::Published { port: 80 }),
        (stream(), Role::Published { port: 80 }),
        (local().into(), Role::Published { port: 0 }),
    ];
    for (descriptor, role) in wrong {
        let (ours, theirs) = line();
        let named = vec![(number(&theirs), Role::Control), (number(&descriptor), role)];
        let (status, said) = refused(&with(named), &[theirs, descriptor]);
        assert_eq!(status, Some(65), "{role:?}: {said}");
        assert!(said.contains("is not what its role"), "{said}");
        drop(ours);
    }
    let (_ours, theirs) = (line(), stream());
    assert_eq!(refused(&with(vec![(number(&theirs), Role::Control)]), &[theirs]).0, Some(65));
}

#[test]
fn what_the_orders_do_not_name_is_closed() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let stray: OwnedFd = writer.into();
    let programs = Programs::new();
    let (ours, theirs) = line();
    let text = with(vec![(number(&theirs), Role::Control)]);
    let process = start(&programs, As::Caller, &text, &[theirs, stray]);
    let egress = Egress { control: Some(ours), process };
    assert_eq!(egress.event(), Some(Event::Started));
    // Nobody has the other end any more, although egress inherited it and still runs.
    assert_eq!(std::io::Read::read(&mut reader, &mut [0]).unwrap(), 0);
}
