//! Descriptors that the caller opened for us and named by number.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, RawFd};

/// A descriptor of our own for what is open under a number. The caller's stays open, but no program that we start gets it.
///
/// # Errors
/// When nothing is open there, or there is no room for one more.
pub(crate) fn inherited(number: RawFd) -> io::Result<File> {
    let done = |result: i32| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) };
    // SAFETY: takes no pointers; a number that is not open is an error (fcntl(2)).
    let copy = done(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just made this descriptor for us, and nothing else knows its number.
    let file = unsafe { File::from_raw_fd(copy) };
    // SAFETY: takes no pointers (fcntl(2)).
    done(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(file)
}
