//! `fs-guard`: whether a path may be used, and file operations that keep to the answer.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Runs the program.
fn main() -> ExitCode {
    lobsterpot_fs_guard::run(std::env::args_os().collect()).into()
}
