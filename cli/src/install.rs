//! `lobsterpot install`: puts the hooks into a client's configuration.

use std::path::PathBuf;

use clap::builder::PathBufValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use lobsterpot_hooks::install::{Choice, Choices, ShellPrefix, install};

use crate::failure::Failure;
use crate::{Status, options, show, show_lines};

/// Its part of the command line.
pub(crate) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("install")
        .about("Puts the hooks into a client's configuration, after trying them")
        .arg(options::client())
        .arg(options::scope())
        .args(options::folders())
        .arg(
            Arg::new("workspace")
                .long("workspace")
                .value_name("DIR")
                .value_parser(PathBufValueParser::new())
                .help("The workspace of every call, whatever a session says"),
        )
        .arg(flag("no-workspace", "No longer the workspace that was named before").conflicts_with("workspace"))
        .arg(flag("approve", "What runs in the sandbox needs nobody's approval"))
        .arg(flag("no-approve", "No longer without approval").conflicts_with("approve"))
        .arg(flag(
            "shell-prefix",
            "Claude Code: start its own shell in the sandbox as well (default where OpenClaw is)",
        ))
        .arg(flag("no-shell-prefix", "Claude Code: do not").conflicts_with("shell-prefix"))
        .arg(options::dry_run())
}

/// Runs it.
///
/// # Errors
/// When nothing was installed.
pub(crate) fn run(matches: &ArgMatches) -> Result<Status, Failure> {
    let choices = Choices {
        approve: choice(matches.get_flag("approve").then_some(()), matches.get_flag("no-approve")),
        workspace: choice(matches.get_one::<PathBuf>("workspace").cloned(), matches.get_flag("no-workspace")),
        shell_prefix: match (matches.get_flag("shell-prefix"), matches.get_flag("no-shell-prefix")) {
            (true, _) => ShellPrefix::Always,
            (false, true) => ShellPrefix::Never,
            (false, false) => ShellPrefix::AsNeeded,
        },
    };
    let usage = || Failure::Usage { error: command().error(ErrorKind::MissingRequiredArgument, "name a client") };
    let request = options::request(matches, choices).ok_or_else(usage)?;
    let report = install(&request)?;
    show_lines(&show::report(request.agent, "installed", &report))?;
    Ok(Status::Done)
}

/// What the command line says of one choice.
fn choice<T>(made: Option<T>, is_taken_back: bool) -> Choice<T> {
    match (made, is_taken_back) {
        (Some(value), _) => Choice::Made(value),
        (None, true) => Choice::TakenBack,
        (None, false) => Choice::Kept,
    }
}
