//! A command in this process's place, with the secrets that were named for it and nothing else of the vault.
//!
//! Everything that can fail is done first: the program is found, every secret is chosen, the environment is built, files in memory are
//! sealed. Then files are put on a tmpfs, then `execve` follows. What is judged is the real path of the program; for a script that
//! is the script and not its interpreter.

mod environment;
mod memfd;
mod program;
pub mod request;

use std::ffi::{CString, OsString};
use std::fs::File;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::errno::Errno;
use nix::unistd::execve;
use thiserror::Error;

pub use program::Program;
use request::Request;

use super::choose::{self, ChooseError};
use super::folder::Swap;
use super::target::{self, TargetError};
use crate::document::{Consumer, Document};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::sys::{descriptors, restore};

/// Why a command was not started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no such program.
    #[error("there is no program {}", program.display())]
    NoProgram {
        /// As it was named.
        program: PathBuf,
    },
    /// There is one, and it cannot be started.
    #[error("{} cannot be run: {}", program.display(), source.desc())]
    CannotRun {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
    /// A secret is for a program that others could replace.
    #[error("a secret is for {} alone, and others can replace {}", program.display(), path.display())]
    Replaceable {
        /// The program.
        program: PathBuf,
        /// What others can change.
        path: PathBuf,
    },
    /// The path of the program cannot be compared with what the vault allows.
    #[error("the path of the program is not UTF-8")]
    ProgramText,
    /// A secret is not delivered.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// A value that a variable cannot hold.
    #[error("{name} has a NUL in it, which no environment variable can hold")]
    Nul {
        /// The secret.
        name: Name,
    },
    /// A value that is too big for a variable.
    #[error("{name} is too big for an environment variable, which holds {longest} bytes")]
    TooBig {
        /// The secret.
        name: Name,
        /// How many bytes would fit.
        longest: usize,
    },
    /// Arguments and environment are too big together.
    #[error("the command's arguments and environment are too big{}", largest(name.as_ref()))]
    TooMuch {
        /// The largest secret in it.
        name: Option<Name>,
    },
    /// A secret could not be put where it is to be found.
    #[error("failed to give {name} to the command: {}", source.desc())]
    Place {
        /// The secret.
        name: Name,
        /// What the kernel said.
        source: Errno,
    },
    /// A file of a secret is not where it can be.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The path of `--file` names no file.
    #[error("{} is not the absolute path of a file", path.display())]
    FilePath {
        /// The path.
        path: PathBuf,
    },
}

/// Which secret to look at first.
fn largest(name: Option<&Name>) -> String {
    name.map(|name| format!("; {name} is the largest secret in it")).unwrap_or_default()
}

impl Explain for RunError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoProgram { .. } => Exit::NoCommand,
            Self::CannotRun { .. } => Exit::CannotRun,
            Self::Replaceable { .. } => Exit::Denied,
            Self::ProgramText | Self::Nul { .. } | Self::TooBig { .. } | Self::TooMuch { .. } => Exit::Data,
            Self::Choose(error) => error.exit(),
            Self::Place { .. } => Exit::Io,
            Self::Target(error) => error.exit(),
            Self::FilePath { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoProgram { .. } => "write its path, or add its folder to PATH".to_owned(),
            Self::CannotRun { .. } => "look at its permissions, and at the first line of a script".to_owned(),
            Self::Replaceable { path, .. } => format!("`chmod go-w {}`, or allow the consumer run", path.display()),
            Self::ProgramText => "move the program, or allow the consumer run".to_owned(),
            Self::Choose(error) => return error.hint(),
            Self::Nul { name } | Self::TooBig { name, .. } => {
                format!("give it by descriptor (--fd {name}=3) or file (--file {name}=PATH)")
            }
            Self::TooMuch { .. } => "name fewer secrets with --only, or give them by --fd or --file".to_owned(),
            Self::Place { source: Errno::EBADF | Errno::EINVAL, .. } => {
                "use a lower number, or raise the limit on open files".to_owned()
            }
            Self::Place { .. } => "make room in memory".to_owned(),
            Self::Target(error) => return error.hint(),
            Self::FilePath { .. } => "name a file in a folder of your own on a tmpfs".to_owned(),
        })
    }
}

/// What is run.
#[derive(Debug)]
pub struct Command<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its arguments, its own name as it was written first.
    pub arguments: &'a [OsString],
    /// The caller's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// A descriptor that the caller opened for us alone.
    pub ours: Option<RawFd>,
    /// Whether files may be on a tmpfs that can be swapped to a disk.
    pub swap: Swap,
}

