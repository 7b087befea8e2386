//! What can go wrong while a client's configuration is changed: always before the old one is lost.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Every failure of the installer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// Nobody knows whose home folder to work in.
    #[error("the home folder of user id {uid} is unknown: {problem}")]
    Home {
        /// The user.
        uid: u32,
        /// What is missing.
        problem: String,
    },
    /// The scope does not exist for this client, or needs more rights.
    #[error("{agent} cannot be installed for scope \"{scope}\": {problem}")]
    Scope {
        /// The client.
        agent: &'static str,
        /// The scope.
        scope: &'static str,
        /// Why not.
        problem: &'static str,
    },
    /// An option does not fit.
    #[error("the option {option} cannot be used: {problem}")]
    Option {
        /// The option.
        option: &'static str,
        /// Why not.
        problem: String,
    },
    /// The folder that is to be every call's workspace cannot be one.
    #[error("--workspace cannot be used: {problem}")]
    Workspace {
        /// Why not.
        problem: String,
    },
    /// A program of this project is missing, or somebody else could change it.
    #[error("\"{path}\" cannot be installed as a guard: {problem}")]
    Program {
        /// The program, or a folder on the way to it.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A configuration file, or a folder on the way to it, is not safe to write.
    #[error("\"{path}\" is left alone: {problem}")]
    Place {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A configuration file cannot be understood.
    #[error("\"{path}\" cannot be understood, so it is left alone: {problem}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where they are known.
        problem: String,
    },
    /// The edited text does not mean what it should.
    #[error("the edit of \"{path}\" would have changed something else: {problem}")]
    Edit {
        /// The file.
        path: PathBuf,
        /// What differs.
        problem: String,
    },
    /// Somebody else changed the file while it was being edited.
    #[error("\"{path}\" was changed by somebody else in the meantime")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Another run holds the lock.
    #[error("another run of the installer holds \"{path}\"")]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// An operation of the system failed.
    #[error("failed to {action} \"{path}\": {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The policy cannot be used, so every call would be denied.
    #[error("the policy cannot be used: {problem}")]
    Policy {
        /// What is wrong with it.
        problem: String,
        /// How to put it right.
        remedy: String,
    },
    /// The hook was run as the client will run it, and did not protect.
    #[error("the hook was tried as the client will run it, and {problem}")]
    Verify {
        /// What went wrong.
        problem: String,
    },
    /// A client's own program is needed and did not do its part.
    #[error("the client's program {program} did not help: {problem}")]
    Client {
        /// The program.
        program: String,
        /// What went wrong.
        problem: String,
    },
}

impl InstallError {
    /// An operation of the system that failed.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }

    /// A place that is not written to.
    pub(crate) fn place(path: &Path, problem: impl Into<String>) -> Self {
        Self::Place { path: path.to_path_buf(), problem: problem.into() }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Home { .. } => "add the account to /etc/passwd, or name the folder with --home".to_owned(),
            Self::Scope { .. } => "use the other scope, or run it as root".to_owned(),
            Self::Option { .. } => "`lobsterpot help install` says what it takes".to_owned(),
            Self::Workspace { .. } => {
                "name a project's own folder with its absolute path; --no-workspace takes one back that was named before".to_owned()
            }
            Self::Program { .. } => {
                "put the programs side by side in a folder that only root or you can write, such as /usr/local/bin"
                    .to_owned()
            }
            Self::Place { path, .. } => format!("look at it with `ls -ld \"{}\"`, and repair it", path.display()),
            Self::Parse { .. } => "repair the file first; the client may be ignoring it as well".to_owned(),
            Self::Edit { .. } => "nothing was changed; edit the file by hand, as docs/hooks.md shows".to_owned(),
            Self::Changed { .. } => "nothing was changed; close the client and run it again".to_owned(),
            Self::Locked { .. } => "wait for the other run to end".to_owned(),
            Self::Io { .. } => "nothing was changed; see what the system says".to_owned(),
            Self::Policy { remedy, .. } => remedy.clone(),
            Self::Verify { .. } => "nothing was changed; put right what the message names and run it again".to_owned(),
            Self::Client { .. } => "see whether the client's program runs by itself".to_owned(),
        }
    }
}
