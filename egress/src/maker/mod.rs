//! The maker: a second process of this program that makes sockets in the sandbox's network, and can do nothing else.
//!
//! This process stays outside the sandbox's namespaces, where it has no capability. What is to listen or connect inside has to be
//! made by a process that joined them. It was forked before confinement, has its own filter, and takes questions of fixed size.

mod process;
#[cfg(any(test, fuzzing))]
mod promises;
mod wire;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, send, socketpair};
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

#[cfg(any(test, fuzzing))]
pub(crate) use promises::assert_questions_come_back;

use self::wire::{ANSWER, Answer, Kind, Question};
use crate::sys::process::{fork, own};
use crate::sys::socket::watch;

/// The end of the line that egress keeps, until there is a runtime to wait on it with.
#[derive(Debug)]
pub(crate) struct Line(OwnedFd);

/// Makes sockets in the sandbox. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Maker(Option<Rc<Shared>>);

/// The line to the maker.
#[derive(Debug)]
struct Shared {
    /// The line.
    line: AsyncFd<OwnedFd>,
    /// One question at a time.
    turn: Mutex<()>,
    /// The number of the last question.
    last: Cell<u32>,
}

/// Starts the maker in the network that `namespace` is, before this process is confined. Root's becomes the user `become_id`.
///
/// # Errors
/// When it cannot be started; whether it could join the namespace and confine itself is what [`Line::ready`] tells.
pub(crate) fn start(namespace: OwnedFd, become_id: Option<u32>) -> Result<Line, MakerError> {
    let failed = |errno| MakerError::System { what: "start a second process", errno };
    let flags = SockFlag::SOCK_CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).map_err(failed)?;
    fork(|| process::run(&theirs, &namespace, become_id)).map_err(failed)?;
    drop(theirs);
    Ok(Line(ours))
}

impl Line {
    /// Waits until the maker is ready. It gets ready while this process does.
    ///
    /// # Errors
    /// What it says, or that it ended without a word.
    pub(crate) fn ready(&self) -> Result<(), MakerError> {
        let failed = |what| move |errno| MakerError::System { what, errno };
        let (answer, _) = receive(self.0.as_raw_fd()).map_err(failed("say that it is ready"))?;
        match answer {
            Some(Answer { error: None, .. }) => {}
            Some(Answer { error: Some(errno), .. }) => return Err(failed("join the sandbox's network")(errno)),
            None => return Err(MakerError::Ended),
        }
        let flags = FcntlArg::F_SETFL(OFlag::O_NONBLOCK);
        fcntl(&self.0, flags).map(drop).map_err(failed("never block"))
    }
}

/// Why there is no maker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MakerError {
    /// The kernel refused.
    #[error("the maker failed to {what}: {}", errno.desc())]
    System {
        /// What.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
    /// It could not be confined, or was ended.
    #[error("the maker could not be confined")]
    Ended,
}

impl Maker {
    /// Takes the line of a maker that was started; without one, nothing can be made. To be called in the runtime.
    ///
    /// # Errors
    /// When the runtime cannot wait for it.
    pub(crate) fn new(line: Option<Line>) -> io::Result<Self> {
        let Some(Line(line)) = line else { return Ok(Self(None)) };
        Ok(Self(Some(Rc::new(Shared { line: watch(line)?, turn: Mutex::new(()), last: Cell::new(0) }))))
    }

    /// A socket that listens in the sandbox at exactly this address and port.
    ///
    /// # Errors
    /// The kernel's: `EADDRINUSE` when a program of the sandbox has the port.
    pub(crate) async fn listen(&self, address: IpAddr, port: u16) -> io::Result<OwnedFd> {
        self.ask(Kind::Listen, SocketAddr::new(address, port)).await
    }

    /// A connection to the server at this port of the sandbox's own loopback, at 127.0.0.1 or else at ::1.
    ///
    /// # Errors
    /// `ECONNREFUSED` when there is no server.
    pub(crate) async fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let mut failed = io::Error::from(io::ErrorKind::ConnectionRefused);
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            match self.connect_to(SocketAddr::new(address, port)).await {
                Ok(stream) => return Ok(stream),
                // What the first address says is what people expect to hear.
                Err(error) if address.is_ipv4() => failed = error,
                Err(_) => {}
            }
        }
        Err(failed)
    }

    /// A connection to this address in the sandbox.
    ///
    /// # Errors
    /// The kernel's.
    async fn connect_to(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = self.ask(Kind::Connect, address).await?;
        let stream = TcpStream::from_std(std::net::TcpStream::from(socket))?;
        stream.writable().await?;
        stream.take_error()?.map_or(Ok(stream), Err)
    }

    /// Asks for a socket.
    ///
    /// # Errors
    /// The kernel's, or that there is no maker.
    async fn ask(&self, kind: Kind, address: SocketAddr) -> io::Result<OwnedFd> {
        let Some(shared) = &self.0 else { return Err(io::ErrorKind::Unsupported.into()) };
        let _turn = shared.turn.lock().await;
        let number = shared.last.get().wrapping_add(1);
        shared.last.set(number);
        let question = Question { number, kind, address }.encode();
        let line = &shared.line;
        let say = |line: &OwnedFd| Ok(send(line.as_raw_fd(), &question, MsgFlags::MSG_NOSIGNAL)?);
        line.async_io(tokio::io::Interest::WRITABLE, say).await?;
        loop {
            let hear = |line: &OwnedFd| Ok(receive(line.as_raw_fd())?);
            let (answer, socket) = line.async_io(tokio::io::Interest::READABLE, hear).await?;
            let Some(answer) = answer else { return Err(io::ErrorKind::BrokenPipe.into()) };
            // The answer to a question whose asker has gone since: its socket is closed again.
            if answer.number != number {
                continue;
            }
            return match (answer.error, socket) {
                (Some(errno), _) => Err(errno.into()),
                (None, Some(socket)) => Ok(socket),
                (None, None) => Err(io::ErrorKind::InvalidData.into()),
            };
        }
    }
}

/// Takes one answer from the line; none at its end.
///
/// # Errors
/// The kernel's; `EBADMSG` for what is not an answer.
fn receive(line: std::os::fd::RawFd) -> Result<(Option<Answer>, Option<OwnedFd>), Errno> {
    let mut bytes = [0; ANSWER];
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg::<()>(line, &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut socket = None;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            for descriptor in descriptors {
                socket = Some(own(descriptor));
            }
        }
    }
    if message.bytes == 0 {
        return Ok((None, None));
    }
    let length = message.bytes;
    let answer = bytes.get(..length).and_then(Answer::decode).ok_or(Errno::EBADMSG)?;
    Ok((Some(answer), socket))
}
