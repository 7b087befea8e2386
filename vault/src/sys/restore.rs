//! What a program that takes this one's place gets back: limits, signals, and that it can be dumped (which `execve` itself does).

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, signal};

/// Gives back the soft limits, and the default for `SIGPIPE`, which Rust's runtime ignores; the signal mask was never changed.
///
/// # Errors
/// The kernel's.
pub(crate) fn for_child() -> Result<(), Errno> {
    super::harden::restore_limits();
    // SAFETY: no handler of ours is involved: the default is set.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.map(drop)
}
