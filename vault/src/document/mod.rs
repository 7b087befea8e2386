//! What a vault holds: named secrets, each with its dates, a note, and who may have it. Data and judgement; no I/O, no clock.

mod consumers;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

pub use consumers::{BadConsumer, Consumer, Consumers};

use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;

/// The longest value, in bytes.
pub const LONGEST_VALUE: usize = 1 << 20;

/// One secret and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Secret,
    /// When the name came into the vault; whole seconds.
    pub created: SystemTime,
    /// When the value was last changed; whole seconds.
    pub rotated: SystemTime,
    /// From when on it should not be used any more; whole seconds.
    pub expires: Option<SystemTime>,
    /// What a person wants to remember about it.
    pub note: Option<String>,
    /// Who may have it.
    pub consumers: Consumers,
}

impl Entry {
    /// A new entry of a value, for every consumer.
    #[must_use]
    pub const fn new(value: Secret, now: SystemTime) -> Self {
        Self { value, created: now, rotated: now, expires: None, note: None, consumers: Consumers::any() }
    }

    /// Whether it must not be used any more.
    #[must_use]
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

/// The content of a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What makes this vault itself: random, never shown, the same for its whole life.
    seed: Seed,
    /// How often the vault was written; every published version has a higher one.
    pub generation: u64,
    /// To whom the vault is encrypted, as `age` writes recipients.
    pub recipients: Vec<String>,
    /// The secrets by name.
    pub secrets: BTreeMap<Name, Entry>,
}

/// The random bytes that make a vault itself.
#[derive(Clone, PartialEq, Eq)]
struct Seed(Zeroizing<[u8; 32]>);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

/// Why bytes that were decrypted are not a vault's content. Says nothing of what is in them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The age file holds something else.
    #[error("the age file opens, but holds something other than a vault")]
    NotAVault,
    /// It was written by a later release.
    #[error("the vault has version {version} of the format; this release knows {known}", known = wire::VERSION)]
    Version {
        /// The version that it says it has.
        version: u64,
    },
    /// It breaks a rule of the format.
    #[error("the vault's content is not valid, near line {line}, column {column} of the document")]
    Invalid {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
}

impl Explain for DocumentError {
    fn exit(&self) -> Exit {
        Exit::Data
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAVault => "name the vault with --vault; `import` takes plain .env and SOPS files".to_owned(),
            Self::Version { .. } => "use the release that wrote it, or a later one".to_owned(),
            Self::Invalid { .. } => {
                "put back a copy that `verify` accepts; `age -d` shows what is in this one".to_owned()
            }
        })
    }
}

impl Document {
    /// A new, empty vault for `recipients`, with a fresh seed.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn new(recipients: Vec<String>) -> Result<Self, getrandom::Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        Ok(Self { seed: Seed(seed), generation: 0, recipients, secrets: BTreeMap::new() })
    }

    /// Reads the content of a vault.
    ///
    /// # Errors
    /// When it is no vault, of a later version, or breaks a rule, such as a name that is there twice.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentError> {
        wire::read(bytes)
    }

    /// The content as it is encrypted: JSON, names in order, so that `age -d` shows something that a person can use.
    #[must_use]
    pub fn to_bytes(&self) -> Secret {
        wire::write(self)
    }

    /// A digest of a value under this vault's own key, for people to compare: 16 hexadecimal digits. Without the vault nobody can
    /// try values against it, and the same value has another digest in another vault.
    #[must_use]
    pub fn digest(&self, value: &Secret) -> String {
        let mut text = String::with_capacity(DIGITS);
        self.digests().write(value, &mut text);
        text
    }

    /// What makes [`Document::digest`]s of many values.
    #[must_use]
    pub fn digests(&self) -> Digests {
        Digests(self.mac("value"))
    }

    /// What tells this vault from every other one, and can be known to all: a digest of the seed.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.keyed("fingerprint", &[])
    }

    /// HMAC-SHA-256 (RFC 2104) under the seed, of a `purpose` and `bytes`. The purpose keeps digests of one kind from being
    /// answers to another.
    #[must_use]
    pub fn keyed(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        self.mac(purpose).chain_update(bytes).finalize().into_bytes().into()
    }

    /// The beginning of [`Document::keyed`], to which the bytes are yet to come.
    fn mac(&self, purpose: &str) -> Hmac<Sha256> {
        match <Hmac<Sha256> as KeyInit>::new_from_slice(self.seed.0.as_ref()) {
            Ok(mac) => mac.chain_update(purpose).chain_update([0]),
            Err(_) => unreachable!("HMAC takes keys of every length"),
        }
    }
}

/// How many hexadecimal digits a digest has.
const DIGITS: usize = 16;

/// Makes digests of values, the key set up once for all of them.
pub struct Digests(Hmac<Sha256>);

impl Digests {
    /// Adds the digest of a value to a text.
    pub fn write(&self, value: &Secret, text: &mut String) {
        let keyed = self.0.clone().chain_update(value.as_bytes()).finalize().into_bytes();
        let mut digits = [0; DIGITS];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(keyed) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
    }
}

/// The hexadecimal digit of a number below 16.
const fn digit(half: u8) -> u8 {
    half + if half < 10 { b'0' } else { b'a' - 10 }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digests")
    }
}

#[cfg(test)]
mod tests;
