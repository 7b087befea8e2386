//! Keys: the identities that open a vault, where they are found, and the recipients that it is encrypted to.

mod encoding;
mod file;
mod find;
mod hybrid;
mod identities;
mod make;
mod passphrase;
mod plugin;
mod recipients;

use std::fmt;
use std::path::PathBuf;

pub use crate::sys::keyring::{KeyringError, put as put_in_keyring, remove as remove_from_keyring};
pub use file::FileError;
pub use find::{CREDENTIAL, KeysError, Wanted, find};
pub use identities::{TextError, fingerprint};
pub use make::{Generated, MakeError, generate, write_identity};
pub use passphrase::{MOST_WORK, PassphraseError, WORK, read as passphrase_from};
pub use plugin::PluginError;
pub use recipients::{Kind, MOST as MOST_RECIPIENTS, PASSPHRASE, RecipientError, Recipients};

pub(crate) use hybrid::TAG as HYBRID_TAG;
pub(crate) use identities::Key;
pub(crate) use passphrase::{Identity as PassphraseIdentity, TAG as PASSPHRASE_TAG, recipient as passphrase_recipient};
pub(crate) use plugin::{Alone, check as check_plugin};
pub(crate) use recipients::Recipient;

use crate::secret::Secret;

/// Where identities came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A credential of systemd, in this file.
    Credential(PathBuf),
    /// The kernel's keyring.
    Keyring,
    /// A file.
    File(PathBuf),
    /// A passphrase, and nothing else.
    Passphrase,
    /// Made just now.
    Generated,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(path) => write!(f, "the credential {}", path.display()),
            Self::Keyring => f.write_str("the kernel keyring"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Passphrase => f.write_str("the passphrase"),
            Self::Generated => f.write_str("the new identity"),
        }
    }
}

/// What opens a vault: identities from one source, a passphrase, or both.
#[derive(Clone)]
pub struct Keys {
    /// Where the identities came from.
    source: Source,
    /// The identities.
    all: Vec<Key>,
    /// The passphrase that the caller gave.
    passphrase: Option<Secret>,
}

impl Keys {
    /// Reads identities from a text: lines of age with comments, one SSH private key, or an identity file that is encrypted with the
    /// passphrase.
    ///
    /// # Errors
    /// When the text holds something else, or is encrypted and the passphrase is missing or another one.
    pub fn parse(text: &Secret, source: Source, passphrase: Option<Secret>) -> Result<Self, TextError> {
        let all = if crate::seal::is_age(text.as_bytes()) {
            let keys = Self { source: Source::Passphrase, all: Vec::new(), passphrase: passphrase.clone() };
            let opened = crate::seal::open(text.as_bytes(), &keys).map_err(|error| error.of_identity_file())?;
            identities::parse(&opened, None)?
        } else {
            identities::parse(text, passphrase.as_ref())?
        };
        Ok(Self { source, all, passphrase })
    }

    /// A passphrase alone.
    #[must_use]
    pub const fn of_passphrase(passphrase: Secret) -> Self {
        Self { source: Source::Passphrase, all: Vec::new(), passphrase: Some(passphrase) }
    }

    /// Where the identities came from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The passphrase that the caller gave.
    #[must_use]
    pub const fn passphrase(&self) -> Option<&Secret> {
        self.passphrase.as_ref()
    }

    /// The public part of each identity as a recipient; nothing for plugins, which alone know theirs.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.all.iter().filter_map(Key::recipient).collect()
    }

    /// Each identity as it may be shown: its kind, and the fingerprint of its public part.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        self.all.iter().map(Key::to_string).collect()
    }

    /// The identities.
    pub(crate) fn all(&self) -> &[Key] {
        &self.all
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} from {})", self.all.len(), self.source)
    }
}

#[cfg(test)]
mod tests;
