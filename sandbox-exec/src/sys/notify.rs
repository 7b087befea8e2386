//! The supervisor's end of a seccomp filter: `seccomp_unotify(2)`, Linux 5.0.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// One call that waits for an answer.
pub(crate) type Notification = libc::seccomp_notif;

nix::ioctl_readwrite!(
    /// `SECCOMP_IOCTL_NOTIF_RECV`
    notif_recv, b'!', 0, libc::seccomp_notif
);
nix::ioctl_readwrite!(
    /// `SECCOMP_IOCTL_NOTIF_SEND`
    notif_send, b'!', 1, libc::seccomp_notif_resp
);
nix::ioctl_write_ptr!(
    /// `SECCOMP_IOCTL_NOTIF_ID_VALID`
    notif_id_valid, b'!', 2, u64
);
/// What the waiting call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The kernel carries the call out as if there were no supervisor. What the arguments point to may have changed since.
    Continue,
    /// The call returns 0.
    Success,
    /// The call fails.
    Fail(Errno),
}

/// Takes the next waiting call.
///
/// # Errors
/// `ENOENT` when it went away meanwhile (its process was killed), `EINTR`.
pub(crate) fn receive(listener: impl AsFd) -> Result<Notification, Errno> {
    // SAFETY: `seccomp_notif` is plain data; the kernel requires it to be zeroed before RECV.
    let mut notification: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    let fd = listener.as_fd().as_raw_fd();
    // SAFETY: the pointer refers to a zeroed structure of the size that the request number encodes.
    unsafe { notif_recv(fd, &raw mut notification) }?;
    Ok(notification)
}

/// Answers the call `id`.
///
/// # Errors
/// `ENOENT` when the call went away meanwhile.
pub(crate) fn answer(listener: impl AsFd, id: u64, answer: Answer) -> Result<(), Errno> {
    /// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`
    const CONTINUE: u32 = 1;
    let (error, flags) = match answer {
        Answer::Continue => (0, CONTINUE),
        Answer::Success => (0, 0),
        Answer::Fail(errno) => (-(errno as i32), 0),
    };
    let mut response = libc::seccomp_notif_resp { id, val: 0, error, flags };
    let fd = listener.as_fd().as_raw_fd();
    // SAFETY: the pointer refers to an initialised structure of the size that the request number encodes.
    unsafe { notif_send(fd, &raw mut response) }.map(drop)
}

/// Whether the call `id` still waits: after looking at its process by id, this tells that the id was not reused meanwhile.
pub(crate) fn still_waits(listener: impl AsFd, id: u64) -> bool {
    let fd = listener.as_fd().as_raw_fd();
    // SAFETY: the pointer refers to a live u64, which is what the request reads.
    unsafe { notif_id_valid(fd, &raw const id) }.is_ok()
}

/// Makes waking the supervisor synchronous, which halves the cost of a supervised call (Linux 6.6; elsewhere nothing changes).
pub(crate) fn wake_synchronously(listener: impl AsFd) {
    /// `SECCOMP_IOCTL_NOTIF_SET_FLAGS`: `_IOW('!', 4, __u64)`.
    const SET_FLAGS: libc::Ioctl = nix::request_code_write!(b'!', 4, size_of::<u64>()) as libc::Ioctl;
    /// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`.
    const SYNC_WAKE_UP: libc::c_ulong = 1;
    let fd = listener.as_fd().as_raw_fd();
    // SAFETY: the request takes its argument by value.
    let _ = unsafe { libc::ioctl(fd, SET_FLAGS, SYNC_WAKE_UP) };
}
