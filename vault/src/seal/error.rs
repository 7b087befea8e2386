//! Why something cannot be encrypted or decrypted. The library's own words are not shown: they may repeat what they were given.

use age::{DecryptError, EncryptError};
use thiserror::Error;

use super::layout::{LONGEST_HEADER, Layout, MOST_STANZAS};
use super::{LARGEST_CONTENT, LARGEST_FILE};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::keys::{Key, Keys, MOST_WORK, PluginError, Source, TextError};
use crate::sys::keyring::DESCRIPTION;

/// Why content is not encrypted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The content is too long.
    #[error("the vault's content is longer than {LARGEST_CONTENT} bytes")]
    TooLarge,
    /// The recipient is a passphrase, and there is none.
    #[error("the vault is for a passphrase, and none is given")]
    PassphraseMissing,
    /// Recipients that say themselves that they must not be mixed.
    #[error("the recipients must not be mixed: a plugin's is not as strong as the others, or the other way round")]
    Mixed,
    /// A plugin is missing, or is not started.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// A plugin failed, or asked a person.
    #[error("a plugin did not encrypt to its recipient")]
    PluginFailed,
    /// The recipients make a header that would not be opened again.
    #[error("the recipients make a header of more than {LONGEST_HEADER} bytes or {MOST_STANZAS} stanzas")]
    Header,
    /// The library failed, or the kernel gives no randomness.
    #[error("the content cannot be encrypted")]
    Failed,
}

impl Explain for SealError {
    fn exit(&self) -> Exit {
        match self {
            Self::TooLarge | Self::Mixed | Self::Header => Exit::Data,
            Self::PassphraseMissing => Exit::Denied,
            Self::Plugin(error) => error.exit(),
            Self::PluginFailed | Self::Failed => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TooLarge => Some("split it into several vaults".to_owned()),
            Self::PassphraseMissing => Some("give it on a descriptor: `--passphrase-fd 3 3<FILE`".to_owned()),
            Self::Mixed => Some("use recipients of one kind".to_owned()),
            Self::Plugin(error) => error.hint(),
            Self::PluginFailed => Some("run `age -r RECIPIENT` by hand to see what the plugin says".to_owned()),
            Self::Header => Some("use fewer recipients".to_owned()),
            Self::Failed => Some("allow getrandom(2)".to_owned()),
        }
    }
}

impl From<EncryptError> for SealError {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::IncompatibleRecipients { .. } | EncryptError::MixedRecipientAndPassphrase => Self::Mixed,
            EncryptError::MissingPlugin { .. }
            | EncryptError::Plugin(_)
            | EncryptError::InvalidRecipientLabels(_)
            | EncryptError::EncryptedIdentities(_) => Self::PluginFailed,
            EncryptError::Io(_) | EncryptError::MissingRecipients => Self::Failed,
        }
    }
}

/// Why a file is not decrypted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is nothing in it.
    #[error("the vault is empty: it has no bytes at all")]
    Empty,
    /// It is too long.
    #[error("the vault is longer than {LARGEST_FILE} bytes")]
    TooLarge,
    /// It is something else.
    #[error("the file is not an age file")]
    Foreign,
    /// It is of a later version of the format.
    #[error("the file has a version of the age format that is not known")]
    Version,
    /// Its armor is damaged, or something stands around it.
    #[error("the vault's armor is damaged, or followed by something else")]
    Armor,
    /// It ends within its header.
    #[error("the vault is truncated: it ends before its header does")]
    Truncated,
    /// Its header is too long.
    #[error("the vault's header is longer than {LONGEST_HEADER} bytes")]
    HeaderLength,
    /// Its header has too many stanzas.
    #[error("the vault's header has more than {MOST_STANZAS} stanzas")]
    Stanzas,
    /// Its header is damaged.
    #[error("the vault's header is damaged")]
    Header,
    /// Its header was changed since it was written.
    #[error("the vault's header was altered: its authentication code is not right")]
    Altered,
    /// Its content was changed or cut since it was written.
    #[error("the vault's content is damaged or truncated")]
    Content,
    /// It is for a passphrase, and there is none.
    #[error("the vault is encrypted with a passphrase, and none is given")]
    PassphraseMissing,
    /// It is for an identity, and there is only a passphrase.
    #[error("the vault is encrypted to recipients, and there is only a passphrase")]
    IdentityMissing,
    /// The passphrase is another one.
    #[error("the passphrase does not open the vault")]
    WrongPassphrase,
    /// The passphrase would cost too much work.
    #[error("the vault asks for more work than opening a vault may take: scrypt factor {asked}, at most {MOST_WORK}", asked = factor(*.asked))]
    Work {
        /// The factor that it asks for; 255 stands for more than that.
        asked: u8,
    },
    /// It is for other identities.
    #[error("the vault is not encrypted to {shown} from {origin}")]
    NoMatch {
        /// The identities that were tried: kind and fingerprint.
        shown: String,
        /// Where they came from.
        origin: Source,
        /// The vault is for post-quantum recipients, and none of the identities is one.
        is_post_quantum: bool,
    },
    /// A plugin is missing, or is not started.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// A plugin failed, or asked a person.
    #[error("the plugin of {name} did not decrypt")]
    PluginFailed {
        /// The plugin's name, or where its identity came from.
        name: String,
    },
}

