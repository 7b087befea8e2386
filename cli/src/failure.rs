//! What ends the program early, and how a person is told.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::error::ErrorKind;
use lobsterpot_audit_log::LogError;
use lobsterpot_hooks::install::InstallError;
use lobsterpot_policy::printable_lines;
use thiserror::Error;

use crate::Status;

/// A reason to end.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The command line cannot be understood, or asked for help.
    #[error("{error}")]
    Usage {
        /// What clap says.
        error: clap::Error,
    },
    /// The installer refused.
    #[error("{source}")]
    Install {
        /// Why.
        #[from]
        source: InstallError,
    },
    /// The audit log cannot be read.
    #[error("{source}")]
    Log {
        /// Why.
        #[from]
        source: LogError,
    },
    /// The vault's program did not start.
    #[error("failed to start \"{}\": {source}", path.display())]
    Vault {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody reads standard output.
    #[error("failed to write to standard output: {source}")]
    Output {
        /// What the system said.
        source: io::Error,
    },
}

impl Failure {
    /// Tells the person, and says with which status to end.
    pub(crate) fn tell(self) -> Status {
        let mut out = io::stderr().lock();
        // When nobody hears it, the status still says it.
        let (text, status) = match &self {
            Self::Usage { error } if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                let _ = io::stdout().lock().write_all(error.to_string().as_bytes());
                return Status::Done;
            }
            Self::Usage { error } => (format!("lobsterpot: {error}"), Status::Usage),
            Self::Install { source } => (format!("lobsterpot: {self}\nhint: {}\n", source.hint()), Status::Refused),
            Self::Log { source } => (format!("lobsterpot: {self}\nhint: {}\n", source.hint()), Status::Refused),
            Self::Vault { .. } => {
                let hint = "put lobsterpot-vault into the folder that lobsterpot itself lies in, executable";
                (format!("lobsterpot: {self}\nhint: {hint}\n"), Status::Unavailable)
            }
            Self::Output { .. } => (format!("lobsterpot: {self}\n"), Status::Refused),
        };
        let _ = out.write_all(printable_lines(&text).as_bytes());
        status
    }
}
