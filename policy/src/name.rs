//! Names of environment variables, exact or with a trailing `*`.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A variable's name, or the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamePattern {
    /// The name without its star.
    stem: String,
    /// What may follow it.
    ending: Ending,
}

/// What may follow a stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Ending {
    /// Nothing.
    Exact,
    /// Anything.
    Any,
}

/// Why a text is not a variable's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// It would stand for every variable there is.
    #[error("`*` would pass every variable, and with them every token")]
    Everything,
    /// It has a character that no portable name has.
    #[error("`{text}` is not the name of an environment variable")]
    BadCharacter {
        /// The name as written.
        text: String,
    },
}

impl NameError {
    /// What to write instead.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Everything => "list the names one by one, or with a common beginning, such as `LC_*`",
            Self::BadCharacter { .. } => {
                "use letters, digits and `_`, not beginning with a digit; a `*` may only stand at the end"
            }
        }
    }
}

impl NamePattern {
    /// Reads a name such as `TERM` or `LC_*`.
    ///
    /// # Errors
    /// When the text is not a portable variable name, or would match every variable.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (stem, ending) = match text.strip_suffix('*') {
            Some("") => return Err(NameError::Everything),
            Some(stem) => (stem, Ending::Any),
            None => (text, Ending::Exact),
        };
        if !is_name(stem) {
            return Err(NameError::BadCharacter { text: text.to_owned() });
        }
        Ok(Self { stem: stem.to_owned(), ending })
    }

    /// Whether the variable called `name` is meant.
    #[must_use]
    pub fn matches(&self, name: &OsStr) -> bool {
        match self.ending {
            Ending::Exact => name.as_bytes() == self.stem.as_bytes(),
            Ending::Any => name.as_bytes().starts_with(self.stem.as_bytes()),
        }
    }

    /// The name, when only one is meant.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        matches!(self.ending, Ending::Exact).then_some(self.stem.as_str())
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ending {
            Ending::Exact => f.write_str(&self.stem),
            Ending::Any => write!(f, "{}*", self.stem),
        }
    }
}

/// Whether `text` is a portable variable name.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_alone_cannot_pass_the_whole_environment() {
        assert_eq!(NamePattern::parse("*"), Err(NameError::Everything));
    }

    #[test]
    fn a_star_in_the_middle_is_refused() {
        for text in ["A*B", "*_TOKEN", "", "1A", "A=B", "A B", "A\0"] {
            assert!(NamePattern::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_trailing_star_matches_the_beginning_only() {
        let name = NamePattern::parse("LC_*").unwrap();
        assert!(name.matches(OsStr::new("LC_ALL")));
        assert!(!name.matches(OsStr::new("XLC_ALL")));
        assert!(!name.matches(OsStr::new("LC")));
        assert_eq!(name.to_string(), "LC_*");
        assert_eq!(name.exact(), None);
    }

    #[test]
    fn an_exact_name_matches_nothing_longer() {
        let name = NamePattern::parse("TERM").unwrap();
        assert!(name.matches(OsStr::new("TERM")));
        assert!(!name.matches(OsStr::new("TERMINFO")));
        assert_eq!(name.exact(), Some("TERM"));
    }
}
