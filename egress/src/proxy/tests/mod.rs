//! Handshakes as clients make them, and as attackers do.

mod carried;

use proptest::prelude::*;

use super::handshake::{Asked, Failure, Handshake, Host, Wish};
use lobsterpot_policy::ReasonCode;
use lobsterpot_policy::orders::Refused;

/// How a handshake went: all that was answered, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Course {
    said: Vec<u8>,
    wish: Option<Wish>,
    refused: Option<&'static str>,
    left: Vec<u8>,
}

/// The course of a handshake whose client says these pieces.
fn course<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Handshake, Course) {
    let (mut handshake, mut held) = (Handshake::new(), Vec::new());
    let mut course = Course { said: Vec::new(), wish: None, refused: None, left: Vec::new() };
    for piece in pieces {
        held.extend_from_slice(piece);
        while course.wish.is_none() && course.refused.is_none() {
            match handshake.client(&held) {
                Asked::More => break,
                Asked::Say { take, reply } => {
                    held.drain(..take);
                    course.said.extend(reply);
                }
                Asked::Connect { take, wish } => {
                    held.drain(..take);
                    course.wish = Some(wish);
                }
                Asked::Refuse { why, reply } => {
                    course.said.extend(reply);
                    course.refused = Some(why);
                }
            }
        }
    }
    course.left = held;
    (handshake, course)
}

/// The course when the client says all at once.
fn whole(stream: &[u8]) -> Course {
    course([stream]).1
}

/// What is wished for, as text, and what is left.
fn wish(stream: &[u8]) -> (String, Vec<u8>) {
    let course = whole(stream);
    let wish = course.wish.unwrap_or_else(|| panic!("{:?}: {:?}", String::from_utf8_lossy(stream), course.refused));
    let host = match wish.host {
        Host::Name(name) => name.to_string(),
        Host::Address(address) => format!("<{address}>"),
    };
    (format!("{host} {}", wish.port), course.left)
}

/// A request of SOCKS 5, with its greeting.
fn socks5(command: u8, kind: u8, address: &[u8], port: u16) -> Vec<u8> {
    [&[5, 2, 2, 0, 5, command, 0, kind][..], address, &port.to_be_bytes()].concat()
}

#[test]
fn socks_clients_are_understood() {
    let name = socks5(1, 3, b"\x0cGood.Example", 443);
    assert_eq!(wish(&name), ("good.example 443".to_owned(), Vec::new()));
    assert_eq!(whole(&name).said, [5, 0]);
    assert_eq!(wish(&[&name[..], b"early"].concat()).1, b"early");
    assert_eq!(wish(&socks5(1, 3, b"\x0dgood.example.", 80)).0, "good.example 80");
    assert_eq!(wish(&socks5(1, 3, b"\x09192.0.2.7", 80)).0, "<192.0.2.7> 80");
    assert_eq!(wish(&socks5(1, 1, &[198, 18, 0, 16], 22)).0, "<198.18.0.16> 22");
    assert_eq!(wish(&socks5(1, 4, &[0; 16], 22)).0, "<::> 22");
    assert_eq!(wish(b"\x04\x01\x01\xbb\xc0\0\x02\x07me\0").0, "<192.0.2.7> 443");
    assert_eq!(wish(b"\x04\x01\x01\xbb\0\0\0\x01\0good.example\0x"), ("good.example 443".to_owned(), b"x".to_vec()));
}

