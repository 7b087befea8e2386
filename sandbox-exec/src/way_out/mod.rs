//! The way out of the sandbox's network, as the launcher sees it.
//!
//! The inside hands out the sockets on which the sandbox's network is served. The supervisor waits for them; when the first of them has
//! something to say, or a program is about to connect to a port that nobody serves yet, `lobsterpot-egress` is started with them, and
//! the launcher lets go of its own copies. A command that uses no network never pays for it. When egress ends before the command
//! does, nobody serves these sockets any more: the network is closed and stays so, for nothing is started again.
//!
//! Egress reads hostile bytes. What it tells is believed only as something to write down: nothing is decided by it.

mod line;
mod memory;
mod program;
mod publish;
pub(crate) mod record;
mod start;
mod tally;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use lobsterpot_policy::Network;
use lobsterpot_policy::orders::{Command, Event, Role};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::Error;
use crate::plan::Account;
use crate::report;
use line::Heard;
use program::Program;
use start::Process;
use tally::Tally;
pub(crate) use tally::{Asked, Learned, Summary};

/// How long egress may take to tell the last and end, once the line is closed. It takes milliseconds; on a machine with much else to do, or
/// where it is started only then, it takes longer, and what it does not get to tell is lost.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How many packets are read before others have their turn.
const PACKETS: u32 = 64;

/// What the way out of one run is made from.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What may be reached.
    pub(crate) network: Network,
    /// The user and group id that egress becomes, when the launcher is root's.
    pub(crate) become_id: Option<u32>,
    /// What the sandbox may write to, by device and inode number.
    pub(crate) writable: Vec<(u64, u64)>,
    /// Where the run gives account.
    pub(crate) account: Account,
}

/// The way out of one run.
#[derive(Debug)]
pub(crate) struct WayOut {
    /// What it is made from.
    settings: Settings,
    /// The program that serves it.
    program: Program,
    /// How far it is.
    state: State,
    /// Ports that are served at every address from the start.
    served: BTreeSet<u16>,
    /// What was told.
    tally: Tally,
    /// The number of the next question.
    next: u64,
}

/// How far it is.
#[derive(Debug)]
enum State {
    /// Nobody has used the network: the sockets wait here.
    Idle(Vec<(OwnedFd, Role)>),
    /// Egress serves.
    Serving(Process),
    /// Egress has ended, or could not be started.
    Closed,
}

/// What came of what became readable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// These questions are answered.
    Answered(Vec<u64>),
    /// Nothing is served any more, so no question will be.
    Closed,
}

impl WayOut {
    /// Makes sure that it can be started, and listens on the ports that are published. Nothing is started yet.
    ///
    /// # Errors
    /// Without egress beside the launcher, or when a port is taken: then the command must not run.
    pub(crate) fn prepare(settings: Settings) -> Result<Self, Error> {
        let program = Program::beside_this_one(&settings.writable)?;
        let sockets = publish::listen(&settings.network.publish)?;
        let (served, tally) = (BTreeSet::new(), Tally::default());
        Ok(Self { settings, program, state: State::Idle(sockets), served, tally, next: 0 })
    }

    /// Takes sockets that the inside has made.
    pub(crate) fn take(&mut self, sockets: Vec<(OwnedFd, Role)>) {
        self.served.extend(sockets.iter().filter_map(|(_, role)| served_port(*role)));
        if let State::Idle(waiting) = &mut self.state {
            waiting.extend(sockets);
        }
    }

