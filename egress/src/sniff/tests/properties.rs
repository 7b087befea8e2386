//! Whatever is said, and however it is cut: one verdict, and nothing passes that a lenient server would take for another host's.
//!
//! `PROPTEST_CASES` sets how many streams are tried.

use proptest::prelude::*;

use super::tls::hello;
use super::{End, Line};
use crate::sniff::method;

/// Pieces of requests, well-formed and not.
const PIECES: [&str; 60] = [
    "GET",
    "POST",
    "get",
    "PUT",
    "CONNECT",
    "OPTIONS",
    "PRI",
    "FOO",
    " ",
    " ",
    " ",
    "\t",
    "\u{b}",
    "\r\n",
    "\r\n",
    "\r\n",
    "\r\n",
    "\r\n\r\n",
    "\r\n\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\n\n",
    "\0",
    "/",
    "/x",
    "*",
    "http://good.example/",
    "http://evil.example/",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2.0",
    "http/1.1",
    "Host: good.example",
    "Host: good.example",
    "Host: evil.example",
    "host:good.example:8080",
    "Content-Length: 5",
    "Content-Length: 0",
    "Content-Length: 41",
    "Transfer-Encoding: chunked",
    "Upgrade: websocket",
    "Connection: upgrade",
    "Expect: 100-continue",
    "X: y",
    ":",
    ",",
    "hello",
    "5",
    "0",
    "a;x",
    "SM",
    "SSH-2.0-x",
    "\u{1}",
    "\u{80}",
    "GET / HTTP/1.1\r\nHost: good.example\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: good.example\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

/// A stream made of pieces, or of bytes, or a damaged hello.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let pieces = proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..24)
        .prop_map(|list| list.concat().into_bytes());
    let line = proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..12)
        .prop_map(|list| format!("GET / HTTP/1.1\r\n{}\r\n\r\n", list.join("\r\n")).into_bytes());
    let noise = proptest::collection::vec(any::<u8>(), 0..80);
    let damaged = (any::<proptest::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(|(at, byte, good)| {
        let mut hello = hello(if good { "good.example" } else { "evil.example" });
        let at = at.index(hello.len());
        hello[at] = byte;
        hello
    });
    prop_oneof![4 => pieces, 4 => line, 1 => noise, 2 => damaged]
}

/// What becomes of a stream that comes in pieces of these lengths.
fn cut(port: u16, stream: &[u8], lengths: &[usize]) -> Line {
    let mut line = Line::to("good.example", port);
    let mut rest = stream;
    for length in lengths {
        let (now, later) = rest.split_at((*length).min(rest.len()));
        line.client(now);
        rest = later;
    }
    line.client(rest);
    line
}

/// The hosts of the first request in `passed`, in the eyes of the most lenient server: it skips whatever comes before the first
/// word, ends lines at every line feed, and takes any white space for a space. `None` when there is no whole request.
fn lenient_hosts(passed: &[u8]) -> Option<Vec<String>> {
    let text: String = passed.iter().map(|byte| char::from(*byte)).collect();
    let text = text.trim_start_matches(|character: char| character.is_control() || character.is_whitespace());
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    let blank = lines.iter().position(|line| line.is_empty())?;
    let words: Vec<&str> = lines.first()?.split_whitespace().collect();
    let [verb, target, .., version] = words.as_slice() else { return None };
    let is_verb = verb.bytes().all(method::is_token);
    if !is_verb || !version.to_ascii_lowercase().starts_with("http/") {
        return None;
    }
    let mut hosts: Vec<String> = lines[1..blank]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim().to_owned())
        .collect();
    if let Some((_, authority)) = target.split_once("://") {
        hosts.push(authority.split('/').next().unwrap_or_default().to_owned());
    }
    Some(hosts)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_verdict_does_not_depend_on_how_a_stream_is_cut(
        stream in stream(),
        port in proptest::sample::select(&[80, 443, 8080][..]),
        lengths in proptest::collection::vec(0..20usize, 0..40),
    ) {
        let whole = cut(port, &stream, &[]);
        for line in [cut(port, &stream, &lengths), cut(port, &stream, &vec![1; stream.len()])] {
            prop_assert_eq!(&line.end, &whole.end);
            prop_assert!(stream.starts_with(&line.passed), "only what was said passes");
            if matches!(whole.end, End::Refused(_)) {
                prop_assert!(line.passed.starts_with(&whole.passed));
            } else {
                prop_assert_eq!(&line.passed, &whole.passed);
            }
        }
    }

    #[test]
    fn no_request_for_another_host_passes(
        stream in stream(),
        port in proptest::sample::select(&[80, 443, 8080][..]),
        lengths in proptest::collection::vec(0..20usize, 0..40),
    ) {
        let line = cut(port, &stream, &lengths);
        for host in lenient_hosts(&line.passed).into_iter().flatten() {
            prop_assert!(host == "good.example" || host == format!("good.example:{port}"), "{}", host);
        }
        if port == 80 {
            prop_assert!(line.end != End::Rest, "nothing passes unseen on port 80 before a server agrees to it");
        }
    }

    #[test]
    fn what_a_server_says_breaks_nothing(
        answers in proptest::collection::vec(proptest::sample::select(&[
            "HTTP/1.1 101 x\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 x\r\n\r\n", "Upgrade: websocket\r\n", "\r\n", "\n", "x",
        ][..]), 0..8),
        tls in any::<bool>(),
        length in 0..30usize,
    ) {
        let ask = b"GET / HTTP/1.1\r\nHost: good.example\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
        let first = if tls { hello("good.example") } else { ask.to_vec() };
        let answers = answers.concat().into_bytes();
        let mut line = Line::to("good.example", 443);
        line.client(&first).client(b"more");
        prop_assert_eq!(&line.passed, &first);
        let mut held: Vec<u8> = Vec::new();
        for piece in answers.chunks(length.max(1)) {
            held.extend_from_slice(piece);
            match line.server(&held) {
                crate::flow::check::Step::Pass(count) => { held.drain(..usize::try_from(count).expect("a count").min(held.len())); }
                crate::flow::check::Step::Rest | crate::flow::check::Step::Refuse(..) => break,
                crate::flow::check::Step::More | crate::flow::check::Step::Wait => {}
            }
        }
    }
}
