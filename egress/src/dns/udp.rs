//! Questions in datagrams: each is answered from the address that it was sent to.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::UdpSocket as StdSocket;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockaddrLike, SockaddrStorage, getsockname, recvmsg,
    sendmsg, setsockopt, sockopt,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::{LONGEST_REQUEST, Transport, answer};
use crate::gate::Gate;
use crate::names::Names;

/// How many questions are answered before others get their turn.
const BATCH: usize = 32;
/// How long a socket that fails is left alone.
const PAUSE: Duration = Duration::from_millis(50);
/// After so many failures in a row the socket is given up: about ten seconds.
const MOST_FAILURES: u32 = 200;

/// A question's sender, and the address that it was sent to.
struct Asked {
    /// How many bytes it has.
    length: usize,
    /// Who asks.
    client: SockaddrStorage,
    /// Who was asked.
    server: Server,
}

/// The address that was asked.
enum Server {
    /// An IPv4 address.
    V4(in_pktinfo),
    /// An IPv6 address.
    V6(in6_pktinfo),
}

/// Answers what comes to a bound UDP socket of one family, which must not block. See `ip(7)` and `ipv6(7)` about packet
/// information.
///
/// # Errors
/// When the socket is none of these, or cannot be used any more.
pub(crate) async fn serve_udp(socket: OwnedFd, gate: Gate, names: Names) -> io::Result<()> {
    match getsockname::<SockaddrStorage>(socket.as_raw_fd())?.family() {
        Some(AddressFamily::Inet) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
        Some(AddressFamily::Inet6) => {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            // An IPv6 address that only a route makes local is no source without this, although packets to it arrive.
            setsockopt(&socket, sockopt::IpFreebind, &true)?;
        }
        _ => return Err(io::ErrorKind::Unsupported.into()),
    }
    let socket = UdpSocket::from_std(StdSocket::from(socket))?;
    let mut packet = vec![0; LONGEST_REQUEST];
    let mut failures = 0_u32;
    loop {
        socket.readable().await?;
        for _ in 0..BATCH {
            match socket.try_io(Interest::READABLE, || Ok(receive(&socket, &mut packet)?)) {
                Ok(asked) => {
                    failures = 0;
                    if let Some(asked) = asked {
                        reply(&socket, &gate, &names, &packet, &asked);
                    }
                }
                Err(source) if source.kind() == io::ErrorKind::WouldBlock => break,
                Err(source) if failures >= MOST_FAILURES => return Err(source),
                Err(_) => {
                    failures = failures.saturating_add(1);
                    tokio::time::sleep(PAUSE).await;
                    break;
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Takes one datagram. `None` when it is too long to be a question or does not say where it was sent.
///
/// # Errors
/// When there is none, or the socket fails.
fn receive(socket: &UdpSocket, packet: &mut [u8]) -> Result<Option<Asked>, Errno> {
    let mut control = cmsg_space!(in6_pktinfo, in_pktinfo);
    let mut parts = [IoSliceMut::new(packet)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let is_whole = !message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
    let mut server = None;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::Ipv4PacketInfo(info) = control {
            server = Some(Server::V4(info));
        } else if let ControlMessageOwned::Ipv6PacketInfo(info) = control {
            server = Some(Server::V6(info));
        }
    }
    let asked = message.address.zip(server).filter(|_| is_whole);
    Ok(asked.map(|(client, server)| Asked { length: message.bytes, client, server }))
}

/// Answers one datagram. An answer that cannot be sent is lost, as datagrams are: the client asks again.
fn reply(socket: &UdpSocket, gate: &Gate, names: &Names, packet: &[u8], asked: &Asked) {
    let Some(question) = packet.get(..asked.length) else { return };
    let Some(answer) = answer(gate, names, question, Transport::Udp) else { return };
    let none = in_addr { s_addr: 0 };
    let (v4, v6);
    let source = match &asked.server {
        Server::V4(info) => {
            v4 = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: info.ipi_addr, ipi_addr: none };
            ControlMessage::Ipv4PacketInfo(&v4)
        }
        Server::V6(info) => {
            v6 = *info;
            ControlMessage::Ipv6PacketInfo(&v6)
        }
    };
    let _sent = sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(&answer)],
        &[source],
        MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
        Some(&asked.client),
    );
}
