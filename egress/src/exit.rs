//! The exit statuses of `lobsterpot-egress`: the table of `docs/exit-codes.md`.

use std::process::ExitCode;

/// How `lobsterpot-egress` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The launcher closed the line.
    Done = 0,
    /// It was not started by the launcher (`EX_USAGE`).
    Usage = 64,
    /// The orders cannot be understood (`EX_DATAERR`).
    Data = 65,
    /// The kernel lacks what confines this program (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// The program found a mistake of its own, and stopped (`EX_SOFTWARE`).
    Internal = 70,
    /// The kernel refused something (`EX_OSERR`).
    System = 71,
}

impl Exit {
    /// The number of this status, as `_exit(2)` takes it.
    #[expect(clippy::as_conversions, reason = "the discriminants are the statuses, as repr(u8) says")]
    pub(crate) const fn status(self) -> i32 {
        self as i32
    }
}

impl From<Exit> for ExitCode {
    #[expect(clippy::as_conversions, reason = "the discriminants are the statuses, as repr(u8) says")]
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
