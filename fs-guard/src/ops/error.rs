//! Why a file operation was not carried out: one code and one kind for programs, one sentence and its remedy for people and models.

use std::path::{Path, PathBuf};

use lobsterpot_policy::ReasonCode;
use nix::errno::Errno;

use crate::guard::Refusal;

/// Why an operation was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// The policy refuses, or the path cannot be resolved.
    #[error("{}", .0.verdict.message)]
    Refused(Box<Refusal>),
    /// Nothing is there.
    #[error("{} does not exist.", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("{} exists already.", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A folder stands where a file is needed.
    #[error("{} is a folder.", path.display())]
    IsFolder {
        /// The path.
        path: PathBuf,
    },
    /// Something else stands where a folder is needed.
    #[error("{} is not a folder.", path.display())]
    NotFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder that holds something was to be removed or replaced.
    #[error("{} is not empty.", path.display())]
    NotEmpty {
        /// The path.
        path: PathBuf,
    },
    /// A device, a FIFO or a socket stands where a file is needed.
    #[error("{} is {what}, not a regular file.", path.display())]
    Special {
        /// The path.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
    },
    /// More than the guard handles at once.
    #[error("{} is too large: {size} of at most {limit} {unit}.", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// How much there is.
        size: u64,
        /// How much there may be.
        limit: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// What was looked at had been replaced by the time it was used.
    #[error("{} was changed by somebody else meanwhile.", path.display())]
    Changed {
        /// The path.
        path: PathBuf,
    },
    /// The text of an edit was not found exactly once.
    #[error("{}: the old text of edit {number} was found {matches} times; nothing was changed.", path.display())]
    Unmatched {
        /// The path.
        path: PathBuf,
        /// Which edit, from 1.
        number: usize,
        /// How often its old text was found.
        matches: usize,
    },
    /// The request makes no sense.
    #[error("{message}")]
    Request {
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// The kernel refused.
    #[error("{doing} {} failed: {}.", path.display(), errno.desc())]
    Io {
        /// The step, as in "reading".
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
}

/// What a program does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The policy refuses.
    Denied,
    /// Nothing is there.
    NotFound,
    /// Something is there already.
    Exists,
    /// A folder stands where a file is needed.
    IsFolder,
    /// Something else stands where a folder is needed.
    NotFolder,
    /// More than the guard handles at once.
    TooLarge,
    /// The operating system refused, or the content did not fit the request.
    Io,
    /// The request makes no sense.
    Request,
}

impl Kind {
    /// The kind as `fs-guard serve` writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::Exists => "exists",
            Self::IsFolder => "is-directory",
            Self::NotFolder => "not-directory",
            Self::TooLarge => "too-large",
            Self::Io => "io",
            Self::Request => "request",
        }
    }
}

