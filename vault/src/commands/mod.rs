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

use clap::{ArgMatches, Command};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};

/// One subcommand.
struct Subcommand {
    /// Its options, with its name.
    command: fn() -> Command,
    /// Carries it out.
    run: fn(&ArgMatches, &Session) -> Result<Exit, Failure>,
}

/// Every subcommand, in the order of the help.
const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { command: init::command, run: init::run },
    Subcommand { command: import::command, run: import::run },
    Subcommand { command: export::command, run: export::run },
    Subcommand { command: set::command, run: set::run },
    Subcommand { command: unset::command, run: unset::run },
    Subcommand { command: get::command, run: get::run },
    Subcommand { command: list::command, run: list::run },
    Subcommand { command: rotate::command, run: rotate::run },
    Subcommand { command: rekey::command, run: rekey::run },
    Subcommand { command: status::command, run: status::run },
    Subcommand { command: verify::command, run: verify::run },
    Subcommand { command: unlock::command, run: unlock::run },
    Subcommand { command: lock::command, run: lock::run },
    Subcommand { command: run::command, run: run::run },
    Subcommand { command: provider::command, run: provider::run },
    Subcommand { command: install_units::command, run: install_units::run },
    Subcommand { command: render::command, run: render::run },
    Subcommand { command: edit::command, run: edit::run },
    Subcommand { command: scan::command, run: scan::run },
];

/// The whole command line.
pub(crate) fn all() -> Command {
    let program = Command::new("lobsterpot-vault")
        .about("Keeps secrets encrypted at rest, and delivers them one at a time")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true);
    session::options(program).subcommands(SUBCOMMANDS.iter().map(|subcommand| (subcommand.command)()))
}

/// Carries out the subcommand that was named.
///
/// # Errors
/// As the subcommand says.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let Some((name, matches)) = matches.subcommand() else { return Err(unknown()) };
    let found = SUBCOMMANDS.iter().find(|subcommand| (subcommand.command)().get_name() == name);
    found.map_or_else(|| Err(unknown()), |subcommand| (subcommand.run)(matches, session))
}

/// No subcommand was named, or none that there is.
fn unknown() -> Failure {
    Failure::new(Exit::Usage, "name what to do", "`lobsterpot-vault help` lists the subcommands")
}
