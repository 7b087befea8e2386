//! Processes by descriptor, and the attributes that `prctl(2)` sets.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;

/// Sends `signal` to the process behind `pidfd`: `pidfd_send_signal(2)`, Linux 5.1. The receiver sees `SI_USER`.
///
/// # Errors
/// `ESRCH` when the process has been reaped.
pub(crate) fn send_signal(pidfd: impl AsFd, signal: Signal) -> Result<(), Errno> {
    let fd = pidfd.as_fd().as_raw_fd();
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is allowed and means SI_USER; no other pointer is passed.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal as libc::c_int, info, 0) };
    Errno::result(result).map(drop)
}

/// A descriptor for the thread `id`: `pidfd_open(2)` with `PIDFD_THREAD`, Linux 6.9.
///
/// # Errors
/// `ESRCH` when there is no such thread; `EINVAL` before Linux 6.9.
pub(crate) fn open_thread(id: nix::unistd::Pid) -> Result<OwnedFd, Errno> {
    /// `PIDFD_THREAD`
    const THREAD: libc::c_uint = libc::O_EXCL.cast_unsigned();
    open_by_id(id, THREAD)
}

/// A descriptor for the process `id`: `pidfd_open(2)`, Linux 5.3.
///
/// # Errors
/// `ESRCH` when there is no such process; another error when that is the id of a thread that is not its process's first.
pub(crate) fn open_process(id: nix::unistd::Pid) -> Result<OwnedFd, Errno> {
    open_by_id(id, 0)
}

/// `pidfd_open(2)`.
///
/// # Errors
/// The kernel's.
fn open_by_id(id: nix::unistd::Pid, flags: libc::c_uint) -> Result<OwnedFd, Errno> {
    // SAFETY: no pointers are passed.
    let raw = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, id.as_raw(), flags) })?;
    let raw = RawFd::try_from(raw).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// A duplicate of descriptor `target` of the process behind `pidfd`: `pidfd_getfd(2)`, Linux 5.6.
///
/// # Errors
/// `EPERM` without the right to trace that process, `EBADF` when it has no such descriptor.
pub(crate) fn take_descriptor(pidfd: impl AsFd, target: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: no pointers are passed.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_fd().as_raw_fd(), target, 0) };
    let raw = RawFd::try_from(Errno::result(result)?).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Does `action` with user and group `id` in effect, for this thread alone: `setresuid(2)` and `setresgid(2)` as system calls, since
/// the C library's would change every thread. Real and saved ids stay, so that nobody gains power over the thread, and it comes back.
///
/// # Errors
/// `EPERM` without the right to become `id`; then nothing is done.
pub(crate) fn as_user<T>(id: u32, action: impl FnOnce() -> T) -> Result<T, Errno> {
    let (user, group) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    set_effective(libc::SYS_setresgid, id)?;
    let done = set_effective(libc::SYS_setresuid, id).map(|()| action());
    // The saved ids are always allowed. Should memory be short, the thread stays without power, which harms nobody.
    let _ = set_effective(libc::SYS_setresuid, user).and_then(|()| set_effective(libc::SYS_setresgid, group));
    done
}

/// Changes one effective id of this thread.
///
/// # Errors
/// The kernel's.
fn set_effective(call: libc::c_long, id: u32) -> Result<(), Errno> {
    /// Leaves an id as it is.
    const KEEP: libc::c_long = -1;
    // SAFETY: no pointers are passed.
    Errno::result(unsafe { libc::syscall(call, KEEP, libc::c_ulong::from(id), KEEP) }).map(drop)
}

/// Closes every descriptor from `first` to `last`: `close_range(2)`, Linux 5.9.
///
/// # Errors
/// `ENOSYS` before Linux 5.9, `EINVAL` when `first` is above `last`.
///
/// # Safety contract
/// No owned descriptor of this process may lie in the range: the caller does this before it opens anything, or right before `exec`.
pub(crate) fn close_descriptors(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed; the contract above keeps owned descriptors out of the range.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    Errno::result(result).map(drop)
}

/// Marks every open descriptor from `first` on to be closed by `exec`: `close_range(2)` with `CLOSE_RANGE_CLOEXEC`, Linux 5.11.
///
/// # Errors
/// `EINVAL` before Linux 5.11.
pub(crate) fn close_on_exec(first: u32) -> Result<(), Errno> {
    let flag = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: no pointers are passed, and nothing is closed now.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flag) };
    Errno::result(result).map(drop)
}

/// Asks for `SIGKILL` when the process that made this one ends: `PR_SET_PDEATHSIG`.
///
/// # Errors
/// None in practice.
pub(crate) fn die_with_parent() -> Result<(), Errno> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and no pointer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
}

/// Undoes [`die_with_parent`].
///
/// # Errors
/// None in practice.
pub(crate) fn outlive_parent() -> Result<(), Errno> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number, 0 for none, and no pointer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) }).map(drop)
}

