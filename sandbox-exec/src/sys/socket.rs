//! Sockets of other processes, duplicated into this one.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType};

/// `AF_UNIX` as an address holds it.
pub(crate) const UNIX: u16 = 1;

/// The address family of `socket`: `SO_DOMAIN`, `socket(7)`.
///
/// # Errors
/// `ENOTSOCK`.
pub(crate) fn domain(socket: &impl AsRawFd) -> Result<i32, Errno> {
    option(socket, libc::SO_DOMAIN)
}

/// Whether `socket` is one for a stream of bytes: `SO_TYPE`, `socket(7)`.
///
/// # Errors
/// `ENOTSOCK`.
pub(crate) fn is_stream(socket: &OwnedFd) -> Result<bool, Errno> {
    Ok(option(socket, libc::SO_TYPE)? == libc::SOCK_STREAM)
}

/// Whether the descriptor is a socket of a network that sends anywhere without being connected: every kind but those that are
/// connected first, and those of unix, which know no network.
pub(crate) fn sends_anywhere(descriptor: RawFd) -> bool {
    let connected = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET];
    match domain(&descriptor) {
        Ok(libc::AF_UNIX) | Err(Errno::ENOTSOCK | Errno::EBADF) => false,
        Ok(_) => !option(&descriptor, libc::SO_TYPE).is_ok_and(|kind| connected.contains(&kind)),
        // Nobody knows what it is.
        Err(_) => true,
    }
}

/// The number of the network namespace that `socket` belongs to: `SO_NETNS_COOKIE`, Linux 5.14.
///
/// # Errors
/// `ENOPROTOOPT` before Linux 5.14.
pub(crate) fn network(socket: &OwnedFd) -> Result<u64, Errno> {
    let mut number: u64 = 0;
    let mut length = libc::socklen_t::try_from(size_of::<u64>()).unwrap_or_default();
    let (value, fd) = ((&raw mut number).cast(), socket.as_raw_fd());
    // SAFETY: `value` points to `length` writable bytes.
    let result = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_NETNS_COOKIE, value, &raw mut length) };
    Errno::result(result).map(|_| number)
}

/// The number of this process's network namespace; `None` before Linux 5.14.
///
/// # Errors
/// When the kernel has such numbers and does not tell.
pub(crate) fn own_network() -> Result<Option<u64>, Errno> {
    let socket = socket::socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    match network(&socket) {
        Ok(number) => Ok(Some(number)),
        Err(Errno::ENOPROTOOPT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The option `name` of `socket`, which is a number: `getsockopt(2)`.
///
/// # Errors
/// The kernel's.
fn option(socket: &impl AsRawFd, name: libc::c_int) -> Result<i32, Errno> {
    let mut number: libc::c_int = 0;
    let mut length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or_default();
    let (value, fd) = ((&raw mut number).cast(), socket.as_raw_fd());
    // SAFETY: `value` points to `length` writable bytes.
    let result = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, name, value, &raw mut length) };
    Errno::result(result).map(|_| number)
}

/// Connects `socket` to the address in `bytes`, which the kernel checks: `connect(2)`.
///
/// # Errors
/// The kernel's, which are the caller's to see.
pub(crate) fn connect(socket: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(bytes.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel copies `length` bytes from `bytes` and checks what they say; it does not rely on alignment.
    let result = unsafe { libc::connect(socket.as_raw_fd(), bytes.as_ptr().cast(), length) };
    Errno::result(result).map(drop)
}

/// The bytes of a unix address with `path`: `unix(7)`.
///
/// # Errors
/// `ENAMETOOLONG` when it does not fit.
pub(crate) fn unix_address(path: &Path) -> Result<Vec<u8>, Errno> {
    let path = path.as_os_str().as_bytes();
    if path.len() > 107 {
        return Err(Errno::ENAMETOOLONG);
    }
    let mut bytes = UNIX.to_ne_bytes().to_vec();
    bytes.extend_from_slice(path);
    bytes.push(0);
    Ok(bytes)
}
