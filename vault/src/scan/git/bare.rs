//! An empty repository of the scan's own, through which git reads the objects of another one, and how git is started.

use std::env;
use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::GitError;
use super::repository::Repository;

/// How long git may take for the next part of an answer: a file of the repository may be one that never ends.
const PATIENCE: u64 = 300;

/// The configuration that git works with: it is the only one that it reads.
const CONFIG: &str = "[core]\n\tbare = true\n\tbigFileThreshold = 32m\n\tcommitGraph = false\n\tfsmonitor = false\n\
                      \thooksPath = /dev/null\n[protocol]\n\tallow = never\n[index]\n\tsparse = false\n";

/// An empty repository, in a folder that goes when this does.
#[derive(Debug)]
pub(super) struct Bare(PathBuf);

impl Bare {
    /// A new one, for objects named as those of `repository` are.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new(repository: &Repository) -> Result<Self, GitError> {
        Self::make(repository.is_sha256).map_err(|source| GitError::Bare { source })
    }

    /// Makes the folder and what git wants to find in it.
    ///
    /// # Errors
    /// When it cannot be made.
    fn make(is_sha256: bool) -> io::Result<Self> {
        let unique = getrandom::u64().map_err(io::Error::other)?;
        let mut folder = DirBuilder::new();
        folder.mode(0o700);
        let made = Self(env::temp_dir().join(format!("lobsterpot-scan-{unique:016x}")));
        folder.create(&made.0)?;
        folder.create(made.0.join("objects"))?;
        folder.create(made.0.join("refs"))?;
        fs::write(made.0.join("HEAD"), "ref: refs/heads/none\n")?;
        let (version, format) = if is_sha256 { (1, "[extensions]\n\tobjectFormat = sha256\n") } else { (0, "") };
        fs::write(made.0.join("config"), format!("[core]\n\trepositoryFormatVersion = {version}\n{format}{CONFIG}"))?;
        Ok(made)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How git is started for one repository.
#[derive(Debug)]
pub(super) struct Git<'run> {
    /// The program.
    program: PathBuf,
    /// The empty repository.
    bare: &'run Path,
    /// The repository whose objects are read.
    repository: &'run Repository,
}

impl<'run> Git<'run> {
    /// Git for the objects of a repository.
    ///
    /// # Errors
    /// When there is no `git` in an absolute folder of `PATH`.
    pub(super) fn of(repository: &'run Repository, bare: &'run Bare) -> Result<Self, GitError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut programs =
            env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join("git"));
        let program = programs.find(|program| program.is_file()).ok_or(GitError::Missing)?;
        Ok(Self { program, bare: &bare.0, repository })
    }

    /// Starts git with these arguments, with what it says to be read. Its environment is built anew, and its complaints are not kept:
    /// they may repeat what is in a repository.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(&self, arguments: &[&str], index: Option<&Path>, input: Stdio) -> Result<Running, GitError> {
        let mut command = Command::new(&self.program);
        command
            .args(["--no-pager", "--no-replace-objects", "--no-optional-locks"])
            .args(arguments)
            .current_dir("/")
            .env_clear()
            .envs([("LC_ALL", "C"), ("HOME", "/dev/null"), ("XDG_CONFIG_HOME", "/dev/null"), ("PATH", "/usr/bin:/bin")])
            .envs([
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_CONFIG_SYSTEM", "/dev/null"),
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ])
            .envs([("GIT_ATTR_NOSYSTEM", "1"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_ALLOW_PROTOCOL", "")])
            .envs([("GIT_TERMINAL_PROMPT", "0"), ("GIT_WORK_TREE", "/")])
            .env("GIT_DIR", self.bare)
            .env("GIT_OBJECT_DIRECTORY", &self.repository.objects)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(shallow) = &self.repository.shallow {
            command.env("GIT_SHALLOW_FILE", shallow);
        }
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        let mut child = command.spawn().map_err(|source| GitError::Read { source })?;
        let output = child.stdout.take().ok_or(GitError::Answer)?;
        Ok(Running { child, output: Patient(output) })
    }
}

/// A git that runs; it is ended when this goes.
#[derive(Debug)]
pub(super) struct Running {
    /// The process.
    pub(super) child: Child,
    /// What it says.
    pub(super) output: Patient,
}

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it did not end well.
    pub(super) fn end(mut self) -> Result<(), GitError> {
        let status = self.child.wait().map_err(|source| GitError::Read { source })?;
        if status.success() { Ok(()) } else { Err(GitError::Stopped) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipe that is not waited for without end.
#[derive(Debug)]
pub(super) struct Patient(ChildStdout);

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let timeout = PollTimeout::try_from(PATIENCE * 1000).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout)? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => self.0.read(buffer),
        }
    }
}

/// What an error of reading from git means.
pub(super) fn read_error(source: io::Error) -> GitError {
    if source.kind() == io::ErrorKind::TimedOut {
        GitError::Silent { seconds: PATIENCE }
    } else {
        GitError::Read { source }
    }
}
