//! SOPS files, read with every value and the MAC verified, and written so that they are read back: bytes in, values out. No I/O.
//!
//! The format has no specification beside <https://getsops.io/docs/> and the program's sources; what follows was found there and
//! agrees with the files in `tests/vectors/sops`, which the program wrote.
//!
//! * Every value is AES-256-GCM under one data key, with a nonce of 32 bytes and, as additional data, its keys joined and ended by
//!   `:`. Places in lists do not count, so members of one list can be exchanged as far as the cipher is concerned.
//! * The MAC is SHA-512 over the plain values in the order of the file, in upper-case hexadecimal digits, itself encrypted with
//!   `lastmodified` as additional data. Integers count in decimal digits, floats in the fewest digits that say them and without an
//!   exponent, booleans as `True` and `False`. Comments and null do not count. Under `mac_only_encrypted` values that are not
//!   encrypted do not count either, and 32 fixed bytes come first.
//! * An empty text is written as it is. It adds nothing to the MAC either: whether an empty value is there is not authenticated.
//! * A comment's additional data are the keys of what it stands in; at the top, `:` alone.
//! * The `sops` block is not authenticated. What it says of suffixes decides which values are read as encrypted; where it has a
//!   regular expression instead, a value is encrypted when it has that form. Both readings are proved by the MAC.
//!
//! Nested keys become names joined with dots, places in lists as numbers (`db.password`, `hosts.0`). That is not reversible by
//! itself: a dot in a key looks the same, and two values that would have one name are refused. Types other than text are kept as
//! text that `sops decrypt` would print (floats without an exponent), and a [`Kind`] that can be remembered in a note.

mod comments;
mod dotenv;
mod error;
mod json;
mod layout;
mod metadata;
mod read;
mod tree;
mod value;
mod write;
mod yaml;

use std::path::Path;

pub use error::{SopsError, SopsWriteError};
pub use read::{Item, LeftOut, Reading, Unencrypted, Why, read};
pub use value::Kind;
pub use write::{Layout, Shape, write};

/// The longest file that is read, in bytes.
pub const LONGEST_FILE: usize = 8 << 20;

/// How deep maps and lists may be nested.
pub const DEEPEST: usize = 64;

/// The most values, maps and lists of one file.
pub const MOST_NODES: usize = 100_000;

/// The longest keys that lead to one value, in bytes together.
pub const LONGEST_PATH: usize = 2048;

/// The most recipients of one file.
pub const MOST_RECIPIENTS: usize = 64;

/// How a SOPS file is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines of `NAME=value`.
    Dotenv,
    /// A JSON object.
    Json,
    /// A YAML mapping.
    Yaml,
}

impl Format {
    /// The format of that name: `dotenv`, `json` or `yaml`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Dotenv, Self::Json, Self::Yaml].into_iter().find(|format| format.name() == text)
    }

    /// The format that a file's name speaks for, as `sops` itself decides it: by its ending.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let ends_with = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        if ends_with(&[".yaml", ".yml"]) {
            Some(Self::Yaml)
        } else if ends_with(&[".json"]) {
            Some(Self::Json)
        } else if ends_with(&[".env"]) || name.starts_with(".env.") {
            Some(Self::Dotenv)
        } else {
            None
        }
    }

    /// What the format is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dotenv => "dotenv",
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }
}

#[cfg(test)]
mod tests;
