//! Questions to the sandbox's nameserver, and answers of the host's.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_egress::fuzz::dns(data));
