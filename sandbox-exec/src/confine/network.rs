//! The sandbox's own network, when the policy lets some hosts be reached: every address is local, and what is served there is served
//! by sockets that are made here and handed out.
//!
//! 1. One batch of netlink requests: the loopback interface comes up (a route needs it), gets the two addresses that egress has
//!    inside (a route's source must be one; and C libraries look up only the families of which an interface has an address besides
//!    `127.0.0.1` and `::1`, `AI_ADDRCONFIG`), and every other address becomes local.
//! 2. Listening sockets at every address of each port below 1024 that a rule names, and those for name resolution. No other process
//!    inside may bind such a port, now or later: this process has the capability, and the command has none. They neither share
//!    their address nor let it be shared, so that nobody can put a socket beside them.
//! 3. The taps, the proxy's listener, and the namespace itself, in which egress makes more sockets when they are asked for.
//!
//! A host without IPv6 has none inside: what is not made there cannot be reached.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use lobsterpot_policy::orders::Role;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo, Ipv6V6Only};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket};

use super::tap;
use crate::plan::Allowlist;
use crate::step::{Failure, Step, Stepped};
use crate::sys::net;
use crate::sys::netlink::Batch;

/// Egress inside: the name server and the proxy.
const EGRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The same with IPv6.
const EGRESS6: Ipv6Addr = Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 1);
/// The port of the name server.
const DNS: u16 = 53;
/// How many connections may wait to be accepted: the kernel's own bound, `net.core.somaxconn`.
const WAITING: i32 = 4096;

/// Whether the host has IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Families {
    /// Both.
    Both,
    /// IPv4 alone.
    Four,
}

/// Sets the network up and returns the sockets to hand out.
///
/// # Errors
/// The step that failed. That IPv6 is missing is no failure.
pub(super) fn build(allowlist: &Allowlist) -> Result<Vec<(OwnedFd, Role)>, Failure> {
    let families = interface().step(Step::Loopback)?;
    sockets(allowlist, families).step(Step::Sockets)
}

/// Brings the interface up and makes every address local.
///
/// # Errors
/// The kernel's.
fn interface() -> Result<Families, Errno> {
    let (four, six) = (IpAddr::V4(EGRESS), IpAddr::V6(EGRESS6));
    let batch = Batch::default().up().address(four).every_address_is_local(four);
    let answers = batch.address(six).every_address_is_local(six).send()?;
    let (needed, optional) = answers.split_at_checked(3).ok_or(Errno::EBADMSG)?;
    needed.iter().copied().collect::<Result<(), Errno>>()?;
    Ok(if optional.iter().all(Result::is_ok) { Families::Both } else { Families::Four })
}

/// The sockets to hand out.
///
/// # Errors
/// The kernel's, `EMFILE` among them.
fn sockets(allowlist: &Allowlist, families: Families) -> Result<Vec<(OwnedFd, Role)>, Errno> {
    let any = match families {
        Families::Both => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Families::Four => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let mut made = vec![(listener(SocketAddr::new(any, DNS))?, Role::DnsTcp)];
    let ports: BTreeSet<u16> = allowlist.low_ports.iter().copied().filter(|port| *port != DNS).collect();
    for port in ports {
        made.push((listener(SocketAddr::new(any, port))?, Role::Tcp { port }));
    }
    let dns = datagram(IpAddr::V4(Ipv4Addr::UNSPECIFIED))?;
    made.push((net::namespace_of(&dns)?, Role::Namespace));
    setsockopt(&dns, Ipv4PacketInfo, &true)?;
    made.push((dns, Role::DnsUdp));
    made.push((tapped(libc::AF_INET, libc::IPPROTO_ICMP, &tap::icmp())?, Role::Tap));
    if families == Families::Both {
        let dns = datagram(IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
        setsockopt(&dns, Ipv6RecvPacketInfo, &true)?;
        made.push((dns, Role::DnsUdp));
        made.push((tapped(libc::AF_INET6, libc::IPPROTO_ICMPV6, &tap::icmp6())?, Role::Tap));
    }
    if allowlist.policy.proxy {
        made.push((listener(crate::plan::PROXY.into())?, Role::Proxy));
    }
    Ok(made)
}

/// A listening TCP socket at `address`; at the unspecified IPv6 address, for both families.
///
/// # Errors
/// The kernel's.
fn listener(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let socket = made(address, SockType::Stream)?;
    if address.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &false)?;
    }
    bind(socket.as_raw_fd(), &socket_address(address))?;
    listen(&socket, Backlog::new(WAITING)?)?;
    Ok(socket)
}

/// A UDP socket at the name server's port of `address`, of its own family alone.
///
/// # Errors
/// The kernel's.
fn datagram(address: IpAddr) -> Result<OwnedFd, Errno> {
    let address = SocketAddr::new(address, DNS);
    let socket = made(address, SockType::Datagram)?;
    if address.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &true)?;
    }
    bind(socket.as_raw_fd(), &socket_address(address))?;
    Ok(socket)
}

/// `address` as `bind` takes it.
fn socket_address(address: SocketAddr) -> SockaddrStorage {
    match address {
        SocketAddr::V4(address) => address.into(),
        SocketAddr::V6(address) => address.into(),
    }
}

/// A new socket of the family of `address`.
///
/// # Errors
/// The kernel's.
fn made(address: SocketAddr, kind: SockType) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    socket(family, kind, SockFlag::SOCK_CLOEXEC, None)
}

/// A raw socket that lets only pass what `filter` does. Messages may wait before the filter is there: none is sent yet, for nobody
/// else is in this namespace.
///
/// # Errors
/// The kernel's.
fn tapped(family: i32, protocol: i32, filter: &[net::Instruction]) -> Result<OwnedFd, Errno> {
    let socket = net::raw_socket(family, protocol)?;
    net::attach_filter(&socket, filter)?;
    net::lock_filter(&socket)?;
    Ok(socket)
}
