//! `verify`: opens and authenticates the vault, and compares it with what was seen last.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::store::record::short;
use crate::store::{Look, RecordError, Sight, Site};

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("verify")
        .about("Opens the vault, authenticates all of it, and compares it with what was seen last")
        .long_about(
            "Opens the vault, authenticates all of it, checks who can change it, its folders and the identity, and compares \
             it with what was seen last on this account. Writes nothing but the record of that. The first sight of a vault \
             is trusted: there is nothing to compare it with.",
        )
        .arg(Arg::new("accept").long("accept").action(ArgAction::SetTrue).help(
            "Show the vault that was seen last and the one that is there, and take the latter from now on",
        ))
}

/// Carries it out.
///
/// # Errors
/// When it does not open, could be changed by others, or is not the vault that was seen last or a later version of it.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let site = session.site()?;
    let keys = session.keys()?;
    let look = site.look(&keys)?;
    if matches.get_flag("accept") {
        return accept(&site, look, session);
    }
    let comparison = look.sight.compare(look.seen?.as_ref())?;
    let record = match site.remember(&look.sight, comparison) {
        Err(error) if error.is_alarm() => return Err(error.into()),
        Err(error) => format!("{comparison}; {error}"),
        Ok(()) if site.record().is_none() => "there is no place to keep what was seen".to_owned(),
        Ok(()) => comparison.to_string(),
    };
    let text = format!(
        "vault:    {}\n\
         content:  {} secrets, whole and authentic, opened with {}\n\
         version:  {}\n\
         record:   {record}\n",
        site.path().display(),
        look.document.secrets.len(),
        keys.source(),
        shown(&look.sight),
    );
    session.write(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Shows what was seen and what is there, and records the latter.
///
/// # Errors
/// When there is no place to keep it, or it cannot be written.
fn accept(site: &Site, look: Look, session: &Session) -> Result<Exit, Failure> {
    let Some(record) = site.record() else {
        let hint = "name a folder with --state";
        return Err(Failure::new(Exit::NotFound, "there is no place to keep what was seen", hint));
    };
    let seen = match look.seen {
        Ok(Some(seen)) => shown(&seen),
        Ok(None) => "nothing".to_owned(),
        Err(RecordError::Place(error)) => error.to_string(),
        Err(error) if error.is_alarm() => error.to_string(),
        Err(error) => return Err(error.into()),
    };
    record.replace(&look.sight)?;
    let text = format!(
        "vault:    {}\nseen:     {seen}\npresent:  {}\nThe present one is accepted from now on.\n",
        site.path().display(),
        shown(&look.sight),
    );
    session.write(text.as_bytes())?;
    Ok(Exit::Done)
}

/// A version of a vault as people may compare it.
fn shown(sight: &Sight) -> String {
    format!(
        "{} of the vault {}, SHA-256 of the file {}",
        sight.generation,
        short(&sight.fingerprint),
        short(&sight.digest)
    )
}
