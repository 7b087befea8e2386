//! Making processes: `clone3(2)` for the sandbox's first process, `clone(2)` with shared memory for the command.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::unistd::Pid;

/// Namespaces that a new process gets, as `CLONE_NEW*` bits.
pub(crate) type Namespaces = u64;

/// Which side of a fork the caller is on.
#[derive(Debug)]
pub(crate) enum Side {
    /// The new process.
    Child,
    /// The old process, with the new one's id and a descriptor that refers to it and to no later process of the same id.
    Parent(Pid, OwnedFd),
}

/// Makes a child in new `namespaces` with a copy of this process's memory: `clone3(2)`, Linux 5.3.
///
/// The caller must be single-threaded: only the calling thread exists in the child, and locks of others would stay taken.
///
/// # Errors
/// `EPERM`, `ENOSPC` or `EUSERS` when namespaces are refused, `ENOSYS` before Linux 5.3, `EAGAIN` at the process limit.
pub(crate) fn fork_into(namespaces: Namespaces) -> Result<Side, Errno> {
    let mut pidfd: RawFd = -1;
    // SAFETY: `clone_args` is plain data for which all-zero bytes are a valid value.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = namespaces | libc::CLONE_PIDFD as u64;
    arguments.pidfd = (&raw mut pidfd).addr() as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    let size = size_of::<libc::clone_args>();
    let arguments = &raw const arguments;
    // SAFETY: without CLONE_VM this is fork: the child runs on its own copy of the stack; `arguments` is `size` bytes long and
    // `pidfd` is writable. The caller is single-threaded, so no lock is left behind in the child.
    let result = unsafe { libc::syscall(libc::SYS_clone3, arguments, size) };
    let pid = i32::try_from(Errno::result(result)?).map_err(|_| Errno::EOVERFLOW)?;
    if pid == 0 {
        return Ok(Side::Child);
    }
    // SAFETY: the kernel has stored a new descriptor there that nobody else knows.
    Ok(Side::Parent(Pid::from_raw(pid), unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// Bytes of stack for the command's process between `clone` and `exec`.
const STACK: usize = 256 * 1024;

/// What the child of [`vfork`] runs: it becomes another program, or returns the status to exit with.
pub(crate) type Body<'a> = &'a mut dyn FnMut() -> libc::c_int;

/// Starts `body` in a child that borrows this process's memory until it calls `exec` or `_exit`: `CLONE_VM | CLONE_VFORK`.
///
/// The caller sleeps meanwhile, so the child may allocate and write; nothing that it changes in memory may matter afterwards.
/// It saves the copy of the page tables that a fork pays for.
///
/// # Errors
/// `EAGAIN` at the process limit, `ENOMEM`.
pub(crate) fn vfork(mut body: Body<'_>) -> Result<Pid, Errno> {
    extern "C" fn trampoline(body: *mut libc::c_void) -> libc::c_int {
        // SAFETY: `body` is the pointer that `vfork` passed below; the parent sleeps, so it is alive and not aliased.
        let body = unsafe { &mut *body.cast::<Body<'_>>() };
        body()
    }
    let mut stack = vec![0_u128; STACK / size_of::<u128>()];
    let top = stack.as_mut_ptr_range().end.cast();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let argument = (&raw mut body).cast();
    // SAFETY: `stack` is 16-byte aligned, outlives the call (CLONE_VFORK returns only once the child has left it) and grows
    // down from `top`; `argument` points to `body`, alive for as long.
    let result = unsafe { libc::clone(trampoline, top, flags, argument) };
    Errno::result(result).map(Pid::from_raw)
}
