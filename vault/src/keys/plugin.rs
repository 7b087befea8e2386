//! Plugins: programs called `age-plugin-NAME` that hold a key elsewhere.
//!
//! A plugin gets the file key, so the program has to be one that only the caller or root could have put there: the folders
//! on `PATH` up to the one where it is found have to be absolute and closed to others, and so has the program. It runs without
//! a person: whatever it asks is declined.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use age::Callbacks;
use age_core::secrecy::SecretString;
use nix::unistd::{AccessFlags, access};
use thiserror::Error;

use super::file::{self, FileError};
use crate::exit::Exit;
use crate::failure::Explain;

/// Why a plugin is not started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PluginError {
    /// It is nowhere on `PATH`.
    #[error("the plugin age-plugin-{name} is not on PATH")]
    Missing {
        /// The plugin's name.
        name: String,
    },
    /// `PATH` has a folder that depends on where we stand.
    #[error("the plugin age-plugin-{name} is not looked for: PATH has an entry that is not absolute")]
    Relative {
        /// The plugin's name.
        name: String,
    },
    /// Somebody else could put another program in its place.
    #[error("the plugin age-plugin-{name} is not started: {reason}")]
    Unsafe {
        /// The plugin's name.
        name: String,
        /// What is not as it has to be.
        reason: FileError,
    },
    /// The library would print what is said to the plugin.
    #[error("the plugin age-plugin-{name} is not started: AGEDEBUG would print the file's key")]
    Debugged {
        /// The plugin's name.
        name: String,
    },
}

impl Explain for PluginError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::Unavailable,
            Self::Relative { .. } | Self::Unsafe { .. } | Self::Debugged { .. } => Exit::Denied,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { name } => Some(format!("install age-plugin-{name}, or add its folder to PATH")),
            Self::Relative { .. } => Some("remove empty and relative entries from PATH".to_owned()),
            Self::Unsafe { reason, .. } => reason.hint(),
            Self::Debugged { .. } => Some("`unset AGEDEBUG`".to_owned()),
        }
    }
}

/// Checks the program that the library is going to start for a plugin.
///
/// # Errors
/// When it is missing, or others could have put it there.
pub(crate) fn check(name: &str) -> Result<PathBuf, PluginError> {
    if env::var_os("AGEDEBUG").is_some_and(|value| !value.is_empty()) {
        return Err(PluginError::Debugged { name: name.to_owned() });
    }
    find(name, &env::var_os("PATH").unwrap_or_default())
}

/// The first program of that name in the folders of `path`, in the order in which the library looks.
///
/// # Errors
/// As for [`check`].
fn find(name: &str, path: &OsStr) -> Result<PathBuf, PluginError> {
    let unsafe_place = |reason| PluginError::Unsafe { name: name.to_owned(), reason };
    let program = format!("age-plugin-{name}");
    for folder in env::split_paths(path) {
        if !folder.is_absolute() {
            return Err(PluginError::Relative { name: name.to_owned() });
        }
        let candidate = folder.join(&program);
        // A folder that others may write to is refused even before they have put anything there.
        let is_there = file::is_trusted_program(&candidate).map_err(unsafe_place)?;
        if is_there && is_program(&candidate) {
            return Ok(candidate);
        }
    }
    Err(PluginError::Missing { name: name.to_owned() })
}

/// Whether a path leads to a file that we may run.
fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// Nobody is there to answer a plugin.
#[derive(Clone)]
pub(crate) struct Alone;

impl Callbacks for Alone {
    fn display_message(&self, _: &str) {}

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _: &str) -> Option<String> {
        None
    }

    fn request_passphrase(&self, _: &str) -> Option<SecretString> {
        None
    }
}
