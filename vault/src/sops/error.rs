//! Why a SOPS file was not read, or not written. What is wrong is told by the key, or by the line where a key could be more than
//! that; never by a value.

use thiserror::Error;

use super::{DEEPEST, LONGEST_FILE, LONGEST_PATH, MOST_NODES, MOST_RECIPIENTS};
use crate::document::LONGEST_VALUE;
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::BadName;

/// Why a SOPS file was not read. `place` says where: a key, or a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SopsError {
    /// It is longer than [`LONGEST_FILE`].
    #[error("the SOPS file is longer than {LONGEST_FILE} bytes")]
    TooLong,
    /// It is not UTF-8.
    #[error("the SOPS file is not UTF-8")]
    NotText,
    /// It does not follow the rules of its format.
    #[error("line {line} of the SOPS file is not {format}")]
    Syntax {
        /// What it should be.
        format: &'static str,
        /// The line, from 1.
        line: usize,
    },
    /// It has something that is not read, because it could mean several things.
    #[error("line {line} of the SOPS file has {what}, which is not read")]
    Unsupported {
        /// The line, from 1.
        line: usize,
        /// What it has.
        what: &'static str,
    },
    /// It is nested deeper than [`DEEPEST`].
    #[error("the SOPS file is nested deeper than {DEEPEST}")]
    TooDeep,
    /// It has more values, maps and lists than [`MOST_NODES`].
    #[error("the SOPS file has more than {MOST_NODES} values")]
    TooMany,
    /// The keys that lead to a value are longer than [`LONGEST_PATH`].
    #[error("the SOPS file has keys that are longer than {LONGEST_PATH} bytes together")]
    LongKeys,
    /// A key is there twice.
    #[error("{place} is in the SOPS file twice")]
    Duplicate {
        /// Where.
        place: String,
    },
    /// It has no `sops` block.
    #[error("the file has no SOPS metadata")]
    NoMetadata,
    /// An entry of the `sops` block is missing, or says what it cannot say.
    #[error("`{field}` in the SOPS metadata {problem}")]
    Metadata {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The `sops` block has an entry that this release does not know, and that may change what the file means.
    #[error("the SOPS metadata has {entry}, which this release does not know")]
    Unknown {
        /// Which one.
        entry: String,
    },
    /// The data key is split.
    #[error("the SOPS file has several key groups, which together open it; one alone is what can be opened here")]
    KeyGroups,
    /// It is encrypted, but not with age.
    #[error("the SOPS file is not encrypted to any age recipient, but with {methods}")]
    Foreign {
        /// With what.
        methods: String,
    },
    /// It names more than [`MOST_RECIPIENTS`].
    #[error("the SOPS file names more than {MOST_RECIPIENTS} age recipients")]
    TooManyRecipients,
    /// No identity opens the data key.
    #[error("no identity opens the SOPS file; it is encrypted to {recipients}")]
    Locked {
        /// To whom.
        recipients: String,
    },
    /// What was sealed is no data key.
    #[error("the SOPS file opens, but its data key is not one of AES-256")]
    DataKey,
    /// A value that should be encrypted is not.
    #[error("the value of {place} is not encrypted, though by the SOPS metadata it should be")]
    NotEncrypted {
        /// Where.
        place: String,
    },
    /// An encrypted value is damaged.
    #[error("the value of {place} is not written as SOPS writes encrypted values")]
    Damaged {
        /// Where.
        place: String,
    },
    /// An encrypted value was changed, or moved here from elsewhere.
    #[error("the value of {place} was changed, or stood in another place, when it was encrypted")]
    Forged {
        /// Where.
        place: String,
    },
    /// An encrypted value is none of its type.
    #[error("the value of {place} is not of the type that it says")]
    Type {
        /// Where.
        place: String,
    },
    /// An encrypted value has a type that is not known.
    #[error("the value of {place} is of a type that is no value's")]
    UnknownType {
        /// Where.
        place: String,
    },
    /// A value that is not encrypted can be read in more than one way.
    #[error("the value of {place}, which is not encrypted, can be read in more than one way")]
    Ambiguous {
        /// Where.
        place: String,
    },
    /// A comment was changed or moved.
    #[error(
        "the comment in line {line} of the SOPS file was changed, or stood in another place, when it was encrypted"
    )]
    Comment {
        /// The line, from 1.
        line: usize,
    },
    /// The MAC was changed, or `lastmodified` was.
    #[error("the MAC of the SOPS file was changed, or its `lastmodified` was")]
    MacForged,
    /// The values are not those that the MAC was made of.
    #[error(
        "the values of the SOPS file are not those that its MAC was made of: one was changed, added, removed or moved"
    )]
    MacMismatch,
    /// A key cannot be a name in a vault.
    #[error("{place} of the SOPS file cannot be the name of a secret: {source}")]
    Name {
        /// Where.
        place: String,
        /// Why not.
        source: BadName,
    },
    /// Two values would have one name.
    #[error("two values of the SOPS file would have the name {name}")]
    Clash {
        /// The name.
        name: String,
    },
    /// A value is longer than a vault's may be.
    #[error("the value of {place} is longer than {LONGEST_VALUE} bytes")]
    ValueTooLong {
        /// Where.
        place: String,
    },
}