#[test]
fn http_clients_are_understood() {
    let (handshake, _) = course([&b"CONNECT Good.Example:443 HTTP/1.1\r\nHost: good.example:443\r\n\r\n"[..]]);
    assert!(handshake.connected().starts_with(b"HTTP/1.1 200 "));
    let tunnel = |target: &str| wish(format!("CONNECT {target} HTTP/1.0\r\n\r\nearly").as_bytes());
    assert_eq!(tunnel("good.example:443"), ("good.example 443".to_owned(), b"early".to_vec()));
    assert_eq!(tunnel("192.0.2.7:1").0, "<192.0.2.7> 1");
    assert_eq!(tunnel("[2001:db8::7]:443").0, "<2001:db8::7> 443");
    let stream = b"GET http://Good.Example:8080/a?b HTTP/1.1\r\nHost: Good.Example:8080\r\nProxy-Connection: keep-alive\r\n\
        Proxy-Authorization: Basic eDp5\r\nConnection: keep-alive, X-Own, Host\r\nX-Own: 1\r\nAccept: */*\r\nContent-Length: 2\r\n\r\nab";
    let course = whole(stream);
    let ahead = course.wish.expect("a wish").ahead;
    let expected = b"GET /a?b HTTP/1.1\r\nHost: Good.Example:8080\r\nAccept: */*\r\nContent-Length: 2\r\nConnection: close\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&ahead), String::from_utf8_lossy(expected));
    assert_eq!((wish(stream).0.as_str(), course.left.as_slice()), ("good.example 8080", &b"ab"[..]));
    let bare = whole(b"GET http://good.example HTTP/1.0\r\n\r\n").wish.expect("a wish").ahead;
    assert_eq!(bare, b"GET / HTTP/1.0\r\nHost: good.example\r\nConnection: close\r\n\r\n");
}

#[test]
fn other_commands_of_socks_are_refused_with_their_code() {
    for (stream, last) in [
        (socks5(2, 1, &[1, 1, 1, 1], 80), 7),
        (socks5(3, 1, &[1, 1, 1, 1], 80), 7),
        (socks5(0, 1, &[1, 1, 1, 1], 80), 7),
        (socks5(1, 2, &[1, 1, 1, 1], 80), 8),
        (socks5(1, 0, &[1, 1, 1, 1], 80), 8),
        (socks5(1, 1, &[1, 1, 1, 1], 0), 1),
        (socks5(1, 3, b"\0", 80), 1),
        (socks5(1, 3, b"\x05a b.c", 80), 1),
        (socks5(1, 3, b"\x0eevil.example\0x", 80), 1),
        (socks5(1, 3, b"\x03\xff.c", 80), 1),
        (b"\x05\x01\0\x04\x01\0\x01\x01\x01\x01\x01\0\x50".to_vec(), 1),
        (b"\x05\x01\0\x05\x01\x01\x01\x01\x01\x01\x01\0\x50".to_vec(), 1),
    ] {
        let course = whole(&stream);
        assert!(course.refused.is_some(), "{stream:?}");
        assert_eq!(course.said, [5, 0, 5, last, 0, 1, 0, 0, 0, 0, 0, 0], "{stream:?}");
    }
    assert_eq!(whole(b"\x05\x01\x02").said, [5, 0xff], "a password is no way in");
    assert_eq!(whole(b"\x05\0").said, [5, 0xff]);
    assert_eq!(whole(b"\x04\x02\0\x50\x01\x01\x01\x01\0").said, [0, 91, 0, 0, 0, 0, 0, 0]);
    for long in [&[b'x'; 300][..], &[&b"\0"[..], &[b'x'; 300]].concat()] {
        let course = whole(&[b"\x04\x01\0\x50\0\0\0\x01", long].concat());
        assert_eq!(course.said, [0, 91, 0, 0, 0, 0, 0, 0]);
    }
}

#[test]
fn requests_that_are_none_to_a_proxy_are_refused() {
    for head in [
        "GET / HTTP/1.1\r\nHost: good.example",
        "GET https://good.example/ HTTP/1.1",
        "GET ftp://good.example/ HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "GET http://user@good.example/ HTTP/1.1",
        "GET http://good.example:/ HTTP/1.1",
        "GET http://good.example:0/ HTTP/1.1",
        "GET http://good.example:65536/ HTTP/1.1",
        "GET http://good.example:+80/ HTTP/1.1",
        "GET http://good%2eexample/ HTTP/1.1",
        "CONNECT good.example HTTP/1.1",
        "CONNECT good.example: HTTP/1.1",
        "CONNECT :443 HTTP/1.1",
        "CONNECT http://good.example:443 HTTP/1.1",
        "CONNECT user@good.example:443 HTTP/1.1",
        "CONNECT good.example:443/ HTTP/1.1",
        "CONNECT good.example:443 HTTP/1.1\r\nContent-Length: 5",
        "CONNECT good.example:443 HTTP/1.1\r\nTransfer-Encoding: chunked",
        "CONNECT good.example:443 HTTP/1.1\r\nX: y\n",
        "CONNECT good.example:443 HTTP/1.1\r\n X: y",
        "CONNECT good.example:443",
        "\r\nCONNECT good.example:443 HTTP/1.1",
        "PRI * HTTP/2.0",
        "\u{16}\u{3}\u{1}",
    ] {
        let course = whole(format!("{head}\r\n\r\n").as_bytes());
        assert!(course.wish.is_none() && course.refused.is_some(), "{head:?}: {course:?}");
        assert!(course.said.starts_with(b"HTTP/1.1 400 Bad Request\r\n"), "{head:?}");
    }
    let endless = [&b"GET http://good.example/"[..], &[b'x'; 70 << 10]].concat();
    assert!(whole(&endless).refused.is_some());
}

