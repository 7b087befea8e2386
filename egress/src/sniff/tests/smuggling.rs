//! Requests within requests: what two servers understand differently does not pass.

use super::{End, Line, assert_passes, assert_refused, end_of};
use lobsterpot_policy::ReasonCode::{Malformed, NameMismatch, Protocol, TooMuch};

/// A request with these header lines instead of a clean head's.
fn with(lines: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: good.example\r\n{lines}\r\n\r\n0\r\n\r\n").into_bytes()
}

#[test]
fn a_host_that_ends_in_a_backslash_to_one_reader_and_in_an_at_sign_to_another_is_refused() {
    for port in [80, 8080] {
        for target in
            ["http://good.example\\@evil.example/", "http://good.example\\.evil.example/", "http://good.example\\x"]
        {
            let end = end_of(port, format!("GET {target} HTTP/1.1\r\nHost: good.example\r\n\r\n").as_bytes());
            assert_eq!(end, End::Refused(NameMismatch), "{target}");
        }
    }
}

#[test]
fn two_ways_to_end_a_body_are_refused() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding:",
        "Transfer_Encoding: chunked",
        "Content_Length: 5",
        "HOST_: x\r\nhost: good.example",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 5 0",
        "Content-Length: 5.0",
        "Content-Length: 5_0",
        "Content-Length:",
        "Content-Length: 18446744073709551617",
        "Content-Length: 99999999999999999999",
        "Connection: content-length\r\nContent-Length: 5",
        "Connection: close, Transfer-Encoding\r\nTransfer-Encoding: chunked",
        "Expect: 100-continue\r\nExpect: 100-continue",
        "Expect: y 100-continue",
        "Expect: 200-ok",
    ] {
        let end = end_of(80, &with(lines));
        assert!(matches!(end, End::Refused(Malformed | NameMismatch)), "{lines}: {end:?}");
    }
}

#[test]
fn odd_line_ends_and_white_space_in_a_head_are_refused() {
    for lines in [
        "Content-Length : 5",
        "Content-Length\t: 5",
        " Content-Length: 5",
        "\tContent-Length: 5",
        "X: y\r\n Content-Length: 5",
        "X: y\r\n\tz",
        "X: y\n Content-Length: 5",
        "X: y\nContent-Length: 5",
        "X: y\rContent-Length: 5",
        "X: y\r\r\nContent-Length: 5",
        "X: y\n",
        "X: y\0z",
        "X\0: y",
        "X: y\u{b}z",
        "X: \u{1b}[2J",
        "X y",
        "X",
        ": y",
        "X(: y",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunked\u{c}",
        "Transfer\u{ad}-Encoding: chunked",
    ] {
        assert_refused(80, &with(lines), Malformed);
    }
}

#[test]
fn odd_request_lines_are_refused() {
    for line in [
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / HTTP/1.1\u{b}",
        "GET /  HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / HTTP/1.1 HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1.2",
        "GET / HTTP/0.9",
        "GET / HTTP/2.0",
        "GET / HTTP/1.10",
        "GET / HTTP/01.1",
        "GET / HTTP/1",
        "GET /\u{1}x HTTP/1.1",
        "GET / x HTTP/1.1",
        "GET x HTTP/1.1",
        "GET * HTTP/1.1",
        "GET //",
        "GET /#x HTTP/1.1",
        "GET HTTP/1.1",
        "GET \\x HTTP/1.1",
        "GET ftp://good.example/ HTTP/1.1",
        "GET https://good.example/ HTTP/1.1",
        "GET good.example/ HTTP/1.1",
        "PRI / HTTP/1.1",
    ] {
        let stream = format!("{line}\r\nHost: good.example\r\n\r\n");
        for port in [80, 8080] {
            let end = end_of(port, stream.as_bytes());
            assert_eq!(end, End::Refused(Malformed), "{line} on {port}");
        }
    }
}

