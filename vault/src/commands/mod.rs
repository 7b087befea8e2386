//! The subcommands, one file each: what its options are, and what it does with the libraries' operations.

mod arguments;
mod edit;
mod export;
mod get;
mod import;
mod init;
mod install_units;
mod list;
mod lock;
pub(crate) mod provider;
mod rekey;
mod render;
mod rotate;
mod run;
mod scan;
mod set;
mod sops;
mod status;
mod unlock;
mod unset;
mod verify;

use std::ffi::OsString;

use clap::{ArgMatches, Command};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};

/// One subcommand.
struct Subcommand {
    /// Its name.
    name: &'static str,
    /// Its options, with its name.
    command: fn() -> Command,
    /// Carries it out.
    run: fn(&ArgMatches, &Session) -> Result<Exit, Failure>,
}

/// Every subcommand, in the order of the help.
const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { name: "init", command: init::command, run: init::run },
    Subcommand { name: "import", command: import::command, run: import::run },
    Subcommand { name: "export", command: export::command, run: export::run },
    Subcommand { name: "set", command: set::command, run: set::run },
    Subcommand { name: "unset", command: unset::command, run: unset::run },
    Subcommand { name: "get", command: get::command, run: get::run },
    Subcommand { name: "list", command: list::command, run: list::run },
    Subcommand { name: "rotate", command: rotate::command, run: rotate::run },
    Subcommand { name: "rekey", command: rekey::command, run: rekey::run },
    Subcommand { name: "status", command: status::command, run: status::run },
    Subcommand { name: "verify", command: verify::command, run: verify::run },
    Subcommand { name: "unlock", command: unlock::command, run: unlock::run },
    Subcommand { name: "lock", command: lock::command, run: lock::run },
    Subcommand { name: "run", command: run::command, run: run::run },
    Subcommand { name: "provider", command: provider::command, run: provider::run },
    Subcommand { name: "install-units", command: install_units::command, run: install_units::run },
    Subcommand { name: "render", command: render::command, run: render::run },
    Subcommand { name: "edit", command: edit::command, run: edit::run },
    Subcommand { name: "scan", command: scan::command, run: scan::run },
];

/// The command line: of the subcommands, those that `arguments` can mean, for building the others would take a good part of a
/// short run. All of them where somebody asks for help, or names none.
pub(crate) fn all(arguments: &[OsString]) -> Command {
    let program = Command::new("lobsterpot-vault")
        .about("Keeps secrets encrypted at rest, and delivers them one at a time")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true);
    let says = |word: &str| arguments.iter().any(|argument| argument == word);
    let is_whole = ["help", "--help", "-h"].iter().any(|word| says(word))
        || !SUBCOMMANDS.iter().any(|subcommand| says(subcommand.name));
    let meant = SUBCOMMANDS.iter().filter(|subcommand| is_whole || says(subcommand.name));
    session::options(program).subcommands(meant.map(|subcommand| (subcommand.command)()))
}

/// Carries out the subcommand that was named.
///
/// # Errors
/// As the subcommand says.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let Some((name, matches)) = matches.subcommand() else { return Err(unknown()) };
    let found = SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name);
    found.map_or_else(|| Err(unknown()), |subcommand| (subcommand.run)(matches, session))
}

/// No subcommand was named, or none that there is.
fn unknown() -> Failure {
    Failure::new(Exit::Usage, "name what to do", "`lobsterpot-vault help` lists the subcommands")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{SUBCOMMANDS, all};

    /// The subcommands that are built for a command line.
    fn built(words: &[&str]) -> Vec<String> {
        let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
        all(&arguments).get_subcommands().map(|command| command.get_name().to_owned()).collect()
    }

    #[test]
    fn every_subcommand_has_the_name_of_its_command_line() {
        for subcommand in SUBCOMMANDS {
            assert_eq!((subcommand.command)().get_name(), subcommand.name);
        }
    }

    #[test]
    fn what_can_be_meant_is_built_and_help_has_all() {
        assert_eq!(built(&["x", "--vault", "list", "get", "A"]), ["get", "list"]);
        for words in [&["x"][..], &["x", "none"], &["x", "help", "get"], &["x", "--help"], &["x", "get", "-h"]] {
            assert_eq!(built(words).len(), SUBCOMMANDS.len(), "{words:?}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        all(&[]).debug_assert();
    }
}
