//! What happened: append-only, hash-chained records.
#![forbid(unsafe_code)]
