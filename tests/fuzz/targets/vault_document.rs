//! What was sealed in a vault.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_vault::fuzz::document(data));
