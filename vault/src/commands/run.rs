//! `run`: becomes a command, with the secrets that are named for it.

use std::ffi::OsString;
use std::os::fd::RawFd;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::unlock;
use crate::deliver::run::request::{Request, Words};
use crate::deliver::run::{self, Program};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    let pair = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).action(ArgAction::Append).help(help)
    };
    Command::new("run")
        .about("Becomes a command, with the secrets that are named for it and nothing else")
        .long_about(
            "Becomes a command (execve), with the secrets that are named for it and nothing else of the vault. A secret is given when \
             its consumers include `run`, or `run:` and the program's real path; for a script that is the script. There is no \
             shell: write `-- sh -c '…'` where one is wanted.\n\n\
             A variable can be read by every process of the same user, in /proc; a descriptor or a file is better where the \
             program takes one. A descriptor is a sealed file in memory. A file stays until `lock --to` its folder.",
        )
        .after_help(
            "Examples:\n  lobsterpot-vault run --only OPENAI_API_KEY -- openclaw gateway\n  \
             lobsterpot-vault run --env work/token=GH_TOKEN -- gh pr list\n  \
             lobsterpot-vault run --fd DB_PASSWORD=3 -- psql-with-password-fd 3\n  \
             lobsterpot-vault run --fd REGISTRY=0 -- docker login --password-stdin -u me\n  \
             lobsterpot-vault run --file TLS_KEY=/run/user/1000/server/key -- server",
        )
        .arg(unlock::only().help("Give these as variables of their own names; those with another place below, there alone"))
        .arg(pair("env", "NAME=VARIABLE", "Give this one as that variable"))
        .arg(pair("fd", "NAME=N", "Give this one to be read from descriptor N: 0, or 3 and above"))
        .arg(pair("file", "NAME=PATH", "Give this one as a file in a folder of your own (0700) on a tmpfs")
            .value_parser(value_parser!(OsString)))
        .arg(unlock::allow_swap())
        .arg(unlock::allow_code())
        .arg(
            Arg::new("command")
                .value_name("CMD")
                .last(true)
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(OsString))
                .help("The command and its arguments"),
        )
}

/// Carries it out. Returns only when the command was not started.
///
/// # Errors
/// When it was not.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let texts = |name: &str| matches.get_many::<String>(name).unwrap_or_default().cloned().collect();
    let mut file = Vec::new();
    for word in matches.get_many::<OsString>("file").unwrap_or_default() {
        file.push(word.clone());
    }
    let words = Words { only: texts("only"), env: texts("env"), fd: texts("fd"), file };
    let request = Request::read(&words, unlock::code_of(matches))?;
    let arguments: Vec<OsString> = matches.get_many::<OsString>("command").unwrap_or_default().cloned().collect();
    let name = arguments.first().cloned().unwrap_or_default();
    let program = Program::find(&name, std::env::var_os("PATH").as_deref())?;
    let vault = session.open()?;
    let command = run::Command {
        program: &program,
        arguments: &arguments,
        environment: std::env::vars_os().collect(),
        ours: session.passphrase_fd().and_then(|number| RawFd::try_from(number).ok()),
        swap: unlock::swap_of(matches),
    };
    Err(run::run(&vault.document, &request, command, session.now()).into())
}
