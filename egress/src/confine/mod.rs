//! What this process gives up before it reads the first hostile byte, in an order in which each step is still possible.
//!
//! 1. The ids of an ordinary user, when root started it: it takes capabilities.
//! 2. Hidden memory and death with the launcher: a change of ids undoes both.
//! 3. Limits: the number of processes counts for the new id.
//! 4. The bounding set, which takes a capability to empty, and then all capabilities.
//! 5. `no_new_privs`, without which an ordinary user can apply neither of the next two.
//! 6. Landlock: no file, no foreign port, no signal to others. It takes system calls that the filter refuses.
//! 7. The filter of system calls, last.
//!
//! Each is required. Where the kernel lacks one, the program ends, and with it the sandbox's network.

mod filter;
mod identity;
mod landlock;
mod limits;

#[cfg(test)]
mod tests;

use nix::errno::Errno;
use nix::sys::prctl::set_no_new_privs;

pub(crate) use filter::Job;
pub(crate) use identity::{Capabilities, become_id, keep_only};
pub(crate) use landlock::Connect;
pub(crate) use limits::{Room, files};

use crate::exit::Exit;
use crate::sys::process;

/// Why this process cannot be confined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfineError {
    /// The kernel refused a step.
    #[error("failed to {what}: {}", errno.desc())]
    System {
        /// Which step.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
    /// Capabilities could not be read or given up.
    #[error("failed to give up capabilities: {source}")]
    Capabilities {
        /// What is wrong.
        #[from]
        source: caps::errors::CapsError,
    },
    /// Something is still there after it was given up.
    #[error("{what} are still there after they were given up")]
    StillThere {
        /// What.
        what: &'static str,
    },
    /// The kernel has no Landlock.
    #[error("this kernel has no Landlock (Linux 5.13, and `landlock` in the list of /sys/kernel/security/lsm)")]
    NoLandlock,
    /// The ruleset cannot be made or applied.
    #[error("failed to apply Landlock: {source}")]
    Landlock {
        /// What is wrong.
        #[from]
        source: ::landlock::RulesetError,
    },
    /// The filter cannot be made.
    #[error("failed to make the filter of system calls: {source}")]
    Filter {
        /// What is wrong.
        #[from]
        source: seccompiler::BackendError,
    },
    /// The filter cannot be applied.
    #[error("failed to apply the filter of system calls: {source}")]
    Seccomp {
        /// What is wrong.
        #[from]
        source: seccompiler::Error,
    },
}

impl ConfineError {
    /// How the program ends.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::NoLandlock | Self::Landlock { .. } | Self::Seccomp { .. } => Exit::Unavailable,
            Self::Filter { .. } => Exit::Internal,
            Self::System { .. } | Self::Capabilities { .. } | Self::StillThere { .. } => Exit::System,
        }
    }
}

impl ConfineError {
    /// What to do about it.
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::NoLandlock | Self::Landlock { .. } | Self::Filter { .. } | Self::Seccomp { .. } => {
                "use a kernel that has Landlock and seccomp, and that no container keeps them from, or --net none"
            }
            Self::System { .. } | Self::Capabilities { .. } | Self::StillThere { .. } => {
                "a container or a filter around this program forbids it: allow it there, or use --net none"
            }
        }
    }
}

/// The kernel's answer to a step, with the step's name.
///
/// # Errors
/// The kernel's answer.
fn step<T>(what: &'static str, result: Result<T, Errno>) -> Result<T, ConfineError> {
    result.map_err(|errno| ConfineError::System { what, errno })
}

/// Ends with the process that made this one, and hides its memory from others.
///
/// # Errors
/// The step that failed.
pub(crate) fn belong() -> Result<(), ConfineError> {
    step("end with the launcher", process::die_with_parent())?;
    step("hide the memory", process::hide_memory())
}

/// Confines this process for good, as far as its `job` goes. The ids have been changed before.
///
/// # Errors
/// The first step that failed; the process must end then.
pub(crate) fn confine(job: Job, connect: &Connect) -> Result<(), ConfineError> {
    let capabilities = match job {
        Job::Serve => Capabilities::None,
        Job::Make => Capabilities::BindLowPorts,
    };
    limits::apply(job)?;
    keep_only(capabilities)?;
    belong()?;
    step("set no_new_privs", set_no_new_privs())?;
    landlock::restrict(connect)?;
    filter::apply(job)
}
