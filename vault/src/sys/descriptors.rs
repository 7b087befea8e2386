//! Descriptors by number: those that a caller left open for us, and those that a child shall find.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// The same open file under a number of at least `floor`, closed by `execve`.
///
/// # Errors
/// The kernel's: `EINVAL` when the limit on descriptors is lower.
pub(crate) fn above(descriptor: impl AsFd, floor: RawFd) -> Result<OwnedFd, Errno> {
    let number = fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(floor))?;
    // SAFETY: the kernel has just made this descriptor, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Puts `descriptor` where a child shall find it, open across `execve`; whatever was there is closed.
///
/// To be called just before `execve`: a value of this process that owned the number would own another file afterwards.
///
/// # Errors
/// The kernel's: `EBADF` when the limit on descriptors is lower.
pub(crate) fn place(descriptor: impl AsFd, at: RawFd) -> Result<(), Errno> {
    // SAFETY: the call touches no memory; the caller promises that nothing goes on using what had the number.
    let result = unsafe { libc::dup2(descriptor.as_fd().as_raw_fd(), at) };
    Errno::result(result).map(drop)
}

/// Closes a descriptor that was inherited, if it is open. As for [`place`], just before `execve`.
pub(crate) fn close(number: RawFd) {
    // SAFETY: the call touches no memory; the caller promises that nothing goes on using the number.
    let _ = unsafe { libc::close(number) };
}
