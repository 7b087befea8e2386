//! `get`: writes one value to standard output.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::arguments;
use crate::change::ChangeError;
use crate::document::Consumer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("get")
        .about("Writes one value to standard output, as it is")
        .arg(arguments::name())
        .arg(
            Arg::new("reveal")
                .long("reveal")
                .action(ArgAction::SetTrue)
                .help("Write to a terminal, too, where people and its history see it"),
        )
        .arg(Arg::new("expired").long("expired").action(ArgAction::SetTrue).help("Write a value that has expired, too"))
}

/// Carries it out.
///
/// # Errors
/// When the secret is not there, not for `get`, or has expired, or a terminal would show it.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let name = arguments::name_of(matches)?;
    let is_terminal = session.is_terminal();
    if is_terminal && !matches.get_flag("reveal") {
        let hint = "pass it on with a pipe, or give --reveal to see it";
        return Err(Failure::new(Exit::Denied, "a terminal would show the value", hint));
    }
    let vault = session.open()?;
    let missing = || ChangeError::Missing { name: name.clone() };
    let entry = vault.document.secrets.get(&name).ok_or_else(missing)?;
    if !entry.consumers.allow(&Consumer::Get) {
        let hint = format!(
            "`lobsterpot-vault list` shows for whom it is; allow it with: lobsterpot-vault set {name} --keep-value --consumer get …"
        );
        return Err(Failure::new(Exit::Denied, format!("{name} is not for `get`"), hint));
    }
    if entry.is_expired(session.now()) && !matches.get_flag("expired") {
        let hint = format!("replace it: lobsterpot-vault rotate {name}; or give --expired");
        return Err(Failure::new(Exit::Denied, format!("{name} has expired"), hint));
    }
    session.write(entry.value.as_bytes())?;
    if is_terminal && !entry.value.as_bytes().ends_with(b"\n") {
        session.write(b"\n")?;
    }
    Ok(Exit::Done)
}
