//! What is asked of a guard, and what it answers.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use lobsterpot_policy::{Access, ReasonCode, Verdict};
use nix::sys::stat::FileStat;

use super::sight::Host;

/// What is wanted of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What for. [`Access::Write`] with [`LastLink::Keep`] means to remove, rename or replace the name itself.
    pub access: Access,
    /// What happens to a symbolic link at the end.
    pub last: LastLink,
    /// What kinds of files will do.
    pub objects: Objects,
    /// How the path is written.
    pub spelling: Spelling,
    /// The folder that a relative path starts from; `None` means the guard's own.
    pub directory: Option<PathBuf>,
}

/// What happens to a symbolic link at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLink {
    /// It is followed.
    Follow,
    /// It is meant itself, as in `lstat`, `unlink` and `rename`.
    Keep,
}

/// What kinds of files will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// Files whose content is read or written, and folders. FIFOs, devices, sockets and second names of hidden files are refused.
    Content,
    /// Whatever is there: to look at it or to move it, never to open it.
    Any,
}

/// How a path is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As the kernel takes it.
    Literal,
    /// As agents write it: `~/x`, `~user/x`, `file:///x`, `@/x` and `@x` are expanded first.
    Client,
}

impl Request {
    /// A request for content, links followed, spelled as the kernel takes it.
    #[must_use]
    pub const fn new(access: Access) -> Self {
        Self { access, last: LastLink::Follow, objects: Objects::Content, spelling: Spelling::Literal, directory: None }
    }

    /// The same about the name itself: a link at the end is not followed, and its kind does not matter.
    #[must_use]
    pub fn about_name(self) -> Self {
        Self { last: LastLink::Keep, objects: Objects::Any, ..self }
    }

    /// The same for whatever kind of file.
    #[must_use]
    pub fn of_any_kind(self) -> Self {
        Self { objects: Objects::Any, ..self }
    }

    /// The same, spelled as agents do.
    #[must_use]
    pub fn as_client(self) -> Self {
        Self { spelling: Spelling::Client, ..self }
    }

    /// The same with relative paths from `directory`, which must be absolute.
    #[must_use]
    pub fn from(self, directory: Option<PathBuf>) -> Self {
        Self { directory, ..self }
    }
}

/// What a path turned out to mean, held by descriptors, so that it cannot change between the judgement and its use.
#[derive(Debug)]
pub struct Target {
    /// Its real path on this host, for messages only.
    pub path: PathBuf,
    /// The folder that holds it (`O_PATH`).
    pub parent: OwnedFd,
    /// Its name in `parent`; `.` when it is the folder itself.
    pub name: OsString,
    /// What is there (`O_PATH`, never a followed link); `None` when it does not exist yet.
    pub file: Option<OwnedFd>,
    /// The facts of `file`.
    pub facts: Option<FileStat>,
    /// When it does not exist: the names below [`name`](Self::name) that do not exist either.
    pub missing: Vec<OsString>,
    /// The path ends in a slash or a dot, so that only a folder will do.
    pub folder: bool,
    /// Only this file is granted, not the folder that holds it: it must be written in place, not replaced.
    pub alone: bool,
    /// Why it is allowed.
    pub verdict: Verdict,
    /// Its path in the sandbox.
    pub(super) shown: PathBuf,
    /// The part of the host that it lies in.
    pub(super) host: Host,
}

/// A path that may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it would have led, or where the way ended.
    pub path: Option<PathBuf>,
    /// Why, and what to do instead.
    pub verdict: Verdict,
}

impl Refusal {
    /// Whether nothing is refused but that nothing is there: `ENOENT` or `ENOTDIR`.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.verdict.reason, ReasonCode::NotFound | ReasonCode::NotAFolder)
    }
}
