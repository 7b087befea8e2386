//! Loading a seccomp filter: `seccomp(2)`.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

use crate::seccomp::Instruction;

/// Whether the filter hands some calls to a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// No action of the filter is `SECCOMP_RET_USER_NOTIF`.
    None,
    /// The calling thread receives the descriptor on which the supervisor listens (Linux 5.0).
    New,
}

/// Confines the calling thread, and all that it will start, with `program`. `no_new_privs` must be set already.
///
/// # Errors
/// `EACCES` without `no_new_privs`, `EINVAL` for a program that the kernel refuses, `EBUSY` when a listener exists already.
pub(crate) fn load(program: &[Instruction], listener: Listener) -> Result<Option<OwnedFd>, Errno> {
    let length = libc::c_ushort::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
    let flags = if listener == Listener::New { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    let filter = &raw const filter;
    // SAFETY: `filter` describes `program`, which has the layout of `sock_filter` and which the kernel only reads.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, filter) };
    let raw = Errno::result(result)?;
    if listener == Listener::None {
        return Ok(None);
    }
    let raw = RawFd::try_from(raw).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: with NEW_LISTENER the kernel returns a new descriptor that nobody else knows.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(raw) }))
}
