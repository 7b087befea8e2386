//! `connect`: carried out by the supervisor on the caller's own socket, so that what was checked is what is connected to.
//!
//! Internet sockets live in the sandbox's network namespace and are simply connected (those that do not, for the caller handed them
//! in, are not); where the way out is to listen first, once it has been asked. Neither the question nor the answer decides anything: whatever the program does with its socket or its address
//! meanwhile, this address and this socket are connected, inside, to whatever listens there, and what egress listens for it has
//! checked itself. A unix socket with a path may lead out of the
//! sandbox, for paths do not know namespaces: it is connected to only when a listener *inside* has that very inode, which the
//! kernel tells (`sock_diag(7)`, asked in the sandbox's own network namespace), or when the policy names the socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{fstat, stat};

use super::refusals::Refusals;
use super::target::{Last, Target};
use crate::plan::Hidden;
use crate::sys::notify::{self, Answer};
use crate::sys::{diag, process, socket};

/// The longest address: `sockaddr_storage`.
const LONGEST: u64 = 128;

/// What connecting takes.
#[derive(Debug)]
pub(crate) struct Connector<'a> {
    /// Sockets outside that the policy names.
    pub(crate) allowed: &'a [PathBuf],
    /// Sockets outside that the policy hides, giving a reason.
    pub(crate) hidden: &'a [Hidden],
    /// The user and group that processes inside have outside, when they are not the launcher's.
    pub(crate) known_as: Option<u32>,
    /// A `sock_diag` socket of the sandbox's network namespace; `None` when the sandbox shares the host's.
    pub(crate) diagnosis: Option<OwnedFd>,
    /// The launcher's network; `None` before Linux 5.14.
    pub(crate) outside: Option<u64>,
    /// Whether no other than unix sockets are connected at all. No such socket can be made then, but one may have been handed in.
    pub(crate) offline: bool,
}

/// What is left to do after the checks.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The call is settled.
    Settled(Answer),
    /// The connection may be made, and may have to be waited for.
    Wait(Connection),
}

/// A connection that may be made.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The caller's socket.
    pub(crate) socket: OwnedFd,
    /// How the address is reached.
    pub(crate) way: Way,
    /// Where a TCP connection leads to, when that is not the sandbox's own loopback.
    pub(crate) destination: Option<SocketAddr>,
}

/// How an address is reached.
#[derive(Debug)]
pub(crate) struct Way {
    /// A copy of the address, or what stands for it outside.
    address: Vec<u8>,
    /// What pins the socket that the address names.
    pinned: Option<OwnedFd>,
    /// The user and group that connect. A server at a unix socket is told (`SO_PEERCRED`), and the socket's mode counts for them.
    made_as: Option<u32>,
}

impl Way {
    /// The address as it is.
    pub(crate) fn by(address: Vec<u8>) -> Self {
        Self { address, pinned: None, made_as: None }
    }
}

impl Connector<'_> {
    /// Checks the call of `target`; what is refused and should be told goes to `refusals`.
    pub(crate) fn connect(&self, target: Target<'_>, listener: &OwnedFd, refusals: &mut Refusals) -> Outcome {
        self.check(target, listener, refusals).unwrap_or_else(|errno| Outcome::Settled(Answer::Fail(errno)))
    }

    /// The check itself.
    ///
    /// # Errors
    /// The kernel's.
    fn check(&self, target: Target<'_>, listener: &OwnedFd, refusals: &mut Refusals) -> Result<Outcome, Errno> {
        let length = target.argument(2) & u64::from(u32::MAX);
        if length > LONGEST {
            return Err(Errno::EINVAL);
        }
        let socket = target.descriptor(target.integer(0))?;
        let address = target.bytes(1, usize::try_from(length).map_err(|_| Errno::EINVAL)?)?;
        let domain = socket::domain(&socket)?;
        let way = if domain == libc::AF_UNIX { self.unix(target, address, refusals)? } else { Way::by(address) };
        let is_internet = matches!(domain, libc::AF_INET | libc::AF_INET6);
        if domain != libc::AF_UNIX && (self.offline || self.is_handed_in(&socket)) {
            return Err(Errno::EACCES);
        }
        let destination = if is_internet && socket::is_stream(&socket)? { destination(&way.address) } else { None };
        // What was taken and read is the caller's only if it still waits: its number may have become another process's.
        if !notify::still_waits(listener, target.id()) {
            return Err(Errno::EINTR);
        }
        // Whether it blocks is the caller's to change at any time, so it is never done here.
        Ok(Outcome::Wait(Connection { socket, way, destination }))
    }

    /// The way by which the supervisor reaches the unix socket that `address` names.
    ///
    /// # Errors
    /// The kernel's.
    fn unix(&self, target: Target<'_>, address: Vec<u8>, refusals: &mut Refusals) -> Result<Way, Errno> {
        let Some(path) = address.get(2..).filter(|path| !path.is_empty()) else { return Ok(Way::by(address)) };
        if address.get(..2) != Some(socket::UNIX.to_ne_bytes().as_slice()) {
            // AF_UNSPEC dissolves an association; anything else is the kernel's to refuse.
            return Ok(Way::by(address));
        }
        if path.first() == Some(&0) {
            // Abstract names live in the network namespace: the sandbox's own holds no foreign ones, the host's holds nothing else.
            let way = Way { made_as: self.known_as, ..Way::by(address) };
            return if self.diagnosis.is_some() { Ok(way) } else { Err(Errno::EACCES) };
        }
        let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
        let path = Path::new(std::ffi::OsStr::from_bytes(path.get(..end).unwrap_or_default()));
        let path = target.absolute(libc::AT_FDCWD, path)?;
        let socket = target.look_up(&path, Last::Follow).inspect_err(|_| self.note_hidden(&path, refusals))?;
        let status = fstat(&socket)?;
        if status.st_mode & libc::S_IFMT != libc::S_IFSOCK {
            return Err(Errno::ECONNREFUSED);
        }
        let identity = (status.st_dev, status.st_ino);
        let is_named =
            self.allowed.iter().any(|path| stat(path).is_ok_and(|status| (status.st_dev, status.st_ino) == identity));
        if !is_named && !self.listens_inside(identity) {
            refusals.note_socket(&path, None);
            return Err(Errno::EACCES);
        }
        let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
        let address = socket::unix_address(Path::new(&path))?;
        // One outside knows the launcher's user only.
        let made_as = if is_named { None } else { self.known_as };
        Ok(Way { address, pinned: Some(socket), made_as })
    }

    /// Whether `socket` belongs to the launcher's network while the sandbox has another. A connection that the caller handed in does:
    /// taken apart (`AF_UNSPEC`) and connected anew it would lead anywhere. Networks that were made inside are no business of this.
    fn is_handed_in(&self, socket: &OwnedFd) -> bool {
        // One of which nobody can tell counts as if it did.
        let is_other = |outside| socket::network(socket).is_ok_and(|network| network != outside);
        self.diagnosis.is_some() && self.outside.is_some_and(|outside| !is_other(outside))
    }

    /// Notes that the absent `path` is one that the policy hides for a reason that it gives, whether or not something is there outside.
    fn note_hidden(&self, path: &Path, refusals: &mut Refusals) {
        let short =
            path.strip_prefix("/var").ok().filter(|rest| rest.starts_with("run")).map(|rest| Path::new("/").join(rest));
        let path = short.as_deref().unwrap_or(path);
        if let Some(hidden) = self.hidden.iter().find(|hidden| hidden.pattern.covers(path)) {
            refusals.note_socket(path, Some(&hidden.reason));
        }
    }

    /// Whether a socket of the sandbox listens at the file with this device and inode number.
    fn listens_inside(&self, identity: (u64, u64)) -> bool {
        let Some(diagnosis) = &self.diagnosis else { return false };
        diag::has_listener(diagnosis.as_fd(), identity).unwrap_or(false)
    }
}

