//! Identities: reads the texts that hold them, as age and OpenSSH write them.

use std::fmt;

use age::ssh::{self, UnsupportedKey};
use age::{plugin, x25519};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::encoding::decode;
use super::{hybrid, passphrase};
use crate::secret::Secret;

/// The most identities in one place.
pub(super) const MOST: usize = 64;

/// How a private key of OpenSSH, or an older one of RSA, begins.
const SSH_BEGINNINGS: &[&str] = &["-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----"];

/// Why a text does not hold identities. Says nothing of what is in it but where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TextError {
    /// It is not text.
    #[error("it is not UTF-8")]
    NotText,
    /// There is no identity in it.
    #[error("it holds no identity")]
    None,
    /// There are more than `MOST`.
    #[error("it holds more than {MOST} identities")]
    TooMany,
    /// A line is something else.
    #[error("line {line} is not an identity")]
    Line {
        /// Which one, from 1.
        line: usize,
    },
    /// A line is an identity whose text was damaged.
    #[error("line {line} is an identity that is damaged: its checksum or its length is not right")]
    Damaged {
        /// Which one, from 1.
        line: usize,
    },
    /// A line is a recipient.
    #[error("line {line} is a recipient, the public part of an identity")]
    Recipient {
        /// Which one, from 1.
        line: usize,
    },
    /// An SSH key that cannot be read.
    #[error("its SSH key is damaged")]
    Ssh,
    /// An SSH key of a type that age does not know, or that a device keeps.
    #[error("its SSH key is of a type that cannot decrypt, or is encrypted in an old way")]
    SshType,
    /// It is encrypted, and there is no passphrase.
    #[error("it is encrypted with a passphrase")]
    Locked,
    /// It is encrypted, and the passphrase is another one.
    #[error("it is encrypted, and the passphrase does not open it")]
    WrongPassphrase,
    /// It is encrypted to recipients, as a vault is.
    #[error("it is a vault, or another file that is encrypted to recipients, and no identity")]
    Vault,
    /// It is encrypted, and damaged or made to stop us.
    #[error("it is an encrypted file that is damaged")]
    Sealed,
}

impl TextError {
    /// What to do.
    pub(super) fn hint(self) -> String {
        match self {
            Self::NotText | Self::None | Self::Line { .. } | Self::TooMany => {
                "it has to hold AGE-SECRET-KEY-… lines, or one SSH private key; `lobsterpot-vault init` makes one"
            }
            Self::Damaged { .. } | Self::Ssh | Self::Sealed => "put the identity back from its copy",
            Self::Recipient { .. } | Self::Vault => "name the file with the AGE-SECRET-KEY-… lines",
            Self::SshType => "use an ssh-ed25519 or ssh-rsa key; `ssh-keygen -p -f FILE` writes an old one anew",
            Self::Locked => "give the passphrase on a descriptor: `--passphrase-fd 3 3<FILE`",
            Self::WrongPassphrase => "check the passphrase; it is read to the first line's end",
        }
        .to_owned()
    }
}

/// One identity.
#[derive(Clone)]
pub(crate) enum Key {
    /// `AGE-SECRET-KEY-1…`.
    X25519(x25519::Identity),
    /// `AGE-SECRET-KEY-PQ-1…`.
    Hybrid(hybrid::Identity),
    /// An SSH private key.
    Ssh(Box<ssh::Identity>),
    /// `AGE-PLUGIN-NAME-1…`.
    Plugin(plugin::Identity),
}

impl Key {
    /// Reads a line that holds an identity.
    ///
    /// # Errors
    /// When it holds something else.
    fn parse(text: &str, line: usize) -> Result<Self, TextError> {
        let damaged = TextError::Damaged { line };
        if text.starts_with("AGE-SECRET-KEY-PQ-1") {
            hybrid::Identity::parse(text).map(Self::Hybrid).ok_or(damaged)
        } else if text.starts_with("AGE-SECRET-KEY-1") {
            decode("age-secret-key-", text).filter(|bytes| bytes.len() == 32).ok_or(damaged)?;
            text.parse().map(Self::X25519).map_err(|_| damaged)
        } else if text.starts_with("AGE-PLUGIN-") {
            text.parse().map(Self::Plugin).map_err(|_| damaged)
        } else if text.starts_with("age1") || text.starts_with("ssh-") {
            Err(TextError::Recipient { line })
        } else {
            Err(TextError::Line { line })
        }
    }

    /// The public part as a recipient; none for a plugin, which alone knows it. Takes a multiplication or a key generation.
    pub(super) fn recipient(&self) -> Option<String> {
        match self {
            Self::X25519(identity) => Some(identity.to_public().to_string()),
            Self::Hybrid(identity) => identity.recipient()?.text(),
            Self::Ssh(identity) => {
                ssh::Recipient::try_from(identity.as_ref().clone()).ok().map(|found| found.to_string())
            }
            Self::Plugin(_) => None,
        }
    }

    /// What kind of key it is, in a word or two.
    fn word(&self) -> String {
        match self {
            Self::X25519(_) => "X25519".to_owned(),
            Self::Hybrid(_) => "post-quantum".to_owned(),
            Self::Ssh(_) => "SSH".to_owned(),
            Self::Plugin(identity) => format!("plugin {}", identity.plugin()),
        }
    }
}

/// The kind, and the fingerprint of the public part; never the key.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word())?;
        self.recipient().map_or(Ok(()), |recipient| write!(f, " {}", fingerprint(&recipient)))
    }
}

/// How a recipient is shown where its whole text is too long: the first 64 bits of its SHA-256.
#[must_use]
pub fn fingerprint(recipient: &str) -> String {
    let digest = Sha256::digest(recipient.as_bytes());
    digest.iter().take(8).fold("SHA256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Reads all identities in a text: lines of age, or one SSH key. Not an encrypted file.
///
/// # Errors
/// When something else is in it.
pub(super) fn parse(text: &Secret, passphrase: Option<&Secret>) -> Result<Vec<Key>, TextError> {
    let text = text.as_text().ok_or(TextError::NotText)?;
    if SSH_BEGINNINGS.iter().any(|beginning| text.trim_start().starts_with(beginning)) {
        return parse_ssh(text, passphrase).map(|key| vec![key]);
    }
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if keys.len() == MOST {
            return Err(TextError::TooMany);
        }
        keys.push(Key::parse(line, number)?);
    }
    if keys.is_empty() { Err(TextError::None) } else { Ok(keys) }
}

/// Reads an SSH private key, and decrypts it where it is encrypted.
///
/// # Errors
/// When it is damaged, of an unknown type, or encrypted with another passphrase.
fn parse_ssh(text: &str, passphrase: Option<&Secret>) -> Result<Key, TextError> {
    let identity = ssh::Identity::from_buffer(text.trim_start().as_bytes(), None).map_err(|_| TextError::Ssh)?;
    let identity = match identity {
        ssh::Identity::Unencrypted(_) => identity,
        ssh::Identity::Encrypted(key) => {
            let passphrase = passphrase.and_then(passphrase::as_age).ok_or(TextError::Locked)?;
            key.decrypt(passphrase).map_err(|_| TextError::WrongPassphrase)?.into()
        }
        ssh::Identity::Unsupported(
            UnsupportedKey::EncryptedPem
            | UnsupportedKey::EncryptedSsh(_)
            | UnsupportedKey::Hardware(_)
            | UnsupportedKey::Type(_),
        ) => return Err(TextError::SshType),
    };
    Ok(Key::Ssh(Box::new(identity)))
}