/// Makes this process the parent of every orphan below it: `PR_SET_CHILD_SUBREAPER`.
///
/// # Errors
/// None in practice.
pub(crate) fn adopt_orphans() -> Result<(), Errno> {
    // SAFETY: PR_SET_CHILD_SUBREAPER takes a number and no pointer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Whether a seccomp filter is in force: `PR_GET_SECCOMP`.
pub(crate) fn is_filtered() -> bool {
    // SAFETY: PR_GET_SECCOMP takes no argument. (In strict mode it would kill, but then this program would not have got here.)
    unsafe { libc::prctl(libc::PR_GET_SECCOMP) == 2 }
}

/// Drops every capability from the bounding set; ends at the last one that this kernel knows.
///
/// # Errors
/// `EPERM` without `CAP_SETPCAP` in the user namespace.
pub(crate) fn empty_bounding_set() -> Result<(), Errno> {
    for capability in 0..64 {
        // SAFETY: PR_CAPBSET_DROP takes a capability number and no pointer.
        match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }) {
            Ok(_) => {}
            Err(Errno::EINVAL) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Ends the process at once, without destructors: `_exit(2)`.
pub(crate) fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` takes no pointer and does not return.
    unsafe { libc::_exit(status) }
}

/// Writes `text` to standard error and ends the process at once, from whatever thread or process of the launcher's this is, without
/// asking for memory.
pub(crate) fn say_and_exit(text: &[u8], status: u8) -> ! {
    // SAFETY: `text` is as many readable bytes long.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    exit_now(status.into())
}

/// Takes ownership of a descriptor that the kernel has just installed for us in a control message.
///
/// # Safety contract
/// Only for descriptors from `SCM_RIGHTS`: each is new and known to nobody else.
pub(crate) fn own(raw: RawFd) -> OwnedFd {
    // SAFETY: by the contract above the descriptor is open and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(raw) }
}

/// Keeps other processes from reading this one's memory, environment and descriptors: `PR_SET_DUMPABLE`, `proc(5)`.
///
/// # Errors
/// None in practice.
pub(crate) fn hide_memory() -> Result<(), Errno> {
    // SAFETY: PR_SET_DUMPABLE takes a number and no pointer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}

/// Lets `descriptor` stay open across `exec`.
///
/// # Errors
/// `EBADF` when it is not open.
pub(crate) fn keep_on_exec(descriptor: RawFd) -> Result<(), Errno> {
    // SAFETY: F_SETFD takes a number and no pointer.
    Errno::result(unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) }).map(drop)
}

/// Whether `descriptor` is open: only `EBADF` says that it is not.
pub(crate) fn is_open(descriptor: RawFd) -> bool {
    // SAFETY: F_GETFD takes no argument.
    let result = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
    Errno::result(result) != Err(Errno::EBADF)
}

/// What [`wait_for_signal`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// A signal.
    Signal {
        /// Which.
        signal: Signal,
        /// A process outside this process's pid namespace sent it.
        from_outside: bool,
    },
    /// A signal without a name, such as a real-time one.
    Other,
    /// The time was up.
    Nothing,
}

/// Waits for one of the blocked `signals`: `sigtimedwait(2)`.
pub(crate) fn wait_for_signal(signals: &nix::sys::signal::SigSet, timeout: Option<std::time::Duration>) -> Waited {
    let time = timeout.map(|timeout| *nix::sys::time::TimeSpec::from(timeout).as_ref());
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `siginfo_t` is plain data for which all-zero bytes are a valid value.
    let mut information: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let set = std::ptr::from_ref(signals.as_ref());
    // SAFETY: all three pointers refer to live values of their type, or are null where that is allowed.
    let number = unsafe { libc::sigtimedwait(set, &raw mut information, time) };
    if number < 0 {
        return Waited::Nothing;
    }
    // SAFETY: for SI_USER and SI_TKILL the kernel has filled in the sender; for others the bytes are zero or meaningless and unused.
    let sender = unsafe { information.si_pid() };
    let by_process = information.si_code <= 0;
    match Signal::try_from(number) {
        Ok(signal) => Waited::Signal { signal, from_outside: by_process && sender == 0 },
        Err(_) => Waited::Other,
    }
}

/// Whether `descriptor` is an open folder, as far as anybody can tell: one that cannot be looked at may be.
pub(crate) fn is_folder(descriptor: RawFd) -> bool {
    // SAFETY: `stat` is plain data for which all-zero bytes are a valid value.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer refers to a live `stat`; a descriptor that is not open is an error.
    let result = unsafe { libc::fstat(descriptor, &raw mut status) };
    match Errno::result(result) {
        Ok(_) => status.st_mode & libc::S_IFMT == libc::S_IFDIR,
        Err(errno) => errno != Errno::EBADF,
    }
}
