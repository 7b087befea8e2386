//! A vault that is opened to be read, or to be changed: the file, the keys, the document and the record brought together.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::folder::{Facts, Folder, PlaceError};
use super::lock::{Lock, LockError};
use super::publication::{Before, PublishError, publish};
use super::record::{Comparison, PATIENCE, Record, RecordError, Sight};
use crate::document::{Document, DocumentError};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::keys::{Keys, RecipientError, Recipients};
use crate::seal::{self, OpenError, SealError};

/// The largest file of a vault, in bytes. Nothing larger is read, and nothing larger is written.
pub const LARGEST: u64 = 64 << 20;

/// Why a vault was not opened, or not changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Its file or folder is not there, or not as it should be.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Somebody else is writing.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is in it is not a vault's content.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It is older than what was seen, or another one.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A recipient in it is not valid.
    #[error(transparent)]
    Recipient(#[from] RecipientError),
    /// The new version could not be encrypted.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The new version could not be put in place.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The new version would be larger than what is read again.
    #[error("the vault would have {size} bytes; at most {LARGEST} are kept")]
    TooLarge {
        /// How large it would be.
        size: u64,
    },
    /// There is no higher number for a new version.
    #[error("the vault has the highest version number that there is")]
    LastVersion,
}

impl Explain for StoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Place(error) => error.exit(),
            Self::Lock(error) => error.exit(),
            Self::Open(error) => error.exit(),
            Self::Document(error) => error.exit(),
            Self::Record(error) => error.exit(),
            Self::Recipient(error) => error.exit(),
            Self::Seal(error) => error.exit(),
            Self::Publish(error) => error.exit(),
            Self::TooLarge { .. } | Self::LastVersion => Exit::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Place(error) => error.hint(),
            Self::Lock(error) => error.hint(),
            Self::Open(error) => error.hint(),
            Self::Document(error) => error.hint(),
            Self::Record(error) => error.hint(),
            Self::Recipient(error) => error.hint(),
            Self::Seal(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::TooLarge { .. } => Some("keep large values in a vault of their own; nothing was changed".to_owned()),
            Self::LastVersion => Some("make a new vault with `init`, and move the secrets into it".to_owned()),
        }
    }
}

/// Where a vault and the record of it are.
#[derive(Debug)]
pub struct Site {
    /// The vault's folder.
    folder: Folder,
    /// The vault's name in it.
    name: OsString,
    /// What was seen last; none for an account that has no place to keep it.
    record: Option<Record>,
}

/// A vault as it was found, before it is compared with what was seen last.
#[derive(Debug)]
pub struct Look {
    /// What is in it.
    pub document: Document,
    /// What there is to record about it.
    pub sight: Sight,
    /// What was recorded before the vault was read, so that the vault cannot be the older of the two by a race.
    pub seen: Result<Option<Sight>, RecordError>,
    /// Owner and mode of the file.
    pub facts: Facts,
}

/// A vault that is open, and is the one that it should be.
#[derive(Debug)]
#[non_exhaustive]
pub struct Vault {
    /// What is in it.
    pub document: Document,
    /// Where it really is.
    pub path: PathBuf,
    /// What opened it.
    pub keys: Keys,
    /// How it compared with what was seen last.
    pub comparison: Comparison,
}

impl Site {
    /// The place of the vault at `path`, with records in the folder `state`. There need not be a vault yet.
    ///
    /// # Errors
    /// When its folder does not exist, or could be changed by others.
    pub fn open(path: &Path, state: Option<&Path>) -> Result<Self, PlaceError> {
        let kind = || PlaceError::Kind { path: path.to_owned(), found: "a folder", wanted: "regular file" };
        let name = path.file_name().ok_or_else(kind)?.to_owned();
        let folder = Folder::open(path.parent().unwrap_or_else(|| Path::new(".")))?;
        let record = state.map(|state| Record::of(state, &folder.join(&name), path));
        Ok(Self { folder, name, record })
    }

