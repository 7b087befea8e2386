//! The front door: one file per subcommand, each of them thin. What they do is in the libraries.

#![forbid(unsafe_code)]

mod doctor;
mod failure;
mod home;
mod install;
mod log;
mod options;
mod show;
mod status;
mod uninstall;
mod vault;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Command;
use clap::error::ErrorKind;

use failure::Failure;

/// The statuses with which the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It is as it was asked for.
    Done = 0,
    /// Something is not as it should be; the program itself worked.
    Lacking = 1,
    /// The command line cannot be understood.
    Usage = 64,
    /// Nothing was changed, for the reason that was given.
    Refused = 65,
    /// A program of ours is not where it should be.
    Unavailable = 69,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::Lacking => 1,
            Status::Usage => 64,
            Status::Refused => 65,
            Status::Unavailable => 69,
        })
    }
}

/// Runs the program with these arguments, its own name first.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let status = match arguments.get(1..).and_then(<[OsString]>::split_first) {
        Some((word, rest)) if word == vault::WORD => vault::become_vault(rest),
        Some(_) | None => match command().try_get_matches_from(arguments) {
            Ok(matches) => dispatch(&matches),
            Err(error) => Err(Failure::Usage { error }),
        },
    };
    status.unwrap_or_else(|failure| failure.tell()).into()
}

/// Starts the subcommand that was named.
///
/// # Errors
/// As the subcommand says.
fn dispatch(matches: &clap::ArgMatches) -> Result<Status, Failure> {
    match matches.subcommand() {
        Some(("install", matches)) => install::run(matches),
        Some(("uninstall", matches)) => uninstall::run(matches),
        Some(("status", matches)) => status::run(matches),
        Some(("doctor", matches)) => doctor::run(matches),
        Some(("log", matches)) => log::run(matches),
        _ => Err(Failure::Usage { error: command().error(ErrorKind::MissingSubcommand, "name what to do") }),
    }
}

/// The whole command line.
fn command() -> Command {
    Command::new("lobsterpot")
        .about("Confines AI agents on this host")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(install::command())
        .subcommand(uninstall::command())
        .subcommand(status::command())
        .subcommand(doctor::command())
        .subcommand(log::command())
        .subcommand(vault::command())
}

/// Writes lines for a person to standard output, without anything that a terminal would act on.
///
/// # Errors
/// When nobody reads there.
pub(crate) fn show_lines(text: &str) -> Result<(), Failure> {
    say(&lobsterpot_policy::printable_lines(text))
}

/// Writes to standard output.
///
/// # Errors
/// When nobody reads there.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|source| Failure::Output { source })
}
