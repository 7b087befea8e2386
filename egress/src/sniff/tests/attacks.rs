//! Another host by way of an allowed one.

use super::{End, Line, assert_passes, assert_refused};
use lobsterpot_policy::ReasonCode::{Malformed, NameMismatch};

#[test]
fn another_host_in_the_host_header_is_refused() {
    for host in [
        "evil.example",
        "evil.good.example",
        "good.example.evil.example",
        "evilgood.example",
        "good.exampl",
        "good.example..",
        "good.example:443",
        "good.example:080",
        "good.example:+80",
        "good.example:",
        "good.example:80:80",
        "good.example:80 ",
        "good.example, evil.example",
        "good.example evil.example",
        "good.example\tevil.example",
        "good.example/evil",
        "evil@good.example",
        "good.example@evil.example",
        "good.example#evil.example",
        "good.example?evil",
        "good%2eexample",
        "good.example%00",
        "[good.example]",
        "g\u{f6}od.example",
        "\u{ff47}ood.example",
        "good\u{3002}example",
        "198.18.0.16",
        "127.0.0.1",
        "localhost",
        "",
    ] {
        let stream = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        if host == "good.example:80 " {
            assert_passes(80, stream.as_bytes()); // white space around a value is no part of it
        } else {
            assert_refused(80, stream.as_bytes(), NameMismatch);
        }
    }
}

#[test]
fn no_host_two_hosts_and_hosts_in_disguise_are_refused() {
    for (stream, reason) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], NameMismatch),
        (b"GET / HTTP/1.0\r\n\r\n", NameMismatch),
        (b"GET / HTTP/1.1\r\nHost: good.example\r\nHost: evil.example\r\n\r\n", NameMismatch),
        (b"GET / HTTP/1.1\r\nHost: good.example\r\nHost: good.example\r\n\r\n", NameMismatch),
        (b"GET / HTTP/1.1\r\nHost: good.example\r\nhOsT: evil.example\r\n\r\n", NameMismatch),
        (b"GET / HTTP/1.1\r\nHost : evil.example\r\nHost: good.example\r\n\r\n", Malformed),
        (b"GET / HTTP/1.1\r\n Host: evil.example\r\nHost: good.example\r\n\r\n", Malformed),
        (b"GET / HTTP/1.1\r\nHost: good.example\r\n evil.example\r\n\r\n", Malformed),
        (b"GET / HTTP/1.1\r\nX: y\rHost: evil.example\r\nHost: good.example\r\n\r\n", Malformed),
        (b"GET / HTTP/1.1\r\nX: y\nHost: evil.example\r\nHost: good.example\r\n\r\n", Malformed),
        (b"GET / HTTP/1.1\r\nConnection: Host\r\nHost: good.example\r\n\r\n", Malformed),
        (b"GET / HTTP/1.1\r\nHost: good.example\0evil.example\r\n\r\n", Malformed),
    ] {
        assert_refused(80, stream, reason);
        assert_refused(8080, stream, reason);
    }
}

#[test]
fn another_host_in_an_absolute_target_is_refused() {
    for target in [
        "http://evil.example/",
        "http://evil.example",
        "http://good.example@evil.example/",
        "http://evil@good.example/",
        "http://evil.example\\@good.example/",
        "http://good.example:8080/",
        "http://good.example.evil.example/",
        "http:///evil.example/",
        "http://",
        "HTTP://EVIL.example/",
        "http://evil.example?good.example",
    ] {
        let stream = format!("GET {target} HTTP/1.1\r\nHost: good.example\r\n\r\n");
        assert_refused(80, stream.as_bytes(), NameMismatch);
    }
    let stream = b"GET http://good.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_refused(80, stream, NameMismatch);
}

#[test]
fn a_second_host_on_a_kept_alive_connection_is_refused() {
    let good = b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n";
    let evil = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    for close in ["", "Connection: close\r\n"] {
        let first = format!("GET / HTTP/1.1\r\nHost: good.example\r\n{close}\r\n");
        let mut line = Line::to("good.example", 80);
        line.client(first.as_bytes()).client(good).client(evil);
        assert_eq!(line.end, End::Refused(NameMismatch));
        assert_eq!(line.passed, [first.as_bytes(), good].concat());
    }
}
