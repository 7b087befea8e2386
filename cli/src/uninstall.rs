//! `lobsterpot uninstall`: takes out of a client's configuration what was put there.

use clap::error::ErrorKind;
use clap::{ArgMatches, Command};
use lobsterpot_hooks::install::{Choices, uninstall};

use crate::failure::Failure;
use crate::{Status, options, show, show_lines};

/// Its part of the command line.
pub(crate) fn command() -> Command {
    Command::new("uninstall")
        .about("Takes out of a client's configuration exactly what was put there")
        .arg(options::client())
        .arg(options::scope())
        .args(options::folders())
        .arg(options::dry_run())
}

/// Runs it.
///
/// # Errors
/// When nothing was taken out.
pub(crate) fn run(matches: &ArgMatches) -> Result<Status, Failure> {
    let usage = || Failure::Usage { error: command().error(ErrorKind::MissingRequiredArgument, "name a client") };
    let request = options::request(matches, Choices::default()).ok_or_else(usage)?;
    let report = uninstall(&request)?;
    show_lines(&show::report(request.agent, "uninstalled", &report))?;
    Ok(Status::Done)
}
