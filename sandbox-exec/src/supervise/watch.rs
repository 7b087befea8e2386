//! The filter's listener: takes the calls that wait and has each answered by what knows about it.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::connect::{Connection, Connector, Outcome};
use super::creation;
use super::crew::{Crew, Job};
use super::ground::Ground;
use super::names::Names;
use super::refusals::Refusals;
use super::repositories::Repositories;
use super::sweeper::Sweeper;
use super::target::Target;
use super::wants::Wants;
use crate::plan::{Account, Supervision};
use crate::seccomp::{self, Refusal};
use crate::sys::notify::{self, Answer, Notification};
use crate::way_out::{News, WayOut};

/// How many calls may wait until the way out can be asked about them. They hold no descriptor.
const LATER: usize = 8192;

/// How often is looked, at the end, for what could not be looked at for want of descriptors or memory.
const LOOKS: u32 = 50;
/// How long between these looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

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
    /// The folders in which the person's git goes on.
    repositories: Repositories,
    /// The folders around guarded names.
    ground: Ground,
    /// Whether no process inside can change its root.
    fixed_root: bool,
    /// The root of every process inside, once it is known.
    root: Option<OwnedFd>,
    /// Makes connections.
    crew: Crew,
    /// Connections, each with its call's number, that wait until the way out listens for them.
    wants: Wants<(u64, Connection)>,
    /// What was refused and is to be told.
    refusals: Refusals,
    /// Where.
    account: &'a Account,
    /// Calls that the way out is to be asked about once others have their answer.
    later: VecDeque<Notification>,
}

impl<'a> Watch<'a> {
    /// A watch at `listener` over what is guarded on `ground`; the launcher's own network is `outside`.
    pub(crate) fn new(
        listener: OwnedFd,
        diagnosis: Option<OwnedFd>,
        supervision: &'a Supervision,
        outside: Option<u64>,
        (ground, repositories): (Ground, Repositories),
    ) -> Self {
        notify::wake_synchronously(&listener);
        Self {
            listener: Some(Arc::new(listener)),
            names: Names::new(&supervision.guards, supervision.existing),
            connector: Connector {
                allowed: &supervision.sockets,
                hidden: &supervision.hidden,
                known_as: supervision.known_as,
                diagnosis,
                outside,
                offline: supervision.offline,
            },
            sweeper: Sweeper::new(&supervision.guards, &ground),
            repositories,
            ground,
            fixed_root: supervision.fixed_root,
            root: None,
            crew: Crew::default(),
            wants: Wants::new(),
            refusals: Refusals::default(),
            account: &supervision.account,
            later: VecDeque::new(),
        }
    }

    /// What becomes readable when a call waits.
    pub(crate) fn listener(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_deref().map(AsFd::as_fd)
    }

