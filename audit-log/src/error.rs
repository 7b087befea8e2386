//! Why records could not be written or read.

use std::path::PathBuf;

use nix::errno::Errno;

/// Why records could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The operating system refused.
    #[error("failed to {verb} \"{}\": {}", path.display(), errno.desc())]
    Refused {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
    /// Somebody else could have written there.
    #[error("\"{}\" is not trusted: {why}", path.display())]
    Untrusted {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// Another program is writing and did not finish in time.
    #[error("\"{}\" is in use", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The file is larger than the log ever makes one.
    #[error("\"{}\" is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A record could not be written as JSON.
    #[error("a record cannot be written: {source}")]
    Record {
        /// What is wrong with it.
        #[from]
        source: serde_json::Error,
    },
}

impl LogError {
    /// What the reader can do next, in one line.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Refused { .. } => {
                "check that the folder is yours, writable, and that the disk is not full".to_owned()
            }
            Self::Untrusted { path, .. } => {
                format!(
                    "look at it, then move it away: mv '{0}' '{0}.old'",
                    path.display().to_string().replace('\'', "'\\''")
                )
            }
            Self::Busy { .. } => "try again; fuser(1) names the program that holds the folder".to_owned(),
            Self::TooLarge { .. } => "something else wrote there: move it away".to_owned(),
            Self::Record { .. } => "report it: this is a mistake of the program".to_owned(),
        }
    }
}
