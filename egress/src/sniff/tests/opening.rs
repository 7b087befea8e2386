//! Telling protocols apart by their first bytes.

use super::{End, Line, assert_passes, assert_refused, end_of};
use lobsterpot_policy::ReasonCode::{Malformed, NameMismatch, Protocol};

/// First messages of protocols whose servers answer before the client says more: none of them may be held back.
const FIRST_MESSAGES: [&[u8]; 30] = [
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n",
    b"\0\0\0\x08\x04\xd2\x16\x2f",                                 // PostgreSQL, SSLRequest
    b"\0\0\0\x29\0\x03\0\0user\0me\0\0",                           // PostgreSQL, StartupMessage
    b"\x20\0\0\x01\x85\xae\xff\x19\0\0\0\x01\xff\0\0\0\0\0\0\0\0", // MySQL, SSLRequest
    b"*1\r\n$4\r\nPING\r\n",                                       // Redis
    b"PING\r\n",                                                   // Redis, inline
    b"GET key\r\n",                                                // Redis, inline
    b"get key\r\n",                                                // memcached
    b"EHLO mail.example\r\n",                                      // SMTP
    b"USER me\r\n",                                                // FTP, POP3
    b"a1 LOGIN me secret\r\n",                                     // IMAP
    b"NICK me\r\nUSER me 0 * :Me\r\n",                             // IRC
    b"0032git-upload-pack /project.git\0host=good.example\0",      // git
    b"\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03abc",                  // MQTT
    b"AMQP\0\0\x09\x01",                                           // AMQP
    b"\0\0\0\x15\0\x12\0\x03\0\0\0\x01\0\x07abc",                  // Kafka
    b"<?xml version='1.0'?><stream:stream to='good.example'>",     // XMPP
    b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0",       // LDAP
    b"\x05\x01\0",                                                 // SOCKS 5
    b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",       // RDP
    b"\xff\xfd\x18",                                               // telnet
    b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05",                // BitTorrent
    b"OPTIONS rtsp://good.example/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",   // RTSP
    b"@RSYNCD: 31.0\n",                                            // rsync
    b"CONNECT\naccept-version:1.2\n\n\0",                          // STOMP
    b"Hello, world",                                               // a tutorial's echo client
    b"hello world",                                                // another one
    b"{\"jsonrpc\":\"2.0\"}",                                      // JSON
    b"\x0a\x03abc",                                                // protocol buffers
    b"\0",                                                         // one byte
];

#[test]
fn first_messages_of_other_protocols_pass_at_once() {
    for message in FIRST_MESSAGES {
        assert_passes(9999, message);
        let mut line = Line::to("good.example", 9999);
        message.iter().for_each(|byte| {
            line.client(&[*byte]);
        });
        assert_eq!(line.passed, message, "byte by byte: {:?}", String::from_utf8_lossy(message));
    }
}

#[test]
fn a_line_of_a_log_with_a_request_in_it_is_no_request() {
    assert_passes(514, b"123 <34>1 2026-01-01T00:00:00Z web app - - - 192.0.2.1 \"GET / HTTP/1.1\" 200\n");
    assert_passes(514, b"web GET / HTTP/1.1 200\n");
    assert_passes(514, b"{\"message\": \"GET / HTTP/1.1\n\"}\n");
}

#[test]
fn port_80_is_for_http_alone() {
    for message in FIRST_MESSAGES {
        let end = end_of(80, message);
        let is_refused = matches!(end, End::Refused(Protocol | Malformed));
        let waits = end == End::Open && Line::to("good.example", 80).client(message).passed.is_empty();
        assert!(is_refused || waits, "{:?}: {end:?}", String::from_utf8_lossy(message));
    }
}

#[test]
fn a_hello_of_ssl_2_on_port_80_is_refused_in_the_same_way_however_it_is_cut() {
    let hello = b"\x80\x2e\x01\x03\x01\0\x15";
    assert_refused(80, hello, Protocol);
    let mut line = Line::to("good.example", 80);
    hello.iter().for_each(|byte| {
        line.client(&[*byte]);
    });
    assert_eq!(line.end, End::Refused(Protocol));
}

