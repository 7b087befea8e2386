//! `lobsterpot-vault`: secrets at rest in an age file, and their delivery one at a time.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Wipes what is freed.
#[global_allocator]
static ALLOCATOR: lobsterpot_vault::Wiping = lobsterpot_vault::Wiping::new();

/// Closes the process to others, then runs the program: in this order, for from the first argument on there may be secrets.
fn main() -> ExitCode {
    lobsterpot_vault::harden();
    lobsterpot_vault::run(std::env::args_os().collect()).into()
}