#[test]
fn chunks_that_two_servers_cut_differently_are_refused() {
    let head = b"POST / HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        &b"5\nhello\r\n"[..],
        b"5\rhello\r\n",
        b"5\r\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"\r\n5\r\n",
        b"0x5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"5;x\nyy\r\n",
        b"5;x\rz\r\n",
        b"5;x\0\r\n",
        b"5;\x80\r\n",
        b"5 ;x\r\n",
        b"5,x\r\n",
        b";x\r\n",
        b"\r\n",
        b"g\r\n",
        b"FFFFFFFFFFFFFFFF\r\n",
        b"10000000000000005\r\n",
        b"0000000005\r\n",
        b"5\r\nhelloX\r\n",
        b"5\r\nhello\n0\r\n",
        b"5\r\nhello\r0\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"0\r\nHost: evil.example\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\ntransfer_encoding: chunked\r\n\r\n",
        b"0\r\nX: y\n\r\n",
        b"0\r\n X: y\r\n\r\n",
        b"0\r\n\nGET / HTTP/1.1\r\n",
        b"0\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ] {
        let end = end_of(80, &[&head[..], body].concat());
        assert!(matches!(end, End::Refused(Malformed)), "{:?}: {end:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_request_hidden_in_a_body_is_a_body_and_one_behind_it_is_judged() {
    let inner = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let head = format!("POST / HTTP/1.1\r\nHost: good.example\r\nContent-Length: {}\r\n\r\n", inner.len());
    assert_passes(80, &[head.as_bytes(), inner].concat());
    let mut line = Line::to("good.example", 80);
    line.client(&[head.as_bytes(), inner, inner].concat());
    assert_eq!(line.end, End::Refused(NameMismatch));
    assert_eq!(line.passed, [head.as_bytes(), inner].concat());
    let none = b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n";
    let mut line = Line::to("good.example", 80);
    line.client(&[&none[..], inner].concat());
    assert_eq!(
        (line.end, line.passed.as_slice()),
        (End::Refused(NameMismatch), &none[..]),
        "a GET has no body of its own"
    );
}

#[test]
fn a_body_that_a_server_would_leave_unread_and_take_for_a_request_is_refused() {
    let inner = "POST /admin HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"] {
        for (blank, more) in
            [("", ""), ("\r\n", ""), (" ", ""), ("", "Upgrade: h2c\r\n"), ("", "Upgrade: websocket\r\n")]
        {
            let length = blank.len() + inner.len();
            let head = format!("{method} / HTTP/1.1\r\nHost: good.example\r\n{more}Content-Length: {length}\r\n\r\n");
            for port in [80, 8080] {
                let mut line = Line::to("good.example", port);
                line.client(head.as_bytes());
                assert!(line.passed.is_empty(), "{head}: it waits for the first byte of the body");
                line.client([blank, inner].concat().as_bytes());
                assert!(matches!(line.end, End::Refused(_)), "{head}: {:?}", line.end);
                assert!(line.passed.is_empty(), "{head}");
            }
        }
        let head = format!("{method} / HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_refused(80, head.as_bytes(), Malformed);
    }
}

#[test]
fn a_search_whose_body_is_no_request_passes() {
    for body in ["{\"query\":{}}", "[1]", "<?xml version=\"1.0\"?>"] {
        let head =
            format!("GET /_search HTTP/1.1\r\nHost: good.example:9200\r\nContent-Length: {}\r\n\r\n", body.len());
        assert_passes(9200, &[head.as_bytes(), body.as_bytes()].concat());
        assert_passes(9200, &[head.as_bytes(), body.as_bytes(), head.as_bytes(), body.as_bytes()].concat());
    }
}

#[test]
fn endless_heads_lines_and_trailers_are_refused() {
    let head = b"POST / HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = vec![b'x'; 80 << 10];
    assert_refused(80, &[&b"GET / HTTP/1.1\r\nHost: good.example\r\nX: "[..], &long].concat(), TooMuch);
    assert_refused(80, &[&b"GET /"[..], &long].concat(), Malformed);
    let many = "X: y\r\n".repeat(129);
    assert_refused(80, &with(many.trim_end()), Malformed);
    for body in [&b"5;"[..], b"0\r\nX: "] {
        let end = end_of(80, &[head, body, &long].concat());
        assert_eq!(end, End::Refused(Malformed), "{:?}", String::from_utf8_lossy(body));
    }
    let many = "X: y\r\n".repeat(33);
    assert_eq!(end_of(80, &[head, &b"0\r\n"[..], many.as_bytes(), b"\r\n"].concat()), End::Refused(Malformed));
}

#[test]
fn other_protocols_are_not_reached_through_http() {
    for (stream, reason) in [
        (&b"CONNECT good.example:80 HTTP/1.1\r\nHost: good.example\r\n\r\n"[..], Protocol),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: good.example\r\n\r\n", Protocol),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Protocol),
    ] {
        assert_refused(80, stream, reason);
    }
    let get = b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n";
    let later = b"GET / HTTP/1.1\r\nHost: good.example\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(
        end_of(80, &[&get[..], later].concat()),
        End::Refused(Protocol),
        "an upgrade is asked for at first or never"
    );
    let mut line = Line::to("good.example", 80);
    line.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(line.client(later).end, End::Refused(Protocol), "an answer before the question is none");
}