/// A work factor as it is told.
fn factor(asked: u8) -> String {
    if asked == u8::MAX { "of 255 or more".to_owned() } else { asked.to_string() }
}

impl Explain for OpenError {
    fn exit(&self) -> Exit {
        match self {
            Self::PassphraseMissing | Self::IdentityMissing | Self::WrongPassphrase | Self::NoMatch { .. } => {
                Exit::Denied
            }
            Self::Plugin(error) => error.exit(),
            Self::PluginFailed { .. } => Exit::Unavailable,
            Self::Empty
            | Self::TooLarge
            | Self::Foreign
            | Self::Version
            | Self::Armor
            | Self::Truncated
            | Self::HeaderLength
            | Self::Stanzas
            | Self::Header
            | Self::Altered
            | Self::Content
            | Self::Work { .. } => Exit::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Foreign => "name the vault with --vault; `import` takes plain .env and SOPS files",
            Self::Version => "use a later release",
            Self::Empty
            | Self::Armor
            | Self::Truncated
            | Self::Header
            | Self::Altered
            | Self::Content
            | Self::HeaderLength
            | Self::Stanzas
            | Self::TooLarge => "put the vault back from a copy; nothing of this file was used",
            Self::Work { .. } => "it was made to stop you, or by a program with unusual settings: `age -d` opens it",
            Self::PassphraseMissing => "give it on a descriptor: `--passphrase-fd 3 3<FILE`",
            Self::IdentityMissing => "name the file with the identity: --identity FILE",
            Self::WrongPassphrase => "check the passphrase; it is read to the first line's end",
            Self::NoMatch { origin: Source::Keyring, .. } => {
                let remove = format!("keyctl purge user {DESCRIPTION}");
                return Some(format!(
                    "`{remove}` removes it, so that the identity's file counts; or name that: --identity FILE"
                ));
            }
            Self::NoMatch { is_post_quantum: true, .. } => {
                "the vault is post-quantum: name the file with its AGE-SECRET-KEY-PQ-1… identity: --identity FILE"
            }
            Self::NoMatch { .. } => "name the file with the right identity: --identity FILE",
            Self::Plugin(error) => return error.hint(),
            Self::PluginFailed { .. } => "run `age -d -i IDENTITY VAULT` by hand to see what the plugin says",
        };
        Some(hint.to_owned())
    }
}

impl OpenError {
    /// What an error of the parser means.
    pub(super) fn of_header(error: &DecryptError) -> Self {
        match error {
            DecryptError::UnknownFormat => Self::Version,
            DecryptError::Io(_) => Self::Truncated,
            DecryptError::DecryptionFailed
            | DecryptError::ExcessiveWork { .. }
            | DecryptError::InvalidHeader
            | DecryptError::InvalidMac
            | DecryptError::KeyDecryptionFailed
            | DecryptError::MissingPlugin { .. }
            | DecryptError::NoMatchingKeys
            | DecryptError::Plugin(_) => Self::Header,
        }
    }

    /// What an error means that came up when these keys were tried.
    pub(super) fn of_keys(error: DecryptError, keys: &Keys, layout: Layout) -> Self {
        match error {
            DecryptError::DecryptionFailed if layout.is_for_passphrase => Self::WrongPassphrase,
            DecryptError::NoMatchingKeys => Self::NoMatch {
                shown: keys.shown().join(", "),
                origin: keys.source().clone(),
                is_post_quantum: layout.is_post_quantum && !keys.all().iter().any(|key| matches!(key, Key::Hybrid(_))),
            },
            DecryptError::ExcessiveWork { required, .. } => Self::Work { asked: required },
            DecryptError::InvalidMac => Self::Altered,
            DecryptError::MissingPlugin { .. } | DecryptError::Plugin(_) | DecryptError::Io(_) => {
                Self::PluginFailed { name: keys.source().to_string() }
            }
            DecryptError::UnknownFormat => Self::Version,
            DecryptError::DecryptionFailed | DecryptError::InvalidHeader | DecryptError::KeyDecryptionFailed => {
                Self::Header
            }
        }
    }

    /// What it means for a file that holds identities.
    pub(crate) fn of_identity_file(&self) -> TextError {
        if matches!(self, Self::WrongPassphrase) {
            TextError::WrongPassphrase
        } else if matches!(self, Self::PassphraseMissing) {
            TextError::Locked
        } else if matches!(self, Self::IdentityMissing) {
            TextError::Vault
        } else {
            TextError::Sealed
        }
    }
}
