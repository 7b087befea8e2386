//! The strict meaning: what all dialects read alike, line by line and as a whole.

use super::error::{ReadError, Refused};
use super::{Assignment, Dialect};

/// What all dialects read in a text.
///
/// # Errors
/// When they read a line, or the whole, in different ways.
pub(super) fn read(text: &str) -> Result<Vec<Assignment>, ReadError> {
    // A file that all read alike has no line that says anything together with another, so each line can be judged alone: that way
    // every line that is read differently is named at once.
    let mut lines = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match agreed(line) {
            Ok(_) => {}
            Err(Difference::Nothing) => return Err(ReadError::Nothing { line: index + 1 }),
            Err(Difference::By(dialects)) => lines.push((index + 1, dialects)),
        }
    }
    if !lines.is_empty() {
        return Err(ReadError::Differs { lines });
    }
    agreed(text).map_err(|_| ReadError::Differs { lines: Vec::new() })
}

/// How readings of one text differ.
enum Difference {
    /// These differ from the most.
    By(Vec<Dialect>),
    /// All refuse it.
    Nothing,
}

/// What all dialects read in a text.
///
/// # Errors
/// When they do not read it alike.
fn agreed(text: &str) -> Result<Vec<Assignment>, Difference> {
    let readings = Dialect::ALL.map(|dialect| (dialect, dialect.read(text)));
    let alike = |one: &Result<Vec<Assignment>, Refused>| {
        readings.iter().filter(|(_, other)| one.as_ref().ok() == other.as_ref().ok()).count()
    };
    // Of groups of the same size, the one of the first dialect that reads anything counts.
    let key = |reading: &Result<Vec<Assignment>, Refused>| (alike(reading), reading.is_ok());
    let most = readings.iter().rev().max_by_key(|(_, reading)| key(reading)).map(|(_, reading)| reading.clone());
    match most {
        Some(Ok(assignments)) if alike(&Ok(assignments.clone())) == Dialect::ALL.len() => Ok(assignments),
        Some(most) if readings.iter().any(|(_, reading)| reading.is_ok()) => {
            let differs = |(_, reading): &&(Dialect, _)| most.as_ref().ok() != Result::as_ref(reading).ok();
            Err(Difference::By(readings.iter().filter(differs).map(|(dialect, _)| *dialect).collect()))
        }
        _ => Err(Difference::Nothing),
    }
}
