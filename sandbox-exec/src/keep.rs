//! `--keep`: the launcher returns when the command has ended, and a process of its own goes on looking after what the command left
//! running.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr, getppid};
use std::os::fd::AsFd;

use crate::channel::{self, Channel, Word};
use crate::exit::Exit;
use crate::step::{Failure, Step, Stepped};
use crate::supervise::{Ending, Signals};
use crate::sys::clone::{Side, fork_into};
use crate::sys::process;

/// Runs `sandbox` in a process that outlives this one, and returns when its command has ended.
///
/// # Errors
/// When that process cannot be made; what it fails at is an [`Ending::Failed`].
pub(crate) fn run(
    signals: &Signals,
    sandbox: impl FnOnce(&Channel) -> Result<Ending, Failure>,
) -> Result<Ending, Failure> {
    let (near, far) = channel::pair().step(Step::Supervisor)?;
    let launcher = Pid::this();
    match fork_into(0).step(Step::Command)? {
        Side::Child => {
            drop(near);
            // Until the command has ended, whoever kills the launcher means the sandbox.
            let _ = process::die_with_parent();
            if getppid() != launcher {
                // It was killed before this process could ask to be told.
                process::exit_now(0);
            }
            match sandbox(&far) {
                Ok(Ending::Failed(failure)) | Err(failure) => far.fail(&failure),
                Ok(Ending::Status(status)) => far.end(status),
                Ok(Ending::TimedOut) => far.end(Exit::TimedOut as u8),
                Ok(Ending::Destroyed(signal)) => far.end(128 + u8::try_from(signal as i32).unwrap_or(0)),
            }
            process::exit_now(0)
        }
        Side::Parent(keeper, pidfd) => {
            drop(far);
            // With it goes this process's share of the ports that are published.
            drop(sandbox);
            loop {
                let mut files =
                    [PollFd::new(near.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
                match poll(&mut files, nix::poll::PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(errno) => return Err(Failure::new(Step::Supervisor, errno)),
                }
                let heard = files.first().and_then(PollFd::any).unwrap_or(false);
                while let Some(signal) = signals.next().step(Step::Signals)? {
                    if let Some(signal) = signal.to_forward(false) {
                        let _ = process::send_signal(&pidfd, signal);
                    }
                    signal.stop_with_the_command();
                }
                if !heard {
                    continue;
                }
                return match near.listen().step(Step::Supervisor)? {
                    Word::Ended(status) => Ok(Ending::Status(status)),
                    Word::Failed(failure) => {
                        let _ = waitpid(keeper, None);
                        Ok(Ending::Failed(failure))
                    }
                    Word::Sockets(_) | Word::Listener(..) | Word::Closed => match waitpid(keeper, None) {
                        Ok(WaitStatus::Signaled(_, signal, _)) => Ok(Ending::Destroyed(signal)),
                        _ => Ok(Ending::Destroyed(Signal::SIGKILL)),
                    },
                };
            }
        }
    }
}

/// Lets go of the launcher, which is about to return: it is no longer this process's to die with, and its streams are not to be
/// held open.
pub(crate) fn let_go(line: &Channel, status: u8) {
    let _ = process::outlive_parent();
    if let Ok(null) = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()) {
        let _ = dup2_stderr(&null);
    }
    line.end(status);
}
