//! The exit statuses of `fs-guard`: the table of `docs/exit-codes.md`.

use crate::ops::{Kind, OpError};

/// How `fs-guard` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It was done, or is allowed.
    Done = 0,
    /// The command line or a request cannot be understood (`EX_USAGE`).
    Usage = 64,
    /// The policy is missing, untrustworthy or cannot be understood (`EX_DATAERR`).
    Policy = 65,
    /// Nothing is there (`EX_NOINPUT`).
    NotFound = 66,
    /// The operating system refused, or the content did not fit the request (`EX_IOERR`).
    Failed = 74,
    /// The policy refuses (`EX_NOPERM`).
    Denied = 77,
}

impl Exit {
    /// The status for an operation that was not carried out.
    pub(crate) const fn of(error: &OpError) -> Self {
        match error.kind() {
            Kind::Denied => Self::Denied,
            Kind::NotFound => Self::NotFound,
            Kind::Request => Self::Usage,
            Kind::Exists | Kind::IsFolder | Kind::NotFolder | Kind::TooLarge | Kind::Io => Self::Failed,
        }
    }
}
