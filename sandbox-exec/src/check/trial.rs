//! Trying things in children, so that nothing of it stays with this process or the host.

use std::io::Read as _;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::sys::clone::{Namespaces, Side, fork_into};
use crate::sys::process;

/// What came of a trial.
pub(super) type Outcome = Result<(), Errno>;

/// Tries `body` in a child in new `namespaces`. The child ends with what the kernel said as its status.
///
/// # Errors
/// What the kernel said, to `clone3(2)` or to `body`; `ECANCELED` when the child was killed.
pub(super) fn in_child(namespaces: Namespaces, body: impl FnOnce() -> Outcome) -> Outcome {
    match fork_into(namespaces)? {
        Side::Child => {
            let status = body().map_or_else(|errno| errno as i32, |()| 0);
            process::exit_now(status)
        }
        Side::Parent(child, _) => ending(child),
    }
}

/// Tries `action` on a child in new `namespaces`, which waits meanwhile. The child holds the descriptor that `action` is given.
///
/// # Errors
/// What the kernel said, to `clone3(2)` or to `action`.
pub(super) fn on_child(namespaces: Namespaces, action: impl FnOnce(Pid, &OwnedFd, i32) -> Outcome) -> Outcome {
    let (reader, writer) = std::io::pipe().map_err(|_| Errno::EMFILE)?;
    match fork_into(namespaces)? {
        Side::Child => {
            drop(writer);
            let mut reader = reader;
            // Until the parent lets go of the other end.
            let _ = reader.read_to_end(&mut Vec::new());
            process::exit_now(0)
        }
        Side::Parent(child, pidfd) => {
            let outcome = action(child, &pidfd, reader.as_raw_fd());
            drop(writer);
            if process::send_signal(&pidfd, Signal::SIGKILL).is_ok() {
                let _ = waitpid(child, None);
            }
            outcome
        }
    }
}

/// Waits for `child` and reads its status as what the kernel said.
///
/// # Errors
/// What it says.
fn ending(child: Pid) -> Outcome {
    let status = waitpid(child, None)?;
    let WaitStatus::Exited(_, status) = status else { return Err(Errno::ECANCELED) };
    if status == 0 { Ok(()) } else { Err(Errno::from_raw(status)) }
}
