//! SOCKS 4 and 4a (protocol descriptions by Ying-Da Lee): `CONNECT` alone; user names mean nothing.

use std::net::Ipv4Addr;

use super::handshake::{Asked, Host, Wish};

/// The longest user name and the longest host name, in bytes.
const LONGEST_TEXT: usize = 255;

/// A handshake.
#[derive(Debug)]
pub(super) struct Socks4;

impl Socks4 {
    /// What the client has said.
    pub(super) fn client(held: &[u8]) -> Asked {
        request(held).unwrap_or(Asked::More)
    }

    /// What the client is told once it is connected.
    pub(super) fn connected() -> Vec<u8> {
        vec![0, 90, 0, 0, 0, 0, 0, 0]
    }

    /// What the client is told when it cannot be connected.
    pub(super) fn failed() -> Vec<u8> {
        vec![0, 91, 0, 0, 0, 0, 0, 0]
    }
}

/// The request; `None` while it is incomplete.
fn request(held: &[u8]) -> Option<Asked> {
    let refuse = |why| Some(Asked::Refuse { why, reply: Socks4::failed() });
    if *held.get(1)? != 1 {
        return refuse("another command of SOCKS than CONNECT");
    }
    let [_, _, high, low, address @ ..] = *held.first_chunk::<8>()?;
    let port = u16::from_be_bytes([high, low]);
    let Ok((_, user_end)) = text(held, 8) else { return refuse("a user name of SOCKS that does not end") };
    let user_end = user_end?;
    let (host, take) = if matches!(address, [0, 0, 0, last] if last > 0) {
        let Ok((name, end)) = text(held, user_end) else { return refuse("a host name of SOCKS that does not end") };
        (Host::read(name), end?)
    } else {
        (Some(Host::Address(Ipv4Addr::from(address).into())), user_end)
    };
    match host {
        Some(host) if port > 0 => Some(Asked::Connect { take, wish: Wish { host, port, ahead: Vec::new() } }),
        Some(_) | None => refuse("a connection to what is no host and port"),
    }
}

/// A text that ends in a NUL byte, and where what follows it begins; `None` there while it is incomplete.
///
/// # Errors
/// When it is too long.
fn text(held: &[u8], start: usize) -> Result<(&[u8], Option<usize>), TooLong> {
    let rest = held.get(start..).unwrap_or_default();
    match rest.iter().take(LONGEST_TEXT + 1).position(|byte| *byte == 0) {
        Some(length) => Ok((rest.get(..length).unwrap_or_default(), Some(start + length + 1))),
        None if rest.len() > LONGEST_TEXT => Err(TooLong),
        None => Ok((rest, None)),
    }
}

/// A text without end.
struct TooLong;
