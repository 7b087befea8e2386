//! Frames and requests of `fs-guard serve`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_fs_guard::fuzz::serve(data));
