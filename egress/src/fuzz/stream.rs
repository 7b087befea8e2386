//! What is said on a connection, and to a proxy: one verdict however it is cut, and no request for another host.

use std::rc::Rc;

use lobsterpot_policy::ReasonCode;
use lobsterpot_policy::orders::Event;

use super::{gate, rule};
use crate::flow::check::{Check, HELD, Step};
use crate::gate::Gate;
use crate::sniff;
use crate::target::Target;

/// What became of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// All of it passed, or waits for more.
    Open,
    /// It passes unseen from some point on.
    Rest,
    /// It was refused, for this reason.
    Refused(ReasonCode),
}

/// The first byte chooses the port and how the rest is cut; the verdict depends on the port alone, only what was said passes, and
/// no first request that passes is for another host.
pub fn stream(data: &[u8]) {
    let Some((first, stream)) = data.split_first() else { return };
    let port = [80, 443, 8080, 8080][usize::from(first & 3)];
    let judged = first & 4 != 0;
    let (whole, passed) = said(port, judged, stream, usize::MAX, None);
    let piece = usize::from(first >> 3).max(1);
    let (cut, cut_passed) = said(port, judged, stream, piece, None);
    assert_eq!(cut, whole, "the verdict depends on pieces of {piece}");
    assert!(stream.starts_with(&passed) && stream.starts_with(&cut_passed), "what passes was never said");
    if matches!(whole, End::Refused(_)) {
        assert!(cut_passed.starts_with(&passed));
    } else {
        assert_eq!(cut_passed, passed);
    }
    for host in lenient_hosts(&passed) {
        // Names are written in any case, and with the dot that ends them or without.
        let host = host.to_ascii_lowercase().replace("example.", "example");
        let own = format!("good.example:{port}");
        assert!(host == "good.example" || host == own, "a request for {host:?} passed");
    }
    assert!(port != 80 || whole != End::Rest, "bytes pass unseen on port 80");
    // The same bytes from the server, in the middle of an exchange.
    let ask = b"GET / HTTP/1.1\r\nHost: good.example\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    said(port, judged, ask, usize::MAX, Some(stream));
}

/// Says `stream` in pieces, and then what the `server` says; what became of it, and what passed.
fn said(port: u16, judged: bool, stream: &[u8], piece: usize, server: Option<&[u8]>) -> (End, Vec<u8>) {
    let text = format!("good.example:{port}");
    let rule = rule(&text);
    let gate = gate(if judged { &[] } else { &["named.example:80,443,8080"] });
    let mut check = sniff::check(&Target::Name(Rc::from("good.example")), port, &rule, &gate);
    let (mut held, mut passed, mut blind, mut end) = (Vec::new(), Vec::new(), 0, End::Open);
    for now in stream.chunks(piece.min(stream.len()).max(1)) {
        held.extend_from_slice(now);
        settle(&mut *check, &mut held, &mut passed, &mut blind, &mut end);
    }
    if let (Some(server), End::Open | End::Rest) = (server, &end) {
        answered(&mut *check, server);
    }
    if end == End::Open && !held.is_empty() {
        match check.client_end(&held) {
            Step::Rest => {}
            Step::Refuse(refusal, _) => assert!(!refusal.0.message.is_empty()),
            Step::Pass(count) => {
                assert!(usize::try_from(count).is_ok_and(|count| count < held.len()), "the end is undecided")
            }
            Step::More | Step::Wait => panic!("the end is undecided"),
        }
    }
    assert_told_in_plain_words(&gate);
    (end, passed)
}

/// Checks that what the launcher is told of refusals is printable ASCII, whatever was said.
fn assert_told_in_plain_words(gate: &Gate) {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    while let Some(event) = gate.reporter().take() {
        let Event::Refused(refused) = event else { continue };
        assert!([&refused.host, &refused.message, &refused.instead].into_iter().all(|text| plain(text)), "{refused:?}");
    }
}

