//! Following a program and all that it makes, by `ptrace(2)`, and doing the deed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::calls;
use crate::deed::{Deed, Order, parse};

/// How long the program may take altogether; then it hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long processes may outlive the program.
const LINGERING: Duration = Duration::from_secs(30);
/// The word by which this program starts itself, to wait for the tracer before it becomes the other program.
const HELD: &str = "held";
/// `ptrace_syscall_info.op` before a call, `ptrace(2)`.
const BEFORE: u8 = libc::PTRACE_SYSCALL_INFO_ENTRY;

/// A process or thread that is followed.
#[derive(Debug, Default)]
struct Tracee {
    /// Its place in the family.
    label: String,
    /// How many processes it has made.
    children: u32,
    /// How many calls it has made.
    calls: u32,
    /// Whether its calls are looked at.
    watched: bool,
    /// What the call that it is in is to end with.
    result: Option<i64>,
}

/// Everything that is followed, and what was seen.
#[derive(Debug, Default)]
struct Follower {
    /// What is to be done; `None` lists.
    order: Option<Order>,
    /// Who lives, by id.
    tracees: BTreeMap<i32, Tracee>,
    /// New ones whose maker has not yet been heard about them.
    nameless: Vec<Pid>,
    /// The one that waits until another has been killed, and for whose end.
    waits: Option<(Pid, Pid)>,
    /// Whether the program has begun.
    begun: bool,
    /// The lines to tell.
    lines: Vec<String>,
}

/// The whole program.
pub(crate) fn main(words: Vec<OsString>) -> ExitCode {
    if let Some((held, program)) = words.split_first()
        && held == HELD
    {
        let _stopped = kill(Pid::this(), Signal::SIGSTOP);
        let Some((name, arguments)) = program.split_first() else { return ExitCode::from(99) };
        let error = Command::new(name).args(arguments).exec();
        tell(&[format!("cannot start: {error}")]);
        return ExitCode::from(99);
    }
    let Some((order, program)) = parse(&words) else {
        tell(&["wrong command line".to_owned()]);
        return ExitCode::from(99);
    };
    match follow(order, &program) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            tell(&[format!("cannot trace: {error}")]);
            ExitCode::from(98)
        }
    }
}

/// Writes `lines` to standard error.
fn tell(lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("inject: {line}\n")).collect();
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
}

/// Starts `program`, follows it to its end, and tells what was seen.
///
/// # Errors
/// When the kernel does not let it be followed.
fn follow(order: Option<Order>, program: &[OsString]) -> Result<u8, Errno> {
    let own = std::env::current_exe().map_err(|_| Errno::ENOENT)?;
    let child = Command::new(own).arg(HELD).args(program).spawn().map_err(|_| Errno::ENOEXEC)?;
    let first = Pid::from_raw(i32::try_from(child.id()).map_err(|_| Errno::ERANGE)?);
    waitpid(first, Some(WaitPidFlag::WUNTRACED))?;
    let events = Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
    ptrace::seize(first, events | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC)?;
    kill(first, Signal::SIGCONT)?;
    let mut follower = Follower { order, ..Follower::default() };
    follower.tracees.insert(first.as_raw(), Tracee { label: "0".to_owned(), ..Tracee::default() });
    let over = Arc::new(AtomicBool::new(false));
    let hung = watch_the_clock(first, Arc::clone(&over));
    let status = follower.until_the_end_of(first)?;
    over.store(true, Ordering::SeqCst);
    follower.let_the_rest_end();
    if hung.load(Ordering::SeqCst) {
        follower.lines.push("hung".to_owned());
    }
    follower.lines.push(format!("status {status}"));
    tell(&follower.lines);
    Ok(status)
}

/// Kills `program` when it takes too long; says later whether it had to.
fn watch_the_clock(program: Pid, over: Arc<AtomicBool>) -> Arc<AtomicBool> {
    let hung = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&hung);
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        if !over.load(Ordering::SeqCst) {
            told.store(true, Ordering::SeqCst);
            let _gone = kill(program, Signal::SIGKILL);
        }
    });
    hung
}

