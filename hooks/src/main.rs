//! `sandbox-exec-hook`: one pre-tool call in, one answer out. All of it is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lobsterpot_hooks::run(std::env::args_os().skip(1))
}
