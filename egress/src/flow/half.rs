//! One direction of a connection: reads from one socket, has it judged, writes to the other.
//!
//! Never reads what it may not or cannot pass on, but for what a judgement needs. Holds neither buffer nor pipe while nothing is
//! under way.

mod bytes;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::check::{Check, HELD, Reply, Step};
use super::meter::Meter;
use super::pipe::Pipe;
use super::shares::{Held, Shares};

/// How many bytes are moved before the other direction, and then other connections, have their turn: 512 KiB.
const TURN: u64 = 512 << 10;

/// Who speaks in this direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// The program in the sandbox.
    Client,
    /// The server.
    Server,
}

/// Why a connection does not go on.
#[derive(Debug)]
pub(crate) enum Broken {
    /// One of the sockets failed, most often because it was reset.
    Lost,
    /// What was said is refused, which has been reported.
    Refused(Reply),
    /// It ended in the middle of what had to be judged.
    Unfinished,
    /// A bound is reached; the words say which.
    TooMuch(&'static str),
    /// Nothing moved for too long.
    Idle,
}

/// Where a direction is after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It waits for a socket, for a moment, or for the other direction.
    Blocked,
    /// Its turn is over, and there may be more to do.
    TurnOver,
    /// Everything was passed on, the end too.
    Done,
}

/// How far the speaker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It may say more.
    Open,
    /// It has ended; the listener has not been told yet.
    Ended,
    /// The listener has been told.
    Done,
}

/// What the check said last about what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// It has not seen all of it.
    NotYet,
    /// It wants more.
    More,
    /// It waits for the other direction.
    Wait,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Half {
    /// Who speaks.
    speaker: Speaker,
    /// How far the speaker is.
    stage: Stage,
    /// How many bytes may go on without being asked about; `u64::MAX` stands for all.
    free: u64,
    /// What was read and not yet written.
    held: Held,
    /// What the check said about it.
    judged: Judged,
    /// Since when bytes are held that the check wants more of.
    pub(super) undecided: Option<Instant>,
    /// What was spliced and not yet written.
    pipe: Option<Pipe>,
    /// Reads fill the buffer: splicing is worth it.
    bulk: bool,
    /// Not to be read from before.
    pub(super) not_before: Option<Instant>,
    /// Bytes were moved, or the end passed on, since this was last set back.
    pub(super) moved: bool,
    /// The check has decided something since this was last set back.
    pub(super) decided: bool,
}

/// What a direction works with in its turn.
#[derive(Debug)]
pub(super) struct Tools<'a> {
    /// What judges, if anything does.
    pub(super) check: Option<&'a mut (dyn Check + 'static)>,
    /// What counts, if anything does.
    pub(super) meter: Option<&'a Meter>,
    /// What connections share.
    pub(super) shares: &'a Shares,
}

impl Half {
    /// A direction in which nothing was said. `checked` says whether a check judges it.
    pub(super) fn new(speaker: Speaker, checked: bool, shares: &Shares) -> Self {
        Self {
            speaker,
            stage: Stage::Open,
            free: if checked { 0 } else { u64::MAX },
            held: Held::new(shares.clone()),
            judged: Judged::NotYet,
            undecided: None,
            pipe: None,
            bulk: false,
            not_before: None,
            moved: false,
            decided: false,
        }
    }

    /// Bytes that were read before this began.
    pub(super) fn begin_with(&mut self, bytes: &[u8]) {
        self.held.push(bytes);
    }

    /// The other direction has moved on: what is held may be judged otherwise now.
    pub(super) fn reconsider(&mut self) {
        self.judged = Judged::NotYet;
    }

    /// Whether everything that was read has been written, so that other bytes may be put behind it.
    pub(super) fn is_clean(&self) -> bool {
        self.held.is_empty() && self.pipe.is_none() && self.stage == Stage::Open
    }

    /// Whether nothing will be said any more.
    pub(super) fn is_ended(&self) -> bool {
        self.stage != Stage::Open
    }

    /// Whether it waits for the other direction.
    pub(super) fn waits(&self) -> bool {
        self.judged == Judged::Wait
    }

    /// Moves what can be moved, for one turn.
    ///
    /// # Errors
    /// When the connection cannot go on.
    pub(super) fn turn(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
        tools: &mut Tools<'_>,
    ) -> Result<Progress, Broken> {
        let mut left = TURN;
        while self.stage != Stage::Done {
            if left == 0 {
                return Ok(Progress::TurnOver);
            }
            match self.step(cx, from, to, tools) {
                Poll::Ready(Ok(count)) => left = left.saturating_sub(count),
                Poll::Ready(Err(broken)) => return Err(broken),
                Poll::Pending => {
                    self.rest(tools.shares);
                    return Ok(Progress::Blocked);
                }
            }
        }
        self.rest(tools.shares);
        Ok(Progress::Done)
    }

    /// One step: what was read is written, then judged, then more is read. Says how many bytes were read.
    fn step(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
        tools: &mut Tools<'_>,
    ) -> Poll<Result<u64, Broken>> {
        ready!(self.write(cx, to))?;
        if !self.held.is_empty() && self.judged == Judged::NotYet {
            self.judge(tools)?;
            return Poll::Ready(Ok(0));
        }
        if self.stage == Stage::Ended {
            return Poll::Ready(self.end(cx, to).map(|()| 0));
        }
        if self.judged == Judged::Wait {
            return Poll::Pending;
        }
        self.read(cx, from, to, tools)
    }

    /// Asks the check about what is held.
    ///
    /// # Errors
    /// When it refuses, or when it wants more than is held.
    fn judge(&mut self, tools: &mut Tools<'_>) -> Result<(), Broken> {
        let held = self.held.bytes();
        let ended = self.stage == Stage::Ended;
        let step = match (&mut tools.check, self.speaker) {
            (None, _) => Step::Rest,
            (Some(check), Speaker::Client) if ended => check.client_end(held),
            (Some(check), Speaker::Client) => check.client(held),
            (Some(_), Speaker::Server) if ended => Step::Rest,
            (Some(check), Speaker::Server) => check.server(held),
        };
        match step {
            Step::Pass(count @ 1..) => self.decide(count),
            Step::Rest => self.decide(u64::MAX),
            Step::More | Step::Pass(0) if self.held.len() >= HELD || tools.shares.is_full() => {
                return Err(Broken::TooMuch("bytes that have to be held until it is clear what they are"));
            }
            Step::More | Step::Pass(0) => {
                self.judged = Judged::More;
                self.undecided.get_or_insert_with(Instant::now);
            }
            Step::Wait => {
                self.judged = Judged::Wait;
                self.undecided = None;
            }
            Step::Refuse(_, reply) => return Err(Broken::Refused(reply)),
        }
        Ok(())
    }

    /// So many bytes may go on.
    fn decide(&mut self, count: u64) {
        self.free = count;
        self.undecided = None;
        self.decided = true;
    }

    /// Passes the end on.
    ///
    /// # Errors
    /// When something is held that could not be judged for lack of more.
    fn end(&mut self, cx: &mut Context<'_>, to: &mut TcpStream) -> Result<(), Broken> {
        if !self.held.is_empty() {
            return Err(Broken::Unfinished);
        }
        // A listener that is gone already is met by the other direction.
        let _told = Pin::new(to).poll_shutdown(cx);
        self.stage = Stage::Done;
        self.moved = true;
        Ok(())
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            self.held.shares().give_back(pipe);
        }
    }
}
