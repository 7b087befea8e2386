//! `unlock`: puts secrets into files on a tmpfs.

use std::collections::BTreeMap;
use std::path::{self, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::arguments;
use crate::deliver::choose::{self, Everything};
use crate::deliver::folder::Swap;
use crate::deliver::run::request::{Code, check_variable};
use crate::deliver::target;
use crate::document::{Consumer, Document, Entry};
use crate::dotenv::{self, Dialect, Meaning};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::name::Name;
use crate::secret::Secret;
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("unlock")
        .about("Puts secrets into files on a tmpfs, one file each, all at once")
        .long_about(
            "Puts every secret whose consumers include `unlock` into a file of its own, in a folder on a tmpfs that the caller alone \
             can enter. The folder is put in place whole: who opens it sees the set from before, or the new one. A `/` in a name \
             is `%2F` in the file's. The folder it is in must be writable, and is replaced in: it cannot be a mount point itself. \
             `lock` removes it.",
        )
        .arg(folder())
        .arg(only())
        .arg(
            Arg::new("env-file")
                .long("env-file")
                .value_name("NAME")
                .help("Write a file of all that are variables, too, for systemd's EnvironmentFile="),
        )
        .arg(allow_swap())
        .arg(allow_code())
}

/// `--to`: the folder.
pub(super) fn folder() -> Arg {
    Arg::new("to")
        .long("to")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .help("The folder [default: /run/lobsterpot/secrets for root, $XDG_RUNTIME_DIR/lobsterpot/secrets]")
}

/// `--only`: names.
pub(super) fn only() -> Arg {
    Arg::new("only").long("only").value_name("NAME,…").value_delimiter(',').help("Those alone")
}

/// `--allow-swap`.
pub(super) fn allow_swap() -> Arg {
    Arg::new("allow-swap")
        .long("allow-swap")
        .action(ArgAction::SetTrue)
        .help("Accept a tmpfs that could be written to swap on an unencrypted disk")
}

/// `--allow-code`.
pub(super) fn allow_code() -> Arg {
    Arg::new("allow-code")
        .long("allow-code")
        .action(ArgAction::SetTrue)
        .help("Accept variables that make programs load code (LD_PRELOAD, NODE_OPTIONS, …)")
}

/// What `--allow-swap` says.
pub(super) fn swap_of(matches: &ArgMatches) -> Swap {
    if matches.get_flag("allow-swap") { Swap::Accept } else { Swap::Refuse }
}

/// What `--allow-code` says.
pub(super) fn code_of(matches: &ArgMatches) -> Code {
    if matches.get_flag("allow-code") { Code::Allow } else { Code::Refuse }
}

/// The folder of [`folder`], absolute.
///
/// # Errors
/// When none is given and the caller has none on a tmpfs, or the present folder is gone.
pub(super) fn folder_of(matches: &ArgMatches, session: &Session) -> Result<PathBuf, Failure> {
    if let Some(folder) = matches.get_one::<PathBuf>("to") {
        return absolute(folder.clone());
    }
    session.places()?.target.clone().ok_or_else(|| {
        Failure::new(
            Exit::Unavailable,
            "there is no folder on a tmpfs for you",
            "name one with --to, or set XDG_RUNTIME_DIR",
        )
    })
}

/// A path from the root on.
///
/// # Errors
/// When it is relative and the present folder is gone.
pub(super) fn absolute(path: PathBuf) -> Result<PathBuf, Failure> {
    path::absolute(path)
        .map_err(|_| Failure::new(Exit::Usage, "the present folder is gone", "write paths from the root on"))
}

/// Carries it out.
///
/// # Errors
/// When a secret is not there or not for `unlock`, or the folder is not to be used. Nothing has changed then.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let folder = folder_of(matches, session)?;
    let vault = session.open()?;
    let Everything { chosen, expired } = chosen(matches, &vault.document, session)?;
    let mut files = BTreeMap::new();
    for (name, entry) in &chosen {
        files.insert(target::file_name(name)?, entry.value.clone());
    }
    if let Some(name) = matches.get_one::<String>("env-file") {
        let content = environment_file(&chosen, code_of(matches), session)?;
        if !target::is_file_name(name) || files.insert(name.clone(), content).is_some() {
            let reason = "the name of the --env-file is that of a secret, or of no file";
            return Err(Failure::new(Exit::Usage, reason, "use another, such as .env"));
        }
    }
    target::unlock(&folder, &files, swap_of(matches))?;
    for name in expired {
        session.tell(&format!("left out {name}, which has expired"));
    }
    let what = if chosen.len() == 1 { "1 secret is".to_owned() } else { format!("{} secrets are", chosen.len()) };
    session.tell(&format!("{what} in {}", folder.display()));
    Ok(Exit::Done)
}

/// The secrets of `--only`, or all that `unlock` may have.
///
/// # Errors
/// When one that is named is not there, not for `unlock`, or has expired.
fn chosen<'a>(matches: &ArgMatches, document: &'a Document, session: &Session) -> Result<Everything<'a>, Failure> {
    let Some(names) = matches.get_many::<String>("only") else {
        return Ok(choose::all(document, &Consumer::Unlock, session.now()));
    };
    let mut found = BTreeMap::new();
    for text in names {
        let name = arguments::parse_name(text)?;
        let entry = choose::one(document, &name, &Consumer::Unlock, session.now())?;
        found.extend(document.secrets.get_key_value(&name).map(|(name, _)| (name, entry)));
    }
    Ok(Everything { chosen: found.into_iter().collect(), expired: Vec::new() })
}

/// The content of a file for `EnvironmentFile=`. What is not the name of a variable is left out, and said.
///
/// # Errors
/// When a variable would load code, or the file cannot say a value.
fn environment_file(chosen: &[(&Name, &Entry)], code: Code, session: &Session) -> Result<Secret, Failure> {
    let (variables, others): (Vec<_>, Vec<_>) = chosen.iter().partition(|(name, _)| name.is_variable());
    for (name, _) in &variables {
        check_variable(name, code)?;
    }
    for (name, _) in others {
        session.tell(&format!("left {name} out of the environment file, for it is not the name of a variable"));
    }
    let secrets = variables.iter().map(|(name, entry)| (*name, &entry.value));
    Ok(dotenv::write(secrets, Meaning::Of(Dialect::Systemd))?)
}
