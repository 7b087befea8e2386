//! Starting egress and ending it.

use std::ffi::CString;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use lobsterpot_policy::orders::{Orders, Role};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, pipe2, setsid};

use super::Settings;
use super::line::{Heard, Line};
use super::memory;
use super::program::Program;
use crate::sys::{clone, process};

/// The name that it is started under.
const NAME: &str = "lobsterpot-egress";
/// With this status a process ends that could not become the program, as in every shell.
const NOT_STARTED: i32 = 127;

/// A running egress. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its id; it is a child of this process, and not reaped before this is gone.
    pid: Pid,
    /// The same, to wait for.
    pidfd: OwnedFd,
    /// The line to it.
    line: Line,
    /// A pipe that is open for writing as long as one of its processes lives that has not left its standard streams: the second one,
    /// which makes sockets in the sandbox and is no child of this process.
    life: OwnedFd,
    /// Whether it has been reaped.
    reaped: bool,
}

/// What the new process needs, made before it is.
struct Preparation<'a> {
    /// The program.
    program: &'a Program,
    /// The orders, as a file that nobody can change.
    orders: OwnedFd,
    /// `/dev/null`.
    null: OwnedFd,
    /// The other end of [`Process::life`].
    life: OwnedFd,
    /// The descriptors that it keeps.
    kept: Vec<RawFd>,
    /// Its arguments.
    arguments: [CString; 1],
}

impl Process {
    /// Starts `program` with `sockets`, which are closed here.
    ///
    /// # Errors
    /// The kernel's. A program that cannot be executed is seen as one that has ended.
    pub(crate) fn start(program: &Program, settings: &Settings, sockets: Vec<(OwnedFd, Role)>) -> Result<Self, Errno> {
        let (line, theirs) = Line::new()?;
        // What is written there is for nobody: a full pipe must not hold egress up.
        let (life, its_life) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let handed: Vec<(RawFd, Role)> = sockets
            .iter()
            .map(|(socket, role)| (socket.as_raw_fd(), *role))
            .chain([(theirs.as_raw_fd(), Role::Control)])
            .collect();
        let preparation = Preparation {
            program,
            kept: handed.iter().map(|(descriptor, _)| *descriptor).collect(),
            orders: sealed(&Orders {
                version: Orders::VERSION,
                network: settings.network.clone(),
                become_id: settings.become_id,
                descriptors: handed,
            })?,
            null: open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?,
            life: its_life,
            arguments: [CString::new(NAME).map_err(|_| Errno::EINVAL)?],
        };
        let pid = clone::vfork(&mut || {
            let _ = preparation.become_it();
            NOT_STARTED
        })?;
        match process::open_process(pid) {
            Ok(pidfd) => Ok(Self { pid, pidfd, line, life, reaped: false }),
            // It runs, and nobody could tell when it ends: what is told as not started must not serve.
            Err(errno) => {
                let _ = kill(pid, Signal::SIGKILL);
                let _ = waitpid(pid, None);
                Err(errno)
            }
        }
    }

    /// The line to it.
    pub(crate) fn line(&self) -> &Line {
        &self.line
    }

    /// Closes the line, hears the last, and waits until it has ended, for `patience`; then it is killed. Returns how it ended.
    pub(crate) fn end(mut self, patience: Duration, hear: &mut dyn FnMut(Heard)) -> String {
        self.line.close();
        let deadline = Instant::now().checked_add(patience);
        let left = || deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
        // One packet at a time, so that the clock is looked at however much is told.
        while !left().is_zero() {
            match self.line.hear() {
                Heard::Closed => break,
                Heard::Nothing => wait(&self.line, left()),
                heard @ (Heard::Event(_) | Heard::Unreadable) => hear(heard),
            }
        }
        // The line may close before the process ends, and its status says more than a signal of ours would.
        wait(&self.pidfd, left().max(GRACE));
        how(self.reap())
    }

    /// Kills it, if it has not ended, and takes its status.
    fn reap(&mut self) -> Option<WaitStatus> {
        self.reaped = true;
        let _ = process::send_signal(&self.pidfd, Signal::SIGKILL);
        let status = waitpid(self.pid, None).ok();
        // The second process ends by itself now that nobody asks it any more; nothing of a run outlives the launcher.
        wait_for(&self.life, PollFlags::empty(), LAST_OF_ALL);
        status
    }
}

/// How long a process has to end after it has closed the line.
const GRACE: Duration = Duration::from_millis(20);
/// How long the second process has to end after the first one.
const LAST_OF_ALL: Duration = Duration::from_secs(2);

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            self.reap();
        }
    }
}

impl Preparation<'_> {
    /// Becomes the program; returns only what went wrong.
    ///
    /// # Errors
    /// The kernel's.
    fn become_it(&self) -> Result<std::convert::Infallible, Errno> {
        process::die_with_parent()?;
        // In a session of its own: what a terminal sends to the command is not for it.
        setsid()?;
        chdir("/")?;
        dup2_stdin(&self.orders)?;
        // It has nothing to tell a person that it could not tell the launcher, and must hold no stream of the caller's open.
        dup2_stdout(&self.null)?;
        dup2_stderr(&self.life)?;
        process::close_on_exec(3)?;
        for descriptor in &self.kept {
            process::keep_on_exec(*descriptor)?;
        }
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        let no_environment: [CString; 0] = [];
        self.program.execute(&self.arguments, &no_environment)
    }
}

/// `orders` in a file without a name that cannot be changed any more.
///
/// # Errors
/// The kernel's.
fn sealed(orders: &Orders) -> Result<OwnedFd, Errno> {
    let text = serde_json::to_vec(orders).map_err(|_| Errno::EINVAL)?;
    let mut file = std::fs::File::from(memory::file(c"orders")?);
    let written = file.write_all(&text).and_then(|()| std::io::Seek::rewind(&mut file));
    written.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    memory::seal(&file)?;
    Ok(file.into())
}

/// Waits until `file` can be read, for `patience`.
fn wait(file: &impl AsFd, patience: Duration) {
    wait_for(file, PollFlags::POLLIN, patience);
}

/// Waits until one of `events` is there of `file`, or nobody has its other end any more, for `patience`.
fn wait_for(file: &impl AsFd, events: PollFlags, patience: Duration) {
    let milliseconds = u16::try_from(patience.as_millis()).unwrap_or(u16::MAX);
    let _ = poll(&mut [PollFd::new(file.as_fd(), events)], PollTimeout::from(milliseconds));
}

/// How a process ended, as the end of a sentence.
fn how(status: Option<WaitStatus>) -> String {
    match status {
        Some(WaitStatus::Exited(_, NOT_STARTED)) => "could not be started".to_owned(),
        Some(WaitStatus::Exited(_, status)) => format!("ended with status {status}"),
        Some(WaitStatus::Signaled(_, signal, _)) => format!("was ended by {signal}"),
        Some(
            WaitStatus::Stopped(..)
            | WaitStatus::Continued(_)
            | WaitStatus::StillAlive
            | WaitStatus::PtraceEvent(..)
            | WaitStatus::PtraceSyscall(_),
        )
        | None => "has ended".to_owned(),
    }
}
