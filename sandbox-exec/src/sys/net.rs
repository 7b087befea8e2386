//! The sandbox's own network namespace: its loopback interface, and what nix has no wrapper for.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Brings `lo` up, so that servers and clients inside the sandbox reach one another: `netdevice(7)`, `SIOCSIFFLAGS`.
///
/// # Errors
/// The kernel's: `EPERM` without `CAP_NET_ADMIN` over the network namespace.
pub(crate) fn loopback_up() -> Result<(), Errno> {
    let control = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: `ifreq` is plain data for which all-zero bytes are a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(*b"lo") {
        *slot = byte.cast_signed();
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or_default();
    let fd = control.as_raw_fd();
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which `request` is; the descriptor is open.
    let result = unsafe { libc::ioctl(fd, libc::SIOCSIFFLAGS, &raw const request) };
    Errno::result(result).map(drop)
}

/// One instruction of a socket filter: `struct sock_filter`.
pub(crate) type Instruction = libc::sock_filter;

/// Attaches `filter` to `socket`: of what arrives, only what it lets pass is ever queued, cut to the length that it returns.
/// `SO_ATTACH_FILTER`, `socket(7)`.
///
/// # Errors
/// `EINVAL` when the kernel does not accept the program.
pub(crate) fn attach_filter(socket: &OwnedFd, filter: &[Instruction]) -> Result<(), Errno> {
    let length = libc::c_ushort::try_from(filter.len()).map_err(|_| Errno::EINVAL)?;
    // The kernel only reads the program, although the structure has no way to say so.
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    let size = libc::socklen_t::try_from(size_of::<libc::sock_fprog>()).map_err(|_| Errno::EINVAL)?;
    let (fd, program) = (socket.as_raw_fd(), (&raw const program).cast());
    // SAFETY: `program` is `size` bytes long and points to `length` instructions that outlive the call, which copies them.
    let result = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program, size) };
    Errno::result(result).map(drop)
}

/// Fixes the filter of `socket`, so that nobody who gets it can take it off: `SO_LOCK_FILTER`, `socket(7)`.
///
/// # Errors
/// None in practice.
pub(crate) fn lock_filter(socket: &OwnedFd) -> Result<(), Errno> {
    let lock: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(|_| Errno::EINVAL)?;
    let (fd, lock) = (socket.as_raw_fd(), (&raw const lock).cast());
    // SAFETY: `lock` points to `size` readable bytes.
    let result = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LOCK_FILTER, lock, size) };
    Errno::result(result).map(drop)
}

/// A socket of the address family `family` (`AF_INET` or `AF_INET6`) that gets a copy of what arrives for `protocol`: `raw(7)`.
///
/// # Errors
/// `EPERM` without `CAP_NET_RAW` over the network namespace, `EAFNOSUPPORT` without the family.
pub(crate) fn raw_socket(family: libc::c_int, protocol: libc::c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: no pointers are passed.
    let raw = Errno::result(unsafe { libc::socket(family, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol) })?;
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// The network namespace of `socket`, as a descriptor that closes on `exec`: `SIOCGSKNS`, Linux 4.10. No path is involved.
///
/// # Errors
/// `EPERM` without `CAP_NET_ADMIN` over it.
pub(crate) fn namespace_of(socket: &OwnedFd) -> Result<OwnedFd, Errno> {
    /// `SIOCGSKNS`, `linux/sockios.h`.
    const GET_NAMESPACE: libc::Ioctl = 0x894c;
    let fd = socket.as_raw_fd();
    // SAFETY: the request takes no argument.
    let raw = Errno::result(unsafe { libc::ioctl(fd, GET_NAMESPACE) })?;
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}
