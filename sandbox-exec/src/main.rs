//! `sandbox-exec`: runs one command in a sandbox.
//!
//! The entry is C's, so that the language's runtime changes nothing that the command inherits: it would ignore `SIGPIPE` and open
//! descriptors that the caller closed on purpose.
#![no_main]
#![expect(unsafe_code, reason = "exports the C entry point; there is no unsafe operation here")]

/// Runs the launcher.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> std::ffi::c_int {
    sandbox_exec::run(std::env::args_os().collect()).into()
}
