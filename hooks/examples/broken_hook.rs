//! A hook that panics, so that a test can see the answer.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lobsterpot_hooks::run_broken(std::env::args_os().skip(1))
}
