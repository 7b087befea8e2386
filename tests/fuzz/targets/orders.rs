//! What the launcher and egress say to one another.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_egress::fuzz::orders(data));
