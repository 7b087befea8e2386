//! What can be wrong with a `.env` file. No message ever shows a value, nor a name that could be a misplaced value.

use thiserror::Error;

use super::{Dialect, LARGEST_FILE, LONGEST_LINE, MOST_NAMES, Meaning};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;

/// Why one dialect's reader refuses a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// There is no `=`.
    NoEquals,
    /// What is before the `=` cannot be the name of a variable.
    NoName,
    /// The name belongs to the program itself.
    OwnName,
    /// A quote is not closed.
    Unclosed,
    /// Something follows that the value does not have in it and that is no comment.
    Trailing,
    /// The program would expand or substitute something, or run a command.
    Expands,
    /// The program refuses it.
    Invalid,
    /// The program's releases do not read it the same.
    Unstable,
    /// A carriage return that is not part of a line's end.
    CarriageReturn,
    /// A character that the program treats in a way of its own.
    Character,
}

impl Why {
    /// The reason as the end of a sentence.
    const fn words(self) -> &'static str {
        match self {
            Self::NoEquals => "there is no = in it",
            Self::NoName => "what is before the = is not the name of a variable",
            Self::OwnName => "the variable is one that the program itself gives a meaning to",
            Self::Unclosed => "a quote is not closed",
            Self::Trailing => "something follows the value",
            Self::Expands => "something in it would be expanded or carried out",
            Self::Invalid => "the program refuses it",
            Self::Unstable => "releases of the program do not read it the same",
            Self::CarriageReturn => "there is a carriage return that does not end a line",
            Self::Character => "there is a character that the program gives a meaning to",
        }
    }
}

/// A line that one dialect's reader refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// The line, from 1.
    pub(super) line: usize,
    /// The reason.
    pub(super) why: Why,
}

impl Refused {
    /// The error of a whole reading.
    pub(super) const fn by(self, dialect: Dialect) -> ReadError {
        ReadError::Line { line: self.line, dialect, why: self.why }
    }
}

/// Why a `.env` file was not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file is too big.
    #[error("the file is larger than {LARGEST_FILE} bytes")]
    TooBig,
    /// A line is too long.
    #[error("line {line} is longer than {LONGEST_LINE} bytes")]
    LongLine {
        /// The line.
        line: usize,
    },
    /// There are too many assignments.
    #[error("there are more than {MOST_NAMES} names")]
    TooManyNames,
    /// It is not UTF-8.
    #[error("line {line} is not UTF-8")]
    NotText {
        /// The line.
        line: usize,
    },
    /// There is a NUL.
    #[error("there is a NUL byte in line {line}")]
    Nul {
        /// The line.
        line: usize,
    },
    /// There is a byte order mark.
    #[error("the file begins with a byte order mark, which some programs make a part of the first name")]
    ByteOrderMark,
    /// A name is there twice.
    #[error("{name} is in line {first} and again in line {line}")]
    Twice {
        /// The name.
        name: Name,
        /// Where it is first.
        first: usize,
        /// Where it is again.
        line: usize,
    },
    /// The dialect that was asked for gives the line no clear meaning.
    #[error("line {line} cannot be read as {dialect}: {reason}", reason = why.words())]
    Line {
        /// The line.
        line: usize,
        /// The dialect.
        dialect: Dialect,
        /// The reason.
        why: Why,
    },
    /// Dialects read lines in different ways.
    #[error("{}", differs(lines))]
    Differs {
        /// The lines, with the dialects that differ from the most.
        lines: Vec<(usize, Vec<Dialect>)>,
        /// The dialects that read the whole file.
        readers: Vec<Dialect>,
    },
    /// No dialect gives the lines a clear meaning.
    #[error("line {line} is an assignment in no dialect")]
    Nothing {
        /// The line.
        line: usize,
    },
}

/// The most lines that one message names beside the first.
pub(super) const MOST_LINES: usize = 8;

/// The sentence about lines that are read in different ways.
fn differs(lines: &[(usize, Vec<Dialect>)]) -> String {
    let Some(((line, dialects), others)) = lines.split_first() else {
        return "the dialects read the file in different ways".to_owned();
    };
    let words: Vec<&str> = dialects.iter().map(|dialect| dialect.word()).collect();
    let text = format!("line {line} is read differently by {}", joined(&words));
    let numbers: Vec<String> = others.iter().take(MOST_LINES).map(|(line, _)| line.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    text + &match others.len() {
        0 => String::new(),
        1 => format!("; so is line {}", joined(&numbers)),
        count if count > numbers.len() => format!("; so are lines {} and more", numbers.join(", ")),
        _ => format!("; so are lines {}", joined(&numbers)),
    }
}

/// What to do about lines that are read in different ways, when these dialects read the whole file.
fn choice(readers: &[Dialect]) -> String {
    let rewrite = "or write those lines as NAME=VALUE without quotes, blanks, # and $";
    let words = |dialects: &[Dialect]| -> String {
        dialects.iter().map(|dialect| dialect.word()).collect::<Vec<_>>().join(" or ")
    };
    if readers.is_empty() {
        let all = words(&Dialect::ALL);
        return format!(
            "no program reads the whole file; to see what stops the one that it is for, name it with --dialect ({all}), {rewrite}"
        );
    }
    let those = words(readers);
    format!("give --dialect {those}, if the file is for that program (the others refuse a line of it), {rewrite}")
}

/// Words as a list: `a, b and c`.
fn joined(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

impl Explain for ReadError {
    fn exit(&self) -> Exit {
        Exit::Data
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TooBig | Self::LongLine { .. } | Self::TooManyNames => {
                "an .env file holds names with short values; put files into the vault one by one, with `set NAME`"
                    .to_owned()
            }
            Self::NotText { .. } | Self::Nul { .. } => {
                "take the line out, and put its value into the vault with `set NAME`, which takes every byte".to_owned()
            }
            Self::ByteOrderMark => "save the file as UTF-8 without a byte order mark".to_owned(),
            Self::Twice { .. } => "take out the line that does not count".to_owned(),
            Self::Line { .. } | Self::Nothing { .. } => {
                "change the line in the file, or take it out and put its value into the vault with `set NAME`"
                    .to_owned()
            }
            Self::Differs { readers, .. } => choice(readers),
        })
    }
}

/// Why secrets cannot be written as a `.env` file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The name is not one that the dialect reads back.
    #[error("{name} cannot be written for {meaning}: it is not the name of a variable there")]
    Name {
        /// The secret.
        name: Name,
        /// For whom.
        meaning: Meaning,
    },
    /// The dialect has no way to say the value.
    #[error("the value of {name} cannot be written for {meaning}")]
    Value {
        /// The secret.
        name: Name,
        /// For whom.
        meaning: Meaning,
    },
    /// Each secret alone can be said, and the whole file is not read back as it was meant.
    #[error("the file as a whole would not be read back by {meaning} as it was meant")]
    Whole {
        /// For whom.
        meaning: Meaning,
    },
}

impl Explain for WriteError {
    fn exit(&self) -> Exit {
        Exit::Data
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name { .. } => "leave it out with --only, or deliver it with `run --file` or a provider".to_owned(),
            Self::Value { meaning: Meaning::Strict, .. } => format!(
                "name the program that will read the file with --dialect (one of {}), or leave the secret out with --only",
                joined(&Dialect::ALL.map(Dialect::word))
            ),
            Self::Value { .. } | Self::Whole { .. } => {
                "leave it out with --only, or deliver it with `run`, which needs no file".to_owned()
            }
        })
    }
}