impl Explain for SopsError {
    fn exit(&self) -> Exit {
        if matches!(self, Self::Locked { .. }) { Exit::Denied } else { Exit::Data }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::TooLong | Self::TooDeep | Self::TooMany | Self::LongKeys | Self::TooManyRecipients => {
                "split the file with `sops`"
            }
            Self::NotText | Self::Syntax { .. } => "say what it is with --format dotenv, json or yaml",
            Self::Unsupported { .. } => "write it out with `sops edit`, or let `sops decrypt` and `sops encrypt` do so",
            Self::Duplicate { .. } => "remove one of them with `sops edit`",
            Self::NoMetadata => "leave out --sops for a file that is not encrypted, or name its --format",
            Self::Metadata { .. } | Self::Unknown { .. } => {
                "put back a copy that `sops decrypt` accepts; this release writes what sops 3.13 writes"
            }
            Self::KeyGroups | Self::Foreign { .. } => "add an age recipient with `sops updatekeys`, in one key group",
            Self::Locked { .. } => "name the identity of one of them with --sops-identity",
            Self::NotEncrypted { .. }
            | Self::Damaged { .. }
            | Self::Forged { .. }
            | Self::Type { .. }
            | Self::UnknownType { .. }
            | Self::Comment { .. }
            | Self::DataKey
            | Self::MacForged
            | Self::MacMismatch => "put back a copy that `sops decrypt` accepts; nothing was taken from this one",
            Self::Ambiguous { .. } => "quote it, or encrypt it, with `sops edit`",
            Self::Name { source, .. } => {
                return Some(format!(
                    "rename it with `sops edit`; {}; blanks before `=` belong to a key",
                    source.hint()
                ));
            }
            Self::Clash { .. } => "rename one of them with `sops edit`: nested keys are joined with dots",
            Self::ValueTooLong { .. } => "keep large files elsewhere, and their key in the vault",
        };
        Some(hint.to_owned())
    }
}

/// Why a SOPS file was not written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SopsWriteError {
    /// A value is no text.
    #[error("the value of {name} is not UTF-8, which a SOPS file does not carry without loss")]
    NotText {
        /// Whose.
        name: String,
    },
    /// A name means something else in a SOPS file.
    #[error("the name {name} stands for the metadata in a SOPS file of that format")]
    Reserved {
        /// Which one.
        name: String,
    },
    /// A name would be both a value and a map.
    #[error("{name} cannot be written nested: it would be a value and hold others")]
    Conflict {
        /// Which one.
        name: String,
    },
    /// A dotenv file has no nesting.
    #[error("a dotenv file cannot be nested")]
    NestedDotenv,
    /// A recipient is not one that SOPS takes.
    #[error("recipient {place} is not one that a SOPS file can name")]
    Recipient {
        /// Which one, from 1.
        place: usize,
    },
    /// Nobody is named.
    #[error("no recipient is named")]
    NoRecipient,
    /// The data key could not be sealed.
    #[error("the data key could not be encrypted to recipient {place}")]
    Seal {
        /// To whom, from 1.
        place: usize,
    },
    /// The kernel gives no random bytes, or the cipher refuses.
    #[error("a value could not be encrypted")]
    Cipher,
    /// What was written does not read back as what was to be written.
    #[error("what was written would not be read back: {reason}")]
    ReadBack {
        /// Why.
        reason: String,
    },
}

impl Explain for SopsWriteError {
    fn exit(&self) -> Exit {
        match self {
            Self::NestedDotenv => Exit::Usage,
            Self::Cipher => Exit::Unavailable,
            Self::NotText { .. }
            | Self::Reserved { .. }
            | Self::Conflict { .. }
            | Self::Recipient { .. }
            | Self::NoRecipient
            | Self::Seal { .. }
            | Self::ReadBack { .. } => Exit::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotText { .. } => "store it in base64, or leave it out",
            Self::Reserved { .. } => "leave it out, or store it under another name",
            Self::Conflict { .. } => "write the file flat",
            Self::NestedDotenv => "use --format json or yaml",
            Self::Recipient { .. } | Self::Seal { .. } => "name age1… or ssh-… recipients",
            Self::NoRecipient => "name one with --recipient",
            Self::Cipher => "try again",
            Self::ReadBack { .. } => "leave out what is named; nothing was written",
        };
        Some(hint.to_owned())
    }
}
