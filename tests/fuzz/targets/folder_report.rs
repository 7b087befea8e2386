//! The folder that a sandboxed shell says it ended in.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_hooks::fuzz::folder_report(data));
