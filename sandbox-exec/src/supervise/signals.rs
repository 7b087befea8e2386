//! Signals to the launcher, read from a descriptor, and what becomes of each.
//!
//! The terminal sends to the whole foreground group, the command included unless it has a session of its own: those are not passed on,
//! or the command would get them twice. What a process sends to the launcher alone is passed on.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::unistd::getpid;

/// The launcher's signals.
#[derive(Debug)]
pub(crate) struct Signals(SignalFd);

/// One signal that came.
#[derive(Debug)]
pub(crate) struct Received(siginfo);

/// Signals that are passed on when a process sends them.
const FORWARDED: [Signal; 12] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGWINCH,
    Signal::SIGCONT,
    Signal::SIGTSTP,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
];

impl Signals {
    /// Blocks every signal, so that none is lost while the sandbox is made, and opens the descriptor. Returns the old mask.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    pub(crate) fn hold() -> Result<(Self, SigSet), Errno> {
        let mut inherited = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut inherited))?;
        let forwarded: SigSet = FORWARDED.into_iter().collect();
        let descriptor = SignalFd::with_flags(&forwarded, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok((Self(descriptor), inherited))
    }

    /// Gives the old mask back.
    pub(crate) fn release(&self, mask: &SigSet) {
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(mask), None);
    }

    /// The next signal that waits.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn next(&self) -> Result<Option<Received>, Errno> {
        Ok(self.0.read_signal()?.map(Received))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Received {
    /// The signal, when the command has not got it already; one with a session of its own gets nothing from the caller's terminal.
    pub(crate) fn to_forward(&self, own_session: bool) -> Option<Signal> {
        let from_kernel = self.0.ssi_code == nix::libc::SI_KERNEL;
        (own_session || !from_kernel).then(|| self.signal()).flatten()
    }

    /// Stops the launcher as its command is stopped, so that the shell that waits for it notices.
    pub(crate) fn stop_with_the_command(&self) {
        if self.signal() == Some(Signal::SIGTSTP) {
            let _ = nix::sys::signal::kill(getpid(), Signal::SIGSTOP);
        }
    }

    /// Which signal.
    fn signal(&self) -> Option<Signal> {
        i32::try_from(self.0.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok())
    }
}
