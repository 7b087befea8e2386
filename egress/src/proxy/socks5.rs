//! SOCKS 5 (RFC 1928): without authentication, and `CONNECT` alone.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::handshake::{Asked, Failure, Host, Wish};

/// The version that every message begins with.
const VERSION: u8 = 5;

/// What a request is answered with.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Answer {
    /// It is done.
    Done = 0,
    /// It cannot be understood.
    Failed = 1,
    /// It is not allowed.
    NotAllowed = 2,
    /// The host cannot be reached.
    HostUnreachable = 4,
    /// Nobody answers in time.
    TimedOut = 6,
    /// `BIND` and `UDP ASSOCIATE`.
    NoCommand = 7,
    /// An address of another kind.
    NoAddressType = 8,
}

/// A handshake.
#[derive(Debug)]
pub(super) struct Socks5 {
    /// Whether the greeting is over.
    greeted: bool,
}

impl Socks5 {
    /// Before the greeting.
    pub(super) const fn new() -> Self {
        Self { greeted: false }
    }

    /// What the client has said.
    pub(super) fn client(&mut self, held: &[u8]) -> Asked {
        if self.greeted { request(held).unwrap_or(Asked::More) } else { self.greeting(held).unwrap_or(Asked::More) }
    }

    /// The ways of authentication that the client offers.
    fn greeting(&mut self, held: &[u8]) -> Option<Asked> {
        let take = 2 + usize::from(*held.get(1)?);
        if !held.get(2..take)?.contains(&0) {
            let why = "SOCKS with authentication";
            return Some(Asked::Refuse { why, reply: vec![VERSION, 0xff] });
        }
        self.greeted = true;
        Some(Asked::Say { take, reply: vec![VERSION, 0] })
    }

    /// What the client is told once it is connected.
    pub(super) fn connected() -> Vec<u8> {
        answer(Answer::Done)
    }

    /// What the client is told when it cannot be connected.
    pub(super) fn failed(failure: &Failure<'_>) -> Vec<u8> {
        answer(match failure {
            Failure::Refused(_) => Answer::NotAllowed,
            Failure::TimedOut => Answer::TimedOut,
            Failure::NotResolved | Failure::Unreachable => Answer::HostUnreachable,
        })
    }
}

/// The request; `None` while it is incomplete.
fn request(held: &[u8]) -> Option<Asked> {
    let refuse = |why, how| Some(Asked::Refuse { why, reply: answer(how) });
    let [version, command, reserved, kind] = *held.first_chunk()?;
    if version != VERSION || reserved != 0 {
        return refuse("a damaged request of SOCKS 5", Answer::Failed);
    }
    if command != 1 {
        return refuse("another command of SOCKS than CONNECT", Answer::NoCommand);
    }
    let rest = held.get(4..)?;
    let (host, length) = match kind {
        1 => (Some(Host::Address(Ipv4Addr::from(*rest.first_chunk::<4>()?).into())), 4),
        4 => (Some(Host::Address(Ipv6Addr::from(*rest.first_chunk::<16>()?).into())), 16),
        3 => {
            let length = usize::from(*rest.first()?);
            (Host::read(rest.get(1..=length)?), 1 + length)
        }
        _ => return refuse("an address of another kind than SOCKS knows", Answer::NoAddressType),
    };
    let port = u16::from_be_bytes(*rest.get(length..)?.first_chunk()?);
    match host {
        Some(host) if port > 0 => {
            Some(Asked::Connect { take: 4 + length + 2, wish: Wish { host, port, ahead: Vec::new() } })
        }
        Some(_) | None => refuse("a connection to what is no host and port", Answer::Failed),
    }
}

/// An answer. The address that it ends in means nothing for `CONNECT`.
#[expect(clippy::as_conversions, reason = "the discriminants are the answers' numbers, as repr(u8) says")]
fn answer(answer: Answer) -> Vec<u8> {
    vec![VERSION, answer as u8, 0, 1, 0, 0, 0, 0, 0, 0]
}
