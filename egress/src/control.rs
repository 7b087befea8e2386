//! The line to the launcher: what it asks, and what it is told. Telling never holds anything up.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use lobsterpot_policy::orders::{Command, Event, LONGEST_PACKET};
use nix::sys::socket::{MsgFlags, recv, send};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use crate::report::{Reporter, printable};

/// How long the launcher gets to read the last words. It waits for them about twice as long.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The longest reason for a failure, in bytes.
const LONGEST_MESSAGE: usize = 500;

/// The line to the launcher.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    /// The socket.
    line: Rc<AsyncFd<OwnedFd>>,
    /// What is to be told.
    reporter: Reporter,
}

impl Control {
    /// Takes the line. To be called in the runtime.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(crate) fn new(line: OwnedFd, reporter: Reporter) -> io::Result<Self> {
        Ok(Self { line: Rc::new(crate::sys::socket::watch(line)?), reporter })
    }

    /// Tells events as they come, until the launcher is gone.
    pub(crate) async fn tell(self) {
        loop {
            let event = self.reporter.next().await;
            if self.say(&event).await.is_err() {
                return;
            }
            self.reporter.was_told();
        }
    }

    /// Hears what the launcher asks, and gives it to `answer`, until it closes the line.
    pub(crate) async fn hear(&self, mut answer: impl FnMut(Command)) {
        let mut bytes = [0; LONGEST_PACKET];
        loop {
            let hear = |line: &OwnedFd| Ok(recv(line.as_raw_fd(), &mut bytes, MsgFlags::MSG_TRUNC)?);
            match self.line.async_io(Interest::READABLE, hear).await {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    // What is too long or not understood is the launcher's mistake: it waits for an answer no longer than it likes.
                    let packet = bytes.get(..length).map(serde_json::from_slice);
                    if let Some(Ok(command)) = packet {
                        answer(command);
                    }
                }
            }
        }
    }

    /// Tells what is left to tell, and how often refusals were repeated.
    pub(crate) async fn end(&self) {
        let last = async {
            // Also what was being said when that was given up.
            let rest = std::iter::from_fn(|| self.reporter.take());
            for event in rest.chain(self.reporter.repeated()) {
                if self.say(&event).await.is_err() {
                    return;
                }
            }
        };
        // A launcher that does not read has its own reasons.
        let _told = timeout(LAST_WORDS, last).await;
    }

    /// Says one thing.
    ///
    /// # Errors
    /// When the launcher is gone.
    async fn say(&self, event: &Event) -> io::Result<()> {
        let text = serde_json::to_vec(event)?;
        if text.len() > LONGEST_PACKET {
            return Ok(());
        }
        let say = |line: &OwnedFd| match send(line.as_raw_fd(), &text, MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => Ok(()),
            Err(errno) => Err(errno.into()),
        };
        self.line.async_io(Interest::WRITABLE, say).await
    }
}

/// Tells the launcher, before there is a runtime, that this program cannot go on.
pub(crate) fn fail(line: &OwnedFd, message: &str) {
    let message = printable(message, LONGEST_MESSAGE);
    let Ok(text) = serde_json::to_vec(&Event::Failed { message }) else { return };
    // A launcher that is gone need not know.
    let _told = send(line.as_raw_fd(), &text, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT);
}
