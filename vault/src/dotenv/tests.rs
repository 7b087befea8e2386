//! Tests of the readers and the writer, first against what real programs read.

mod attacks;
mod generate;
mod peers;
mod round_trip;
mod vectors;

use super::{Dialect, Meaning, ReadError, read};

/// What a text says in a dialect, as pairs.
///
/// # Errors
/// As `read`.
fn pairs(text: &str, dialect: Dialect) -> Result<Vec<(String, String)>, ReadError> {
    pairs_of(text, Meaning::Of(dialect))
}

/// What a text says by a meaning, as pairs.
///
/// # Errors
/// As `read`.
fn pairs_of(text: &str, meaning: Meaning) -> Result<Vec<(String, String)>, ReadError> {
    let reading = read(text.as_bytes(), meaning)?;
    let pair =
        |assignment: &super::Assignment| (assignment.name.to_string(), assignment.value.as_text().unwrap().to_owned());
    Ok(reading.assignments.iter().map(pair).collect())
}