impl Connection {
    /// Connects and says how it went.
    pub(crate) fn finish(self) -> Answer {
        let Self { socket, way: Way { address, pinned, made_as }, destination: _ } = self;
        let connect = || socket::connect(socket.as_fd(), &address);
        let connected = made_as.map_or_else(connect, |id| process::as_user(id, connect).flatten());
        drop(pinned);
        match connected {
            Ok(()) => Answer::Success,
            Err(errno) => Answer::Fail(errno),
        }
    }
}

/// Where the internet address in `bytes` leads to, if that is out of the sandbox: `ip(7)`, `ipv6(7)`.
fn destination(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let address = match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => IpAddr::from(Ipv4Addr::from(*rest.first_chunk::<4>()?)),
        // Between port and address are four bytes of flow information.
        libc::AF_INET6 => Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?).to_canonical(),
        _ => return None,
    };
    let stays = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    (!stays).then(|| SocketAddr::new(address, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of an address as programs pass them.
    fn bytes(address: &str) -> Vec<u8> {
        match address.parse().expect("an address") {
            SocketAddr::V4(address) => {
                let family = u16::try_from(libc::AF_INET).expect("small").to_ne_bytes();
                [&family, address.port().to_be_bytes().as_slice(), &address.ip().octets(), &[0; 8]].concat()
            }
            SocketAddr::V6(address) => {
                let family = u16::try_from(libc::AF_INET6).expect("small").to_ne_bytes();
                [&family, address.port().to_be_bytes().as_slice(), &[0; 4], &address.ip().octets(), &[0; 4]].concat()
            }
        }
    }

    #[test]
    fn what_leads_out_is_known_however_it_is_written() {
        for (written, meant) in [
            ("198.18.0.16:8443", "198.18.0.16:8443"),
            ("[2001:2::10]:8443", "[2001:2::10]:8443"),
            ("[::ffff:203.0.113.7]:22", "203.0.113.7:22"),
        ] {
            assert_eq!(destination(&bytes(written)), Some(meant.parse().expect("an address")), "{written}");
        }
        for stays in [
            "127.0.0.1:80",
            "127.9.9.9:80",
            "[::1]:80",
            "[::ffff:127.0.0.1]:80",
            "0.0.0.0:80",
            "[::]:80",
            "[::ffff:0.0.0.0]:1",
            "224.0.0.1:5",
        ] {
            assert_eq!(destination(&bytes(stays)), None, "{stays}");
        }
    }

    #[test]
    fn an_address_that_is_cut_short_or_of_another_family_leads_nowhere() {
        for whole in ["198.18.0.16:8443", "[2001:2::10]:8443"].map(bytes) {
            let needed = if whole.len() == 16 { 8 } else { 24 };
            for length in 0..whole.len() {
                let found = destination(whole.get(..length).expect("shorter"));
                assert_eq!(found.is_some(), length >= needed, "{length} of {}", whole.len());
            }
        }
        let mut unspecified = bytes("198.18.0.16:8443");
        unspecified[0] = 0;
        unspecified[1] = 0;
        assert_eq!(destination(&unspecified), None);
    }
}
