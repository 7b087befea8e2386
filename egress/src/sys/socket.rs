//! Socket options that nix does not have, and waiting for sockets.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use tokio::io::unix::AsyncFd;

/// The address family of `socket`: `SO_DOMAIN`, `socket(7)`.
///
/// # Errors
/// `ENOTSOCK`.
pub(crate) fn domain(socket: BorrowedFd<'_>) -> Result<libc::c_int, Errno> {
    let mut domain: libc::c_int = 0;
    let mut length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or_default();
    let (value, fd) = ((&raw mut domain).cast(), socket.as_raw_fd());
    // SAFETY: `value` points to `length` writable bytes.
    let result = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_DOMAIN, value, &raw mut length) };
    Errno::result(result).map(|_| domain)
}

/// Lets `socket` be bound to an IPv6 address that no interface has: `IPV6_FREEBIND`, Linux 4.15.
///
/// # Errors
/// `ENOPROTOOPT` before Linux 4.15.
pub(crate) fn bind_anywhere_v6(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or_default();
    let value = (&raw const on).cast();
    // SAFETY: `value` points to `length` readable bytes.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, value, length) };
    Errno::result(result).map(drop)
}

/// Lets the runtime wait for a descriptor that never blocks. To be called in the runtime.
///
/// # Errors
/// The kernel's, such as `EPERM` for a file that cannot be waited for.
pub(crate) fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is the same open descriptor until it is dropped, and `AsyncFd` drops it last.
    let watched = unsafe { AsyncFd::register(descriptor) };
    Ok(watched?)
}
