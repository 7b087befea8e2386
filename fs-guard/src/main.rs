//! `fs-guard`.
#![forbid(unsafe_code)]

fn main() {}
