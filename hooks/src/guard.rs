//! Runs the hook's work so that every way of ending badly stops the call.
//!
//! Clients take a crash, a signal or a time-out for "no objection". So the work has a deadline of its own, shorter than any
//! client's; signals that would end the process are received and answered; a panic is answered before it unwinds or aborts.
//! What is left is what no program can answer (`SIGKILL`, a real memory fault): there the client's own fail-closed setting
//! must do.
//!
//! The deadline is kept by a thread. A timer's signal would cost less, but no handler runs while the work waits for a file system
//! that does not answer (NFS, FUSE): there a process can only be killed, and at times not even that.

use std::os::fd::AsFd;
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::answer::{Answer, STOP, Voice};
use crate::denial::Denial;

/// How long the work may take. Clients are told to wait much longer.
const DEADLINE_SECONDS: u16 = 5;

/// What the watchdog needs at most, to write one denial. A small stack is cheaper to set up.
const WATCHDOG_STACK: usize = 128 * 1024;

/// The signals whose default is to end the process, as far as they can be received.
const DEADLY: [Signal; 22] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGUSR1,
    Signal::SIGSEGV,
    Signal::SIGUSR2,
    Signal::SIGPIPE,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGSTKFLT,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGPWR,
    Signal::SIGSYS,
];

/// Does `work` and gives its answer, or a denial in its place.
pub(crate) fn guarded(voice: Voice, work: impl FnOnce() -> Answer) -> ExitCode {
    panic::set_hook(Box::new(move |facts| end(voice.denied(&panicked(facts)))));
    let answer = match watch(voice) {
        Ok(()) => work(),
        Err(denial) => voice.denied(&denial),
    };
    match answer.give() {
        Some(status) => ExitCode::from(status),
        None => loop {
            // The thread that has answered ends the process.
            thread::park();
        },
    }
}

/// Starts the thread that waits for deadly signals and for the deadline.
///
/// # Errors
/// When the kernel or the C library refuses; then nothing guards the work, and it must not begin.
fn watch(voice: Voice) -> Result<(), Denial> {
    let failed = |what: &str, error: &dyn std::fmt::Display| Denial::Internal { problem: format!("{what}: {error}") };
    let deadly: SigSet = DEADLY.into_iter().collect();
    // Blocked here, and so in every later thread: they wait in the descriptor instead of ending the process.
    deadly.thread_block().map_err(|error| failed("failed to block signals", &error))?;
    let signals = SignalFd::with_flags(&deadly, SfdFlags::SFD_CLOEXEC)
        .map_err(|error| failed("failed to receive signals", &error))?;
    thread::Builder::new()
        .name("watchdog".to_owned())
        .stack_size(WATCHDOG_STACK)
        .spawn(move || end(voice.denied(&overdue(&signals))))
        .map_err(|error| failed("failed to start the watchdog", &error))?;
    Ok(())
}

/// Waits until a deadly signal arrives or the deadline passes, whichever is first.
fn overdue(signals: &SignalFd) -> Denial {
    let deadline = PollTimeout::from(DEADLINE_SECONDS.saturating_mul(1000));
    loop {
        let mut watched = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, deadline) {
            Ok(0) => return Denial::Deadline { seconds: DEADLINE_SECONDS },
            Ok(_) => {
                let number = signals.read_signal().ok().flatten().map_or(0, |facts| facts.ssi_signo);
                return Denial::Signal { number };
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Denial::Internal { problem: format!("failed to wait for signals: {error}") },
        }
    }
}

/// The denial for a panic.
fn panicked(facts: &PanicHookInfo<'_>) -> Denial {
    let place = facts.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    Denial::Internal { problem: format!("panic at {place}") }
}

/// Gives a last answer and ends the process from whatever thread this is.
#[expect(clippy::exit, reason = "the thread that works may be stuck or broken; the status is what stops the call")]
fn end(answer: Answer) {
    answer.give_last();
    std::process::exit(STOP.into());
}
