//! This process and its attributes.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

use crate::exit::Exit;

/// Takes ownership of a descriptor.
///
/// # Safety contract
/// Only for a descriptor that is open and that nobody else in this process owns: one that the kernel has just returned, or one that
/// was inherited and is named in the orders.
pub(crate) fn own(raw: RawFd) -> OwnedFd {
    // SAFETY: by the contract above the descriptor is open and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(raw) }
}

/// Whether `descriptor` is open.
pub(crate) fn is_open(descriptor: RawFd) -> bool {
    // SAFETY: F_GETFD takes no argument.
    unsafe { libc::fcntl(descriptor, libc::F_GETFD) != -1 }
}

/// Closes every descriptor from `first` to `last`: `close_range(2)`, Linux 5.9.
///
/// # Errors
/// `ENOSYS` before Linux 5.9, `EINVAL` when `first` is above `last`.
///
/// # Safety contract
/// Nothing in this process uses an owned descriptor of the range afterwards: the caller does this before it has taken any, or in a
/// child that ends without destructors.
pub(crate) fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed; the contract above keeps owned descriptors out of the range.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    Errno::result(result).map(drop)
}

/// Asks for `SIGKILL` when the thread that made this process ends: `PR_SET_PDEATHSIG`. A change of ids or capabilities undoes it.
///
/// # Errors
/// None in practice.
pub(crate) fn die_with_parent() -> Result<(), Errno> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and no pointer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
}

/// Keeps other processes from reading this one's memory and descriptors: `PR_SET_DUMPABLE`. A change of ids may undo it.
///
/// # Errors
/// None in practice.
pub(crate) fn hide_memory() -> Result<(), Errno> {
    // SAFETY: PR_SET_DUMPABLE takes a number and no pointer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}

/// Lets the permitted capabilities survive a change of the user id: `PR_SET_KEEPCAPS`.
///
/// # Errors
/// `EPERM` when it is locked.
pub(crate) fn keep_capabilities() -> Result<(), Errno> {
    // SAFETY: PR_SET_KEEPCAPS takes a number and no pointer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) }).map(drop)
}

/// Drops every capability from the bounding set; ends at the last one that this kernel knows.
///
/// # Errors
/// `EPERM` without `CAP_SETPCAP`.
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
pub(crate) fn exit_now(exit: Exit) -> ! {
    // SAFETY: `_exit` takes no pointer and does not return.
    unsafe { libc::_exit(exit.status()) }
}

/// Runs `body` in a copy of this process, which ends with the status that it returns. Returns the copy's id.
///
/// The caller must have one thread only: locks of others would stay taken in the copy.
///
/// # Errors
/// `EAGAIN` at the limit of processes, `ENOMEM`.
pub(crate) fn fork(body: impl FnOnce() -> Exit) -> Result<nix::unistd::Pid, Errno> {
    // SAFETY: the caller has one thread, so no lock is left behind in the child; the child never returns from here.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => Ok(child),
        nix::unistd::ForkResult::Child => exit_now(body()),
    }
}

/// How the allocator behaves for the rest of this process: memory that is free at the top goes back to the kernel soon.
pub(crate) fn give_memory_back() {
    // SAFETY: `mallopt` takes two numbers.
    unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, 256 * 1024) };
}

/// Attempts a system call with numbers as arguments, for an attack.
///
/// # Safety contract
/// No argument is an address that the kernel would write to.
#[cfg(test)]
pub(crate) fn attempt(call: libc::c_long, arguments: [libc::c_long; 6]) -> libc::c_long {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: by the contract above nothing of this process's memory is changed.
    unsafe { libc::syscall(call, a, b, c, d, e, f) }
}
