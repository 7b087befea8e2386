//! The exit statuses of `lobsterpot-vault`: the table of `docs/exit-codes.md`.

use std::process::ExitCode;

/// How `lobsterpot-vault` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was done.
    Done = 0,
    /// The program worked; what it looked for, or at, is not as it should be: a value was found, something does not verify.
    Lacking = 1,
    /// The command line cannot be understood (`EX_USAGE`).
    Usage = 64,
    /// Content is not what it has to be: a vault, an `.env` file, a SOPS file, a template, a name (`EX_DATAERR`).
    Data = 65,
    /// Something that was named is not there: a vault, a secret, a file (`EX_NOINPUT`).
    NotFound = 66,
    /// Something that is needed is not on this host: a tmpfs, a plugin, an editor (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// The program found a mistake of its own, and stopped (`EX_SOFTWARE`).
    Internal = 70,
    /// The target exists already, or cannot be made (`EX_CANTCREAT`).
    Exists = 73,
    /// The operating system refused to read or write (`EX_IOERR`).
    Io = 74,
    /// Somebody else is writing, and did not finish in time (`EX_TEMPFAIL`).
    Busy = 75,
    /// It is not allowed: no identity opens the vault, a key file is not kept safely, a consumer is not named (`EX_NOPERM`).
    Denied = 77,
    /// The vault is older than the one seen last, or another one was put in its place (`EX_CONFIG`).
    Replaced = 78,
    /// `run`: the command exists but cannot be run.
    CannotRun = 126,
    /// `run`: the command does not exist.
    NoCommand = 127,
}

impl From<Exit> for ExitCode {
    #[expect(clippy::as_conversions, reason = "the discriminants are the statuses, as repr(u8) says")]
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
