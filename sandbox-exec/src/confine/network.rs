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

/// Brings the interface up and makes every address local. A family counts when it has its routes and sockets of it can be made.
///
/// # Errors
/// The kernel's.
fn interface() -> Result<Families, Errno> {
    let (four, six) = (IpAddr::V4(EGRESS), IpAddr::V6(EGRESS6));
    let batch = Batch::default().up().address(four).every_address_is_local(four);
    let answers = batch.address(six).every_address_is_local(six).send()?;
    let (needed, optional) = answers.split_at_checked(3).ok_or(Errno::EBADMSG)?;
    needed.iter().copied().collect::<Result<(), Errno>>()?;
    let has_six = optional.iter().all(Result::is_ok) && made(SocketAddr::new(six, DNS), SockType::Datagram).is_ok();
    Ok(if has_six { Families::Both } else { Families::Four })
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

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;
    use std::time::Duration;

    use nix::sys::socket::{MsgFlags, getsockname, recv};

    use super::*;

    /// Says to a process of these tests that it is in a network of its own.
    const INSIDE: &str = "LOBSTERPOT_TEST_OWN_NETWORK";

    /// Runs `test`, the whole test of that name, in a process with a network namespace of its own and the rights over it.
    #[track_caller]
    fn in_own_network(name: &str, test: impl FnOnce()) {
        if std::env::var_os(INSIDE).is_some() {
            return test();
        }
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--"]).arg(program).env(INSIDE, "1");
        let ended = command.args(["--exact", &format!("confine::network::tests::{name}"), "--nocapture"]).output();
        let ended = ended.expect("unshare can be run");
        let text = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && text.contains("1 passed"), "{text}");
    }

    /// What a policy that names these low ports makes.
    fn make(ports: &[u16], proxy: bool) -> Vec<(OwnedFd, Role)> {
        let policy = lobsterpot_policy::Network {
            mode: lobsterpot_policy::NetworkMode::Allowlist,
            rules: Vec::new(),
            deny: Vec::new(),
            proxy,
            publish: Vec::new(),
        };
        build(&Allowlist { policy, low_ports: ports.iter().copied().collect() }).expect("a network")
    }

    /// The roles, in order.
    fn roles(made: &[(OwnedFd, Role)]) -> Vec<Role> {
        made.iter().map(|(_, role)| *role).collect()
    }

    /// Switches IPv6 off in this network namespace.
    fn without_ipv6() {
        for interface in ["all", "default", "lo"] {
            std::fs::write(format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"), "1").expect("a sysctl");
        }
    }

    #[test]
    fn every_address_of_a_named_port_is_served_and_no_other_port() {
        in_own_network("every_address_of_a_named_port_is_served_and_no_other_port", || {
            let made = make(&[443, 53], false);
            let expected = [
                Role::DnsTcp,
                Role::Tcp { port: 443 },
                Role::Namespace,
                Role::DnsUdp,
                Role::Tap,
                Role::DnsUdp,
                Role::Tap,
            ];
            assert_eq!(roles(&made), expected);
            for address in ["198.18.0.16", "192.0.2.1", "10.0.0.1", "2001:2::10", "2001:db8::1"] {
                let address: IpAddr = address.parse().unwrap();
                let stream = TcpStream::connect((address, 443)).unwrap_or_else(|error| panic!("{address}: {error}"));
                let source = stream.local_addr().unwrap().ip();
                assert!(source == IpAddr::V4(EGRESS) || source == IpAddr::V6(EGRESS6), "{address} from {source}");
                let refused = TcpStream::connect((address, 8443)).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{address}");
            }
        });
    }

    #[test]
    fn without_ipv6_what_is_left_is_ipv4() {
        in_own_network("without_ipv6_what_is_left_is_ipv4", || {
            without_ipv6();
            let made = make(&[443], true);
            let expected =
                [Role::DnsTcp, Role::Tcp { port: 443 }, Role::Namespace, Role::DnsUdp, Role::Tap, Role::Proxy];
            assert_eq!(roles(&made), expected);
            TcpStream::connect("192.0.2.1:443").expect("IPv4 is served");
            TcpStream::connect("198.18.0.1:3128").expect("and the proxy");
            TcpStream::connect("[2001:db8::1]:443").expect_err("there is no way to an IPv6 address");
        });
    }

    #[test]
    fn nobody_else_can_listen_where_egress_does() {
        in_own_network("nobody_else_can_listen_where_egress_does", || {
            let _made = make(&[443], true);
            for address in
                ["0.0.0.0:443", "127.0.0.1:443", "198.18.0.16:443", "[::]:443", "[::1]:443", "198.18.0.1:3128"]
            {
                // The standard library sets SO_REUSEADDR.
                let refused = TcpListener::bind(address).map(drop).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::AddrInUse, "{address}");
            }
            for address in ["0.0.0.0:53", "127.0.0.1:53", "198.18.0.1:53", "[::]:53", "[::1]:53"] {
                UdpSocket::bind(address).map(drop).unwrap_err();
            }
        });
    }

    #[test]
    fn what_is_sent_to_a_udp_port_that_nobody_serves_is_told_and_refused_at_once() {
        in_own_network("what_is_sent_to_a_udp_port_that_nobody_serves_is_told_and_refused_at_once", || {
            let made = make(&[], false);
            let taps: Vec<&OwnedFd> = made.iter().filter(|(_, role)| *role == Role::Tap).map(|(tap, _)| tap).collect();
            for (local, to, tap, lies) in
                [("0.0.0.0:0", "192.0.2.7:443", taps[0], 28..48), ("[::]:0", "[2001:db8::7]:443", taps[1], 8..48)]
            {
                let socket = UdpSocket::bind(local).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                socket.connect(to).unwrap();
                socket.send(b"quic").unwrap();
                assert_eq!(socket.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionRefused, "{to}");
                let mut bytes = [0; 2048];
                let length = recv(tap.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT).expect("it was told");
                assert!(length <= 96, "{length}");
                let (quoted, ports) = (&bytes[lies.clone()], &bytes[lies.end..lies.end + 4]);
                let to: SocketAddr = to.parse().unwrap();
                let destination = match to.ip() {
                    IpAddr::V4(address) => address.octets().to_vec(),
                    IpAddr::V6(address) => address.octets().to_vec(),
                };
                assert_eq!(
                    (quoted[quoted.len() - destination.len()..].to_vec(), &ports[2..]),
                    (destination, &443_u16.to_be_bytes()[..])
                );
            }
            let local = UdpSocket::bind("127.0.0.1:0").unwrap();
            local.send_to(b"x", "127.0.0.1:9").unwrap();
            let _ = UdpSocket::bind("0.0.0.0:4433").unwrap().send_to(b"served", "192.0.2.7:4433");
            let told = recv(taps[0].as_raw_fd(), &mut [0; 96], MsgFlags::MSG_DONTWAIT);
            assert_eq!(told, Err(Errno::EAGAIN), "neither loopback nor what is served is told");
        });
    }

    #[test]
    fn a_name_server_learns_which_address_was_asked() {
        in_own_network("a_name_server_learns_which_address_was_asked", || {
            let made = make(&[], false);
            let servers: Vec<&OwnedFd> =
                made.iter().filter(|(_, role)| *role == Role::DnsUdp).map(|(server, _)| server).collect();
            for (server, asked) in servers.into_iter().zip(["9.9.9.9:53", "[2620:fe::fe]:53"]) {
                let asked: SocketAddr = asked.parse().unwrap();
                let local = if asked.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                UdpSocket::bind(local).unwrap().send_to(b"question", asked).unwrap();
                assert_eq!(destination(server), Some(asked.ip()));
            }
        });
    }

    /// The address to which the packet that waits at `server` was sent.
    fn destination(server: &OwnedFd) -> Option<IpAddr> {
        use nix::sys::socket::{ControlMessageOwned, recvmsg};
        let mut space = nix::cmsg_space!(libc::in6_pktinfo);
        let message = recvmsg::<()>(server.as_raw_fd(), &mut [], Some(&mut space), MsgFlags::MSG_DONTWAIT).ok()?;
        message.cmsgs().ok()?.find_map(|control| {
            if let ControlMessageOwned::Ipv4PacketInfo(told) = control {
                return Some(IpAddr::V4(Ipv4Addr::from(told.ipi_addr.s_addr.to_ne_bytes())));
            }
            let ControlMessageOwned::Ipv6PacketInfo(told) = control else { return None };
            Some(IpAddr::V6(Ipv6Addr::from(told.ipi6_addr.s6_addr)))
        })
    }

    #[test]
    fn the_namespace_that_is_handed_out_is_the_sandboxs_own() {
        in_own_network("the_namespace_that_is_handed_out_is_the_sandboxs_own", || {
            let made = make(&[80], false);
            let (namespace, _) = made.iter().find(|(_, role)| *role == Role::Namespace).expect("it is there");
            let own = nix::sys::stat::stat("/proc/self/ns/net").unwrap();
            let got = nix::sys::stat::fstat(namespace).unwrap();
            assert_eq!((got.st_dev, got.st_ino), (own.st_dev, own.st_ino));
            for (socket, role) in made.iter().filter(|(_, role)| *role != Role::Namespace) {
                let flags = nix::fcntl::fcntl(socket, nix::fcntl::FcntlArg::F_GETFD).unwrap();
                assert_eq!(flags, libc::FD_CLOEXEC, "{role:?} would reach the command");
                let _: SockaddrStorage = getsockname(socket.as_raw_fd()).expect("a socket");
            }
        });
    }
}
