//! `scan`: whether the vault's values are anywhere else.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::scan::{Index, Wanted, scan};
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("scan")
        .about("Looks for the vault's values in files, processes and git histories; ends with 1 where one is found")
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append)
                .help("Files and folders to search [default: this folder, without --environment]"),
        )
        .arg(flag("git", "Search the histories of the repositories in them, and of the one that they are in"))
        .arg(flag("environment", "Search the environments and command lines of running processes"))
        .arg(flag("one-file-system", "Stay on the file system of each PATH"))
        .arg(flag("plain", "Search also for values that are a word or a number"))
        .arg(flag("json", "Print JSON"))
}

/// Carries it out.
///
/// # Errors
/// When the vault cannot be opened, or nobody reads the output. What cannot be searched is in the report.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let index = index(matches, session)?;
    let wanted = wanted(matches, session);
    tracing::debug!(secrets = index.searched(), paths = wanted.paths.len(), "the vault is closed, the scan begins");
    let report = scan(&index, &wanted);
    if matches.get_flag("json") {
        session.write(format!("{:#}\n", report.to_json()).as_bytes())?;
    } else {
        session.write(report.lines().as_bytes())?;
        report.remarks().iter().for_each(|remark| session.tell(remark));
    }
    Ok(report.exit())
}

/// The index of the vault's values. When this returns the vault is closed, and its values are wiped.
///
/// # Errors
/// When the vault cannot be opened.
fn index(matches: &ArgMatches, session: &Session) -> Result<Index, Failure> {
    let vault = session.open()?;
    Index::of(&vault.document, matches.get_flag("plain")).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("the kernel gives no random bytes: {error}"), "see getrandom(2)")
    })
}

/// What is to be searched.
fn wanted(matches: &ArgMatches, session: &Session) -> Wanted {
    let mut paths: Vec<PathBuf> = matches.get_many("path").into_iter().flatten().cloned().collect();
    if paths.is_empty() && !matches.get_flag("environment") {
        paths.push(PathBuf::from("."));
    }
    Wanted {
        paths,
        git: matches.get_flag("git"),
        environment: matches.get_flag("environment"),
        one_file_system: matches.get_flag("one-file-system"),
        unlocked: session.places().ok().and_then(|places| places.target.clone()),
    }
}