    /// Where the vault really is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// The record of what was seen last.
    #[must_use]
    pub const fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Takes the right to write, waiting at most `patience`.
    ///
    /// # Errors
    /// When somebody else has it all the time, or it cannot be taken here.
    pub fn lock(&self, patience: Duration) -> Result<Lock, LockError> {
        Lock::take(&self.folder, &self.name, patience)
    }

    /// Whether something has the vault's name.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn is_taken(&self) -> Result<bool, PlaceError> {
        Ok(self.folder.status(&self.name)?.is_some())
    }

    /// Reads the record, then the vault, and opens it; compares nothing.
    ///
    /// # Errors
    /// When the vault is not there, not kept safely, or does not open.
    pub fn look(&self, keys: &Keys) -> Result<Look, StoreError> {
        let seen = self.record.as_ref().map_or(Ok(None), Record::read);
        let found = self.folder.read(&self.name, LARGEST)?;
        let document = Document::from_bytes(seal::open(&found.bytes, keys)?.as_bytes())?;
        let sight = Sight::of(&self.path(), &document, &found.bytes);
        Ok(Look { document, sight, seen, facts: found.facts })
    }

    /// Keeps in mind what was seen, where that is news, without waiting for others who do the same.
    ///
    /// # Errors
    /// When that cannot be kept, or something else was recorded meanwhile.
    pub fn remember(&self, sight: &Sight, comparison: Comparison) -> Result<(), RecordError> {
        match (&self.record, comparison) {
            (Some(record), Comparison::First | Comparison::Newer) => record.keep(sight, Duration::ZERO),
            (Some(record), Comparison::Same) if record.lacks_alias() => record.keep(sight, Duration::ZERO),
            (Some(_), Comparison::Same) | (None, _) => Ok(()),
        }
    }

    /// Opens the vault, and keeps in mind what was seen where that can be kept: services run where nothing can be written.
    ///
    /// # Errors
    /// When it does not open, or is not the vault that was seen last or a later version of it.
    pub fn read(&self, keys: Keys) -> Result<Vault, StoreError> {
        let look = self.look(&keys)?;
        let comparison = look.sight.compare(look.seen?.as_ref())?;
        match self.remember(&look.sight, comparison) {
            Err(error) if error.is_alarm() => return Err(error.into()),
            Err(error) => tracing::debug!(%error, "went on without the record"),
            Ok(()) => {}
        }
        tracing::debug!(vault = %self.path().display(), generation = look.document.generation, "opened the vault");
        Ok(Vault { document: look.document, path: self.path(), keys, comparison })
    }

    /// Opens the vault to change it, waiting at most `patience` for others who do. `notice` is told what a person should know
    /// although the change was made.
    ///
    /// # Errors
    /// As [`Self::read`], and when others write all the time.
    pub fn change(self, keys: Keys, patience: Duration, notice: fn(&str)) -> Result<Writer, StoreError> {
        let lock = self.lock(patience)?;
        let look = self.look(&keys)?;
        look.sight.compare(look.seen?.as_ref())?;
        let before = Before::Old(look.facts);
        Ok(Writer { document: look.document.clone(), old: Some(look.document), keys, before, site: self, lock, notice })
    }

    /// Begins a new vault, waiting at most `patience` for others who do the same.
    ///
    /// # Errors
    /// When something has that name already, or others write all the time.
    pub fn create(
        self,
        document: Document,
        keys: Keys,
        patience: Duration,
        notice: fn(&str),
    ) -> Result<Writer, StoreError> {
        let lock = self.lock(patience)?;
        if self.is_taken()? {
            return Err(PublishError::Exists { path: self.path() }.into());
        }
        Ok(Writer { document, old: None, keys, before: Before::Nothing, site: self, lock, notice })
    }
}

