//! Policy files: parsing, composing, and that a workspace's layer takes away and never gives.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_policy::fuzz::policy_file(data));
