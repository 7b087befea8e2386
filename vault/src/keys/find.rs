//! Finds the identity: a credential of systemd, then the kernel's keyring, then a file. The order is fixed; what is absent is
//! passed over, what is there and is not right ends the search, so that nothing weaker is used instead.

use std::env;
use std::path::PathBuf;

use thiserror::Error;

use super::file::{self, Closed, FileError};
use super::identities::TextError;
use super::{Keys, PassphraseError, Source, passphrase};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::places::Places;
use crate::secret::Secret;
use crate::sys::keyring::{self, KeyringError};

/// The name of the credential that holds the identity.
pub const CREDENTIAL: &str = "lobsterpot-vault-identity";

/// What to look for, and where.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// `--identity`: this file and nothing else.
    pub identity: Option<PathBuf>,
    /// `--passphrase-fd`: the descriptor to read a passphrase from.
    pub passphrase_fd: Option<u32>,
    /// The folder of the credentials that systemd gives to a unit.
    pub credentials: Option<PathBuf>,
    /// The file where an identity is when nobody says.
    pub usual: Option<PathBuf>,
}

impl Wanted {
    /// What the command line says, with the places of the caller and the credentials of the unit that we run in.
    #[must_use]
    pub fn new(identity: Option<PathBuf>, passphrase_fd: Option<u32>, places: Option<&Places>) -> Self {
        Self {
            identity,
            passphrase_fd,
            credentials: env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty()).map(PathBuf::from),
            usual: places.map(|places| places.identity.clone()),
        }
    }
}

/// Why there is no identity.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeysError {
    /// There is none in any of the places.
    #[error("there is no identity: not as the credential {CREDENTIAL}, not in the kernel keyring as {description}, not in {file}", description = keyring::DESCRIPTION)]
    Nowhere {
        /// The file where it would be.
        file: String,
    },
    /// The file that was named is not there.
    #[error("the identity file {path} does not exist", path = .path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// The folder of credentials is named in a way that depends on where we stand.
    #[error("CREDENTIALS_DIRECTORY is not an absolute path")]
    Credentials,
    /// The file, or the credential, is not kept as it has to be.
    #[error(transparent)]
    File(#[from] FileError),
    /// The keyring has it, but does not give it.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The passphrase cannot be read.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// What was found does not hold identities.
    #[error("{source_of} cannot be used: {reason}")]
    Text {
        /// Where it was found.
        source_of: Source,
        /// What is wrong with it.
        reason: TextError,
    },
}

impl Explain for KeysError {
    fn exit(&self) -> Exit {
        match self {
            Self::Nowhere { .. } | Self::NoFile { .. } => Exit::NotFound,
            Self::Credentials => Exit::Denied,
            Self::File(error) => error.exit(),
            Self::Keyring(error) => error.exit(),
            Self::Passphrase(error) => error.exit(),
            Self::Text { reason: TextError::Locked | TextError::WrongPassphrase, .. } => Exit::Denied,
            Self::Text { .. } => Exit::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Nowhere { .. } | Self::NoFile { .. } => Some(
                "put its copy back there with mode 0600, or name its file with --identity FILE; a vault that is there already opens \
                 with no other, and only where there is none `lobsterpot-vault init` makes both"
                    .to_owned(),
            ),
            Self::Credentials => Some("let systemd set it, with LoadCredentialEncrypted= in the unit".to_owned()),
            Self::File(error) => error.hint(),
            Self::Keyring(error) => error.hint(),
            Self::Passphrase(error) => error.hint(),
            Self::Text { reason, .. } => Some(reason.hint()),
        }
    }
}

/// Finds the identity and reads the passphrase, if one is given. Never asks anybody.
///
/// # Errors
/// When a source is there and is not right, or when there is none at all and no passphrase either.
pub fn find(wanted: &Wanted) -> Result<Keys, KeysError> {
    let passphrase = wanted.passphrase_fd.map(passphrase::read).transpose()?;
    let Some((text, source)) = search(wanted)? else {
        let file = wanted.usual.as_ref().map_or("a file".to_owned(), |path| path.display().to_string());
        return passphrase.map(Keys::of_passphrase).ok_or(KeysError::Nowhere { file });
    };
    tracing::debug!(source = %source, "found the identity");
    Keys::parse(&text, source.clone(), passphrase).map_err(|reason| KeysError::Text { source_of: source, reason })
}

/// The first text that is there.
///
/// # Errors
/// When one is there and is not right.
fn search(wanted: &Wanted) -> Result<Option<(Secret, Source)>, KeysError> {
    if let Some(path) = &wanted.identity {
        let text = file::read(path, Closed::ToAll)?.ok_or_else(|| KeysError::NoFile { path: path.clone() })?;
        return Ok(Some((text, Source::File(path.clone()))));
    }
    if let Some(folder) = &wanted.credentials {
        if !folder.is_absolute() {
            return Err(KeysError::Credentials);
        }
        let path = folder.join(CREDENTIAL);
        if let Some(text) = file::read(&path, Closed::ToWriters)? {
            return Ok(Some((text, Source::Credential(path))));
        }
    }
    if let Some(text) = keyring::read()? {
        return Ok(Some((text, Source::Keyring)));
    }
    let Some(path) = &wanted.usual else { return Ok(None) };
    Ok(file::read(path, Closed::ToAll)?.map(|text| (text, Source::File(path.clone()))))
}
