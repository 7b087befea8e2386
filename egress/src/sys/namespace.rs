//! Which namespace a descriptor is, and who owns it: `ioctl_nsfs(2)`.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;

use super::process::own;

/// `NS_GET_USERNS` of `linux/nsfs.h`: `_IO(0xb7, 0x1)`.
const GET_USERNS: libc::Ioctl = 0xb701;
/// `NS_GET_NSTYPE` of `linux/nsfs.h`: `_IO(0xb7, 0x3)`.
const GET_NSTYPE: libc::Ioctl = 0xb703;

/// The user namespace that owns `namespace` (Linux 4.9).
///
/// # Errors
/// `EPERM` when it is neither this process's nor below it, `ENOTTY` when the descriptor is no namespace.
pub(crate) fn owner(namespace: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: NS_GET_USERNS takes no argument and returns a new descriptor.
    let raw: RawFd = Errno::result(unsafe { libc::ioctl(namespace.as_raw_fd(), GET_USERNS) })?;
    Ok(own(raw))
}

/// Whether `descriptor` is a network namespace (Linux 4.11).
pub(crate) fn is_network(descriptor: BorrowedFd<'_>) -> bool {
    // SAFETY: NS_GET_NSTYPE takes no argument; on what is no namespace it fails.
    let kind = unsafe { libc::ioctl(descriptor.as_raw_fd(), GET_NSTYPE) };
    kind == libc::CLONE_NEWNET
}