#[test]
fn a_server_that_agrees_to_another_protocol_than_web_socket_is_not_heard() {
    let get = "GET / HTTP/1.1\r\nHost: good.example\r\nConnection: Upgrade\r\n";
    for ask in [
        format!("{get}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"),
        format!("{get}Upgrade: websocket, h2c\r\n\r\n"),
        format!("{get}Upgrade: websocket\r\nUpgrade: h2c\r\n\r\n"),
        format!("{get}Upgrade: TLS/1.3\r\n\r\n"),
        "POST / HTTP/1.1\r\nHost: good.example\r\nUpgrade: websocket\r\n\r\n".to_owned(),
        "GET / HTTP/1.0\r\nHost: good.example\r\nUpgrade: websocket\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: good.example\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nab".to_owned(),
        "POST / HTTP/1.1\r\nHost: good.example\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
    ] {
        for upgrade in ["Upgrade: websocket\r\n", "Upgrade: h2c\r\n", ""] {
            let mut line = Line::to("good.example", 80);
            line.client(ask.as_bytes()).client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            assert_eq!((line.passed.as_slice(), line.waits), (ask.as_bytes(), true), "{ask}");
            let answer = format!("HTTP/1.1 101 x\r\n{upgrade}\r\n");
            assert!(matches!(line.server(answer.as_bytes()), crate::flow::check::Step::Refuse(..)), "{ask}");
            assert_eq!(line.passed, ask.as_bytes());
        }
        let mut line = Line::to("good.example", 80);
        line.client(ask.as_bytes());
        line.server(b"HTTP/1.1 200 OK\r\n\r\n");
        let next = b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n";
        line.client(next).client(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert_eq!((line.end, line.passed), (End::Refused(NameMismatch), [ask.as_bytes(), next].concat()));
    }
    let post = get.replace("GET", "POST");
    let chunks = format!("{post}Upgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_refused(80, chunks.as_bytes(), Protocol);
}

#[test]
fn an_unclear_answer_to_web_socket_opens_nothing() {
    let ask = b"GET / HTTP/1.1\r\nHost: good.example\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    for answer in [
        &b"HTTP/1.1 101 x\r\n\r\n"[..],
        b"HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 x\nUpgrade: websocket\n\n",
        b"HTTP/1.1 099 x\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\x81\x05hello\r\n\r\n",
    ] {
        let mut line = Line::to("good.example", 80);
        line.client(ask).client(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert!(matches!(line.server(answer), crate::flow::check::Step::Refuse(..)), "{answer:?}");
        assert_eq!(line.passed, ask);
    }
    let mut line = Line::to("good.example", 80);
    line.client(ask).client(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    line.server(b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!((line.end, line.passed.as_slice()), (End::Refused(NameMismatch), &ask[..]));
}
