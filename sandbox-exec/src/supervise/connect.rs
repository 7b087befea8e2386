//! `connect`: carried out by the supervisor on the caller's own socket, so that what was checked is what is connected to.
//!
//! Internet sockets live in the sandbox's network namespace and are simply connected. A unix socket with a path may lead out of the
//! sandbox, for paths do not know namespaces: it is connected to only when a listener *inside* has that very inode, which the
//! kernel tells (`sock_diag(7)`, asked in the sandbox's own network namespace), or when the policy names the socket.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{fstat, stat};

use super::target::{Last, Target};
use crate::sys::notify::{self, Answer};
use crate::sys::{diag, socket};

/// The longest address: `sockaddr_storage`.
const LONGEST: u64 = 128;

/// What connecting takes.
#[derive(Debug)]
pub(crate) struct Connector<'a> {
    /// Sockets outside that the policy names.
    pub(crate) allowed: &'a [PathBuf],
    /// A `sock_diag` socket of the sandbox's network namespace; `None` when the sandbox shares the host's.
    pub(crate) diagnosis: Option<OwnedFd>,
}

/// What is left to do after the checks.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The call is settled.
    Settled(Answer),
    /// The connection may be made, and may have to be waited for: the socket, the address, and what pins it.
    Wait(OwnedFd, Vec<u8>, Option<OwnedFd>),
}

impl Connector<'_> {
    /// Checks the call of `target`.
    pub(crate) fn connect(&self, target: Target<'_>, listener: &OwnedFd) -> Outcome {
        self.check(target, listener).unwrap_or_else(|errno| Outcome::Settled(Answer::Fail(errno)))
    }

    /// The check itself.
    ///
    /// # Errors
    /// The kernel's.
    fn check(&self, target: Target<'_>, listener: &OwnedFd) -> Result<Outcome, Errno> {
        let length = target.argument(2) & u64::from(u32::MAX);
        if length > LONGEST {
            return Err(Errno::EINVAL);
        }
        let socket = target.descriptor(target.integer(0))?;
        let address = target.bytes(1, usize::try_from(length).map_err(|_| Errno::EINVAL)?)?;
        let (address, pinned) =
            if socket::domain(&socket)? == libc::AF_UNIX { self.unix(target, &address)? } else { (address, None) };
        // What was taken and read is the caller's only if it still waits: its number may have become another process's.
        if !notify::still_waits(listener, target.id()) {
            return Err(Errno::EINTR);
        }
        // Whether it blocks is the caller's to change at any time, so it is never done here.
        Ok(Outcome::Wait(socket, address, pinned))
    }

    /// The address by which the supervisor reaches the unix socket that `address` names, with the descriptor that pins it.
    ///
    /// # Errors
    /// The kernel's.
    fn unix(&self, target: Target<'_>, address: &[u8]) -> Result<(Vec<u8>, Option<OwnedFd>), Errno> {
        let Some(path) = address.get(2..).filter(|path| !path.is_empty()) else { return Ok((address.to_vec(), None)) };
        if address.get(..2) != Some(socket::UNIX.to_ne_bytes().as_slice()) {
            // AF_UNSPEC dissolves an association; anything else is the kernel's to refuse.
            return Ok((address.to_vec(), None));
        }
        if path.first() == Some(&0) {
            // Abstract names live in the network namespace: the sandbox's own holds no foreign ones, the host's holds nothing else.
            return if self.diagnosis.is_some() { Ok((address.to_vec(), None)) } else { Err(Errno::EACCES) };
        }
        let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
        let path = Path::new(std::ffi::OsStr::from_bytes(path.get(..end).unwrap_or_default()));
        let socket = target.look_up(&target.absolute(libc::AT_FDCWD, path)?, Last::Follow)?;
        let status = fstat(&socket)?;
        if status.st_mode & libc::S_IFMT != libc::S_IFSOCK {
            return Err(Errno::ECONNREFUSED);
        }
        let identity = (status.st_dev, status.st_ino);
        let is_named =
            self.allowed.iter().any(|path| stat(path).is_ok_and(|status| (status.st_dev, status.st_ino) == identity));
        if !is_named && !self.listens_inside(identity) {
            return Err(Errno::EACCES);
        }
        let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
        Ok((socket::unix_address(Path::new(&path))?, Some(socket)))
    }

    /// Whether a socket of the sandbox listens at the file with this device and inode number.
    fn listens_inside(&self, identity: (u64, u64)) -> bool {
        let Some(diagnosis) = &self.diagnosis else { return false };
        diag::has_listener(diagnosis.as_fd(), identity).unwrap_or(false)
    }
}

/// Connects and says how it went.
pub(crate) fn finish(socket: &OwnedFd, address: &[u8]) -> Answer {
    match socket::connect(socket.as_fd(), address) {
        Ok(()) => Answer::Success,
        Err(errno) => Answer::Fail(errno),
    }
}
