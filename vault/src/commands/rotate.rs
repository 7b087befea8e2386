//! `rotate`: gives a secret a new value.

use clap::{Arg, ArgMatches, Command, value_parser};

use super::arguments;
use crate::change::{self, ChangeError};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::{generate, input};

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("rotate")
        .about("Gives a secret a new value, read from standard input or generated")
        .long_about(
            "Gives a secret a new value, read from standard input or a descriptor, or generated. The old value is gone once \
             the new one is in place, unless --previous names a secret to keep it under, which only `get` may read. An expiry \
             is renewed for the same length of time.",
        )
        .arg(arguments::name())
        .args(input::options())
        .arg(
            Arg::new("generate")
                .long("generate")
                .value_name("LENGTH")
                .num_args(0..=1)
                .default_missing_value("43")
                .value_parser(value_parser!(u16))
                .conflicts_with_all(["fd", "raw", "empty"])
                .help("Generate a value of so many characters, 43 when no length is given; it is not shown"),
        )
        .arg(
            Arg::new("alphabet")
                .long("alphabet")
                .value_name("ALPHABET")
                .default_value("alphanumeric")
                .requires("generate")
                .help("What it is made of: alphanumeric, base64url, digits or hex"),
        )
        .arg(Arg::new("previous").long("previous").value_name("NAME").help("Keep the old value under this name"))
}

/// Carries it out.
///
/// # Errors
/// When there is no such secret, no other value, or the vault cannot be changed.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let name = arguments::name_to_set(matches)?;
    let previous = matches.get_one::<String>("previous").map(|text| arguments::parse_name(text)).transpose()?;
    if let Some(previous) = previous.as_ref().filter(|previous| previous.loads_code()) {
        return Err(ChangeError::LoadsCode { name: previous.clone() }.into());
    }
    let value = match matches.get_one::<u16>("generate") {
        Some(&length) => generate::value(length, matches.get_one::<String>("alphabet").map_or("", String::as_str))?,
        None => input::value(matches, name.as_str())?,
    };
    let mut writer = session.change()?;
    change::rotate(writer.document_mut(), &name, value, previous.as_ref(), session.now())?;
    let document = writer.document();
    let shown = document.secrets.get(&name).map(|entry| arguments::masked(document, &entry.value)).unwrap_or_default();
    writer.publish()?;
    let old = previous.map_or_else(|| "the old one is gone".to_owned(), |name| format!("the old one is {name}"));
    session.tell(&format!("{name} has a new value ({shown}); {old}"));
    Ok(Exit::Done)
}
