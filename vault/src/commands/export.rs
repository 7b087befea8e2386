//! `export`: writes secrets as a plain `.env` file for a program that takes nothing else.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{arguments, import, sops, unlock};
use crate::deliver::choose::{self, ChooseError};
use crate::document::{Consumer, Document, Entry};
use crate::dotenv;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::name::Name;
use crate::plain;
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("export")
        .about("Writes secrets as a plain .env file, or as a SOPS file")
        .long_about(
            "Writes secrets as a plain .env file, for a program that takes nothing else; `run` and `unlock` leave nothing on a \
             disk. The result is read again as the dialect says: what would not come back exactly is refused by name. A file is \
             made for its owner alone, whole or not at all, and never replaces another. A SOPS file is encrypted.",
        )
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .default_value("-")
                .value_parser(value_parser!(PathBuf))
                .help("The file to make; - writes to standard output"),
        )
        .arg(import::dialect().help("Who will read it [default: strict, so that all of them read the same]"))
        .args(sops::options())
        .args(sops::export_options())
        .arg(unlock::only().help("Those alone; otherwise all that `export` may have"))
        .arg(flag("expired", "Write values that have expired, too"))
        .arg(flag("reveal", "Write to a terminal, too, where people and its history see it"))
}

/// Carries it out.
///
/// # Errors
/// When a secret is not for `export`, has expired, or cannot be said; or the file cannot be made.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let path = matches.get_one::<PathBuf>("file").cloned().unwrap_or_default();
    let is_stream = path == Path::new("-");
    let is_sops = matches.get_flag("sops");
    if is_stream && !is_sops && session.is_terminal() && !matches.get_flag("reveal") {
        let hint = "name a file, pass it on with a pipe, or give --reveal to see it";
        return Err(Failure::new(Exit::Denied, "a terminal would show the values", hint));
    }
    let vault = session.open()?;
    let names = names(matches, &vault.document, session)?;
    let chosen = chosen(&vault.document, &names, matches.get_flag("expired"), session)?;
    let content = if is_sops {
        sops::write(matches, &path, &chosen, (&vault.document.recipients, &vault.keys), session)?
    } else {
        dotenv::write(chosen.iter().map(|(name, entry)| (*name, &entry.value)), import::meaning(matches))?
    };
    if is_stream {
        session.write(content.as_bytes())?;
    } else {
        plain::create(&path, &content)?;
        let count = names.len();
        let what = if is_sops { "encrypted" } else { "in plain text: remove it as soon as it was read" };
        let noun = if count == 1 { "secret" } else { "secrets" };
        session.tell(&format!("\"{}\" has {count} {noun}, {what}", path.display()));
    }
    Ok(Exit::Done)
}

/// The names of `--only`, in that order, or of all that `export` may have. The others are told.
///
/// # Errors
/// When a name is none, is there twice, or nothing is left.
fn names(matches: &ArgMatches, document: &Document, session: &Session) -> Result<Vec<Name>, Failure> {
    if let Some(texts) = matches.get_many::<String>("only") {
        let names = texts.map(|text| arguments::parse_name(text)).collect::<Result<Vec<Name>, Failure>>()?;
        let is_twice = |(index, name): (usize, &Name)| names[..index].contains(name);
        if names.iter().enumerate().any(is_twice) {
            return Err(Failure::new(Exit::Usage, "a name is there twice", "name every secret once with --only"));
        }
        return Ok(names);
    }
    let (names, others): (Vec<_>, Vec<_>) =
        document.secrets.iter().partition(|(_, entry)| entry.consumers.allow(&Consumer::Export));
    for (name, _) in others {
        session.tell(&format!("{name} is not for `export`, and is left out"));
    }
    if names.is_empty() {
        let hint = "`lobsterpot-vault list` shows what there is, and for whom";
        return Err(Failure::new(Exit::NotFound, "the vault has nothing for `export`", hint));
    }
    Ok(names.into_iter().map(|(name, _)| name.clone()).collect())
}

/// These secrets.
///
/// # Errors
/// When one is not there, not for `export`, or has expired.
fn chosen<'a>(
    document: &'a Document,
    names: &'a [Name],
    also_expired: bool,
    session: &Session,
) -> Result<Vec<(&'a Name, &'a Entry)>, Failure> {
    // At the beginning of time nothing has expired.
    let now = if also_expired { std::time::SystemTime::UNIX_EPOCH } else { session.now() };
    let value = |name: &'a Name| match choose::one(document, name, &Consumer::Export, now) {
        Ok(entry) => Ok((name, entry)),
        Err(error @ ChooseError::Expired { .. }) => {
            let hint = format!("replace it: lobsterpot-vault rotate {name}; or give --expired");
            Err(Failure::new(Exit::Denied, error.to_string(), hint))
        }
        Err(error @ (ChooseError::Unknown { .. } | ChooseError::NotAllowed { .. })) => Err(error.into()),
    };
    names.iter().map(value).collect()
}
