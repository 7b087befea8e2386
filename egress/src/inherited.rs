//! What was inherited: every descriptor is what its role says, and none is there that has no role.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use lobsterpot_policy::orders::Role;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{SockType, SockaddrStorage, getsockname, getsockopt, sockopt};

use crate::sys::{namespace, process, socket};

/// The most descriptors that can be inherited.
const MOST: usize = 2048;
/// The first number that is not a standard stream.
const FIRST: RawFd = 3;
/// The port of DNS.
const DNS: u16 = 53;

/// The descriptors, by their roles.
#[derive(Debug)]
pub(crate) struct Inherited {
    /// The line to the launcher.
    pub(crate) control: OwnedFd,
    /// The sandbox's network namespace.
    pub(crate) namespace: Option<OwnedFd>,
    /// Everything that is served.
    pub(crate) sockets: Sockets,
}

/// Sockets that are served.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// Listening sockets of the sandbox, with their ports.
    pub(crate) tcp: Vec<(u16, OwnedFd)>,
    /// Bound UDP sockets of the sandbox, for names.
    pub(crate) dns_udp: Vec<OwnedFd>,
    /// Listening sockets of the sandbox, for names.
    pub(crate) dns_tcp: Vec<OwnedFd>,
    /// Listening sockets of the sandbox, for programs that ask for a proxy.
    pub(crate) proxy: Vec<OwnedFd>,
    /// Raw ICMP sockets of the sandbox.
    pub(crate) taps: Vec<OwnedFd>,
    /// Listening sockets of the host, with the ports of the servers in the sandbox.
    pub(crate) published: Vec<(u16, OwnedFd)>,
}

/// Why the descriptors are not what the orders say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum InheritError {
    /// A number that cannot be a descriptor of the orders, or one that is named twice.
    #[error("descriptor {number} cannot be inherited, or is named twice")]
    Number {
        /// The number.
        number: RawFd,
    },
    /// More than are ever needed.
    #[error("{count} descriptors are inherited, and {MOST} is the most")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// It is something else, or nothing.
    #[error("descriptor {number} is not what its role {role:?} says")]
    Role {
        /// The number.
        number: RawFd,
        /// The role.
        role: Role,
    },
    /// There is no line to the launcher, or more than one.
    #[error("there are {count} lines to the launcher")]
    Control {
        /// How many.
        count: usize,
    },
    /// There is more than one namespace.
    #[error("there is more than one network namespace")]
    Namespaces,
    /// The kernel refused.
    #[error("failed to {what}: {}", errno.desc())]
    System {
        /// What.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
}

impl Sockets {
    /// Whether the sandbox has IPv6.
    pub(crate) fn have_v6(&self) -> bool {
        let all = self.dns_udp.iter().chain(self.tcp.iter().map(|(_, descriptor)| descriptor));
        all.into_iter().any(|descriptor| socket::domain(descriptor.as_fd()) == Ok(libc::AF_INET6))
    }
}

impl Inherited {
    /// Takes the descriptors that the orders name, and closes all others but the standard streams.
    ///
    /// To be called once, before this process has opened anything.
    ///
    /// # Errors
    /// When one of them is not what its role says.
    pub(crate) fn take(named: &[(RawFd, Role)]) -> Result<Self, InheritError> {
        let numbers = numbers(named)?;
        close_others(&numbers).map_err(|errno| InheritError::System { what: "close other descriptors", errno })?;
        let mut taken = Vec::new();
        for (number, role) in named {
            let wrong = InheritError::Role { number: *number, role: *role };
            if !process::is_open(*number) {
                return Err(wrong);
            }
            let descriptor = process::own(*number);
            prepare(descriptor.as_fd())
                .map_err(|errno| InheritError::System { what: "prepare a descriptor", errno })?;
            if !fits(descriptor.as_fd(), *role) {
                return Err(wrong);
            }
            taken.push((*role, descriptor));
        }
        sort(taken)
    }
}

/// The numbers of the descriptors in order, each once.
///
/// # Errors
/// When there are too many of them, or one cannot be.
fn numbers(named: &[(RawFd, Role)]) -> Result<Vec<RawFd>, InheritError> {
    if named.len() > MOST {
        return Err(InheritError::TooMany { count: named.len() });
    }
    let mut numbers: Vec<RawFd> = named.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    let low = numbers.iter().copied().find(|number| *number < FIRST);
    let twice = numbers.iter().zip(numbers.iter().skip(1)).find(|(one, next)| one == next).map(|(one, _)| *one);
    low.or(twice).map_or(Ok(numbers), |number| Err(InheritError::Number { number }))
}

