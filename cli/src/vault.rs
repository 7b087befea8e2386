//! `lobsterpot vault …`: becomes `lobsterpot-vault`, which keeps secrets in a process of its own.
//!
//! The vault closes its process to others and wipes its memory from its first instruction on; that cannot be had for a part of
//! another program. So this one is replaced, before it has read anything, by the one that lies beside it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process;

use clap::{Arg, ArgAction, Command};

use crate::Status;
use crate::failure::Failure;

/// The word that means the vault.
pub(crate) const WORD: &str = "vault";

/// The program.
pub(crate) const PROGRAM: &str = "lobsterpot-vault";

/// Its part of the help. The command line after the word is never looked at here: [`become_vault`] passes it on as it is.
pub(crate) fn command() -> Command {
    Command::new(WORD)
        .about("Keeps secrets encrypted at rest, and delivers them one at a time: everything behind it goes to lobsterpot-vault")
        .disable_help_flag(true)
        .arg(Arg::new("arguments").value_name("ARGUMENTS").action(ArgAction::Append).help("`lobsterpot vault help` lists them"))
}

/// Runs the vault's program with these arguments in the place of this one. It is looked for beside this program's own file and
/// nowhere else: `PATH` belongs to whoever calls.
///
/// # Errors
/// When it is not there, or cannot be run. Otherwise it does not return.
pub(crate) fn become_vault(arguments: &[OsString]) -> Result<Status, Failure> {
    let own = std::env::current_exe().map_err(|source| Failure::Vault { path: "/proc/self/exe".into(), source })?;
    let path = own.with_file_name(PROGRAM);
    let source = process::Command::new(&path).args(arguments).exec();
    Err(Failure::Vault { path, source })
}
