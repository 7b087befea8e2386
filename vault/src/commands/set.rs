//! `set`: puts a value into the vault.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::arguments;
use crate::change::{self, ChangeError, Outcome};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::name::Name;
use crate::session::Session;
use crate::store::{Published, Writer};

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("set")
        .about("Puts a value, read from standard input, into the vault")
        .long_about(
            "Puts a value, read from standard input or a descriptor, into the vault. A line's end at its end is left out. A \
             secret that is there keeps when it was created, its note and its consumers; its expiry is renewed for the same \
             length of time. The old value is gone once the new one is in place.",
        )
        .arg(arguments::name())
        .args(input::options())
        .args(arguments::details())
        .arg(
            Arg::new("keep-value")
                .long("keep-value")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["fd", "raw", "empty"])
                .help("Change what is known about the secret, and read no value"),
        )
        .arg(
            Arg::new("allow-code")
                .long("allow-code")
                .action(ArgAction::SetTrue)
                .help("Take a name that, as a variable, makes programs load code (LD_PRELOAD, NODE_OPTIONS, …)"),
        )
}

/// Carries it out.
///
/// # Errors
/// When the value cannot be read, or the vault cannot be changed.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let name = arguments::name_to_set(matches)?;
    let details = arguments::details_of(matches, session)?;
    if name.loads_code() && !matches.get_flag("allow-code") {
        return Err(ChangeError::LoadsCode { name }.into());
    }
    if matches.get_flag("keep-value") {
        let mut writer = session.change()?;
        change::describe(writer.document_mut(), &name, &details)?;
        return publish(writer, &name, Outcome::Kept, session);
    }
    session.expect_vault()?;
    // Before the lock: a person, or a pipe, may take long.
    let value = input::value(matches, name.as_str())?;
    if value.as_bytes().contains(&0) {
        session.tell(&format!("{name} has a NUL byte: it cannot be given as an environment variable"));
    }
    let mut writer = session.change()?;
    let outcome = change::set(writer.document_mut(), &name, value, &details, session.now());
    publish(writer, &name, outcome, session)
}

/// Publishes the change, and says what was done.
///
/// # Errors
/// As [`Writer::publish`].
fn publish(writer: Writer, name: &Name, outcome: Outcome, session: &Session) -> Result<Exit, Failure> {
    let entry = writer.document().secrets.get(name);
    let shown = entry.map(|entry| arguments::masked(writer.document(), &entry.value)).unwrap_or_default();
    let what = match (writer.publish()?, outcome) {
        (Published::Unchanged, _) => "nothing changed in",
        (Published::Version(_), Outcome::Added) => "added",
        (Published::Version(_), Outcome::Rotated) => "replaced the value of",
        (Published::Version(_), Outcome::Kept) => "changed what is known about",
    };
    session.tell(&format!("{what} {name} ({shown})"));
    Ok(Exit::Done)
}
