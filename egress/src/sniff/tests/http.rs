//! What well-meaning clients of plain HTTP do.

use super::{End, Line, assert_passes, assert_refused, rule};
use crate::flow::check::Step;
use lobsterpot_policy::ReasonCode;

const GET: &[u8] = b"GET /a?b=c HTTP/1.1\r\nHost: good.example\r\nUser-Agent: x\r\n\r\n";
const HANDSHAKE: &[u8] = b"GET /chat HTTP/1.1\r\nHost: good.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn common_requests_pass() {
    assert_passes(80, GET);
    assert_passes(8080, GET);
    assert_passes(443, GET);
    assert_passes(80, b"GET / HTTP/1.0\r\nHost: good.example\r\n\r\n");
    assert_passes(80, b"GET / HTTP/1.1\r\nhost:GOOD.example.\r\n\r\n");
    assert_passes(80, b"GET / HTTP/1.1\r\nHost: good.example:80\r\n\r\n");
    assert_passes(8080, b"GET / HTTP/1.1\r\nHost: good.example:8080\r\n\r\n");
    assert_passes(80, b"GET http://good.example/x HTTP/1.1\r\nHost: good.example\r\n\r\n");
    assert_passes(80, b"GET HTTP://Good.example:80?x HTTP/1.1\r\nHost: good.example\r\n\r\n");
    assert_passes(80, b"OPTIONS * HTTP/1.1\r\nHost: good.example\r\n\r\n");
    assert_passes(80, b"PROPFIND /dav HTTP/1.1\r\nHost: good.example\r\nDepth: 1\r\nContent-Length: 3\r\n\r\n<a>");
    assert_passes(80, "GET /caf\u{e9} HTTP/1.1\r\nHost: good.example\r\nX: \u{fc}\r\n\r\n".as_bytes());
    assert_passes(80, b"GET / HTTP/1.1\r\nHost: good.example\r\nConnection: keep-alive, TE\r\nTE: trailers\r\n\r\n");
    assert_passes(80, b"PUT / HTTP/1.1\r\nHost: good.example\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nab");
}

#[test]
fn requests_follow_one_another_on_one_connection() {
    let post = b"POST /x HTTP/1.1\r\nHost: good.example\r\nContent-Length: 5\r\n\r\nhello";
    let chunks = b"POST /x HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n00A;x=\"y z\"\r\n0123456789\r\n0\r\n\r\n";
    let trailers = b"POST /x HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: Chunked\r\n\r\n\
        1\r\n\n\r\n0\r\nDigest: x\r\nB: c\r\n\r\n";
    let empty = b"POST /x HTTP/1.1\r\nHost: good.example\r\nContent-Length: 0\r\n\r\n";
    assert_passes(80, &[GET, post, chunks, GET, trailers, empty, GET].concat());
}

#[test]
fn a_body_of_many_gigabytes_passes_in_one_step() {
    let mut line = Line::to("good.example", 80);
    let head = b"PUT /x HTTP/1.1\r\nHost: good.example\r\nContent-Length: 9000000000\r\n\r\n";
    line.client(head).client(&[0; 1000]);
    assert_eq!(line.blind, 9_000_000_000 - 1000);
    let chunked = b"PUT /x HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n";
    let mut line = Line::to("good.example", 80);
    line.client(chunked).client(&[0; 1000]);
    assert_eq!(line.blind, 0xffff_ffff - 1000);
}

#[test]
fn a_server_that_speaks_first_is_heard() {
    let mut line = Line::to("good.example", 8080);
    assert!(matches!(line.server(b"220 hello\r\n"), Step::Pass(11)));
    line.client(GET);
    assert_eq!(line.end, End::Open);
    assert!(matches!(line.server(b"x"), Step::Rest));
}

