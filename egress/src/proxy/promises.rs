//! What must hold for whatever a program says to a proxy; for the fuzzer, and in no shipped program.

use super::handshake::{Asked, Failure, Handshake, Host, LONGEST, Wish};

/// How a handshake ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// More must be said.
    Open,
    /// It leads there; these bytes are left.
    Connect(Wish, Vec<u8>),
    /// It is refused.
    Refused(&'static str),
}

/// Checks that what is said is understood in the same way in pieces of any length, and that where it leads is a name.
pub(crate) fn assert_understood_in_pieces(said: &[u8], piece: usize) {
    let said = said.get(..said.len().min(LONGEST / 2)).unwrap_or_default();
    let (whole, answers) = ended(said, usize::MAX);
    let (cut, cut_answers) = ended(said, piece);
    match (&whole, &cut) {
        (End::Connect(wish, rest), End::Connect(cut_wish, cut_rest)) => {
            assert_eq!(wish, cut_wish);
            assert!(rest.starts_with(cut_rest) || cut_rest.is_empty(), "the rest is another");
            assert_is_a_host(wish);
        }
        (whole, cut) => assert_eq!(whole, cut, "understood otherwise in pieces of {piece}"),
    }
    assert_eq!(answers, cut_answers, "answered otherwise in pieces of {piece}");
}

/// Says `said` in pieces; how it ended, and what was answered.
fn ended(said: &[u8], piece: usize) -> (End, Vec<u8>) {
    let (mut handshake, mut held, mut answers) = (Handshake::new(), Vec::new(), Vec::new());
    let mut pieces = said.chunks(piece.min(said.len()).max(1));
    loop {
        match handshake.client(&held) {
            Asked::More => match pieces.next() {
                Some(piece) => held.extend_from_slice(piece),
                None => return (End::Open, answers),
            },
            Asked::Say { take, reply } => {
                assert!((1..=held.len()).contains(&take), "an answer to nothing");
                held.drain(..take);
                answers.extend(reply);
            }
            Asked::Connect { take, wish } => {
                assert!(take <= held.len(), "more is done with than was said");
                held.drain(..take);
                assert!(!handshake.failed(&Failure::TimedOut).is_empty(), "a client is not told of a failure");
                return (End::Connect(wish, held), answers);
            }
            Asked::Refuse { why, reply } => {
                answers.extend(reply);
                return (End::Refused(why), answers);
            }
        }
    }
}

/// Checks that a wish has a port, and that what is said ahead is one head.
fn assert_is_a_host(wish: &Wish) {
    if let Host::Name(name) = &wish.host {
        assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()), "{name:?}");
    }
    if !wish.ahead.is_empty() {
        let ends = wish.ahead.windows(4).filter(|four| four == b"\r\n\r\n").count();
        assert!(wish.ahead.ends_with(b"\r\n\r\n") && ends == 1, "{:?}", String::from_utf8_lossy(&wish.ahead));
    }
}
