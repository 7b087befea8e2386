//! A static program that does nothing: what starting a process costs in any case. With an argument it tells the time at which it began,
//! in nanoseconds since 1970, so that a caller can tell what passed before it from what passed after it.

use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    if std::env::args_os().len() > 1 {
        println!("{}", SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()));
    }
}
