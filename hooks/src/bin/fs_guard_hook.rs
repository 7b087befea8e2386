//! `fs-guard-hook`: one pre-tool call in, one answer about its paths out. All of it is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lobsterpot_hooks::run_files(std::env::args_os().skip(1))
}
