//! What programs say to a proxy.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_egress::fuzz::proxy(data));
