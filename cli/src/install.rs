//! `lobsterpot install`: puts the hooks into a client's configuration.

use std::path::PathBuf;

use clap::builder::PathBufValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use lobsterpot_hooks::install::{ShellPrefix, Wishes, install};

use crate::failure::Failure;
use crate::{Status, options, say, show};

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
        .arg(flag("approve", "What runs in the sandbox needs nobody's approval"))
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
    let wishes = Wishes {
        approve: matches.get_flag("approve"),
        workspace: matches.get_one::<PathBuf>("workspace").cloned(),
        shell_prefix: match (matches.get_flag("shell-prefix"), matches.get_flag("no-shell-prefix")) {
            (true, _) => ShellPrefix::Always,
            (false, true) => ShellPrefix::Never,
            (false, false) => ShellPrefix::AsNeeded,
        },
    };
    let usage = || Failure::Usage { error: command().error(ErrorKind::MissingRequiredArgument, "name a client") };
    let request = options::request(matches, wishes).ok_or_else(usage)?;
    let report = install(&request)?;
    say(&show::report(request.agent, "installed", &report))?;
    Ok(Status::Done)
}
