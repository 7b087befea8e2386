//! `.env` files as data: what seven programs read in them, and what has to be written so that they read it. Nothing is expanded,
//! substituted or carried out, ever.
//!
//! Each dialect's reader gives what the real program gives, or refuses. It refuses what the program would expand, what it would
//! pass over without a word, what its releases do not agree about, and what cannot be kept in a vault under that name. It never
//! gives another answer.

mod bash;
mod cursor;
mod docker;
mod dotenvy;
mod error;
mod node;
mod npm;
mod python;
mod strict;
mod systemd;
mod write;

use std::collections::BTreeMap;
use std::fmt;

pub use error::{ReadError, Why, WriteError};
pub use write::write;

use crate::name::Name;
use crate::secret::Secret;
use error::Refused;

/// The largest file that is read, in bytes.
pub const LARGEST_FILE: usize = 4 << 20;

/// The longest line, in bytes: a value of the longest kind, with room for escapes.
pub const LONGEST_LINE: usize = 2 << 20;

/// The most assignments in one file.
pub const MOST_NAMES: usize = 10_000;

/// A program that reads `.env` files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Dialect {
    /// `docker run --env-file`.
    Docker,
    /// `EnvironmentFile=` of systemd.exec(5).
    Systemd,
    /// bash(1), which reads the file with `set -a; . FILE`: as far as nothing in it is expanded or carried out.
    Bash,
    /// The npm package dotenv.
    Dotenv,
    /// Node.js itself: `--env-file` and `util.parseEnv`.
    Node,
    /// The Python package python-dotenv.
    Python,
    /// The Rust crate dotenvy.
    Dotenvy,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Docker, Self::Systemd, Self::Bash, Self::Dotenv, Self::Node, Self::Python, Self::Dotenvy];

    /// The word for it on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Systemd => "systemd",
            Self::Bash => "bash",
            Self::Dotenv => "dotenv",
            Self::Node => "node",
            Self::Python => "python",
            Self::Dotenvy => "dotenvy",
        }
    }

    /// What this dialect reads in a text.
    ///
    /// # Errors
    /// When a line has no single meaning.
    fn read(self, text: &str) -> Result<Vec<Assignment>, Refused> {
        match self {
            Self::Docker => docker::read(text),
            Self::Systemd => systemd::read(text),
            Self::Bash => bash::read(text),
            Self::Dotenv => npm::read(text),
            Self::Node => node::read(text),
            Self::Python => python::read(text),
            Self::Dotenvy => dotenvy::read(text),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Whose reading counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Everybody's: all seven dialects read every line the same.
    Strict,
    /// That of one dialect.
    Of(Dialect),
}

impl Meaning {
    /// The words for all meanings on the command line.
    pub const WORDS: [&'static str; 8] = ["strict", "docker", "systemd", "bash", "dotenv", "node", "python", "dotenvy"];

    /// Reads one of [`Meaning::WORDS`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        if word == "strict" {
            return Some(Self::Strict);
        }
        Dialect::ALL.into_iter().find(|dialect| dialect.word() == word).map(Self::Of)
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strict => f.write_str("strict"),
            Self::Of(dialect) => dialect.fmt(f),
        }
    }
}

/// One name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// The line that it ends on.
    pub last: usize,
    /// The name.
    pub name: Name,
    /// The value.
    pub value: Secret,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The assignments, in the order of the file.
    pub assignments: Vec<Assignment>,
    /// How many lines are comments: they are in no vault.
    pub comments: usize,
    /// The names whose values end at a `#`, because the dialect takes the rest of the line for a comment.
    pub cut: Vec<Name>,
}

/// Reads a whole file.
///
/// # Errors
/// When it is too big, is not UTF-8, has a NUL or a byte order mark, gives a name twice, or a line that has not exactly one
/// meaning.
pub fn read(bytes: &[u8], meaning: Meaning) -> Result<Reading, ReadError> {
    let text = text(bytes)?;
    let assignments = match meaning {
        Meaning::Strict => strict::read(text)?,
        Meaning::Of(dialect) => dialect.read(text).map_err(|refused| refused.by(dialect))?,
    };
    if assignments.len() > MOST_NAMES {
        return Err(ReadError::TooManyNames);
    }
    let mut seen = BTreeMap::new();
    for assignment in &assignments {
        if let Some(first) = seen.insert(&assignment.name, assignment.line) {
            return Err(ReadError::Twice { name: assignment.name.clone(), first, line: assignment.line });
        }
    }
    let comments = comments(text, &assignments);
    let cut = cut(text, &assignments);
    Ok(Reading { assignments, comments, cut })
}

/// The file as text, when it is one that every dialect could read at all.
///
/// # Errors
/// When it is none.
fn text(bytes: &[u8]) -> Result<&str, ReadError> {
    if bytes.len() > LARGEST_FILE {
        return Err(ReadError::TooBig);
    }
    let line_of = |at: usize| 1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError::NotText { line: line_of(error.valid_up_to()) })?;
    if let Some(at) = text.find('\0') {
        return Err(ReadError::Nul { line: line_of(at) });
    }
    if text.starts_with('\u{feff}') {
        return Err(ReadError::ByteOrderMark);
    }
    match text.split('\n').position(|line| line.len() > LONGEST_LINE) {
        Some(index) => Err(ReadError::LongLine { line: index + 1 }),
        None => Ok(text),
    }
}

/// How many lines outside of assignments begin with `#`.
fn comments(text: &str, assignments: &[Assignment]) -> usize {
    let mut rest = assignments.iter().peekable();
    let is_comment = |(index, line): (usize, &str)| {
        let number = index + 1;
        while rest.next_if(|assignment| assignment.last < number).is_some() {}
        let is_inside = rest.peek().is_some_and(|assignment| assignment.line <= number);
        !is_inside && line.trim_start().starts_with(['#', ';'])
    };
    text.split('\n').enumerate().map(is_comment).filter(|comment| *comment).count()
}

/// The names of which a `#` in their lines is not in the value. No dialect has an escape that makes one.
fn cut(text: &str, assignments: &[Assignment]) -> Vec<Name> {
    let lines: Vec<&str> = text.split('\n').collect();
    let is_cut = |one: &&Assignment| {
        let own = lines.get(one.line.saturating_sub(1)..one.last).unwrap_or_default();
        let there: usize = own.iter().map(|line| line.matches('#').count()).sum();
        there > one.value.as_bytes().iter().filter(|byte| **byte == b'#').count()
    };
    assignments.iter().filter(is_cut).map(|one| one.name.clone()).collect()
}

#[cfg(test)]
mod tests;