#[test]
fn web_socket_passes_once_the_server_agrees() {
    let mut line = Line::to("good.example", 80);
    line.client(HANDSHAKE).client(b"\x81\x85frame");
    assert_eq!((line.passed.as_slice(), line.waits), (HANDSHAKE, true), "frames wait for the answer");
    assert!(matches!(line.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n"), Step::More));
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\n\x81\x01x";
    assert!(matches!(line.server(answer), Step::Rest));
    assert_eq!(line.end, End::Rest);
    assert!(line.passed.ends_with(b"frame"));
}

#[test]
fn web_socket_that_is_declined_goes_on_as_http() {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
        let mut line = Line::to("good.example", 80);
        line.client(HANDSHAKE).client(b"\x81\x85frame");
        assert!(matches!(line.server(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), Step::Pass(37)));
        assert!(matches!(line.server(answer.as_bytes()), Step::Rest));
        assert_eq!(line.end, End::Open, "a frame may be the start of a method's line");
        line.client(b"\r\n\r\n");
        assert_eq!(line.end, End::Refused(ReasonCode::Malformed));
        assert_eq!(line.passed, HANDSHAKE);
        let mut line = Line::to("good.example", 80);
        line.client(HANDSHAKE);
        line.server(answer.as_bytes());
        line.client(GET);
        assert_eq!(line.passed, [HANDSHAKE, GET].concat());
    }
}

#[test]
fn a_refusal_says_why_in_one_line() {
    let mut line = Line::to("good.example", 80);
    line.client(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    let shown = line.shown();
    assert!(shown.starts_with("HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n"), "{shown}");
    assert!(shown.contains("\r\nConnection: close\r\n"), "{shown}");
    let (_, body) = shown.split_once("\r\n\r\n").expect("a body");
    assert!(shown.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{shown}");
    assert!(body.starts_with("lobsterpot: net.name-mismatch: good.example:80: "), "{body}");
    assert!(body.contains("evil.example") && body.ends_with("\n") && body.lines().count() == 1, "{body}");
}

#[test]
fn an_address_is_its_own_host_and_a_named_one_is_fine() {
    for (address, host) in
        [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "[2001:db8::7]:80"), ("2001:db8::7", "[2001:DB8:0::7]")]
    {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(Line::to(address, 80).client(request.as_bytes()).end, End::Open, "{host}");
    }
    let mut line = Line::to("192.0.2.7", 80);
    line.client(b"GET / HTTP/1.1\r\nHost: named.example\r\n\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(line.end, End::Refused(ReasonCode::NameMismatch));
    assert!(line.passed.ends_with(b"Host: named.example\r\n\r\n"));
    for host in ["192.0.2.8", "192.0.2.7.", "3221225991", "0xc0.0.2.7", "192.0.2.7:8080", "2001:db8::7"] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let end = Line::to("192.0.2.7", 80).client(request.as_bytes()).end.clone();
        assert_eq!(end, End::Refused(ReasonCode::NameMismatch), "{host}");
    }
}

#[test]
fn a_rule_with_methods_and_paths_judges_every_request() {
    let narrow =
        || rule("good.example:8080").with_requests(&["GET".to_owned()], &["/v1/**".to_owned()]).expect("a rule");
    let line = |stream: &[u8]| {
        let mut line = Line::by("good.example", 8080, narrow());
        line.client(stream);
        line
    };
    let good: &[u8] = b"GET /v1/a?x HTTP/1.1\r\nHost: good.example\r\n\r\n";
    assert_eq!(line(good).end, End::Open);
    let second = line(&[good, b"POST /v1/a HTTP/1.1\r\nHost: good.example\r\n\r\n"].concat());
    assert_eq!((second.end, second.passed.as_slice()), (End::Refused(ReasonCode::Request), good));
    for (stream, reason) in [
        (&b"GET /v2/a HTTP/1.1\r\nHost: good.example\r\n\r\n"[..], ReasonCode::Request),
        (b"GET /v1/../v2 HTTP/1.1\r\nHost: good.example\r\n\r\n", ReasonCode::Malformed),
        (b"GET http://good.example/v2 HTTP/1.1\r\nHost: good.example\r\n\r\n", ReasonCode::Request),
        (b"GET http://good.example\\v1/x HTTP/1.1\r\nHost: good.example\r\n\r\n", ReasonCode::NameMismatch),
        (b"GET /v1/a HTTP/1.1\r\nHost: good.example\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", ReasonCode::Malformed),
        (b"GET /v1/a HTTP/1.1\r\nHost: good.example\r\nX-Original-URL: /v2\r\n\r\n", ReasonCode::Malformed),
        (b"\x16\x03\x01", ReasonCode::Protocol),
        (b"SSH-2.0-x\r\n", ReasonCode::Protocol),
        (b"\0\0\0\x08", ReasonCode::Protocol),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ReasonCode::Protocol),
    ] {
        let line = line(stream);
        assert_eq!(line.end, End::Refused(reason), "{:?}", String::from_utf8_lossy(stream));
        assert!(line.passed.is_empty());
    }
}

#[test]
fn a_request_that_breaks_off_is_not_completed() {
    for stream in [&b"GET / HTTP/1.1\r\nHost: good.example\r\n"[..], b"GET /x", b"GET "] {
        let mut line = Line::to("good.example", 8080);
        line.client(stream).finish();
        assert_eq!(line.end, End::Refused(ReasonCode::Malformed), "{:?}", String::from_utf8_lossy(stream));
        assert!(line.passed.is_empty());
    }
    assert_refused(80, b"GET /x\r\n", ReasonCode::Malformed);
}
