//! Arguments that several subcommands have in common.

use clap::{Arg, ArgAction, ArgMatches};

use crate::change::{Details, Expiry};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::VALUE_ELSEWHERE;
use crate::name::Name;
use crate::session::Session;

/// The name of one secret.
pub(super) fn name() -> Arg {
    Arg::new("name").value_name("NAME").required(true).allow_hyphen_values(false).help("The secret")
}

/// Reads the name that was given as `argument`.
///
/// # Errors
/// When it is none. It is not repeated: a value may have been typed there.
pub(super) fn parse_name(text: &str) -> Result<Name, Failure> {
    Name::parse(text).map_err(|error| Failure::new(Exit::Usage, error.to_string(), error.hint()))
}

/// The name of [`name`].
///
/// # Errors
/// As [`parse_name`].
pub(super) fn name_of(matches: &ArgMatches) -> Result<Name, Failure> {
    parse_name(matches.get_one::<String>("name").map_or("", String::as_str))
}

/// The name of [`name`], of a secret that is given a value: people write `NAME=VALUE` there.
///
/// # Errors
/// As [`parse_name`].
pub(super) fn name_to_set(matches: &ArgMatches) -> Result<Name, Failure> {
    if matches.get_one::<String>("name").is_some_and(|text| text.contains('=')) {
        return Err(Failure::new(Exit::Usage, "a name has no = in it", VALUE_ELSEWHERE));
    }
    name_of(matches)
}

/// The options that say something about a secret.
pub(super) fn details() -> [Arg; 3] {
    [
        Arg::new("note").long("note").value_name("TEXT").help("What to remember about it; not secret, and \"\" removes it"),
        Arg::new("expires")
            .long("expires")
            .value_name("WHEN")
            .help("When it must not be used any more: 90d, 2027-01-31, or never"),
        Arg::new("consumer")
            .long("consumer")
            .value_name("CONSUMER")
            .action(ArgAction::Append)
            .help("Who may have it: get, unlock, export, render, openclaw, claude-api-key, git, docker, run, run:/PROGRAM, any"),
    ]
}

/// What the options of [`details`] say.
///
/// # Errors
/// When a time is past or none, a consumer is none, or the note is too long.
pub(super) fn details_of(matches: &ArgMatches, session: &Session) -> Result<Details, Failure> {
    let note = matches.get_one::<String>("note").cloned();
    if note.as_ref().is_some_and(|note| note.len() > crate::change::LONGEST_NOTE) {
        return Err(crate::change::ChangeError::Note.into());
    }
    let expires = matches.get_one::<String>("expires").map(|text| Expiry::parse(text, session.now())).transpose()?;
    let consumers = matches.get_many::<String>("consumer").map(|texts| Details::consumers(texts.map(String::as_str)));
    Ok(Details { note, expires, consumers: consumers.transpose()? })
}

/// A secret as people may see it: how long it is, and its digest under the vault's key.
pub(super) fn masked(document: &crate::document::Document, value: &crate::secret::Secret) -> String {
    let unit = if value.len() == 1 { "byte" } else { "bytes" };
    format!("{} {unit}, digest {}", value.len(), document.digest(value))
}

/// A recipient as people may see it: whole where it is short.
pub(super) fn described(recipient: &str) -> String {
    let is_short = recipient.len() <= 80;
    if is_short { recipient.to_owned() } else { crate::keys::fingerprint(recipient) }
}
