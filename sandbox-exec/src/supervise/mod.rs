//! The launcher outside, once the sandbox exists: waits, forwards signals, keeps the clock, answers supervised calls.
//!
//! One thread, one `ppoll`. It never blocks on anything that the inside controls.

mod connect;
mod creation;
mod crew;
mod ground;
mod names;
mod refusals;
mod repositories;
mod signals;
mod sweeper;
mod target;
mod wants;
mod watch;

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stdin, dup2_stdout};

use crate::channel::{Channel, Word};
use crate::exit::Exit;
use crate::plan::Supervision;
use crate::step::{Failure, Step, Stepped};
use crate::sys::{process, socket};
use crate::way_out::WayOut;

use ground::Ground;
pub(crate) use refusals::Socket;
use repositories::Repositories;
pub(crate) use signals::Signals;
pub(crate) use sweeper::give_back;
use watch::Watch;

/// How long the sandbox has to end by itself when its time is up.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The command's own exit status, 128+N when a signal ended it.
    Status(u8),
    /// The wall-clock limit was reached.
    TimedOut,
    /// The set-up failed and the command never ran.
    Failed(Failure),
    /// The sandbox was destroyed from outside: by the kernel for lack of memory, or by somebody with the right to.
    Destroyed(Signal),
}

/// A running sandbox.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// Its first process.
    pub(crate) init: Pid,
    /// The same, immune to reuse of the number.
    pub(crate) pidfd: OwnedFd,
    /// The line to it.
    pub(crate) channel: Channel,
    /// The way out of its network, when it has one.
    pub(crate) way_out: Option<WayOut>,
}

/// Who is told what happens to the command.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    /// Called once every layer is in force.
    pub(crate) started: &'a dyn Fn(),
    /// Where to tell that the command has ended, when others may outlive it.
    pub(crate) line: Option<&'a Channel>,
}

impl std::fmt::Debug for Told<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Told").field("line", &self.line).finish_non_exhaustive()
    }
}

/// What the loop keeps.
struct Watchman<'a> {
    /// The sandbox.
    sandbox: Sandbox,
    /// What to look after.
    supervision: &'a Supervision,
    /// The folders around guarded names, and the repositories among them, until the watch has them: opened before anything runs that could change them.
    ground: Option<(Ground, Repositories)>,
    /// The launcher's own network, as the kernel numbers it.
    outside: Option<u64>,
    /// The filter's listener, once it is there, with what answers it.
    watch: Option<Watch<'a>>,
    /// Whether the channel is still open.
    starting: bool,
    /// Who is told.
    told: Told<'a>,
    /// When to end the run.
    deadline: Option<Instant>,
    /// The time is up: `SIGTERM` was sent.
    expired: bool,
    /// A step that failed.
    failure: Option<Failure>,
}

/// Looks after the sandbox until it has ended.
///
/// # Errors
/// When the kernel refuses what waiting needs.
pub(crate) fn supervise(
    sandbox: Sandbox,
    supervision: &Supervision,
    signals: &Signals,
    told: Told<'_>,
) -> Result<Ending, Failure> {
    let deadline = supervision.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let ground = Ground::open(&supervision.guards).step(Step::Supervisor)?;
    let repositories = Repositories::of(&supervision.guards, &ground).step(Step::Supervisor)?;
    let outside = socket::own_network().step(Step::Supervisor)?;
    // Not earlier: what was there before the command must be told from what it leaves.
    sandbox.channel.give_leave();
    let mut watchman = Watchman {
        sandbox,
        supervision,
        ground: Some((ground, repositories)),
        outside,
        watch: None,
        starting: true,
        told,
        deadline,
        expired: false,
        failure: None,
    };
    loop {
        match watchman.turn(signals) {
            Ok(None) => {}
            Ok(Some(ending)) => return Ok(ending),
            Err(errno) => {
                watchman.destroy();
                return Err(Failure::new(Step::Supervisor, errno));
            }
        }
    }
}

