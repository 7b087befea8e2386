//! A network with a sandbox's addresses, and whoever makes sockets in it.

use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType,
    SockaddrStorage, bind, connect, listen, recv, recvmsg, send, sendmsg, setsockopt, socket, socketpair, sockopt,
};

use crate::harness::{ORDINARY, spawning};

/// Set for the program that makes sockets.
const MARK: &str = "LOBSTERPOT_TEST_INSIDE";

/// A network of the test's own, in which every address is local.
#[derive(Debug)]
pub(crate) struct Inside {
    /// The line to whoever makes sockets there.
    line: OwnedFd,
    /// The process.
    process: Child,
}

impl Inside {
    /// A new network, which an ordinary user made when `ordinary` is set. Nothing, with a word about it, when the host cannot.
    pub(crate) fn new(program: &Path, ordinary: bool) -> Option<Self> {
        let (line, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let script = "ip link set lo up && ip route add local default dev lo && { ip -6 route add local default dev lo || :; } \
                      && exec \"$0\" --exact inside::makes_sockets --nocapture";
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-c", script]).arg(program).env(MARK, "1");
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null());
        if ordinary {
            command.uid(ORDINARY).gid(ORDINARY);
        }
        let process = spawning(&mut command);
        drop(command);
        let inside = process.map(|process| Self { line, process });
        match inside {
            Ok(inside) if inside.ask("hello").is_ok() => Some(inside),
            Ok(_) | Err(_) => {
                eprintln!("SKIP: a network of the test's own (unshare, ip)");
                assert!(std::env::var_os("REQUIRE_ALL").is_none(), "no network can be made");
                None
            }
        }
    }

    /// Asks for a socket: `WORD ADDRESS`, or `namespace`.
    ///
    /// # Errors
    /// What the kernel says inside.
    pub(crate) fn ask(&self, words: &str) -> Result<Option<OwnedFd>, Errno> {
        send(self.line.as_raw_fd(), words.as_bytes(), MsgFlags::MSG_NOSIGNAL)?;
        let (bytes, socket) = take(&self.line)?;
        match bytes.try_into().map(i32::from_ne_bytes) {
            Ok(0) => Ok(socket),
            Ok(errno) => Err(Errno::from_raw(errno)),
            Err(_) => Err(Errno::EPIPE),
        }
    }

    /// A socket: `listen`, `connect`, `bind-udp`, `connect-udp` with an address, `icmp`, or `namespace`.
    pub(crate) fn make(&self, words: &str) -> OwnedFd {
        self.ask(words).unwrap_or_else(|errno| panic!("{words}: {errno}")).expect("a descriptor")
    }

    /// Connects to this address from inside.
    ///
    /// # Errors
    /// What the kernel says inside.
    pub(crate) fn connect(&self, address: SocketAddr) -> Result<std::net::TcpStream, Errno> {
        self.ask(&format!("connect {address}")).map(|socket| socket.expect("a descriptor").into())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Takes a packet, and the descriptor that came with it.
///
/// # Errors
/// The kernel's.
fn take(line: &OwnedFd) -> Result<(Vec<u8>, Option<OwnedFd>), Errno> {
    let mut bytes = [0; 256];
    let mut space = nix::cmsg_space!([RawFd; 1]);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg::<()>(line.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut socket = None;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            socket = descriptors.first().map(|raw| crate::sys::own(*raw));
        }
    }
    let length = message.bytes;
    Ok((bytes[..length].to_vec(), socket))
}

/// No test: in namespaces of its own, this program makes sockets for those that are.
#[test]
fn makes_sockets() {
    if std::env::var_os(MARK).is_none() {
        return;
    }
    let mut bytes = [0; 256];
    while let Ok(length @ 1..) = recv(0, &mut bytes, MsgFlags::empty()) {
        let words = std::str::from_utf8(&bytes[..length]).unwrap();
        let made = obey(words);
        let answer = made.as_ref().err().map_or(0, |errno| *errno as i32).to_ne_bytes();
        let raw: Vec<RawFd> = made.iter().flatten().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &[][..] } else { &rights };
        sendmsg::<()>(0, &[IoSlice::new(&answer)], control, MsgFlags::MSG_NOSIGNAL, None).unwrap();
    }
}

/// Makes what is asked for.
///
/// # Errors
/// The kernel's.
fn obey(words: &str) -> Result<Option<OwnedFd>, Errno> {
    let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
    if word == "hello" {
        return Ok(None);
    }
    if word == "namespace" {
        return Ok(Some(std::fs::File::open("/proc/self/ns/net").unwrap().into()));
    }
    if word == "icmp" {
        let protocol = Some(SockProtocol::Icmp);
        return socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).map(Some);
    }
    let address: SocketAddr = rest.parse().unwrap();
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let kind = if word.ends_with("-udp") { SockType::Datagram } else { SockType::Stream };
    let made = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    let name = SockaddrStorage::from(address);
    match word {
        "listen" => {
            bind(made.as_raw_fd(), &name)?;
            listen(&made, Backlog::new(4096)?)?;
        }
        "bind-udp" => {
            if address.is_ipv4() {
                setsockopt(&made, sockopt::Ipv4PacketInfo, &true)?;
            } else {
                setsockopt(&made, sockopt::Ipv6V6Only, &true)?;
                setsockopt(&made, sockopt::Ipv6RecvPacketInfo, &true)?;
            }
            bind(made.as_raw_fd(), &name)?;
        }
        "connect" | "connect-udp" => connect(made.as_raw_fd(), &name)?,
        other => panic!("{other} is not known"),
    }
    Ok(Some(made))
}
