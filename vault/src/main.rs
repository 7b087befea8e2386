//! `lobsterpot-vault`: secrets at rest in an age file, and their delivery one at a time.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Runs the program.
fn main() -> ExitCode {
    lobsterpot_vault::run(std::env::args_os().collect()).into()
}
