//! A new identity in the place of an old one, so that at every moment the identity file opens the vault.
//!
//! First the old identity is kept beside the file; then the file gets both; then the vault is published for the new one; then
//! the file gets the new one alone. A process that dies in between leaves a file with one identity more than is needed.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Generated, Key, Keys, Kind, Source};
use crate::secret::Secret;
use crate::store::{Before, Facts, Folder, PublishError, Writer, publish};

/// More bytes than an identity file has.
const LONGEST: u64 = 256 * 1024;

/// A change of identity that has begun.
#[derive(Debug)]
pub(crate) struct Renewal {
    /// The identity file's folder.
    folder: Folder,
    /// The identity file's name.
    name: OsString,
    /// Owner and mode of the identity file.
    facts: Facts,
    /// Where the old identity is kept.
    kept: PathBuf,
    /// The recipients of the old identities.
    old: Vec<String>,
    /// The new identity.
    made: Generated,
    /// The new identity, ready to open.
    keys: Keys,
    /// What the identity file holds in the end.
    text: Secret,
}

impl Renewal {
    /// Makes a new identity of a kind, keeps the old one, and puts both into the identity file.
    ///
    /// # Errors
    /// When the identity does not come from a file of our own kind, or something cannot be written.
    pub(crate) fn begin(writer: &Writer, kind: Kind, now: SystemTime) -> Result<Self, Failure> {
        let path = replaceable(writer.keys())?;
        let name = path.file_name().unwrap_or_default().to_owned();
        let folder = Folder::open(path.parent().unwrap_or_else(|| Path::new(".")))?;
        let found = folder.read(&name, LONGEST)?;
        let (facts, before) = (found.facts, Secret::from(found.bytes));
        let made = keys::generate(kind)?;
        let text = made.text(now);
        let keys = made.keys().map_err(|_| unreadable())?;
        let both = Secret::from([before.as_bytes(), b"\n", text.as_bytes()].concat());
        Keys::parse(&both, Source::Generated, None).map_err(|_| unreadable())?;
        let kept = keep(&folder, &name, &before)?;
        replace(&folder, &name, Before::Old(facts), &both)?;
        Ok(Self { kept, old: writer.keys().recipients(), made, keys, text, folder, name, facts })
    }

    /// The recipients with the new one in the place of the old ones.
    pub(crate) fn replace(&self, texts: &[String]) -> Vec<String> {
        let others = texts.iter().filter(|text| !self.old.contains(text)).cloned();
        std::iter::once(self.made.recipient.clone()).chain(others).collect()
    }

    /// The new identity, ready to open.
    pub(crate) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Leaves the new identity alone in its file, once the vault is for it. Says where the old one is.
    ///
    /// # Errors
    /// When the file cannot be written; it holds both identities then.
    pub(crate) fn finish(self) -> Result<PathBuf, Failure> {
        replace(&self.folder, &self.name, Before::Old(self.facts), &self.text)?;
        Ok(self.kept)
    }
}

/// The file that the keys came from, when it may be replaced: identities of age in plain lines.
///
/// # Errors
/// When they came from elsewhere, are of other kinds, or may be encrypted.
fn replaceable(keys: &Keys) -> Result<PathBuf, Failure> {
    let is_plain = keys.passphrase().is_none()
        && !keys.all().is_empty()
        && keys.all().iter().all(|key| matches!(key, Key::X25519(_) | Key::Hybrid(_)));
    if let (Source::File(path), true) = (keys.source(), is_plain) {
        return Ok(path.clone());
    }
    Err(Failure::new(
        Exit::Usage,
        format!("{} is not a file with identities that can be replaced here", keys.source()),
        "make an identity with age-keygen, `rekey --add` its recipient, put it into place, then `rekey --remove` the old one",
    ))
}

/// Keeps the old identity beside the file, under a name that tells its content, so that it is kept once.
///
/// # Errors
/// When it cannot be written.
fn keep(folder: &Folder, name: &OsStr, before: &Secret) -> Result<PathBuf, Failure> {
    let digest = Sha256::digest(before.as_bytes());
    let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut kept = name.to_owned();
    kept.push(format!(".old-{digits}"));
    match replace(folder, &kept, Before::Nothing, before) {
        Ok(()) | Err(PublishError::Exists { .. }) => Ok(folder.join(&kept)),
        Err(error) => Err(error.into()),
    }
}

/// Writes a file of identities, read back before it is in place.
///
/// # Errors
/// As [`publish`].
fn replace(folder: &Folder, name: &OsStr, before: Before, text: &Secret) -> Result<(), PublishError> {
    publish(folder, name, before, text.as_bytes(), |_| Ok(()))
}

/// An identity that we wrote cannot be read.
fn unreadable() -> Failure {
    Failure::new(Exit::Data, "the new identity cannot be read beside the old one", "report this; nothing was changed")
}
