//! A static program that does nothing: what starting a process costs in any case.

fn main() {}
