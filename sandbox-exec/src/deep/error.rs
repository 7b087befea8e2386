//! Why a search at any depth is not complete. What was not searched may hold what the policy hides, so each stops the run.

use std::path::PathBuf;

use nix::errno::Errno;

/// Why a search was given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SearchError {
    /// There is more to look at than anybody can wait for.
    #[error("the patterns with ** for \"{}\" would have to look at more than {limit} files", root.display())]
    TooMany {
        /// Where the search began.
        root: PathBuf,
        /// How many entries a search may meet.
        limit: u64,
    },
    /// A folder cannot be listed, for a reason that need not hold for the sandbox.
    #[error("failed to search \"{}\" for patterns with **: {errno}", folder.display())]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
    /// A folder lies so deep that no path leads to it: nothing in it could be masked.
    #[error("\"{}…\" is too long a path to be searched for patterns with **", start(folder))]
    TooDeep {
        /// The folder.
        folder: PathBuf,
    },
}

impl SearchError {
    /// What the reader can do next, in one line.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "begin the patterns with a smaller folder than that one",
            Self::Unreadable { .. } => "repair or remove that folder, or begin the patterns elsewhere",
            Self::TooDeep { .. } => "move that folder up or remove it: rm -r can, from the folder that holds it",
        }
    }
}

/// The part of a long path that fits a message.
fn start(path: &std::path::Path) -> String {
    path.display().to_string().chars().take(120).collect()
}