/// A vault that nobody else changes until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Writer {
    /// The content as it will be.
    document: Document,
    /// The content as it was; none for a new vault.
    old: Option<Document>,
    /// What opens it.
    keys: Keys,
    /// What the new file takes the place of.
    before: Before,
    /// Where it is.
    site: Site,
    /// The right to write.
    lock: Lock,
    /// Tells a person something.
    notice: fn(&str),
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// There was nothing to write.
    Unchanged,
    /// A new version is in place.
    Version(u64),
}

/// How a new version is verified before it is published.
#[derive(Debug)]
enum Proof<'a> {
    /// It is opened with these keys, and must hold what was meant.
    Opened(&'a Keys),
    /// It is compared byte by byte only, for nobody here can open it.
    Compared,
}

impl Writer {
    /// The content as it will be.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The content, to be changed.
    #[must_use]
    pub const fn document_mut(&mut self) -> &mut Document {
        &mut self.document
    }

    /// What opened the vault.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Where the vault really is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.site.path()
    }

    /// Writes the content for the same recipients, unless nothing changed. It is read back and opened before it is published.
    ///
    /// # Errors
    /// When it cannot be encrypted, verified or written; the old version is in place then.
    pub fn publish(self) -> Result<Published, StoreError> {
        if self.old.as_ref() == Some(&self.document) {
            return Ok(Published::Unchanged);
        }
        let recipients = Recipients::parse(&self.document.recipients)?;
        let keys = self.keys.clone();
        let number = self.document.generation.saturating_add(1);
        drop(self.write(&recipients, &keys, &Proof::Opened(&keys))?);
        Ok(Published::Version(number))
    }

    /// Writes the content for other recipients, opened before it is published with `keys`, which are the caller's from now on.
    /// Without keys the caller cannot open it any more, and it is compared only. Others wait until the lock is dropped.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn publish_for(mut self, recipients: &Recipients, keys: Option<&Keys>) -> Result<Lock, StoreError> {
        self.document.recipients = recipients.texts().to_vec();
        let own = self.keys.clone();
        self.write(recipients, keys.unwrap_or(&own), &keys.map_or(Proof::Compared, Proof::Opened))
    }

    /// Encrypts, verifies, publishes, and records.
    ///
    /// # Errors
    /// As [`Self::publish`].
    fn write(mut self, recipients: &Recipients, keys: &Keys, proof: &Proof<'_>) -> Result<Lock, StoreError> {
        self.document.generation = self.document.generation.checked_add(1).ok_or(StoreError::LastVersion)?;
        let bytes = seal::seal(&self.document.to_bytes(), recipients, keys)?;
        match u64::try_from(bytes.len()) {
            Ok(size) if size <= LARGEST => {}
            size => return Err(StoreError::TooLarge { size: size.unwrap_or(u64::MAX) }),
        }
        let Self { site, document, .. } = &self;
        publish(&site.folder, &site.name, self.before, &bytes, |read| match proof {
            Proof::Opened(keys) => same(document, read, keys),
            Proof::Compared => Ok(()),
        })?;
        let sight = Sight::of(&site.path(), document, &bytes);
        let keep = |record: &Record| match self.before {
            // What was at this place before is no longer what should be there.
            Before::Nothing => record.replace(&sight),
            Before::Old(_) => record.keep(&sight, PATIENCE),
        };
        if let Some(Err(error)) = site.record.as_ref().map(keep) {
            (self.notice)(&format!("the vault was written, but {error}"));
        }
        Ok(self.lock)
    }
}

/// Whether a file opens with `keys` and holds the document that was meant.
///
/// # Errors
/// When it does not.
fn same(meant: &Document, file: &[u8], keys: &Keys) -> Result<(), Failure> {
    if Document::from_bytes(seal::open(file, keys)?.as_bytes())? == *meant {
        return Ok(());
    }
    Err(Failure::new(Exit::Data, "it holds something else than what was meant", "report this"))
}
