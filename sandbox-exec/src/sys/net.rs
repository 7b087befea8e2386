//! The loopback interface of the sandbox's own network namespace.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::os::fd::AsRawFd;

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
