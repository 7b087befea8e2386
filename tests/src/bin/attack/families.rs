//! Attempts to get a socket of a family, type or protocol that reaches past the network layer.

use crate::call::{Arg, call};
use crate::{Arguments, Attempt, Outcome, refused};
use std::io;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("families", families),
    ("families-high", families_high),
    ("families-pair", families_pair),
    ("netlinks", netlinks),
];

/// Families for ordinary work: unix, internet of both versions, netlink.
const ORDINARY: [i64; 4] = [1, 2, 10, 16];
/// One more than the highest family that any kernel has had, with room for new ones.
const FAMILIES: i64 = 64;
/// Types that `socket(2)` knows: stream to packet.
const TYPES: std::ops::RangeInclusive<i64> = 1..=10;

/// Tries one family in every type, with the protocols that rare families ask for; says what was made.
fn try_family(family: i64, bits: i64, pair: bool) -> io::Result<String> {
    let mut worst = io::Error::from_raw_os_error(libc::EAFNOSUPPORT);
    for kind in TYPES {
        for protocol in [0, 1, 2, 3, 6] {
            let mut two = [0_u8; 8];
            let words = [Arg::Int(family | bits), Arg::Int(kind), Arg::Int(protocol)];
            let [a, b, c] = words;
            let result = if pair {
                call(libc::SYS_socketpair, [a, b, c, Arg::Out(&mut two)])
            } else {
                call(libc::SYS_socket, [a, b, c])
            };
            match result {
                Ok(_) => return Ok(format!("{family}/{kind}/{protocol}")),
                // Anything else than "no such family" tells that the family's own code was asked.
                Err(error) if ![libc::EAFNOSUPPORT, libc::EPERM, libc::EOPNOTSUPP].contains(&code(&error)) => {
                    worst = io::Error::other(format!("{family} was asked: {error}"));
                }
                Err(_) => {}
            }
        }
    }
    Err(worst)
}

/// The number of an error.
fn code(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

/// Tries every family but the ordinary ones; succeeds when any was made.
fn all(bits: i64, pair: bool) -> Outcome {
    let mut made = Vec::new();
    let mut worst = None;
    for family in (0..FAMILIES).filter(|family| !ORDINARY.contains(family)) {
        match try_family(family, bits, pair) {
            Ok(what) => made.push(what),
            Err(error) => worst = worst.filter(|_| code(&error) == libc::EAFNOSUPPORT).or(Some(error)),
        }
    }
    if made.is_empty() { Err(worst.unwrap_or_else(|| refused("none"))) } else { Ok(made.join(" ").into_bytes()) }
}

/// `families`: a socket of any family that ordinary work has no use for.
fn families(_: &Arguments) -> Outcome {
    all(0, false)
}

/// `families-high`: the same with bits above the 32 that the kernel looks at.
fn families_high(_: &Arguments) -> Outcome {
    all(1 << 32, false)
}

/// `families-pair`: the same as a pair, also of the internet's families and netlink. Only unix sockets come in pairs everywhere, so a pair
/// of unix datagram sockets, each of which can send to any path, counts as well.
fn families_pair(_: &Arguments) -> Outcome {
    let mut two = [0_u8; 8];
    let datagrams = [Arg::Int(1), Arg::Int(2), Arg::Int(0), Arg::Out(&mut two)];
    if call(libc::SYS_socketpair, datagrams).is_ok() {
        return Ok(b"a pair of datagram sockets".to_vec());
    }
    if let Some(what) = [2, 10, 16].into_iter().find_map(|family| try_family(family, 0, true).ok()) {
        return Ok(what.into_bytes());
    }
    all(0, true)
}

/// `netlinks`: a netlink socket of any protocol but the one for routes, of both types, also with high bits.
fn netlinks(_: &Arguments) -> Outcome {
    let mut made = Vec::new();
    for protocol in 1..32_i64 {
        for (kind, bits) in [(2, 0), (3, 0), (3, 1 << 32)] {
            if call(libc::SYS_socket, [Arg::Int(16), Arg::Int(kind), Arg::Int(protocol | bits)]).is_ok() {
                made.push(format!("{protocol}/{kind}"));
            }
        }
    }
    if made.is_empty() { Err(refused("none")) } else { Ok(made.join(" ").into_bytes()) }
}
