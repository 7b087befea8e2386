//! Whom a vault is encrypted to: recipients as age writes them, of one kind.

use std::fmt;

use age::plugin;
use age::ssh::{self, ParseRecipientKeyError};
use age::x25519;
use thiserror::Error;

use super::encoding::{decode, is_worthless};
use super::hybrid;
use crate::exit::Exit;
use crate::failure::Explain;

/// The word that stands for a passphrase among recipients.
pub const PASSPHRASE: &str = "passphrase";

/// The most recipients of one vault.
pub const MOST: usize = 64;

/// What a vault's encryption rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On lattices and curves together: a quantum computer alone does not open it.
    PostQuantum,
    /// On curves or RSA: X25519, SSH keys, plugins.
    Classic,
    /// On a passphrase.
    Passphrase,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostQuantum => "post-quantum",
            Self::Classic => "classic",
            Self::Passphrase => "passphrase",
        })
    }
}

/// Why recipients cannot be used. A recipient is told by its place, from 1: what stands there may be an identity, given by mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecipientError {
    /// There is none.
    #[error("no recipient is named")]
    None,
    /// There are more than [`MOST`].
    #[error("there are more than {MOST} recipients")]
    TooMany,
    /// It is none that is known.
    #[error("recipient {place} is not one: neither age1…, ssh-ed25519, ssh-rsa nor `passphrase`")]
    Unknown {
        /// Which one.
        place: usize,
    },
    /// It is a private key.
    #[error("recipient {place} is an identity, which is secret")]
    Identity {
        /// Which one.
        place: usize,
    },
    /// Its text is damaged.
    #[error("recipient {place} is damaged: its checksum or its length is not right")]
    Damaged {
        /// Which one.
        place: usize,
    },
    /// Everybody could open what is encrypted to it.
    #[error("recipient {place} protects nothing: its key has a small order")]
    Worthless {
        /// Which one.
        place: usize,
    },
    /// An RSA key that is too short to be safe, or too long to be used.
    #[error("recipient {place} is an RSA key of a size that cannot be used")]
    Size {
        /// Which one.
        place: usize,
    },
    /// An SSH key of another type.
    #[error("recipient {place} is an SSH key of a type that age does not know")]
    SshType {
        /// Which one.
        place: usize,
    },
    /// The same one twice.
    #[error("recipient {place} is the same as recipient {first}")]
    Twice {
        /// Which one.
        place: usize,
        /// Where it stood before.
        first: usize,
    },
    /// Recipients that must not be mixed.
    #[error("recipient {place} is {kind}, and recipient 1 is not: a vault is only as strong as its weakest recipient")]
    Mixed {
        /// Which one.
        place: usize,
        /// What it is.
        kind: Kind,
    },
    /// A passphrase beside others.
    #[error("a passphrase is not the only recipient")]
    PassphraseNotAlone,
}

impl Explain for RecipientError {
    fn exit(&self) -> Exit {
        Exit::Data
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::None => "name one with --recipient, or let `init` make an identity",
                Self::TooMany => "give people who share a vault one identity, or use several vaults",
                Self::Unknown { .. } => {
                    "name the recipient itself: `age-keygen -y FILE` and `ssh-keygen -y -f FILE` print an identity's, and \
                     `lobsterpot-vault status --recipients` a vault's"
                }
                Self::Identity { .. } => {
                    "name its public part, age1…; change the identity if others could see what was typed"
                }
                Self::Damaged { .. } => "copy it again, whole",
                Self::Worthless { .. } => "ask its owner for the right one",
                Self::Size { .. } => "use an RSA key of 2,048 to 16,384 bits, or better an age1… recipient",
                Self::SshType { .. } => "use ssh-ed25519, ssh-rsa, or better an age1… recipient",
                Self::Twice { .. } => "name each recipient once",
                Self::Mixed { .. } => "use either post-quantum recipients (age1pq1…) or classic ones, for all",
                Self::PassphraseNotAlone => "use either a passphrase or recipients",
            }
            .to_owned(),
        )
    }
}

/// One recipient.
#[derive(Clone)]
pub(crate) enum Recipient {
    /// `age1…`.
    X25519(x25519::Recipient),
    /// `ssh-ed25519 …` or `ssh-rsa …`.
    Ssh(Box<ssh::Recipient>),
    /// `age1pq1…`.
    Hybrid(Box<hybrid::Recipient>),
    /// `age1name1…`.
    Plugin(plugin::Recipient),
    /// `passphrase`.
    Passphrase,
}

impl Recipient {
    /// Reads the one that stands at a place.
    ///
    /// # Errors
    /// When it is none.
    fn parse(text: &str, place: usize) -> Result<Self, RecipientError> {
        let text = text.trim();
        let upper = text.to_ascii_uppercase();
        if upper.starts_with("AGE-SECRET-KEY-") || upper.starts_with("AGE-PLUGIN-") || upper.contains("PRIVATE KEY") {
            return Err(RecipientError::Identity { place });
        }
        if text == PASSPHRASE {
            Ok(Self::Passphrase)
        } else if text.starts_with("age1pq1") {
            let recipient = hybrid::Recipient::parse(text).ok_or(RecipientError::Damaged { place })?;
            Ok(Self::Hybrid(Box::new(recipient)))
        } else if text.starts_with("age1") {
            Self::native(text, place)
        } else {
            Self::ssh(text, place)
        }
    }

