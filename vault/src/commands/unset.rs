//! `unset`: removes secrets.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::arguments;
use crate::change;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("unset").about("Removes secrets: all that are named, or none when one of them is not there").arg(
        Arg::new("names").value_name("NAME").required(true).action(ArgAction::Append).num_args(1..).help("The secrets"),
    )
}

/// Carries it out.
///
/// # Errors
/// When one of them is not there, or the vault cannot be changed.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let texts = matches.get_many::<String>("names").unwrap_or_default();
    let names = texts.map(|text| arguments::parse_name(text)).collect::<Result<Vec<_>, _>>()?;
    let mut writer = session.change()?;
    change::unset(writer.document_mut(), &names)?;
    let left = writer.document().secrets.len();
    writer.publish()?;
    session.tell(&format!(
        "removed {}; {left} are left",
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    ));
    Ok(Exit::Done)
}
