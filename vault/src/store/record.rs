//! What was seen last: whether the vault that is there now is older than that, or another one.
//!
//! Whoever can write the vault's file can put an older copy back, and, as recipients are public, even seal a whole new document.
//! Neither breaks the encryption, so the caller's own state folder holds, for every vault, its fingerprint (a digest of the seed
//! inside the document, which a forger does not know), its generation and the digest of the file. The first sight of a vault is
//! trusted; there is nothing to compare it with.
//!
//! Whoever can write a folder above the vault's can put a link in its place, so that the vault really is elsewhere, where none was
//! seen. So a vault that is reached by a link is recorded twice: by where it really is, and by the path that was asked for.
//!
//! Order: a reader reads the record before the vault, and a writer writes the vault before the record. So the vault that is
//! compared is never older than the record, and a writer that dies in between raises no alarm. A record only ever goes forward.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::folder::{Folder, PlaceError};
use super::lock::{Lock, LockError};
use super::publication::{Before, PublishError, publish};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::{Explain, word};

/// More bytes than a record has.
const LONGEST: u64 = 16 * 1024;

/// How long a writer of the vault waits for another one of the same record. A reader need not wait at all.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What a record says about a version of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    /// Where the vault is; says to people what the record is about.
    pub vault: PathBuf,
    /// [`Document::fingerprint`], in hexadecimal digits.
    pub fingerprint: String,
    /// [`Document::generation`].
    pub generation: u64,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub digest: String,
}

/// How a vault compares with what was seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// It was not seen before.
    First,
    /// It is the same.
    Same,
    /// It is a later version.
    Newer,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "seen for the first time, and trusted",
            Self::Same => "the vault that was seen last",
            Self::Newer => "a later version of the vault that was seen last",
        })
    }
}

