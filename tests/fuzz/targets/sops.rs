//! SOPS files in every format.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_vault::fuzz::sops(data));
