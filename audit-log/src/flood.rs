//! How a flood of records is kept from pushing out what is older: when much was written within an hour, a run gets one record in which
//! its refusals are counted, instead of one for each.
//!
//! Whoever fills the log all the time is held to some hundred bytes for each run, after a quarter of a mebibyte in an hour.

use crate::record::{LONGEST_LINE, Record, What};

/// How much may be written in an hour before refusals are only counted, in bytes.
pub(crate) const BUDGET: u64 = 256 << 10;
/// An hour, in milliseconds.
const WINDOW: u64 = 60 * 60 * 1000;
/// How much is read to find the first whole record of the last [`BUDGET`] bytes.
pub(crate) const LOOK: u64 = 2 * 4096;
const _: () = assert!(LONGEST_LINE == 4096, "two lines are read, so that one of them is whole");

/// Whether the last [`BUDGET`] bytes, which begin with `look`, were all written within the hour before `now`.
pub(crate) fn is_one(look: &[u8], now: u64) -> bool {
    let mut lines = look.split_inclusive(|byte| *byte == b'\n').skip(1);
    let first = lines.find_map(Record::parse);
    first.is_some_and(|(record, _)| record.time.abs_diff(now) < WINDOW)
}

/// The same events with all refusals and failures counted in one.
pub(crate) fn summarised(what: Vec<What>) -> Vec<What> {
    let mut kept = Vec::new();
    let mut count = 0_u64;
    for what in what {
        match what {
            What::Refused { times, .. } | What::Failed { times, .. } => count = count.saturating_add(times),
            What::WayOutEnded { .. } | What::Sealed { .. } => kept.push(what),
        }
    }
    if count > 0 {
        kept.push(What::Refused { reason: "flood".to_owned(), subject: "(not told apart)".to_owned(), times: count });
    }
    kept
}