/// Closes everything but the standard streams and `numbers`, which are in order.
///
/// # Errors
/// The kernel's.
fn close_others(numbers: &[RawFd]) -> Result<(), Errno> {
    let mut from = FIRST.cast_unsigned();
    for number in numbers.iter().map(|number| number.cast_unsigned()) {
        if from < number {
            process::close_range(from, number - 1)?;
        }
        from = number + 1;
    }
    process::close_range(from, u32::MAX)
}

/// Makes a descriptor one that never blocks and that no other program gets.
///
/// # Errors
/// The kernel's.
fn prepare(descriptor: BorrowedFd<'_>) -> Result<(), Errno> {
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    // A namespace is a file that has nothing to wait for.
    match fcntl(descriptor, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)) {
        Ok(_) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Whether a descriptor is what its role says.
fn fits(descriptor: BorrowedFd<'_>, role: Role) -> bool {
    match role {
        Role::Control => is_socket(descriptor, &[libc::AF_UNIX], SockType::SeqPacket),
        Role::Tcp { port } => listens(descriptor) == Some(port),
        Role::DnsTcp => listens(descriptor) == Some(DNS),
        Role::Proxy => listens(descriptor).is_some(),
        Role::DnsUdp => {
            is_socket(descriptor, &[libc::AF_INET, libc::AF_INET6], SockType::Datagram) && port(descriptor) == Some(DNS)
        }
        Role::Tap => is_socket(descriptor, &[libc::AF_INET, libc::AF_INET6], SockType::Raw),
        Role::Namespace => namespace::is_network(descriptor),
        Role::Published { port } => port != 0 && listens(descriptor).is_some() && is_loopback(descriptor),
    }
}

/// Whether a descriptor is a socket of one of these families and of this kind.
fn is_socket(descriptor: BorrowedFd<'_>, families: &[libc::c_int], kind: SockType) -> bool {
    socket::domain(descriptor).is_ok_and(|family| families.contains(&family))
        && getsockopt(&descriptor, sockopt::SockType) == Ok(kind)
}

/// The port at which a listening TCP socket listens.
fn listens(descriptor: BorrowedFd<'_>) -> Option<u16> {
    let is_stream = is_socket(descriptor, &[libc::AF_INET, libc::AF_INET6], SockType::Stream);
    (is_stream && getsockopt(&descriptor, sockopt::AcceptConn) == Ok(true)).then(|| port(descriptor)).flatten()
}

/// The port of a socket.
fn port(descriptor: BorrowedFd<'_>) -> Option<u16> {
    address(descriptor).map(|address| address.port())
}

/// Whether a socket is bound to the loopback.
fn is_loopback(descriptor: BorrowedFd<'_>) -> bool {
    address(descriptor).is_some_and(|address| address.ip().is_loopback())
}

/// The address of a socket.
fn address(descriptor: BorrowedFd<'_>) -> Option<std::net::SocketAddr> {
    let name: SockaddrStorage = getsockname(descriptor.as_raw_fd()).ok()?;
    let v4 = name.as_sockaddr_in().map(|name| std::net::SocketAddr::V4((*name).into()));
    v4.or_else(|| name.as_sockaddr_in6().map(|name| std::net::SocketAddr::V6((*name).into())))
}

/// Sorts descriptors by their roles.
///
/// # Errors
/// When one is missing that must be there, or there twice.
fn sort(taken: Vec<(Role, OwnedFd)>) -> Result<Inherited, InheritError> {
    let (mut controls, mut namespaces, mut sockets) = (Vec::new(), Vec::new(), Sockets::default());
    for (role, descriptor) in taken {
        match role {
            Role::Control => controls.push(descriptor),
            Role::Tcp { port } => sockets.tcp.push((port, descriptor)),
            Role::DnsUdp => sockets.dns_udp.push(descriptor),
            Role::DnsTcp => sockets.dns_tcp.push(descriptor),
            Role::Proxy => sockets.proxy.push(descriptor),
            Role::Tap => sockets.taps.push(descriptor),
            Role::Namespace => namespaces.push(descriptor),
            Role::Published { port } => sockets.published.push((port, descriptor)),
        }
    }
    let count = controls.len();
    let (Some(control), 1) = (controls.pop(), count) else { return Err(InheritError::Control { count }) };
    let namespace = namespaces.pop();
    if !namespaces.is_empty() {
        return Err(InheritError::Namespaces);
    }
    Ok(Inherited { control, namespace, sockets })
}
