//! TLS, HTTP/1 and whatever else is said on a connection, in pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_egress::fuzz::stream(data));
