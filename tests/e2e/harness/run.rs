//! A command to run in a scene.

use super::host;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A command, and what is around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    /// The command.
    pub(crate) argv: Vec<OsString>,
    /// Options of the launcher.
    pub(crate) flags: Vec<OsString>,
    /// A program that runs the launcher (or the bare command) in its turn.
    pub(crate) outer: Vec<OsString>,
    /// More of the environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Whether `outer` starts as the test's user and becomes the scene's user itself.
    pub(crate) outer_changes_user: bool,
    /// What comes on stdin; nothing by default.
    pub(crate) input: Option<Vec<u8>>,
    /// Where it starts, the workspace by default.
    pub(crate) folder: Option<PathBuf>,
    /// The workspaces named to the launcher, the scene's by default.
    pub(crate) workspaces: Option<Vec<PathBuf>>,
}

impl Run {
    /// A command.
    pub(crate) fn new<T: Into<OsString> + Clone>(argv: &[T]) -> Self {
        Self { argv: host::words(argv), ..Self::default() }
    }

    /// A command line for `/bin/sh`.
    pub(crate) fn shell(script: &str) -> Self {
        Self::new(&["/bin/sh", "-c", script])
    }

    /// Options for the launcher.
    pub(crate) fn flags<T: Into<OsString> + Clone>(mut self, flags: &[T]) -> Self {
        self.flags.extend(host::words(flags));
        self
    }

    /// A variable of the environment that the launcher gets.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().into()));
        self
    }

    /// Bytes on stdin.
    pub(crate) fn input(mut self, bytes: &[u8]) -> Self {
        self.input = Some(bytes.to_vec());
        self
    }

    /// The folder to start in.
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_path_buf());
        self
    }

    /// The workspaces to name; none leaves the choice to the launcher.
    pub(crate) fn workspaces(mut self, folders: &[&Path]) -> Self {
        self.workspaces = Some(folders.iter().map(|folder| folder.to_path_buf()).collect());
        self
    }

    /// An open descriptor, inherited.
    pub(crate) fn fd(mut self, number: u32, path: &Path) -> Self {
        let script = format!("exec {number}<\"$1\"; shift; exec \"$@\"");
        self.outer.extend(host::words(&["/bin/bash", "-c", &script, "bash"]));
        self.outer.push(path.into());
        self
    }
}