/// Carries out steps until nothing more can be done with what is held.
fn settle(check: &mut dyn Check, held: &mut Vec<u8>, passed: &mut Vec<u8>, blind: &mut u64, end: &mut End) {
    loop {
        let unseen = usize::try_from(*blind).unwrap_or(usize::MAX).min(held.len());
        *blind -= u64::try_from(unseen).unwrap_or(u64::MAX);
        passed.extend(held.drain(..unseen));
        if held.is_empty() || matches!(end, End::Refused(_)) {
            return;
        }
        if *end == End::Rest {
            passed.append(held);
            return;
        }
        let shown = held.len().min(HELD);
        match check.client(held.get(..shown).unwrap_or_default()) {
            Step::More => {
                assert!(shown < HELD, "undecided with all that can be held");
                return;
            }
            Step::Wait => return,
            Step::Pass(count) => {
                assert!(count > 0, "a step that goes nowhere");
                *blind = count;
            }
            Step::Rest => *end = End::Rest,
            Step::Refuse(refusal, _) => *end = End::Refused(refusal.0.reason),
        }
    }
}

/// Lets the server speak until it is no longer listened to.
fn answered(check: &mut dyn Check, server: &[u8]) {
    let mut held = Vec::new();
    for piece in server.chunks(7) {
        held.extend_from_slice(piece);
        match check.server(&held) {
            Step::Pass(count) => {
                assert!(count > 0, "a step that goes nowhere");
                held.drain(..usize::try_from(count).unwrap_or(usize::MAX).min(held.len()));
            }
            Step::Rest | Step::Refuse(..) => return,
            Step::More | Step::Wait => {}
        }
        if held.is_empty() {
            continue;
        }
        assert!(held.len() < HELD, "undecided with all that can be held");
    }
}

/// What servers take for the space between two words: the one character, or all that their language calls white space.
const SPACES: [fn(char) -> bool; 3] =
    [|one| one == ' ', char::is_whitespace, |one| one.is_whitespace() || ('\x1c'..='\x1f').contains(&one)];

/// The hosts of the first request in `passed`, in the eyes of the most lenient servers: they skip whatever comes before the first
/// word, end lines at every line feed, take any white space for a space, and look no further than at the beginning of the version.
/// None when there is no whole request.
fn lenient_hosts(passed: &[u8]) -> Vec<String> {
    let text: String = passed.iter().map(|byte| char::from(*byte)).collect();
    let text = text.trim_start_matches(|character: char| character.is_control() || character.is_whitespace());
    let Some((head, _)) = text.split_once("\n\r\n").or_else(|| text.split_once("\n\n")) else { return Vec::new() };
    let mut lines = head.split('\n').map(|line| line.trim_end_matches('\r'));
    let first = lines.next().unwrap_or_default();
    let targets: Vec<&str> = SPACES.into_iter().filter_map(|is_space| requested(first, is_space)).collect();
    if targets.is_empty() {
        return Vec::new();
    }
    let fields = lines.filter_map(|line| line.split_once(':'));
    let hosts = fields.filter(|(name, _)| name.trim().eq_ignore_ascii_case("host"));
    let mut hosts: Vec<String> = hosts.map(|(_, value)| value.trim().to_owned()).collect();
    for (_, authority) in targets.iter().filter_map(|target| target.split_once("://")) {
        hosts.push(authority.split(['/', '?', '#']).next().unwrap_or_default().to_owned());
    }
    hosts
}

/// The target of a request line, for a server with these spaces; `None` when it is none.
fn requested(line: &str, is_space: fn(char) -> bool) -> Option<&str> {
    let words: Vec<&str> = line.split(is_space).filter(|word| !word.is_empty()).collect();
    let [verb, target, .., version] = words.as_slice() else { return None };
    let is_verb = verb.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    (is_verb && version.to_ascii_lowercase().starts_with("http/")).then_some(target)
}

/// What a program says to a proxy is understood in the same way however it is cut; where it leads has a port and a name that no
/// other protocol could take for more than a name.
pub fn proxy(data: &[u8]) {
    let Some((first, said)) = data.split_first() else { return };
    crate::proxy::assert_understood_in_pieces(said, usize::from(*first).max(1));
}