/// Everything that a command needs, made and not yet in place.
#[must_use]
struct Prepared {
    /// The program's path.
    program: CString,
    /// Its arguments.
    arguments: Vec<CString>,
    /// Its environment.
    environment: Vec<CString>,
    /// Descriptors and the numbers that they shall have.
    descriptors: Vec<(Name, OwnedFd, RawFd)>,
}

/// Gives a command what `request` names, and puts it in this process's place. Returns only when that did not work; files that were made
/// are removed again then.
///
/// # Errors
/// When a secret is not there, not for this program or not fit for its place, or the kernel refuses.
pub fn run(document: &Document, request: &Request, command: Command<'_>, now: SystemTime) -> RunError {
    match prepare(document, request, &command, now).and_then(|prepared| start(document, request, &command, prepared)) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// Chooses and makes everything that needs no place.
///
/// # Errors
/// When a secret is not there, not for this program, or not fit for its place.
fn prepare(
    document: &Document,
    request: &Request,
    command: &Command<'_>,
    now: SystemTime,
) -> Result<Prepared, RunError> {
    let path = command.program.path();
    let consumer = Consumer::RunProgram(path.to_str().ok_or(RunError::ProgramText)?.to_owned());
    for name in request.names() {
        let entry = choose::one(document, name, &consumer, now)?;
        if !entry.consumers.allow(&Consumer::Run) {
            command.program.refuse_shared()?;
        }
    }
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| RunError::NoProgram { program: path.to_path_buf() });
    let arguments = command.arguments.iter().map(|word| text(word.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    let value = |name: &Name| document.secrets.get(name).map(|entry| &entry.value);
    let values: Vec<_> =
        request.variables.iter().filter_map(|(name, variable)| Some((name, variable, value(name)?))).collect();
    let environment = environment::build(command.environment.iter().cloned(), &values, &arguments)?;
    let above = request.descriptors.iter().map(|&(_, number)| number).max().unwrap_or(0).max(2) + 1;
    let mut descriptors = Vec::new();
    for (name, number) in &request.descriptors {
        let failed = |source| RunError::Place { name: name.clone(), source };
        if let Some(value) = value(name) {
            // Out of the way of every number that is to be given.
            let file = descriptors::above(memfd::sealed(value).map_err(failed)?, above).map_err(failed)?;
            descriptors.push((name.clone(), file, *number));
        }
    }
    Ok(Prepared { program: text(path.as_os_str().as_bytes())?, arguments, environment, descriptors })
}

/// Puts everything in place and becomes the program.
///
/// # Errors
/// When the kernel refuses.
fn start(
    document: &Document,
    request: &Request,
    command: &Command<'_>,
    prepared: Prepared,
) -> Result<std::convert::Infallible, RunError> {
    let mut made: Vec<(&Path, &str)> = Vec::new();
    let result = (|| {
        for (name, path) in &request.files {
            let (folder, file) = split(path).ok_or_else(|| RunError::FilePath { path: path.clone() })?;
            if let Some(entry) = document.secrets.get(name) {
                target::add(folder, file, &entry.value, command.swap)?;
                made.push((folder, file));
            }
        }
        become_program(command, prepared)
    })();
    for (folder, file) in made {
        let _ = target::take_back(folder, file);
    }
    result
}

/// The folder and the name of a file.
fn split(path: &Path) -> Option<(&Path, &str)> {
    let (folder, file) = (path.parent()?, path.file_name()?.to_str()?);
    (folder.is_absolute() && target::is_file_name(file)).then_some((folder, file))
}

/// Leaves nothing of ours to the program but what it is given, and becomes it.
///
/// # Errors
/// When the kernel refuses.
fn become_program(command: &Command<'_>, prepared: Prepared) -> Result<std::convert::Infallible, RunError> {
    let cannot = |source| RunError::CannotRun { program: command.program.path().to_path_buf(), source };
    match command.ours {
        // A program without standard input would find another file there.
        Some(0) => {
            let null = File::open("/dev/null").map_err(|error| cannot(super::file::errno(&error)))?;
            descriptors::place(&null, 0).map_err(cannot)?;
        }
        Some(number) => descriptors::close(number),
        None => {}
    }
    for (name, descriptor, number) in &prepared.descriptors {
        let failed = |source| RunError::Place { name: name.clone(), source };
        descriptors::place(descriptor, *number).map_err(failed)?;
    }
    restore::for_child().map_err(cannot)?;
    execve(&prepared.program, &prepared.arguments, &prepared.environment).map_err(cannot)
}