#[test]
fn names_and_numbers_in_disguise_stay_what_they_are() {
    for (host, wished) in [
        ("127.0.0.1", "<127.0.0.1> 80"),
        ("127.0.0.1.", "127.0.0.1 80"),
        ("127.1", "127.1 80"),
        ("0177.0.0.1", "0177.0.0.1 80"),
        ("0x7f000001", "0x7f000001 80"),
        ("2130706433", "2130706433 80"),
        ("::ffff:169.254.169.254", "<::ffff:169.254.169.254> 80"),
        ("LOCALHOST", "localhost 80"),
    ] {
        let length = u8::try_from(host.len()).expect("a short name");
        assert_eq!(wish(&socks5(1, 3, &[&[length][..], host.as_bytes()].concat(), 80)).0, wished);
        assert_eq!(wish(format!("CONNECT {host}:80 HTTP/1.1\r\n\r\n").as_bytes()).0, wished);
    }
}

#[test]
fn every_failure_has_its_answer() {
    let refused = Refused {
        host: "evil.example".to_owned(),
        port: 443,
        protocol: "tcp".to_owned(),
        reason: ReasonCode::HostNotAllowed,
        message: "evil.example:443 is not listed.".to_owned(),
        instead: "Ask.".to_owned(),
    };
    let (five, _) = course([&socks5(1, 1, &[1, 1, 1, 1], 80)[..]]);
    let (four, _) = course([&b"\x04\x01\0\x50\x01\x01\x01\x01\0"[..]]);
    let (http, _) = course([&b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n"[..]]);
    for (failure, code, status) in [
        (Failure::Refused(&refused), 2, "403 "),
        (Failure::NotResolved, 4, "502 "),
        (Failure::Unreachable, 4, "502 "),
        (Failure::TimedOut, 6, "504 "),
    ] {
        assert_eq!(five.failed(&failure), [5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(four.failed(&failure), [0, 91, 0, 0, 0, 0, 0, 0]);
        let text = String::from_utf8(http.failed(&failure)).expect("text");
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        let (_, body) = text.split_once("\r\n\r\n").expect("a body");
        assert!(text.contains(&format!("Content-Length: {}\r\n", body.len())), "{text}");
    }
    let text = String::from_utf8(http.failed(&Failure::Refused(&refused))).expect("text");
    assert!(text.contains("net.host-not-allowed: evil.example:443 is not listed. Ask."), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_handshake_does_not_depend_on_how_it_is_cut(
        stream in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            proptest::collection::vec(proptest::sample::select(&[0u8, 1, 2, 3, 4, 5, 80, b'a', b'.'][..]), 0..40),
            proptest::collection::vec(proptest::sample::select(&[
                "CONNECT ", "GET ", "http://", "good.example", ":443", "/", " HTTP/1.1", "\r\n", "\r\n\r\n", "Host: x", "\n", "[::1]",
            ][..]), 0..14).prop_map(|list| list.concat().into_bytes()),
        ],
        size in 1..9usize,
    ) {
        let at_once = whole(&stream);
        for size in [size, 1] {
            let (_, pieces) = course(stream.chunks(size));
            prop_assert_eq!(&pieces, &at_once);
        }
        if let Some(wish) = at_once.wish {
            let ahead = String::from_utf8_lossy(&wish.ahead).into_owned();
            prop_assert!(wish.port > 0);
            prop_assert!(ahead.is_empty() || (ahead.ends_with("\r\n\r\n") && ahead.matches("\r\n\r\n").count() == 1));
        }
    }
}
