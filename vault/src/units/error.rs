//! Why units cannot be written, or removed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::exit::Exit;
use crate::failure::Explain;

/// Why units cannot be written, or removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UnitsError {
    /// The text cannot be a unit's name.
    #[error("{text:?} is not the name of a service unit")]
    Gateway {
        /// What was given.
        text: String,
    },
    /// The password file has no such account.
    #[error("{path:?} has no account {name:?} with a home")]
    Account {
        /// The account.
        name: String,
        /// The password file.
        path: PathBuf,
    },
    /// A path would mean something else in a unit.
    #[error("{path:?} cannot stand in a unit: it is not absolute, or has characters that systemd reads in its own way")]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else could replace the program that the unit starts.
    #[error("{path:?} could be replaced by somebody whom the unit must not trust")]
    Program {
        /// The program, or a folder above it.
        path: PathBuf,
    },
    /// The options contradict each other.
    #[error("{what}")]
    Contradiction {
        /// How.
        what: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// A file is there that was not written by this program, or was changed since.
    #[error("{path:?} was changed since it was written, or was not written by this program")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Something is there that is no file.
    #[error("{path:?} is not a regular file")]
    Irregular {
        /// What is there.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("failed to {verb} {path:?}: {source}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl Explain for UnitsError {
    fn exit(&self) -> Exit {
        match self {
            Self::Gateway { .. } | Self::Contradiction { .. } | Self::Path { .. } => Exit::Usage,
            Self::Account { .. } => Exit::NotFound,
            Self::Program { .. } => Exit::Denied,
            Self::Changed { .. } | Self::Irregular { .. } => Exit::Exists,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Denied,
            Self::Io { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Gateway { .. } => "name it as `systemctl list-units` does, such as openclaw-gateway.service",
            Self::Account { .. } => "name the account that the gateway runs as",
            Self::Path { .. } => "use an absolute path of letters, digits and . _ + @ , = - /",
            Self::Program { .. } => {
                "install the program where only root can write, such as /usr/local/bin, and run it from there"
            }
            Self::Contradiction { instead, .. } => instead,
            Self::Changed { .. } => "look at it; --replace writes over it, and --dry-run shows what would be written",
            Self::Irregular { .. } => "a link to /dev/null is a masked unit: `systemctl unmask` removes it",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "write the system's units as root, and your own with --user"
            }
            Self::Io { .. } => "see what is wrong with that folder or disk, then run it again",
        };
        Some(hint.to_owned())
    }
}
