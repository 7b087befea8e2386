//! Signals that wait while another program has the terminal and there is something to tidy up after it.

use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};

/// What a terminal sends to everything that runs in it, and what ends programs.
const SIGNALS: [Signal; 4] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP];

/// The last signal that came and was meant for us; 0 when there was none.
static SEEN: AtomicI32 = AtomicI32::new(0);

/// Remembers a signal. Those of the keyboard are for the program that has the terminal.
extern "C" fn remember(signal: i32) {
    if signal == libc::SIGTERM || signal == libc::SIGHUP {
        SEEN.store(signal, Ordering::Relaxed);
    }
}

/// While this lives, signals that would end the process are remembered. A program that is started has the defaults: `execve` resets
/// handlers (signal(7)).
#[derive(Debug)]
#[must_use]
pub(crate) struct Deferred(());

impl Deferred {
    /// Begins to remember.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn begin() -> Result<Self, Errno> {
        let guard = Self(());
        SIGNALS.iter().try_for_each(|&signal| set(signal, SigHandler::Handler(remember)))?;
        Ok(guard)
    }

    /// Lets signals through again, and ends the process when one that was meant for it has come.
    pub(crate) fn end(self) {
        drop(self);
        if let Ok(signal) = Signal::try_from(SEEN.swap(0, Ordering::Relaxed)) {
            let _ = raise(signal);
        }
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        for signal in SIGNALS {
            let _ = set(signal, SigHandler::SigDfl);
        }
    }
}

/// Sets what happens on a signal.
///
/// # Errors
/// The kernel's.
fn set(signal: Signal, handler: SigHandler) -> Result<(), Errno> {
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler stores one atomic number, which is safe at every moment (signal-safety(7)).
    unsafe { sigaction(signal, &action) }.map(drop)
}
