//! `fs-guard`: whether a path may be used, and file operations that keep to the answer.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use lobsterpot_memory::Memory;

/// Running out of memory ends with the status of what the operating system refuses.
#[global_allocator]
static MEMORY: Memory = Memory { text: "fs-guard: out of memory: nothing was allowed or done\n", status: 74 };

/// Runs the program.
fn main() -> ExitCode {
    lobsterpot_fs_guard::run(std::env::args_os().collect()).into()
}
