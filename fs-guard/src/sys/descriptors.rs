//! Descriptors that were inherited.

use nix::errno::Errno;

/// Closes every descriptor but standard input, output and error: `close_range(2)`.
///
/// To be called before anything has been opened: what is closed here must not be owned by anybody.
///
/// # Errors
/// The kernel's.
pub(crate) fn close_inherited() -> Result<(), Errno> {
    // SAFETY: the program calls this first of all, so no value of it owns a descriptor above 2, and the call touches no memory.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
    Errno::result(result).map(drop)
}
