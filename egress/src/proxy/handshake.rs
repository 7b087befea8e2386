//! A proxy's handshake with one client, whatever it speaks: the first byte tells. Pure: bytes in, answers out.

use std::net::IpAddr;
use std::rc::Rc;

use lobsterpot_policy::orders::Refused;

use super::http::Http;
use super::socks4::Socks4;
use super::socks5::Socks5;
use crate::flow::{ConnectError, NoWay};

/// The most bytes that are held while the client has not said all that it wants.
pub(super) const LONGEST: usize = 64 << 10;

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// The host.
    pub(super) host: Host,
    /// The port.
    pub(super) port: u16,
    /// What the server is told before all that the client says from here on.
    pub(super) ahead: Vec<u8>,
}

/// How a client names a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// By a name, in lower case and without a trailing dot. Whether it can be one is for the policy to see.
    Name(Rc<str>),
    /// By an address.
    Address(IpAddr),
}

/// What is to happen with the bytes that were shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The same bytes are to be shown again, with more behind them.
    More,
    /// The client is answered, and says more.
    Say {
        /// How many bytes are done with.
        take: usize,
        /// The answer.
        reply: Vec<u8>,
    },
    /// The client wants to be connected.
    Connect {
        /// How many bytes are done with.
        take: usize,
        /// To where.
        wish: Wish,
    },
    /// The client wants something else, or nothing that can be understood.
    Refuse {
        /// Why not.
        why: &'static str,
        /// The last answer; empty when there is none.
        reply: Vec<u8>,
    },
}

/// Why there is no connection to where the client wants.
#[derive(Debug)]
pub(super) enum Failure<'a> {
    /// It is not allowed.
    Refused(&'a Refused),
    /// The name is not known.
    NotResolved,
    /// Nobody answers in time.
    TimedOut,
    /// Nobody answers.
    Unreachable,
}

/// A handshake.
#[derive(Debug)]
pub(super) enum Handshake {
    /// Before the first byte.
    Unknown,
    /// SOCKS 5.
    Socks5(Socks5),
    /// SOCKS 4 and 4a.
    Socks4(Socks4),
    /// HTTP.
    Http(Http),
}

impl Handshake {
    /// Before the first byte.
    pub(super) fn new() -> Self {
        Self::Unknown
    }

    /// What the client has said and what is not done with yet.
    pub(super) fn client(&mut self, held: &[u8]) -> Asked {
        if let (Self::Unknown, Some(first)) = (&self, held.first()) {
            *self = match first {
                5 => Self::Socks5(Socks5::new()),
                4 => Self::Socks4(Socks4),
                _ => Self::Http(Http::new()),
            };
        }
        match self {
            Self::Unknown => Asked::More,
            Self::Socks5(socks) => socks.client(held),
            Self::Socks4(_) => Socks4::client(held),
            Self::Http(http) => http.client(held),
        }
    }

    /// What the client is told once it is connected.
    pub(super) fn connected(&self) -> Vec<u8> {
        match self {
            Self::Unknown => Vec::new(),
            Self::Socks5(_) => Socks5::connected(),
            Self::Socks4(_) => Socks4::connected(),
            Self::Http(http) => http.connected(),
        }
    }

    /// What the client is told when it cannot be connected.
    pub(super) fn failed(&self, failure: &Failure<'_>) -> Vec<u8> {
        match self {
            Self::Unknown => Vec::new(),
            Self::Socks5(_) => Socks5::failed(failure),
            Self::Socks4(_) => Socks4::failed(),
            Self::Http(_) => Http::failed(failure),
        }
    }

    /// What the client speaks, for reports.
    pub(super) const fn protocol(&self) -> &'static str {
        match self {
            Self::Unknown => "tcp",
            Self::Socks5(_) | Self::Socks4(_) => "socks",
            Self::Http(_) => "http",
        }
    }
}

impl Host {
    /// Reads a host as clients write it; an IPv6 address may have brackets. `None` when no host name has such bytes or length.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        ((1..=253).contains(&name.len()) && name.bytes().all(is_plain)).then(|| Self::Name(name.into()))
    }
}

impl<'a> Failure<'a> {
    /// Why there is no way.
    pub(super) fn of(no_way: &'a NoWay) -> Self {
        match no_way {
            NoWay::Refused(refusal) => Self::Refused(&refusal.0),
            NoWay::NotResolved { .. } => Self::NotResolved,
            NoWay::NotConnected(ConnectError::TimedOut) => Self::TimedOut,
            NoWay::NotConnected(ConnectError::NoAddress | ConnectError::Failed { .. }) | NoWay::Abandoned => {
                Self::Unreachable
            }
        }
    }
}