impl Follower {
    /// Follows until `program` has ended; returns its status.
    ///
    /// # Errors
    /// The kernel's.
    fn until_the_end_of(&mut self, program: Pid) -> Result<u8, Errno> {
        loop {
            let status = match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            self.deal_with(status);
            let end = match status {
                WaitStatus::Exited(pid, status) if pid == program => status & 0xff,
                WaitStatus::Signaled(pid, signal, _) if pid == program => 128 + signal as i32,
                WaitStatus::Exited(..)
                | WaitStatus::Signaled(..)
                | WaitStatus::Stopped(..)
                | WaitStatus::Continued(_) => continue,
                WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) | WaitStatus::StillAlive => continue,
            };
            return Ok(u8::try_from(end).unwrap_or(u8::MAX));
        }
    }

    /// Gives what outlives the program a moment, then tells of it and kills it.
    fn let_the_rest_end(&mut self) {
        let deadline = Instant::now() + LINGERING;
        let mut told = false;
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)) {
                Err(Errno::EINTR) => {}
                Err(_) => return,
                Ok(WaitStatus::StillAlive) if Instant::now() > deadline => {
                    for (pid, tracee) in &self.tracees {
                        if !told {
                            self.lines.push(format!("left {} {}", tracee.label, command(*pid)));
                        }
                        let _gone = kill(Pid::from_raw(*pid), Signal::SIGKILL);
                    }
                    told = true;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(1)),
                Ok(status) => self.deal_with(status),
            }
        }
    }

    /// Forgets one that has ended, and lets go on who waited for that.
    fn gone(&mut self, pid: Pid) {
        self.tracees.remove(&pid.as_raw());
        self.nameless.retain(|other| *other != pid);
        if let Some((waiting, victim)) = self.waits
            && victim == pid
        {
            self.waits = None;
            self.go_on(waiting, None);
        }
    }

    /// Deals with one thing that has happened.
    fn deal_with(&mut self, status: WaitStatus) {
        match status {
            WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _) => self.gone(pid),
            WaitStatus::Stopped(pid, signal) => self.go_on(pid, Some(signal)),
            WaitStatus::PtraceEvent(pid, _, event) => self.event(pid, event),
            WaitStatus::PtraceSyscall(pid) => self.call(pid),
            WaitStatus::Continued(_) | WaitStatus::StillAlive => {}
        }
    }

    /// A process was made, became another program, or stops for the first time.
    fn event(&mut self, pid: Pid, event: i32) {
        match event {
            libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                if let Some(new) = ptrace::getevent(pid).ok().and_then(|new| i32::try_from(new).ok()) {
                    self.named(pid, Pid::from_raw(new));
                }
            }
            libc::PTRACE_EVENT_EXEC => self.becomes_another(pid),
            libc::PTRACE_EVENT_STOP if !self.tracees.contains_key(&pid.as_raw()) => {
                // Its maker is heard next.
                self.nameless.push(pid);
                return;
            }
            _ => {}
        }
        self.go_on(pid, None);
    }

    /// `maker` has made `new`.
    fn named(&mut self, maker: Pid, new: Pid) {
        let Some(maker) = self.tracees.get_mut(&maker.as_raw()) else { return };
        maker.children += 1;
        let label = format!("{}.{}", maker.label, maker.children);
        let watched = self.order.as_ref().is_none_or(|order| order.label == label);
        self.tracees.insert(new.as_raw(), Tracee { label, watched, ..Tracee::default() });
        if self.nameless.contains(&new) {
            self.nameless.retain(|other| *other != new);
            self.go_on(new, None);
        }
    }

    /// A process has become another program: the launcher at the beginning, the command later on.
    fn becomes_another(&mut self, pid: Pid) {
        let Some(tracee) = self.tracees.get_mut(&pid.as_raw()) else { return };
        if self.begun {
            self.lines.push(format!("exec {} {}", tracee.label, command(pid.as_raw())));
            tracee.watched = false;
        } else {
            self.begun = true;
            tracee.watched = self.order.as_ref().is_none_or(|order| order.label == tracee.label);
        }
    }

    /// A call is about to be made, or is over.
    fn call(&mut self, pid: Pid) {
        let is_before = ptrace::syscall_info(pid).is_ok_and(|information| information.op == BEFORE);
        let Some(tracee) = self.tracees.get_mut(&pid.as_raw()) else { return self.go_on(pid, None) };
        if !is_before {
            if let (Some(result), Ok(mut registers)) = (tracee.result.take(), ptrace::getregs(pid)) {
                registers.rax = result.cast_unsigned();
                let _gone = ptrace::setregs(pid, registers);
                tracee.watched = false;
            }
            return self.go_on(pid, None);
        }
        if tracee.watched {
            tracee.calls += 1;
            let is_due = self.order.as_ref().is_none_or(|order| order.number == tracee.calls);
            if is_due && let Ok(registers) = ptrace::getregs(pid) {
                let call = calls::describe(pid.as_raw(), &registers);
                self.lines.push(format!("call {} {} {call}", tracee.label, tracee.calls));
                if self.order.is_some() && self.disturb(pid, registers) {
                    return;
                }
            }
        }
        self.go_on(pid, None);
    }

    /// Does the deed to `pid`, which is about to make the call in `registers`. Returns whether it must wait.
    fn disturb(&mut self, pid: Pid, mut registers: libc::user_regs_struct) -> bool {
        let (Some(order), Some(tracee)) = (&self.order, self.tracees.get_mut(&pid.as_raw())) else { return false };
        match &order.deed {
            Deed::Fail(errno) => {
                tracee.result = Some(-i64::from(*errno));
                // A call without an effect is made in its place. What is closed is closed, whatever the kernel says of it: close(2).
                if registers.orig_rax != libc::SYS_close.cast_unsigned() {
                    registers.orig_rax = libc::SYS_getpid.cast_unsigned();
                    let _gone = ptrace::setregs(pid, registers);
                }
                false
            }
            Deed::Short => {
                let moves = ["read", "write", "pread64", "pwrite64", "sendto", "recvfrom", "getrandom"];
                let name = calls::name(registers.orig_rax);
                let length = if name == "getrandom" { &mut registers.rsi } else { &mut registers.rdx };
                let applies = moves.contains(&name) && *length > 1;
                if applies {
                    *length = 1;
                    let _gone = ptrace::setregs(pid, registers);
                } else {
                    self.lines.push("inapplicable".to_owned());
                }
                tracee.watched = false;
                false
            }
            Deed::Kill(label) => {
                tracee.watched = false;
                let victim = self.tracees.iter().find(|(_, tracee)| tracee.label == *label);
                let Some(victim) = victim.map(|(victim, _)| Pid::from_raw(*victim)) else {
                    self.lines.push("inapplicable".to_owned());
                    return false;
                };
                let _gone = kill(victim, Signal::SIGKILL);
                self.waits = (victim != pid).then_some((pid, victim));
                self.waits.is_some()
            }
            Deed::Stop(label) => {
                tracee.watched = false;
                if let Some((victim, _)) = self.tracees.iter().find(|(_, tracee)| tracee.label == *label) {
                    let _gone = kill(Pid::from_raw(*victim), Signal::SIGSTOP);
                }
                false
            }
        }
    }

    /// Lets `pid` go on, with `signal`, to its next call when that is looked at.
    fn go_on(&self, pid: Pid, signal: Option<Signal>) {
        let tracee = self.tracees.get(&pid.as_raw());
        let stops = tracee.is_some_and(|tracee| tracee.watched || tracee.result.is_some());
        let _gone = if stops { ptrace::syscall(pid, signal) } else { ptrace::cont(pid, signal) };
    }
}

/// The command line of a process, for people.
fn command(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ").trim().to_owned()
}
