//! Every client's payload, put to both hooks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_hooks::fuzz::payload(data));
