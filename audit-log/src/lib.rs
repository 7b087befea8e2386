//! What happened: append-only records in a file, each with the digest of the one before it.
//!
//! A record is one line of JSON. Its digest covers every other byte of the line, the digest of the record before it among them, so
//! that no record can be changed, dropped, added or moved without a break that [`Log::verify`] names. What a crash leaves of a
//! record is sealed off by the next one and stays where it is.
//!
//! Two things a chain of digests cannot tell, since no secret is in it: that the last records are gone, and that somebody who may
//! write the file has written all of it anew. Who keeps the head that [`Log::verify`] answers, elsewhere, can tell both.
//!
//! Nothing here knows a clock, draws a number, or prints.
#![forbid(unsafe_code)]

mod chain;
mod error;
mod file;
mod flood;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod record;
#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;

pub use chain::{Break, Seal, Verdict, Why};
pub use error::LogError;
pub use file::Log;
pub use record::{Digest, Record, What, Writer};
