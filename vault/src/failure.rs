//! What every error of this crate can say: how the program ends, one sentence, and what to do next.

use std::error::Error;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::exit::Exit;

/// An error that a person can act on. Neither the sentence (`Display`) nor the hint ever has a secret value in it.
pub trait Explain: Error {
    /// How the program ends because of it.
    fn exit(&self) -> Exit;

    /// What to do next, as a sentence without a full stop; a command where one helps.
    fn hint(&self) -> Option<String>;
}

/// Why a command was not carried out: an [`Explain`]ed error of whatever operation failed.
pub struct Failure {
    /// How the program ends.
    exit: Exit,
    /// What went wrong, in one sentence.
    sentence: String,
    /// What to do next.
    hint: Option<String>,
}

impl Failure {
    /// A failure of a command itself, which no operation's error stands for.
    #[must_use]
    pub fn new(exit: Exit, sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), hint: Some(hint.into()) }
    }

    /// How the program ends.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit: error.exit(), sentence: error.to_string(), hint: error.hint() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({:?}, {:?})", self.exit, self.sentence)
    }
}

/// A path as one word for a shell, for somebody who copies the command: nothing in it ends the word, or is more than a character.
pub(crate) fn word(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', "'\\''")),
        Ok(_) | Err(_) => {
            let written = |byte: &u8| match byte {
                b' '..=b'~' if !b"'\\".contains(byte) => char::from(*byte).to_string(),
                byte => format!("\\{byte:03o}"),
            };
            format!("$'{}'", bytes.iter().map(written).collect::<String>())
        }
    }
}
