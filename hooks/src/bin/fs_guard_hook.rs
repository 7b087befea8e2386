//! `fs-guard-hook`: one pre-tool call in, one answer about its paths out. All of it is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use lobsterpot_memory::Memory;

/// Clients take an abort for consent: running out of memory denies the call.
#[global_allocator]
static MEMORY: Memory = Memory {
    text: "fs-guard-hook: out of memory: the call is denied; try again later [internal]\n",
    status: lobsterpot_hooks::STOP,
};

fn main() -> ExitCode {
    lobsterpot_hooks::run_files(std::env::args_os().skip(1))
}