impl OpError {
    /// What to do about it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) => of_reason(refusal.verdict.reason),
            Self::Special { .. } => Kind::Denied,
            Self::NotFound { .. } => Kind::NotFound,
            Self::Exists { .. } | Self::NotEmpty { .. } => Kind::Exists,
            Self::IsFolder { .. } => Kind::IsFolder,
            Self::NotFolder { .. } => Kind::NotFolder,
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::Changed { .. } | Self::Unmatched { .. } | Self::Io { .. } => Kind::Io,
            Self::Request { .. } => Kind::Request,
        }
    }

    /// A code that stays the same from version to version.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.verdict.reason.as_str(),
            Self::NotFound { .. } => ReasonCode::NotFound.as_str(),
            Self::Exists { .. } => "fs.exists",
            Self::NotEmpty { .. } => "fs.not-empty",
            Self::IsFolder { .. } => "fs.is-directory",
            Self::NotFolder { .. } => ReasonCode::NotAFolder.as_str(),
            Self::Special { .. } => ReasonCode::Special.as_str(),
            Self::TooLarge { .. } => ReasonCode::TooLarge.as_str(),
            Self::Changed { .. } => "fs.changed",
            Self::Unmatched { .. } => "fs.no-match",
            Self::Io { .. } => "fs.io",
            Self::Request { .. } => "request",
        }
    }

    /// What to do instead.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.verdict.instead,
            Self::NotFound { .. } => "Check the spelling, or list the folder that should hold it.",
            Self::Exists { .. } => "Choose another name, or write without asking for a new file.",
            Self::NotEmpty { .. } => "Remove what is in it first, or ask for a recursive removal.",
            Self::IsFolder { .. } => "Name a file in it.",
            Self::NotFolder { .. } => "Name a folder.",
            Self::Special { .. } => "Only regular files can be read and written.",
            Self::TooLarge { .. } => "Work on a part of it, with an offset and a limit.",
            Self::Changed { .. } => "Read the file again, then repeat the change.",
            Self::Unmatched { matches: 0, .. } => "Read the file and give the old text exactly as it stands there.",
            Self::Unmatched { .. } => "Give more of the lines around it, or ask for all of them to be replaced.",
            Self::Request { hint, .. } => hint,
            Self::Io { errno, .. } => advice(*errno),
        }
    }

    /// The rule that refuses.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.verdict.rule.as_deref(),
            Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::IsFolder { .. }
            | Self::NotFolder { .. }
            | Self::NotEmpty { .. }
            | Self::Special { .. }
            | Self::TooLarge { .. }
            | Self::Changed { .. }
            | Self::Unmatched { .. }
            | Self::Request { .. }
            | Self::Io { .. } => None,
        }
    }

    /// The path that it is about.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Refused(refusal) => refusal.path.as_deref(),
            Self::Request { .. } => None,
            Self::NotFound { path }
            | Self::Exists { path }
            | Self::IsFolder { path }
            | Self::NotFolder { path }
            | Self::NotEmpty { path }
            | Self::Special { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Changed { path }
            | Self::Unmatched { path, .. }
            | Self::Io { path, .. } => Some(path),
        }
    }

    /// What `errno` means for `path`: the errors that have a name of their own, or [`OpError::Io`] in the step `doing`.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the kernel has many more errors, which all mean the same here")]
    pub(crate) fn io(doing: &'static str, path: &Path, errno: Errno) -> Self {
        let path = path.to_owned();
        match errno {
            Errno::ENOENT => Self::NotFound { path },
            Errno::EEXIST => Self::Exists { path },
            Errno::EISDIR => Self::IsFolder { path },
            Errno::ENOTDIR => Self::NotFolder { path },
            Errno::ENOTEMPTY => Self::NotEmpty { path },
            // `O_NOFOLLOW`: a symlink has taken the place of what was looked at.
            Errno::ELOOP | Errno::ESTALE => Self::Changed { path },
            // Opening a socket.
            Errno::ENXIO | Errno::ENODEV => Self::Special { path, what: "a device or a socket" },
            _ => Self::Io { doing, path, errno },
        }
    }
}

impl From<Refusal> for OpError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// The kind of a refusal for this reason.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else speaks against it is a refusal")]
const fn of_reason(reason: ReasonCode) -> Kind {
    match reason {
        ReasonCode::NotFound => Kind::NotFound,
        ReasonCode::NotAFolder => Kind::NotFolder,
        ReasonCode::TooLarge => Kind::TooLarge,
        ReasonCode::Permission | ReasonCode::Unreadable => Kind::Io,
        _ => Kind::Denied,
    }
}

/// What can be done about the kernel's refusal.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel has many more errors, which nobody can do anything about"
)]
fn advice(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOSPC | Errno::EDQUOT => "Free some space. The old content is untouched.",
        Errno::EFBIG => "The file would be larger than this process or file system allows.",
        Errno::EACCES | Errno::EPERM => {
            "The file's own permissions forbid it, or it came into being after this service was started: ask the user."
        }
        Errno::EROFS => "The file system is read-only.",
        Errno::EBUSY | Errno::ETXTBSY => "Something uses it: end that first.",
        Errno::EXDEV => "It lies on another file system: read it, write it there, and remove it here.",
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => "The host is short of memory or descriptors: try again later.",
        Errno::ENAMETOOLONG => "Choose a shorter name.",
        _ => "Ask the user to look at the file system.",
    }
}