    /// When [`tick`](Self::tick) is to be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.sweeper.due(), self.repositories.due(), self.wants.due()].into_iter().flatten().min()
    }

    /// Does what is due now: looks for guarded names, and lets go on what has waited long enough.
    pub(crate) fn tick(&mut self) {
        let now = Instant::now();
        if self.sweeper.due().is_some_and(|due| due <= now) {
            self.sweeper.sweep(&self.ground);
        }
        if self.repositories.due().is_some_and(|due| due <= now) {
            self.repositories.sweep();
        }
        for (id, connection) in self.wants.overdue(now) {
            self.connect(id, connection);
        }
    }

    /// Lets those connections go on that the way out has been asked about and has answered.
    pub(crate) fn settle(&mut self, news: News) {
        let settled = match news {
            News::Answered(ids) => ids.into_iter().filter_map(|id| self.wants.answered(id)).collect(),
            News::Closed => self.wants.all(),
        };
        for (id, connection) in settled {
            self.connect(id, connection);
        }
    }

    /// Stops listening, and lets go of what callers wanted.
    pub(crate) fn close(&mut self) {
        self.listener = None;
        self.later.clear();
        self.wants.all().clear();
        self.crew.dismiss();
    }

    /// The command has ended: moves aside guarded names that came into being, and what it left for others to go on with.
    pub(crate) fn sweep(&mut self) {
        for _ in 0..LOOKS {
            self.sweeper.sweep(&self.ground);
            self.repositories.sweep();
            if self.sweeper.has_seen_all() && self.repositories.has_seen_all() {
                break;
            }
            // Connections that are still being made hold descriptors, and end soon when nobody wants them any more.
            std::thread::sleep(BETWEEN_LOOKS);
        }
        self.sweeper.tell();
        self.repositories.look_at_what_is_left();
    }

    /// Tells the person what was refused.
    pub(crate) fn tell(&mut self) {
        self.refusals.tell(self.account);
    }

    /// Answers the next call; with a way out, once that was asked.
    pub(crate) fn answer(&mut self, way_out: Option<&mut WayOut>) {
        let Some(listener) = &self.listener else { return };
        if let Ok(call) = notify::receive(listener) {
            self.deal_with(call, way_out);
        }
    }

    /// Takes up the calls that had to wait for others, as far as there is room now.
    pub(crate) fn catch_up(&mut self, mut way_out: Option<&mut WayOut>) {
        while self.wants.has_room()
            && let Some(call) = self.later.pop_front()
        {
            self.deal_with(call, way_out.as_deref_mut());
        }
    }

    /// Answers `call`, or lets it wait.
    fn deal_with(&mut self, call: Notification, way_out: Option<&mut WayOut>) {
        let Some(listener) = &self.listener else { return };
        if let Some(refusal) = refusal(&call) {
            self.refusals.note_call(refusal);
            let _ = notify::answer(listener, call.id, Answer::Fail(Errno::from_raw(refusal.errno.into())));
            return;
        }
        if self.root.is_none() && self.fixed_root {
            self.root = Target::of(&call, None).open_root().ok().filter(|_| notify::still_waits(listener, call.id));
        }
        let target = Target::of(&call, self.root.as_ref().map(AsFd::as_fd));
        let answer = if target.number() == libc::SYS_connect {
            match self.connector.connect(target, listener, &mut self.refusals) {
                Outcome::Settled(answer) => answer,
                Outcome::Wait(connection) => return self.ask_or_connect(call, connection, way_out),
            }
        } else {
            let mut answer = self.names.judge(target, &self.ground, &self.repositories);
            if answer == Answer::Continue {
                self.sweeper.note_creation();
                if creation::could_bring_a_symlink(target.number())
                    && let Err(errno) = self.repositories.note_creation()
                {
                    answer = Answer::Fail(errno);
                }
            }
            answer
        };
        // Should the process have ended meanwhile and another have got its number, then nobody waits for this answer any more.
        let _ = notify::answer(listener, call.id, answer);
    }

    /// Asks the way out to listen where `connection` leads to, or connects at once when there is nothing to ask. While too many
    /// others wait for an answer, the call is put back, without what was taken from its process.
    fn ask_or_connect(&mut self, call: Notification, connection: Connection, way_out: Option<&mut WayOut>) {
        let asked = way_out.zip(connection.destination).filter(|(way_out, destination)| way_out.is_asked(*destination));
        if asked.is_some() && !self.wants.has_room() && self.later.len() < LATER {
            return self.later.push_back(call);
        }
        let asked = asked.filter(|_| self.wants.has_room());
        match asked.and_then(|(way_out, destination)| way_out.ask(destination)) {
            Some(question) => {
                if let Some((id, connection)) = self.wants.wait(question, (call.id, connection), Instant::now()) {
                    self.connect(id, connection);
                }
            }
            None => self.connect(call.id, connection),
        }
    }

    /// Connects in a thread of its own.
    fn connect(&self, id: u64, connection: Connection) {
        if let Some(listener) = self.listener.clone() {
            self.crew.take(Job { listener, id, connection });
        }
    }
}

/// What is refused whatever the process is, when `call` is such a one.
fn refusal(call: &Notification) -> Option<Refusal> {
    seccomp::reported(u32::try_from(call.data.nr).ok()?, &call.data.args)
}
