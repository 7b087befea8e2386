//! Why there is no guard.

use std::path::PathBuf;

use lobsterpot_policy::{PatternError, PolicyError};
use nix::errno::Errno;
use thiserror::Error;

/// Why a guard cannot be made. Nothing is allowed then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The policy cannot be used.
    #[error("{source}")]
    Policy {
        /// What is wrong with it.
        #[from]
        source: PolicyError,
    },
    /// A path of the options does not exist, or cannot be looked at.
    #[error("{option} \"{}\": {}", path.display(), errno.desc())]
    Path {
        /// The option.
        option: &'static str,
        /// Its value.
        path: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
    /// A path of the options cannot be a rule.
    #[error("{option}: {source}")]
    Flag {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        source: PatternError,
    },
    /// What an option shows leads out of a place that commands can write.
    #[error("{option}: \"{}\" leads by a link from a workspace to \"{}\"", path.display(), real.display())]
    LedAstray {
        /// The option.
        option: &'static str,
        /// Its value.
        path: PathBuf,
        /// Where it leads.
        real: PathBuf,
    },
    /// The folder cannot be a workspace.
    #[error("\"{}\" cannot be a workspace: {why}", path.display())]
    Workspace {
        /// The folder.
        path: PathBuf,
        /// Why.
        why: &'static str,
        /// What to do instead.
        hint: String,
    },
    /// The root folder, the passwd file or a home folder cannot be looked at.
    #[error("failed to look at \"{}\": {}", path.display(), errno.desc())]
    Look {
        /// What.
        path: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
}

impl GuardError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Policy { source } => source.hint(),
            Self::Path { .. } => "correct the path, or create what it names".to_owned(),
            Self::Flag { source, .. } => source.hint().to_owned(),
            Self::Workspace { hint, .. } => hint.clone(),
            Self::LedAstray { option, real, .. } => {
                format!("a command could have made that link; if it is meant, write {option} {}", real.display())
            }
            Self::Look { .. } => {
                "let the caller read it; where the host is short of memory or descriptors, try again later".to_owned()
            }
        }
    }
}
