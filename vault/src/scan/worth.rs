//! Which values can be searched for: long and varied enough that finding one means something.

use std::fmt;

/// The shortest value that is searched for, in bytes: that of the window by which places are recognised.
pub const SHORTEST: usize = super::index::WINDOW;

/// Values of one kind of character have to be this long, in bytes: `localhost`, `production` and `127.0.0.1` are everywhere.
pub const SHORTEST_PLAIN: usize = 16;

/// How many different bytes a value needs.
const LEAST_VARIETY: usize = 5;

/// Why a value is not searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unsearched {
    /// It has fewer than [`SHORTEST`] bytes.
    Short,
    /// It is a word or a number: letters of one case alone, or digits and signs alone, and fewer than [`SHORTEST_PLAIN`] bytes.
    Plain,
    /// It repeats a few bytes.
    Monotonous,
}

impl Unsearched {
    /// As programs read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Plain => "plain",
            Self::Monotonous => "monotonous",
        }
    }
}

impl fmt::Display for Unsearched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(f, "shorter than {SHORTEST} bytes"),
            Self::Plain => write!(f, "a word or a number of fewer than {SHORTEST_PLAIN} bytes"),
            Self::Monotonous => write!(f, "fewer than {LEAST_VARIETY} different bytes"),
        }
    }
}

/// Why a value is not searched for; none when it is. `plain` ones only count where the caller wants them.
pub(super) fn objection(value: &[u8], plain: bool) -> Option<Unsearched> {
    if value.len() < SHORTEST {
        return Some(Unsearched::Short);
    }
    let mut seen = [false; 256];
    value.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    if seen.iter().filter(|&&is_there| is_there).count() < LEAST_VARIETY {
        return Some(Unsearched::Monotonous);
    }
    let is_plain = value.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'))
        || value.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'))
        || value.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_punctuation() || *byte == b' ');
    (is_plain && value.len() < SHORTEST_PLAIN && !plain).then_some(Unsearched::Plain)
}

#[cfg(test)]
mod tests {
    use super::{Unsearched, objection};

    #[test]
    fn what_would_be_found_everywhere_is_not_searched_for() {
        for (value, expected) in [
            ("", Unsearched::Short),
            ("hunter2", Unsearched::Short),
            ("localhost", Unsearched::Plain),
            ("PRODUCTION", Unsearched::Plain),
            ("127.0.0.1:8080", Unsearched::Plain),
            ("2026-11-21", Unsearched::Plain),
            ("ababababababababababab", Unsearched::Monotonous),
        ] {
            assert_eq!(objection(value.as_bytes(), false), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_looks_like_a_credential_is_searched_for() {
        for value in
            ["Hunter2!", "x9K2mQ4z", "correct-horse-battery-staple", "postgres://a:b@c/d", "12345678901234567890"]
        {
            assert_eq!(objection(value.as_bytes(), false), None, "{value}");
        }
    }

    #[test]
    fn plain_values_are_searched_for_on_request() {
        assert_eq!(objection(b"localhost", true), None);
        assert_eq!(objection(b"true", true), Some(Unsearched::Short));
    }
}