    /// What to wait for. When one of them is readable, [`attend`](Self::attend) is to be called.
    pub(crate) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        match &self.state {
            // Without the namespace there is nothing yet that egress could serve.
            State::Idle(sockets) if sockets.iter().all(|(_, role)| *role != Role::Namespace) => Vec::new(),
            State::Idle(sockets) => {
                let speaks = |role: &Role| !matches!(role, Role::Namespace | Role::Control);
                sockets.iter().filter(|(_, role)| speaks(role)).map(|(socket, _)| socket.as_fd()).collect()
            }
            State::Serving(process) => vec![process.line().as_fd()],
            State::Closed => Vec::new(),
        }
    }

    /// Does what must be done now that something is readable: starts egress, or hears what it tells.
    pub(crate) fn attend(&mut self) -> News {
        match &self.state {
            State::Idle(_) => self.start(),
            State::Serving(_) => self.hear(),
            State::Closed => News::Closed,
        }
    }

    /// Whether egress has to be asked before a connection to `destination` is made: somebody serves, and not there from the start.
    pub(crate) fn is_asked(&self, destination: SocketAddr) -> bool {
        !matches!(self.state, State::Closed) && !self.served.contains(&destination.port())
    }

    /// Asks egress to serve `destination` if the policy allows it. Returns the number that the answer will have, or `None` when there
    /// is nothing to wait for.
    pub(crate) fn ask(&mut self, destination: SocketAddr) -> Option<u64> {
        if !self.is_asked(destination) {
            return None;
        }
        if matches!(self.state, State::Idle(_)) {
            self.start();
        }
        let State::Serving(process) = &self.state else { return None };
        let id = self.next;
        let want = Command::Want { id, address: destination.ip(), port: destination.port() };
        // Should egress not take it, for it is overwhelmed or gone, then the kernel answers: nobody listens there.
        process.line().say(&want).ok()?;
        self.next = id.wrapping_add(1);
        Some(id)
    }

    /// Tells what is known while processes of the command go on.
    pub(crate) fn tell_so_far(&self) {
        report::network(&self.summary(), self.settings.account.report);
    }

    /// Closes the line, so that egress tells the last and ends. When something has come that nobody has looked at, egress is started
    /// for it first: what a command does right before its end is told as well.
    pub(crate) fn hang_up(&mut self) {
        if matches!(self.state, State::Idle(_)) && self.is_readable() {
            self.start();
        }
        if let State::Serving(process) = &self.state {
            process.line().close();
        }
    }

    /// Whether one of the [`descriptors`](Self::descriptors) is readable now.
    fn is_readable(&self) -> bool {
        let descriptors = self.descriptors();
        let mut files: Vec<PollFd<'_>> =
            descriptors.into_iter().map(|file| PollFd::new(file, PollFlags::POLLIN)).collect();
        poll(&mut files, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Ends egress, tells the person, and writes the audit log when there is something to write.
    pub(crate) fn finish(mut self) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Serving(process) => {
                let tally = &mut self.tally;
                process.end(LAST_WORDS, &mut |heard| match heard {
                    Heard::Event(event) => tally.note(event),
                    Heard::Unreadable => tally.note_unreadable(),
                    Heard::Nothing | Heard::Closed => {}
                });
            }
            // They end with this process, which is about to: closing them one by one would only delay it.
            State::Idle(sockets) => std::mem::forget(sockets),
            State::Closed => {}
        }
        let summary = self.summary();
        report::network(&summary, self.settings.account.report);
        if let Err(error) = record::write(&self.settings.account, &summary) {
            report::log_not_written(&error);
        }
    }

    /// What was asked for and refused.
    fn summary(&self) -> Summary {
        self.tally.summary(&self.settings.network)
    }

    /// Starts egress with every socket, and lets go of them.
    fn start(&mut self) -> News {
        let State::Idle(sockets) = std::mem::replace(&mut self.state, State::Closed) else { return News::Closed };
        match Process::start(&self.program, &self.settings, sockets) {
            Ok(process) => {
                self.state = State::Serving(process);
                News::Answered(Vec::new())
            }
            Err(errno) => self.close(format!("could not be started: {}", errno.desc())),
        }
    }

    /// Hears what egress tells.
    fn hear(&mut self) -> News {
        let mut answered = Vec::new();
        for _ in 0..PACKETS {
            let State::Serving(process) = &self.state else { return News::Closed };
            match process.line().hear() {
                Heard::Event(Event::Ready { id }) => answered.push(id),
                Heard::Event(event) => self.tally.note(event),
                Heard::Unreadable => self.tally.note_unreadable(),
                Heard::Nothing => break,
                Heard::Closed => return self.has_ended(),
            }
        }
        News::Answered(answered)
    }

    /// Egress has closed the line.
    fn has_ended(&mut self) -> News {
        let State::Serving(process) = std::mem::replace(&mut self.state, State::Closed) else { return News::Closed };
        let how = process.end(Duration::ZERO, &mut |_| {});
        self.close(how)
    }

    /// Says once that the network is closed.
    fn close(&mut self, how: String) -> News {
        let how = self.tally.end(how);
        report::way_out_ended(how);
        News::Closed
    }
}

/// The port that a socket with this role serves at every address.
fn served_port(role: Role) -> Option<u16> {
    match role {
        Role::Tcp { port } => Some(port),
        Role::DnsTcp => Some(53),
        Role::Control | Role::DnsUdp | Role::Proxy | Role::Tap | Role::Namespace | Role::Published { .. } => None,
    }
}