/// Why a vault is not believed, or its record not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// An earlier version was put back.
    #[error("the vault \"{}\" is older than the one seen last: version {found}, after version {seen}", vault.display())]
    Older {
        /// The vault.
        vault: PathBuf,
        /// Its generation.
        found: u64,
        /// The generation that was seen last.
        seen: u64,
    },
    /// It was written from the same version as another one that was seen.
    #[error("the vault \"{}\" is not the one seen last, but has the same version, {generation}", vault.display())]
    Forked {
        /// The vault.
        vault: PathBuf,
        /// The generation of both.
        generation: u64,
    },
    /// Another vault was put in its place.
    #[error("another vault was put in the place of \"{}\": its fingerprint is {found}, not {seen}", vault.display())]
    Foreign {
        /// The vault.
        vault: PathBuf,
        /// The beginning of its fingerprint.
        found: String,
        /// The beginning of the fingerprint that was seen last.
        seen: String,
    },
    /// The record cannot be read.
    #[error("the record \"{}\" of the vault that was seen last is not valid", path.display())]
    Broken {
        /// The record.
        path: PathBuf,
    },
    /// The record's folder or file is not safe, or cannot be read.
    #[error("the record of the vault that was seen last is not used: {0}")]
    Place(#[from] PlaceError),
    /// The record could not be locked.
    #[error("the record of what was seen could not be kept: {0}")]
    Lock(#[from] LockError),
    /// The record could not be written.
    #[error("the record of what was seen could not be kept: {0}")]
    Publish(#[from] PublishError),
    /// The state folder could not be made.
    #[error("the record of what was seen could not be kept in \"{}\": {source}", path.display())]
    Make {
        /// The state folder.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl Explain for RecordError {
    fn exit(&self) -> Exit {
        match self {
            Self::Older { .. } | Self::Forked { .. } | Self::Foreign { .. } | Self::Broken { .. } => Exit::Replaced,
            Self::Place(error) => error.exit(),
            Self::Lock(error) => error.exit(),
            Self::Publish(error) => error.exit(),
            Self::Make { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Older { .. } | Self::Forked { .. } | Self::Foreign { .. } | Self::Broken { .. } => Some(
                "put the right file back, or, if you replaced it yourself, run: lobsterpot-vault verify --accept"
                    .to_owned(),
            ),
            Self::Place(PlaceError::Writable { path, .. }) => {
                Some(format!("check what is there, then run: chmod go-w {}", word(path)))
            }
            Self::Place(PlaceError::Link { path, .. } | PlaceError::Kind { path, .. }) => {
                Some(format!("check what it is, then remove it: {}", word(path)))
            }
            Self::Place(PlaceError::Empty { path } | PlaceError::TooLarge { path, .. }) => Some(format!(
                "check the vault with `lobsterpot-vault verify --accept`, which writes '{}' anew",
                path.display()
            )),
            Self::Place(error) => error.hint(),
            Self::Lock(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Make { path, .. } => Some(format!("make the folder yourself: mkdir -p -m 700 {}", word(path))),
        }
    }
}

impl RecordError {
    /// Whether it says that the vault is not the one it should be, rather than that the record could not be kept.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        matches!(self, Self::Older { .. } | Self::Forked { .. } | Self::Foreign { .. } | Self::Broken { .. })
    }
}

impl Sight {
    /// What there is to say about a document that was read from, or is written as, `file`.
    #[must_use]
    pub fn of(vault: &Path, document: &Document, file: &[u8]) -> Self {
        Self {
            vault: vault.to_owned(),
            fingerprint: hex(&document.fingerprint()),
            generation: document.generation,
            digest: hex(&Sha256::digest(file)),
        }
    }

    /// How this compares with what was `seen` last.
    ///
    /// # Errors
    /// When it is older, or another one.
    pub fn compare(&self, seen: Option<&Self>) -> Result<Comparison, RecordError> {
        let Some(seen) = seen else { return Ok(Comparison::First) };
        let vault = self.vault.clone();
        if self.fingerprint != seen.fingerprint {
            let (found, seen) = (short(&self.fingerprint), short(&seen.fingerprint));
            return Err(RecordError::Foreign { vault, found, seen });
        }
        if self.generation < seen.generation {
            return Err(RecordError::Older { vault, found: self.generation, seen: seen.generation });
        }
        if self.generation > seen.generation {
            return Ok(Comparison::Newer);
        }
        if self.digest != seen.digest {
            return Err(RecordError::Forked { vault, generation: self.generation });
        }
        Ok(Comparison::Same)
    }
}

/// The beginning of a fingerprint, for people to compare.
#[must_use]
pub fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(16).collect()
}

/// Bytes in hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The place of the record of one vault.
#[derive(Debug)]
pub struct Record {
    /// The folder of all records.
    state: PathBuf,
    /// The file's name: a digest of where the vault really is.
    name: OsString,
    /// The name of a second one, where a link leads to the vault: a digest of the path that was asked for.
    alias: Option<OsString>,
}

impl Record {
    /// The record in the folder `state` of the vault at `vault`, which is where it really is, without links. `asked` is the path by
    /// which it was asked for.
    #[must_use]
    pub fn of(state: &Path, vault: &Path, asked: &Path) -> Self {
        let asked = path::absolute(asked).unwrap_or_else(|_| asked.to_owned());
        let alias = (asked != vault).then(|| file_name(&asked));
        Self { state: state.to_owned(), name: file_name(vault), alias }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.state.join(&self.name)
    }

    /// What was seen last; none when nothing was. A folder that does not exist, or that this account may not look into, has no
    /// record: services run with most of the file system hidden.
    ///
    /// # Errors
    /// When there is a record that is not safe or not valid.
    pub fn read(&self) -> Result<Option<Sight>, RecordError> {
        match Folder::open(&self.state) {
            Ok(folder) => self.read_in(&folder),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The same in the folder that was opened. Of two records the later one counts; where they are about two vaults, the one of the
    /// path that was asked for, for that is the vault that is meant.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_in(&self, folder: &Folder) -> Result<Option<Sight>, RecordError> {
        let real = self.read_one(folder, &self.name)?;
        let alias = self.alias.as_ref().map_or(Ok(None), |alias| self.read_one(folder, alias))?;
        Ok(match (real, alias) {
            (Some(real), Some(alias)) => {
                let is_alias = alias.fingerprint != real.fingerprint || alias.generation > real.generation;
                Some(if is_alias { alias } else { real })
            }
            (real, alias) => real.or(alias),
        })
    }

    /// The record of this name.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_one(&self, folder: &Folder, name: &OsStr) -> Result<Option<Sight>, RecordError> {
        match folder.read(name, LONGEST) {
            Ok(found) => match serde_json::from_slice(&found.bytes) {
                Ok(sight) => Ok(Some(sight)),
                Err(_) => Err(RecordError::Broken { path: self.state.join(name) }),
            },
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the path that was asked for has no record yet, although where it leads may have one.
    #[must_use]
    pub fn lacks_alias(&self) -> bool {
        self.alias.as_ref().is_some_and(|alias| self.state.join(alias).symlink_metadata().is_err())
    }

    /// Keeps what is seen now, unless something later was recorded in the meantime. Waits at most `patience` for others.
    ///
    /// # Errors
    /// When it cannot be written, or something else was recorded in the meantime.
    pub fn keep(&self, sight: &Sight, patience: Duration) -> Result<(), RecordError> {
        let folder = self.prepare()?;
        for name in self.names() {
            let _lock = Lock::take(&folder, name, patience)?;
            match sight.compare(self.read_one(&folder, name)?.as_ref()) {
                Ok(Comparison::Same) | Err(RecordError::Older { .. }) => {}
                Ok(Comparison::First | Comparison::Newer) => self.write(&folder, name, sight)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps what is seen now, whatever was recorded before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, sight: &Sight) -> Result<(), RecordError> {
        let folder = self.prepare()?;
        for name in self.names() {
            let _lock = Lock::take(&folder, name, PATIENCE)?;
            self.write(&folder, name, sight)?;
        }
        Ok(())
    }

    /// The names of the files.
    fn names(&self) -> impl Iterator<Item = &OsStr> {
        [Some(&self.name), self.alias.as_ref()].into_iter().flatten().map(OsString::as_os_str)
    }

    /// Opens the state folder, made where it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made or is not safe.
    fn prepare(&self) -> Result<Folder, RecordError> {
        match Folder::open(&self.state) {
            Err(PlaceError::Missing { .. }) => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.state);
                made.map_err(|source| RecordError::Make { path: self.state.clone(), source })?;
                Ok(Folder::open(&self.state)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Writes the record of this name, which is read back and compared before it is in place.
    ///
    /// # Errors
    /// When the file there is not safe, or the new one cannot be published.
    fn write(&self, folder: &Folder, name: &OsStr, sight: &Sight) -> Result<(), RecordError> {
        let broken = |_| RecordError::Broken { path: self.state.join(name) };
        let bytes = serde_json::to_vec_pretty(sight).map_err(broken)?;
        let before = match folder.open_file(name) {
            Ok((_, status)) => Before::Old((&status).into()),
            Err(PlaceError::Missing { .. }) => Before::Nothing,
            Err(error) => return Err(error.into()),
        };
        Ok(publish(folder, name, before, &bytes, |_| Ok(()))?)
    }
}

/// The name of the record of a vault at this path: a digest of it.
fn file_name(vault: &Path) -> OsString {
    let digest = Sha256::digest(vault.as_os_str().as_encoded_bytes());
    (hex(&digest[..16]) + ".json").into()
}

/// Whether something is not there for this account.
fn is_absent(error: &PlaceError) -> bool {
    matches!(error, PlaceError::Missing { .. })
        || matches!(error, PlaceError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}
