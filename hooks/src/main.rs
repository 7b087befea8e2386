//! `sandbox-exec-hook`: one pre-tool call in, one answer out. All of it is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use lobsterpot_memory::Memory;

/// Clients take an abort for consent: running out of memory denies the call.
#[global_allocator]
static MEMORY: Memory = Memory {
    text: "sandbox-exec-hook: out of memory: the call is denied; try again later [internal]\n",
    status: lobsterpot_hooks::STOP,
};

fn main() -> ExitCode {
    lobsterpot_hooks::run(std::env::args_os().skip(1))
}
