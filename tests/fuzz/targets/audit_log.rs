//! The audit log's files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_audit_log::fuzz::log(data));