impl Watchman<'_> {
    /// Waits for one thing to happen and deals with it.
    ///
    /// # Errors
    /// The kernel's.
    fn turn(&mut self, signals: &Signals) -> Result<Option<Ending>, Errno> {
        let ready = self.wait(signals)?;
        if ready.signal {
            self.forward(signals)?;
        }
        if ready.channel {
            self.hear()?;
        }
        if let Some(watch) = &mut self.watch {
            match ready {
                Ready { over: true, .. } => watch.close(),
                Ready { call: true, .. } => watch.answer(self.sandbox.way_out.as_mut()),
                _ => {}
            }
            if watch.due().is_some_and(|due| due <= Instant::now()) {
                watch.tick();
            }
        }
        if ready.network {
            self.attend_to_the_network();
        }
        if let Some(watch) = &mut self.watch {
            watch.catch_up(self.sandbox.way_out.as_mut());
        }
        if ready.end {
            return self.reap().map(Some);
        }
        self.look_at_the_clock()?;
        Ok(None)
    }

    /// Sleeps until something happens.
    ///
    /// # Errors
    /// The kernel's.
    fn wait(&self, signals: &Signals) -> Result<Ready, Errno> {
        let input = PollFlags::POLLIN;
        let mut files = vec![PollFd::new(self.sandbox.pidfd.as_fd(), input), PollFd::new(signals.as_fd(), input)];
        let channel = self.starting.then(|| push(&mut files, self.sandbox.channel.as_fd()));
        let call = self.watch.as_ref().and_then(Watch::listener).map(|listener| push(&mut files, listener));
        let network = files.len();
        let ways = self.sandbox.way_out.as_ref().map(WayOut::descriptors).unwrap_or_default();
        files.extend(ways.into_iter().map(|file| PollFd::new(file, input)));
        let task = self.watch.as_ref().and_then(Watch::due);
        let next = [self.deadline, task].into_iter().flatten().min();
        let timeout = next.map(|next| TimeSpec::from(next.saturating_duration_since(Instant::now())));
        match ppoll(&mut files, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let is_ready = |at: usize| files.get(at).and_then(PollFd::any).unwrap_or(false);
        let is_over =
            |at: usize| files.get(at).and_then(PollFd::revents).is_some_and(|events| events == PollFlags::POLLHUP);
        Ok(Ready {
            end: is_ready(0),
            signal: is_ready(1),
            channel: channel.is_some_and(is_ready),
            call: call.is_some_and(is_ready),
            over: call.is_some_and(is_over),
            network: files.get(network..).unwrap_or_default().iter().any(|file| file.any().unwrap_or(false)),
        })
    }

    /// Starts or hears the way out, and lets connections go on that waited for it.
    fn attend_to_the_network(&mut self) {
        let Some(way_out) = &mut self.sandbox.way_out else { return };
        let news = way_out.attend();
        if let Some(watch) = &mut self.watch {
            watch.settle(news);
        }
    }

    /// Passes signals on to the command.
    ///
    /// # Errors
    /// The kernel's.
    fn forward(&self, signals: &Signals) -> Result<(), Errno> {
        while let Some(signal) = signals.next()? {
            if let Some(signal) = signal.to_forward(self.supervision.own_session) {
                let _ = process::send_signal(&self.sandbox.pidfd, signal);
            }
            signal.stop_with_the_command();
        }
        Ok(())
    }

    /// Hears what the inside says during the set-up.
    ///
    /// # Errors
    /// The kernel's.
    fn hear(&mut self) -> Result<(), Errno> {
        match self.sandbox.channel.listen()? {
            Word::Failed(failure) => self.failure = Some(failure),
            Word::Sockets(sockets) => {
                if let Some(way_out) = &mut self.sandbox.way_out {
                    way_out.take(sockets);
                }
            }
            Word::Listener(listener, diagnosis) => {
                // Handing it out is the last thing before the command: every layer is in force. Not earlier: a set-up that
                // fails may be tried once more, with another plan, and that command needs the streams.
                release_streams();
                let ground = self.ground.take().ok_or(Errno::EALREADY)?;
                self.watch = Some(Watch::new(listener, diagnosis, self.supervision, self.outside, ground));
                (self.told.started)();
            }
            Word::Ended(status) => {
                release_streams();
                if let Some(line) = self.told.line {
                    // Afterwards nobody may be there to read it.
                    if let Some(watch) = &mut self.watch {
                        watch.sweep();
                        watch.tell();
                    }
                    if let Some(way_out) = &self.sandbox.way_out {
                        way_out.tell_so_far();
                    }
                    crate::keep::let_go(line, status);
                }
            }
            Word::Closed => {
                self.starting = false;
                if self.failure.is_none() {
                    // The command runs, and the policy did without a listener.
                    release_streams();
                }
            }
        }
        Ok(())
    }

    /// Ends the run when its time is up: first kindly, then for good.
    ///
    /// # Errors
    /// The kernel's.
    fn look_at_the_clock(&mut self) -> Result<(), Errno> {
        let now = Instant::now();
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let signal = if self.expired { Signal::SIGKILL } else { Signal::SIGTERM };
        let _ = process::send_signal(&self.sandbox.pidfd, signal);
        self.deadline = if self.expired { None } else { now.checked_add(LAST_WORDS) };
        self.expired = true;
        Ok(())
    }

    /// Ends the sandbox at once: nothing may run in it that nobody looks after.
    fn destroy(&mut self) {
        let _ = process::send_signal(&self.sandbox.pidfd, Signal::SIGKILL);
        let _ = waitpid(self.sandbox.init, Some(WaitPidFlag::__WALL));
        if let Some(watch) = &mut self.watch {
            watch.close();
            watch.sweep();
            watch.tell();
        }
    }

    /// Takes the status of the sandbox's first process, which ends last.
    ///
    /// # Errors
    /// The kernel's.
    fn reap(&mut self) -> Result<Ending, Errno> {
        // What was said before the end is still in the line.
        while self.starting && self.failure.is_none() {
            self.hear()?;
        }
        if let Some(way_out) = &mut self.sandbox.way_out {
            way_out.hang_up();
        }
        if let Some(watch) = &mut self.watch {
            watch.close();
            watch.sweep();
            watch.tell();
        }
        let status = waitpid(self.sandbox.init, Some(WaitPidFlag::__WALL))?;
        if let Some(failure) = self.failure.take() {
            return Ok(Ending::Failed(failure));
        }
        if let Some(way_out) = self.sandbox.way_out.take() {
            way_out.finish();
        }
        Ok(match status {
            _ if self.expired => Ending::TimedOut,
            WaitStatus::Exited(_, status) => Ending::Status(u8::try_from(status).unwrap_or(Exit::Setup as u8)),
            WaitStatus::Signaled(_, signal, _) => Ending::Destroyed(signal),
            WaitStatus::Stopped(..) | WaitStatus::Continued(_) | WaitStatus::StillAlive => {
                Ending::Destroyed(Signal::SIGKILL)
            }
            WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => Ending::Destroyed(Signal::SIGKILL),
        })
    }
}

