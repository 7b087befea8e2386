//! `.env` files in every dialect, and writing them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lobsterpot_vault::fuzz::dotenv(data));