    /// Reads `age1…` and `age1name1…`.
    ///
    /// # Errors
    /// When it is neither.
    fn native(text: &str, place: usize) -> Result<Self, RecipientError> {
        if let Some(bytes) = decode("age", text) {
            let share: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| RecipientError::Damaged { place })?;
            if is_worthless(share) {
                return Err(RecipientError::Worthless { place });
            }
            return text.parse().map(Self::X25519).map_err(|_| RecipientError::Damaged { place });
        }
        text.parse().map(Self::Plugin).map_err(|_| RecipientError::Damaged { place })
    }

    /// Reads `ssh-ed25519 …` and `ssh-rsa …`.
    ///
    /// # Errors
    /// When it is neither.
    fn ssh(text: &str, place: usize) -> Result<Self, RecipientError> {
        match text.parse() {
            Ok(ssh::Recipient::SshEd25519(_, point)) if point.is_small_order() => {
                Err(RecipientError::Worthless { place })
            }
            Ok(recipient) => Ok(Self::Ssh(Box::new(recipient))),
            Err(ParseRecipientKeyError::RsaModulusTooLarge | ParseRecipientKeyError::RsaModulusTooSmall) => {
                Err(RecipientError::Size { place })
            }
            Err(ParseRecipientKeyError::Unsupported(_) | ParseRecipientKeyError::Ignore) => {
                Err(RecipientError::SshType { place })
            }
            Err(ParseRecipientKeyError::Invalid(_)) if text.starts_with("ssh-") => {
                Err(RecipientError::Damaged { place })
            }
            Err(ParseRecipientKeyError::Invalid(_)) => Err(RecipientError::Unknown { place }),
        }
    }

    /// The recipient as text, without a comment.
    fn text(&self) -> Option<String> {
        match self {
            Self::X25519(recipient) => Some(recipient.to_string()),
            Self::Ssh(recipient) => Some(recipient.to_string()),
            Self::Hybrid(recipient) => recipient.text(),
            Self::Plugin(recipient) => Some(recipient.to_string()),
            Self::Passphrase => Some(PASSPHRASE.to_owned()),
        }
    }

    /// What it rests on. None for a plugin: only the plugin knows, and says so by a label when something is sealed.
    const fn kind(&self) -> Option<Kind> {
        match self {
            Self::X25519(_) | Self::Ssh(_) => Some(Kind::Classic),
            Self::Hybrid(_) => Some(Kind::PostQuantum),
            Self::Plugin(_) => None,
            Self::Passphrase => Some(Kind::Passphrase),
        }
    }
}

/// The recipients of a vault: at least one, each once, of one kind.
#[derive(Clone)]
pub struct Recipients {
    /// What the encryption rests on.
    kind: Kind,
    /// The recipients as text.
    texts: Vec<String>,
    /// The recipients.
    all: Vec<Recipient>,
}

impl Recipients {
    /// Reads recipients.
    ///
    /// # Errors
    /// When there is none, when one is not valid or stands twice, or when they are not of one kind.
    pub fn parse(texts: &[String]) -> Result<Self, RecipientError> {
        if texts.is_empty() {
            return Err(RecipientError::None);
        }
        if texts.len() > MOST {
            return Err(RecipientError::TooMany);
        }
        let mut found = Self { kind: Kind::Classic, texts: Vec::new(), all: Vec::new() };
        let mut kind = None;
        for (place, text) in (1..).zip(texts) {
            let recipient = Recipient::parse(text, place)?;
            let text = recipient.text().ok_or(RecipientError::Damaged { place })?;
            if let Some(first) = found.texts.iter().position(|other| *other == text) {
                return Err(RecipientError::Twice { place, first: first + 1 });
            }
            kind = agree(kind, recipient.kind(), place)?;
            found.texts.push(text);
            found.all.push(recipient);
        }
        if kind == Some(Kind::Passphrase) && found.all.len() > 1 {
            return Err(RecipientError::PassphraseNotAlone);
        }
        // Plugins alone count as the weaker kind, for nothing shows that they are not.
        found.kind = kind.unwrap_or(Kind::Classic);
        Ok(found)
    }

    /// What the encryption rests on.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The recipients as text: without comments, as they are kept in a vault.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The recipients.
    pub(crate) fn all(&self) -> &[Recipient] {
        &self.all
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipients({}, {:?})", self.kind, self.texts)
    }
}

/// The kind of all when one more comes; plugins fit to every kind but a passphrase until age compares their labels.
///
/// # Errors
/// When they must not be mixed.
fn agree(all: Option<Kind>, one: Option<Kind>, place: usize) -> Result<Option<Kind>, RecipientError> {
    match (all, one) {
        (all, None) => Ok(all),
        (None, one) => Ok(one),
        (Some(Kind::Passphrase), Some(_)) | (Some(_), Some(Kind::Passphrase)) => {
            Err(RecipientError::PassphraseNotAlone)
        }
        (Some(all), Some(one)) if all != one => Err(RecipientError::Mixed { place, kind: one }),
        (Some(_), one) => Ok(one),
    }
}
