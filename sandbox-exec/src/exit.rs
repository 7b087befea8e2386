//! The launcher's own exit statuses: one enum, the table of `docs/exit-codes.md`.

/// How the launcher itself ends when the command did not run, or not to its end.
///
/// The numbers keep clear of the shells' 126, 127 and 128+N except where they mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Nothing went wrong in the launcher.
    Success = 0,
    /// The command line cannot be understood (`EX_USAGE`).
    Usage = 64,
    /// The policy is missing, untrustworthy or cannot be understood (`EX_DATAERR`).
    Policy = 65,
    /// The workspace is missing, or is a folder that must not be one (`EX_NOINPUT`).
    Workspace = 66,
    /// This host lacks a layer that the policy requires (`EX_UNAVAILABLE`).
    Unsupported = 69,
    /// A step of the set-up failed (`EX_SOFTWARE`).
    Setup = 70,
    /// The set-up ran out of memory, processes or space (`EX_OSERR`).
    Resources = 71,
    /// The wall-clock limit was reached; `timeout(1)` uses the same number.
    TimedOut = 124,
    /// The command exists but cannot be run, as in every shell.
    NotExecutable = 126,
    /// The command does not exist, as in every shell.
    NotFound = 127,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
