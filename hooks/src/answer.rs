//! Giving the answer: once, whole, and with a status that stops the call when it could not be given.
//!
//! Several places may want to answer at the same time (the work, the deadline, a signal, a panic). The first one has
//! standard output; whoever comes later can only make the exit status stricter.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use lobsterpot_policy::printable_lines;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::stat::{SFlag, fstat, major, minor};

use crate::client::Client;
use crate::denial::Denial;
use crate::role::Role;
use crate::wire::Refusal;

/// The status that lets the client go on.
pub(crate) const GO_ON: u8 = 0;

/// What a pipe that is ready takes without making the writer wait: `PIPE_BUF`, pipe(7).
const ATOMIC: usize = 4096;

/// How long a reader of standard error may take to make room, in milliseconds.
const LISTENER_PATIENCE: u16 = 500;

/// The status with which every client stops the call.
pub const STOP: u8 = 2;

/// Whether standard output has been given to someone.
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// Who denies, and to whom. Known before anything else, so that every failure can be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    /// Which hook speaks.
    pub(crate) role: Role,
    /// The client that it speaks to; `None` when the command line does not say.
    pub(crate) client: Option<Client>,
}

impl Voice {
    /// The answer that stops a call.
    pub(crate) fn denied(self, denial: &Denial) -> Answer {
        // Clients show it on a terminal, and it names files and tools.
        let reason = printable_lines(&denial.reason(self.role)).into_owned();
        let listener = if let Denial::Foreign { listener, .. } = denial {
            // One client's words are another's noise, and noise runs the tool: a foreign client gets the status and the text.
            *listener
        } else {
            self.client
        };
        let refusal = Refusal { code: denial.code(), reason: &reason };
        let stdout = listener.map_or_else(Vec::new, |client| client.dialect().denied(&refusal));
        Answer { stdout, stderr: format!("{reason}\n"), status: STOP }
    }
}

/// Everything that the client sees.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Answer {
    /// Standard output: one JSON document or nothing.
    stdout: Vec<u8>,
    /// Standard error: the reason of a denial or nothing.
    stderr: String,
    /// The exit status.
    status: u8,
}

impl Answer {
    /// What lets the client go on: one document, or silence.
    pub(crate) fn go_on(stdout: Vec<u8>) -> Self {
        Self { stdout, stderr: String::new(), status: GO_ON }
    }

    /// Standard output, standard error and the status, for who looks at them in the place of a client.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn parts(&self) -> (&[u8], &str, u8) {
        (&self.stdout, &self.stderr, self.status)
    }

    /// Gives the answer and returns the exit status; `None` when another thread has already given one and is about to end
    /// the process.
    pub(crate) fn give(self) -> Option<u8> {
        if ANSWERED.swap(true, Ordering::SeqCst) {
            return None;
        }
        Some(self.write())
    }

    /// Gives the answer as far as that is still possible, and returns a status that stops the call in any case.
    pub(crate) fn give_last(self) -> u8 {
        if ANSWERED.swap(true, Ordering::SeqCst) {
            complain(&self.stderr);
        } else {
            self.write();
        }
        STOP
    }

    /// Writes both streams.
    fn write(self) -> u8 {
        let Err(error) = publish(&self.stdout) else {
            complain(&self.stderr);
            return self.status;
        };
        let lost = || format!("the hook's answer cannot be written: {error} [internal]\n");
        complain(&if self.stderr.is_empty() { lost() } else { self.stderr });
        STOP
    }
}

/// Writes one document to standard output.
///
/// # Errors
/// When nobody can read there, or not everything could be written.
fn publish(document: &[u8]) -> io::Result<()> {
    if document.is_empty() {
        return Ok(());
    }
    let stdout = io::stdout();
    if is_null(stdout.as_fd())? {
        return Err(io::Error::new(io::ErrorKind::BrokenPipe, "standard output is closed or /dev/null"));
    }
    // Unbuffered: what is written is written, and nothing is left for the process's end.
    let mut stream = File::from(stdout.as_fd().try_clone_to_owned()?);
    stream.write_all(document)?;
    stream.flush()
}

/// Whether a descriptor is `/dev/null`, which is also what the runtime puts in the place of one that was closed.
///
/// # Errors
/// When the kernel says nothing about the descriptor.
fn is_null(descriptor: impl AsFd) -> io::Result<bool> {
    let facts = fstat(descriptor)?;
    let character = facts.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFCHR.bits();
    Ok(character && major(facts.st_rdev) == 1 && minor(facts.st_rdev) == 3)
}

/// Writes to standard error, as long as somebody takes it. When nobody does, the status still stops the call; a hook that waited
/// there would outlast its client's patience, which some clients take for consent.
fn complain(text: &str) {
    let stderr = io::stderr();
    for piece in text.as_bytes().chunks(ATOMIC) {
        let mut watched = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
        if poll(&mut watched, LISTENER_PATIENCE).is_ok_and(|ready| ready == 0) || io::stderr().write_all(piece).is_err()
        {
            return;
        }
    }
}
