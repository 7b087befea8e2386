//! What the kernel refuses inside: datagrams to ports that nobody serves, told from the errors with which it answers them.
//!
//! A tap is a raw ICMP socket of the sandbox with a filter of the kernel's, which passes "port unreachable" (RFC 792, RFC 4443) that
//! quotes a UDP packet. Nothing is answered here: it is for the report alone.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use lobsterpot_policy::ReasonCode;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::Interest;
use tokio::time::sleep;

use crate::gate::Gate;
use crate::names::Names;
use crate::target::Target;

/// The longest packet that is looked at, in bytes.
const LONGEST: usize = 128;
/// Packets that are looked at in one turn.
const TURN: usize = 64;
/// How long packets are left alone after a full turn: at most 6,400 are looked at in a second.
const PAUSE: Duration = Duration::from_millis(10);
/// Destinations that are kept apart.
const DISTINCT: usize = 1024;
/// `IPPROTO_UDP`
const UDP: u8 = 17;

/// Reports what a tap sees, until it breaks.
///
/// # Errors
/// When the socket cannot be read any more.
pub(crate) async fn watch(tap: OwnedFd, gate: Gate, names: Names) -> io::Result<()> {
    let tap = crate::sys::socket::watch(tap)?;
    let mut seen = HashSet::new();
    let mut bytes = [0; LONGEST];
    loop {
        for _ in 0..TURN {
            let read = |tap: &OwnedFd| Ok(recv(tap.as_raw_fd(), &mut bytes, MsgFlags::empty())?);
            let length = tap.async_io(Interest::READABLE, read).await?;
            let Some((address, port)) = bytes.get(..length).and_then(refused) else { continue };
            if seen.len() < DISTINCT && seen.insert((address, port)) {
                report(&gate, &names, address, port);
            }
        }
        sleep(PAUSE).await;
    }
}

/// Reports datagrams to this address.
fn report(gate: &Gate, names: &Names, address: IpAddr, port: u16) {
    let target = names.lookup(address).unwrap_or(Target::Address(address));
    let message = format!("{target}:{port} was spoken to over UDP; only TCP leaves the sandbox.");
    let instead = "Use TCP; programs that try QUIC first do so by themselves.";
    let _reported = gate.refuse(&target, port, "udp", ReasonCode::Protocol, &message, instead);
}

/// Where the datagram was sent that this packet says was refused; nothing when it says something else.
fn refused(packet: &[u8]) -> Option<(IpAddr, u16)> {
    match packet.first()? >> 4 {
        4 => refused_v4(packet),
        // A raw ICMPv6 socket gives the message without the header around it; its type is 1.
        0 => refused_v6(packet),
        _ => None,
    }
}

/// The same for an IPv4 packet with its header.
fn refused_v4(packet: &[u8]) -> Option<(IpAddr, u16)> {
    let [3, 3, _, _, _, _, _, _, quoted @ ..] = after_v4(packet)? else { return None };
    let destination = quoted.get(16..20).and_then(<[u8]>::first_chunk::<4>)?;
    (*quoted.get(9)? == UDP).then_some(())?;
    Some((Ipv4Addr::from(*destination).into(), port(after_v4(quoted)?)?))
}

/// The same for an ICMPv6 message without a header around it.
fn refused_v6(message: &[u8]) -> Option<(IpAddr, u16)> {
    let [1, 4, _, _, _, _, _, _, quoted @ ..] = message else { return None };
    let (header, datagram) = quoted.split_first_chunk::<40>()?;
    let destination = header.last_chunk::<16>()?;
    (header.first()? >> 4 == 6 && *header.get(6)? == UDP).then_some(())?;
    Some((Ipv6Addr::from(*destination).into(), port(datagram)?))
}

/// What follows an IPv4 header, which says itself how long it is.
fn after_v4(packet: &[u8]) -> Option<&[u8]> {
    let first = packet.first()?;
    let length = usize::from(first & 0xf) * 4;
    (first >> 4 == 4 && length >= 20).then(|| packet.get(length..)).flatten()
}

/// The destination port of a datagram.
fn port(datagram: &[u8]) -> Option<u16> {
    datagram.get(2..4).and_then(<[u8]>::first_chunk::<2>).map(|port| u16::from_be_bytes(*port))
}

#[cfg(test)]
mod tests {
    use super::{UDP, refused};
    use proptest::prelude::*;

    /// An IPv4 header with this protocol and destination, with `words` words of options.
    fn v4(protocol: u8, destination: [u8; 4], words: u8) -> Vec<u8> {
        let mut header = vec![0; 20 + 4 * usize::from(words)];
        header[0] = 0x45 + words;
        header[9] = protocol;
        header[16..20].copy_from_slice(&destination);
        header
    }

    /// A refusal of a datagram to port 443.
    fn refusal_v4(options: u8, kind: [u8; 2], protocol: u8) -> Vec<u8> {
        let mut packet = v4(1, [198, 18, 0, 9], options);
        packet.extend([kind[0], kind[1], 0, 0, 0, 0, 0, 0]);
        packet.extend(v4(protocol, [198, 18, 0, 16], options));
        packet.extend([0x90, 1, 1, 0xbb, 0, 8, 0, 0]);
        packet
    }

    /// The same for IPv6.
    fn refusal_v6() -> Vec<u8> {
        let mut packet = vec![1, 4, 0, 0, 0, 0, 0, 0];
        let mut header = vec![0_u8; 40];
        header[0] = 0x60;
        header[6] = UDP;
        header[24..40].copy_from_slice(&"2001:2::10".parse::<std::net::Ipv6Addr>().unwrap().octets());
        packet.extend(header);
        packet.extend([0x90, 1, 1, 0xbb, 0, 8, 0, 0]);
        packet
    }

    #[test]
    fn a_refused_datagram_is_told_with_its_destination() {
        for options in [0, 3, 10] {
            let found = refused(&refusal_v4(options, [3, 3], UDP)).unwrap();
            assert_eq!(found, ([198, 18, 0, 16].into(), 443));
        }
        assert_eq!(refused(&refusal_v6()), Some(("2001:2::10".parse().unwrap(), 443)));
    }

    #[test]
    fn other_messages_and_other_protocols_are_nothing() {
        assert_eq!(refused(&refusal_v4(0, [8, 0], UDP)), None);
        assert_eq!(refused(&refusal_v4(0, [3, 1], UDP)), None);
        assert_eq!(refused(&refusal_v4(0, [3, 3], 6)), None);
        assert_eq!(refused(&[]), None);
    }

    proptest! {
        #[test]
        fn a_cut_packet_is_nothing(cut in 0_usize..60) {
            let packet = refusal_v4(0, [3, 3], UDP);
            // The ports are in the first four bytes of the datagram.
            prop_assert_eq!(refused(&packet[..cut.min(packet.len())]).is_some(), cut >= 52);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
            let _ = refused(&bytes);
        }

        #[test]
        fn a_damaged_refusal_is_read_without_a_panic(place in 0_usize..56, value in any::<u8>(), six in any::<bool>()) {
            let mut packet = if six { refusal_v6() } else { refusal_v4(0, [3, 3], UDP) };
            if let Some(byte) = packet.get_mut(place) {
                *byte = value;
            }
            let _ = refused(&packet);
        }
    }
}