/// Lets go of standard input and output, which belong to the command: who waits for their end must not wait for the launcher.
/// `/dev/null` takes their place, so that nothing else ever gets their numbers.
fn release_streams() {
    if let Ok(null) = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()) {
        let _ = dup2_stdin(&null);
        let _ = dup2_stdout(&null);
    }
}

/// What happened.
#[derive(Clone, Copy)]
struct Ready {
    /// The sandbox has ended.
    end: bool,
    /// A signal came.
    signal: bool,
    /// The inside said something.
    channel: bool,
    /// A supervised call waits.
    call: bool,
    /// Nobody is left who could make one.
    over: bool,
    /// Somebody uses the network, or the way out tells something.
    network: bool,
}

/// Adds `file` to what is waited for and returns its place.
fn push<'fd>(files: &mut Vec<PollFd<'fd>>, file: std::os::fd::BorrowedFd<'fd>) -> usize {
    files.push(PollFd::new(file, PollFlags::POLLIN));
    files.len() - 1
}

/// Runs `test`, the whole test of that name, in a process of its own, whose limits are nobody else's.
#[cfg(test)]
#[track_caller]
fn in_own_process(name: &str, test: impl FnOnce()) {
    /// Says to a process of these tests that it is one.
    const INSIDE: &str = "LOBSTERPOT_TEST_OWN_PROCESS";
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let program = std::env::current_exe().expect("this program");
    let ended = std::process::Command::new(program).args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output();
    let ended = ended.expect("it can be run");
    let text = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && text.contains("1 passed"), "{text}");
}
