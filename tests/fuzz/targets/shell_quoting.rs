//! Quoting for a shell, and undoing it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_hooks::fuzz::quoting(data));
