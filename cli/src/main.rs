//! `lobsterpot`: the front door. All of it is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lobsterpot_cli::run(std::env::args_os())
}