#[test]
fn a_request_that_only_lenient_servers_take_does_not_pass_as_another_protocol() {
    let host = "\r\nHost: evil.example\r\n\r\n";
    for line in [
        "\r\nGET / HTTP/1.1",
        "\nGET / HTTP/1.1",
        " GET / HTTP/1.1",
        "\tGET / HTTP/1.1",
        "\r\n\r\n\r\nGET / HTTP/1.1",
        "\0GET / HTTP/1.1",
        "\u{7f}GET / HTTP/1.1",
        "\u{15}\u{14}GET / HTTP/1.1",
        "\u{b}\u{c}get / HTTP/1.1",
        "get / HTTP/1.1",
        "Get / HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET\u{b}/\u{c}HTTP/1.1",
        "GET  /  HTTP/1.1",
        "GET\r/\rHTTP/1.1",
        "GET / http/1.1",
        "GET / HtTp/1.1",
        "GET /\0 HTTP/1.1",
        "FOO / HTTP/1.1",
        "F!#$%&'*+-.^_`|~1 / HTTP/1.1",
        "GETGETGETGETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1",
        "* / HTTP/1.1",
        "GET http://evil.example/ HTTP/1.1",
        "GET http://evil.example/",
        "GET /",
        "\r\nGET /x",
        "\r\nPRI * HTTP/2.0",
        "FOO / x HTTP/1.1",
        "FOO / HTTP/1.1 \t",
        "FOO / HTTP/1.1\rHost: evil.example",
        "FOO / HTTP/x HTTP/1.1",
    ] {
        let stream = format!("{line}{host}");
        let mut whole = Line::to("good.example", 8080);
        whole.client(stream.as_bytes());
        assert!(matches!(whole.end, End::Refused(Malformed | NameMismatch)), "{line:?}: {:?}", whole.end);
        let mut bytes = Line::to("good.example", 8080);
        stream.bytes().for_each(|byte| {
            bytes.client(&[byte]);
        });
        assert_eq!(bytes.end, whole.end, "{line:?}");
        let over = bytes.passed.iter().skip_while(|byte| byte.is_ascii_whitespace()).any(|byte| *byte == b'\n');
        assert!(!over, "{line:?}: the end of the line has passed");
    }
    // The version goes on for whoever takes only a space for a space, and such a server may look no further than at its beginning.
    for space in [b'\t', 0x0b, 0x0c, 0x1c, 0x1f, 0x85, 0xa0] {
        let stream = [b"POST / HTTP/1.1", &[space][..], b"x\r\nHost: evil.example\r\n\r\n"].concat();
        assert_refused(8080, &stream, Malformed);
    }
    for space in [0x85, 0xa0, 0x1c, 0x1f] {
        let stream = [b"GET", &[space][..], b"/", &[space], b"HTTP/1.1\r\nHost: evil.example\r\n\r\n"].concat();
        assert_refused(8080, &stream, Malformed);
    }
}

#[test]
fn http2_without_tls_passes_only_where_requests_are_not_judged() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert_passes(50051, preface);
    assert_refused(80, preface, Protocol);
    let mut line = Line::to("good.example", 50051);
    preface.iter().for_each(|byte| {
        line.client(&[*byte]);
    });
    assert_eq!((line.end, line.passed.as_slice()), (End::Rest, &preface[..]));
    for almost in ["PRI * HTTP/2.0\r\nHost: evil.example\r\n\r\n", "PRI / HTTP/1.1\r\nHost: evil.example\r\n\r\n"] {
        assert_refused(50051, almost.as_bytes(), Malformed);
    }
}

#[test]
fn a_hello_of_ssl_2_is_refused() {
    for hello in [&b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10"[..], b"\x80\x2e\x01\0\x02\0\x15", b"\x81\x03\x01\x03\x03"] {
        assert_refused(443, hello, NameMismatch);
        let mut line = Line::to("good.example", 443);
        hello.iter().for_each(|byte| {
            line.client(&[*byte]);
        });
        assert_eq!((line.end, line.passed.len()), (End::Refused(NameMismatch), 0));
    }
    assert_passes(443, b"\x80\x2e\x02\x03\x01");
}

#[test]
fn a_first_line_without_end_is_watched_only_so_far() {
    let mut line = Line::to("good.example", 9999);
    line.client(b"word ");
    (0..600).for_each(|_| {
        line.client(&[b'x'; 4096]);
    });
    assert_eq!(line.end, End::Rest);
    let mut line = Line::to("good.example", 9999);
    line.client(b"POST /").client(&[b'x'; 66 << 10]);
    assert_eq!((line.end, line.passed.len()), (End::Refused(Malformed), 0));
}

#[test]
fn what_ends_before_it_is_clear_passes_when_it_is_no_request() {
    let mut line = Line::to("good.example", 9999);
    line.client(b"GE").finish();
    assert_eq!((line.end, line.passed.as_slice()), (End::Rest, &b"GE"[..]));
}
