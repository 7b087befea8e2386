//! What can be wrong with a plain file, and with destroying it.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use thiserror::Error;

use crate::exit::Exit;
use crate::failure::{Explain, word};

/// Why a plain file was not read. Nothing was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlainError {
    /// It is not there.
    #[error("there is no \"{}\"", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is a symbolic link.
    #[error("\"{}\" is a symbolic link", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// It is no regular file.
    #[error("\"{}\" is {found}, and has to be a regular file", path.display())]
    Kind {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// It is too large.
    #[error("\"{}\" is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// It is to be destroyed, and has other names.
    #[error("\"{}\" is one of {count} names (hard links) of the same file, which would all be destroyed", path.display())]
    HardLinks {
        /// The file.
        path: PathBuf,
        /// How many names there are.
        count: u64,
    },
    /// It is to be destroyed, and belongs to somebody else.
    #[error("\"{}\" belongs to user {owner}, who may not want it destroyed", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner.
        owner: u32,
    },
    /// The operating system refused.
    #[error("failed to read \"{}\": {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl PlainError {
    /// What the kernel says about opening a file.
    pub(super) fn of(errno: Errno, path: &Path) -> Self {
        let path = path.to_owned();
        if errno == Errno::ENOENT || errno == Errno::ENOTDIR {
            Self::Missing { path }
        } else if errno == Errno::ELOOP {
            Self::Link { path }
        } else if errno == Errno::EISDIR {
            Self::Kind { path, found: "a folder" }
        } else if errno == Errno::ENXIO {
            Self::Kind { path, found: "a socket or device" }
        } else {
            Self::Io { path, source: errno.into() }
        }
    }
}

impl Explain for PlainError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::NotFound,
            Self::Link { .. } | Self::HardLinks { .. } | Self::Owner { .. } => Exit::Denied,
            Self::Kind { .. } | Self::TooLarge { .. } => Exit::Data,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Denied,
            Self::Io { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "check the path",
            Self::Link { .. } => "name the file that it leads to",
            Self::Kind { .. } => "name a file; `-` reads standard input",
            Self::TooLarge { .. } => {
                "check that this is the file; put large values into the vault one by one, with `set NAME`"
            }
            Self::HardLinks { .. } => "import without --shred, or remove the other names: find / -xdev -samefile FILE",
            Self::Owner { .. } => "import without --shred, or as that user",
            Self::Io { .. } => "check the permissions of the file and its folder",
        };
        Some(format!("{hint}; nothing was changed"))
    }
}

/// Why a plain file was not destroyed. What was in it is in the vault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShredError {
    /// It is not what was read.
    #[error("\"{}\" was changed after it was read: what was read is in the vault, the file was left alone", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Something was appended while it was destroyed.
    #[error("\"{}\" was appended to while it was overwritten: what is new is in it, after {random} random bytes", path.display())]
    Grown {
        /// The file.
        path: PathBuf,
        /// How many bytes there were, and are random now.
        random: usize,
    },
    /// Another file came in its place.
    #[error("\"{}\" was destroyed, and another file was put in its place meanwhile, which was left alone", path.display())]
    Swapped {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("what was in \"{0}\" is in the vault; failed to {step} \"{0}\": {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        step: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl Explain for ShredError {
    fn exit(&self) -> Exit {
        match self {
            Self::Changed { .. } | Self::Grown { .. } | Self::Swapped { .. } => Exit::Lacking,
            Self::Io { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Changed { path } => {
                format!(
                    "see what is new in it, then import it again: lobsterpot-vault import --replace --shred {}",
                    word(path)
                )
            }
            Self::Grown { path, random } => {
                format!("what was read is in the vault; see what is new: tail -c +{} {}", random + 1, word(path))
            }
            Self::Swapped { path } => format!("find out who writes there: ls -l {}", word(path)),
            Self::Io { path, .. } => format!("remove it by hand: shred -u {}", word(path)),
        })
    }
}
