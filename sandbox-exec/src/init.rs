//! The first process inside, once the command runs: reaps every orphan, passes signals on, ends what is left over.
//!
//! It holds no descriptor (but the line on which it tells of the command's end, where processes are kept), has no capability, and when
//! it ends the kernel ends everything inside.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::args::Leftovers;
use crate::channel::Channel;
use crate::plan::{Supervision, Tier};
use crate::sys::process::{self, Waited};

/// Looks after the command `child` until it and, as told, all others have ended. Returns the exit status to end with.
///
/// With `line`, tells there when the command has ended.
pub(crate) fn look_after(child: Pid, tier: Tier, supervision: &Supervision, line: Option<Channel>) -> u8 {
    let told = Told { command: child, session: supervision.own_session };
    let status = loop {
        match reap_until(child) {
            Some(status) => break status,
            None => receive(told, None),
        }
    };
    if let Some(line) = line {
        line.end(status);
    }
    if others_remain() {
        match (supervision.leftovers, tier) {
            (Leftovers::Keep, _) => wait_for_all(told),
            (Leftovers::End, Tier::Namespaces) => end_all(told, supervision.grace),
            (Leftovers::End, Tier::Landlock) => end_descendants(told, supervision.grace),
        }
    }
    status
}

/// Who is told of signals that come from outside.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// The command.
    command: Pid,
    /// Whether this process leads the command's session, which no terminal sends to.
    session: bool,
}

impl Told {
    /// Passes a signal on: to the command, or, where a terminal would send it to everything in the foreground, to all of this process's
    /// group. This process has it blocked, and takes no notice of what it sends to itself.
    fn pass_on(self, signal: Signal) {
        let group =
            self.session && matches!(signal, Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTSTP | Signal::SIGCONT);
        let _ = kill(if group { Pid::from_raw(0) } else { self.command }, signal);
    }
}

/// Reaps whatever has ended; returns the command's status when it is among them.
fn reap_until(child: Pid) -> Option<u8> {
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => {
                return Some(u8::try_from(status & 0xff).unwrap_or(1));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Some(128 + u8::try_from(signal as i32).unwrap_or(0));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return None,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Waits for a signal and passes it on to the command when it came from outside. A signal from inside has a sender that this process
/// can see, one from the terminal was sent by the kernel to the whole group.
fn receive(told: Told, timeout: Option<Duration>) {
    match process::wait_for_signal(&SigSet::all(), timeout) {
        Waited::Signal { signal, from_outside: true } if signal != Signal::SIGCHLD => told.pass_on(signal),
        Waited::Signal { .. } | Waited::Other | Waited::Nothing => {}
    }
}

/// Whether any process but this one is left, after reaping what has ended.
fn others_remain() -> bool {
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
            Ok(WaitStatus::StillAlive) => return true,
            Err(Errno::ECHILD) => return false,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Waits until nothing else is left.
fn wait_for_all(told: Told) {
    while others_remain() {
        receive(told, None);
    }
}

/// As [`end_all`], where no pid namespace ends what is left: every descendant is found and killed, until none is.
fn end_descendants(told: Told, grace: Duration) {
    let deadline = Instant::now().checked_add(grace);
    let mut signal = Signal::SIGTERM;
    while others_remain() {
        for pid in descendants(Pid::this()) {
            let _ = kill(pid, signal);
            let _ = kill(pid, Signal::SIGCONT);
        }
        receive(told, Some(Duration::from_millis(10)));
        if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
            signal = Signal::SIGKILL;
        }
    }
}

/// The children of `pid`, theirs, and so on: `/proc/PID/task/TID/children`, `proc(5)`.
fn descendants(pid: Pid) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut waiting = vec![pid];
    while let Some(pid) = waiting.pop() {
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children =
                children.split_ascii_whitespace().filter_map(|number| number.parse().ok().map(Pid::from_raw));
            waiting.extend(children.clone());
            found.extend(children);
        }
    }
    found
}

/// Asks everything inside to end and waits for `grace`; what is left then ends with this process.
fn end_all(told: Told, grace: Duration) {
    let _ = kill(Pid::from_raw(-1), Signal::SIGTERM);
    let _ = kill(Pid::from_raw(-1), Signal::SIGCONT);
    let Some(deadline) = Instant::now().checked_add(grace) else { return };
    while others_remain() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        receive(told, Some(left));
    }
}
