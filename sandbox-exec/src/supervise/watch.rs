//! The filter's listener: takes the calls that wait and has each answered by what knows about it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use nix::errno::Errno;

use super::connect::{Connector, Outcome, finish};
use super::ground::Ground;
use super::names::Names;
use super::sweeper::Sweeper;
use super::target::Target;
use crate::plan::Supervision;
use crate::sys::notify::{self, Answer};

/// How many connections may be waited for at once.
const WAITING: usize = 64;

/// A filter's listener and what is needed to answer it.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    /// The listener; `None` once nobody is left who could call.
    listener: Option<Arc<OwnedFd>>,
    /// Answers creations.
    names: Names<'a>,
    /// Answers connections.
    connector: Connector<'a>,
    /// Moves aside what slipped through.
    sweeper: Sweeper<'a>,
    /// The folders around guarded names.
    ground: Ground,
    /// Whether no process inside can change its root.
    fixed_root: bool,
    /// The root of every process inside, once it is known.
    root: Option<OwnedFd>,
    /// Connections that are waited for.
    waiting: Arc<AtomicUsize>,
}

impl<'a> Watch<'a> {
    /// A watch at `listener`.
    pub(crate) fn new(listener: OwnedFd, diagnosis: Option<OwnedFd>, supervision: &'a Supervision) -> Self {
        notify::wake_synchronously(&listener);
        let ground = Ground::open(&supervision.guards);
        Self {
            listener: Some(Arc::new(listener)),
            names: Names::new(&supervision.guards, supervision.existing),
            connector: Connector { allowed: &supervision.sockets, diagnosis },
            sweeper: Sweeper::new(&supervision.guards, &ground),
            ground,
            fixed_root: supervision.fixed_root,
            root: None,
            waiting: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// What becomes readable when a call waits.
    pub(crate) fn listener(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_deref().map(AsFd::as_fd)
    }

    /// When guarded names are to be looked for.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.sweeper.due()
    }

    /// Stops listening.
    pub(crate) fn close(&mut self) {
        self.listener = None;
    }

    /// Moves aside guarded names that came into being.
    pub(crate) fn sweep(&mut self) {
        self.sweeper.sweep(&self.ground);
    }

    /// Answers the next call.
    pub(crate) fn answer(&mut self) {
        let Some(listener) = &self.listener else { return };
        let Ok(call) = notify::receive(listener) else { return };
        if self.root.is_none() && self.fixed_root {
            self.root = Target::of(&call, None).open_root().ok().filter(|_| notify::still_waits(listener, call.id));
        }
        let target = Target::of(&call, self.root.as_ref().map(AsFd::as_fd));
        let answer = if target.number() == libc::SYS_connect {
            match self.connector.connect(target, listener) {
                Outcome::Settled(answer) => answer,
                Outcome::Wait(socket, address, pinned) => return self.wait(call.id, socket, address, pinned),
            }
        } else {
            let answer = self.names.judge(target, &self.ground);
            if answer == Answer::Continue {
                self.sweeper.note_creation();
            }
            answer
        };
        // Should the process have ended meanwhile and another have got its number, then nobody waits for this answer any more.
        let _ = notify::answer(listener, call.id, answer);
    }

    /// Connects in a thread of its own, for it may take long and others must not wait for it.
    fn wait(&self, id: u64, socket: OwnedFd, address: Vec<u8>, pinned: Option<OwnedFd>) {
        let Some(listener) = self.listener.clone() else { return };
        let waiting = Arc::clone(&self.waiting);
        let refuse = |errno| {
            let _ = notify::answer(&*listener, id, Answer::Fail(errno));
        };
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return refuse(Errno::EAGAIN);
        }
        let thread = {
            let listener = Arc::clone(&listener);
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
                let answer = finish(&socket, &address);
                drop(pinned);
                let _ = notify::answer(&*listener, id, answer);
                waiting.fetch_sub(1, Ordering::Relaxed);
            })
        };
        if thread.is_err() {
            waiting.fetch_sub(1, Ordering::Relaxed);
            refuse(Errno::EAGAIN);
        }
    }
}
