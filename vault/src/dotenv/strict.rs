//! The strict meaning: what all dialects read alike, line by line and as a whole.

use super::error::{MOST_LINES, ReadError, Refused};
use super::{Assignment, Dialect, MOST_NAMES};

/// What all dialects read in a text.
///
/// # Errors
/// When they read a line, or the whole, in different ways.
pub(super) fn read(text: &str) -> Result<Vec<Assignment>, ReadError> {
    let [first, others @ ..] = Dialect::ALL;
    if let Ok(assignments) = first.read(text) {
        if assignments.len() > MOST_NAMES {
            return Err(ReadError::TooManyNames);
        }
        if others.iter().all(|other| other.read(text).as_ref() == Ok(&assignments)) {
            return Ok(assignments);
        }
    }
    // A file that all read alike has no line that says anything only together with another: to say what is wrong, each line is
    // read alone.
    let mut lines = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match agreed(line) {
            Ok(_) => {}
            Err(Difference::Nothing) if lines.is_empty() => return Err(ReadError::Nothing { line: index + 1 }),
            // What follows an open quote is no line of its own.
            Err(Difference::Nothing) => break,
            Err(Difference::By(dialects)) => lines.push((index + 1, dialects)),
        }
        if lines.len() > MOST_LINES + 1 {
            break;
        }
    }
    Err(ReadError::Differs {
        lines,
        readers: Dialect::ALL.into_iter().filter(|dialect| dialect.read(text).is_ok()).collect(),
    })
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
