//! Agents' pre-tool hooks: a tool call comes in on standard input, an answer goes out on standard output.
//!
//! A shell call comes back rewritten so that it runs under the launcher; what cannot be rewritten is denied. There is no
//! third way: a hook that is unsure, broken, late or interrupted stops the call. The hook judges nothing about a command and
//! parses none: what a command may do is the sandbox's business.

#![forbid(unsafe_code)]

mod answer;
mod arguments;
mod call;
mod client;
mod denial;
mod directory;
mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod guard;
mod hook;
pub mod install;
mod program;
mod quote;
#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;
mod rewrite;
mod role;
mod settings;
mod shell;
mod transcript;
mod wire;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

pub use answer::STOP;
use role::Role;

/// Runs `sandbox-exec-hook` with these arguments, without the program's name.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    hook::run_with(Role::Shell, arguments, shell::judge)
}

/// Runs `fs-guard-hook` with these arguments, without the program's name.
pub fn run_files(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    hook::run_with(Role::Files, arguments, files::judge)
}

/// Runs a hook whose work fails with a panic, to see what a client is told. For tests of this project only.
#[doc(hidden)]
pub fn run_broken(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    hook::run_with(Role::Shell, arguments, |_, _| {
        let nothing: [u8; 0] = [];
        let index = nothing.len();
        let _ = nothing[index];
        Ok(call::Outcome::Pass)
    })
}
