//! Makes identities, and writes them to files that are theirs alone.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use age::x25519;
use age_core::secrecy::ExposeSecret;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::fsync;
use thiserror::Error;

use super::file::{self, FileError, quoted};
use super::{Keys, Kind, Source, TextError, hybrid};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::secret::Secret;
use crate::store::{Before, Folder, PlaceError, PublishError, publish};

/// A new identity.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The identity as text: one line, without its end.
    pub identity: Secret,
    /// Its public part.
    pub recipient: String,
}

impl Generated {
    /// The identity, ready to open what is sealed for it.
    ///
    /// # Errors
    /// Never, unless the generator and the parser disagree.
    pub fn keys(&self) -> Result<Keys, TextError> {
        Keys::parse(&self.identity, Source::Generated, None)
    }

    /// What a file with this identity holds.
    #[must_use]
    pub fn text(&self, now: SystemTime) -> Secret {
        let mut text = Vec::with_capacity(self.recipient.len() + self.identity.len() + 128);
        let created = humantime::format_rfc3339_seconds(now);
        text.extend_from_slice(format!("# created: {created}\n# public key: {}\n", self.recipient).as_bytes());
        text.extend_from_slice(self.identity.as_bytes());
        text.push(b'\n');
        Secret::from(text)
    }
}

/// Why no identity was made or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MakeError {
    /// The kernel gives no randomness.
    #[error("the kernel gives no randomness")]
    Randomness,
    /// A passphrase is chosen, not made.
    #[error("an identity is made for a vault with recipients, not for one with a passphrase")]
    Passphrase,
    /// There is a file already.
    #[error("{path} exists already", path = .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It has no name.
    #[error("{path} does not name a file", path = .path.display())]
    NoName {
        /// What was given.
        path: PathBuf,
    },
    /// A folder on the way is not safe.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder is not safe.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A folder cannot be made.
    #[error("failed to make the folder {path}: {reason}", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: Errno,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Publish(PublishError),
}

impl Explain for MakeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Randomness => Exit::Unavailable,
            Self::Passphrase | Self::NoName { .. } => Exit::Usage,
            Self::Exists { .. } => Exit::Exists,
            Self::File(error) => error.exit(),
            Self::Place(error) => error.exit(),
            Self::Publish(error) => error.exit(),
            Self::Folder { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Randomness => Some("allow getrandom(2)".to_owned()),
            Self::Passphrase => Some("give the passphrase with --passphrase-fd".to_owned()),
            Self::Exists { path } => Some(format!(
                "keep it: what it opens is lost without it; name another file, or move it away from {}",
                quoted(path)
            )),
            Self::NoName { .. } => Some("name the file to write".to_owned()),
            Self::File(error) => error.hint(),
            Self::Place(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Folder { path, .. } => Some(format!("check it with `ls -ld {}`", quoted(path))),
        }
    }
}

/// Makes an identity.
///
/// # Errors
/// When the kernel gives no randomness, or a passphrase is asked for.
pub fn generate(kind: Kind) -> Result<Generated, MakeError> {
    match kind {
        Kind::PostQuantum => {
            let identity = hybrid::Identity::generate().map_err(|_| MakeError::Randomness)?;
            let text = identity.text().ok_or(MakeError::Randomness)?;
            let recipient = identity.recipient().and_then(|found| found.text()).ok_or(MakeError::Randomness)?;
            Ok(Generated { identity: Secret::from(text.as_bytes()), recipient })
        }
        Kind::Classic => {
            let identity = x25519::Identity::generate();
            let recipient = identity.to_public().to_string();
            Ok(Generated { identity: Secret::from(identity.to_string().expose_secret()), recipient })
        }
        Kind::Passphrase => Err(MakeError::Passphrase),
    }
}

/// Writes an identity to a file that does not exist yet, as `age-keygen` does: mode 0600, in folders that are made with mode 0700
/// where they are missing, read back before it is there under its name, on the disk when this returns.
///
/// # Errors
/// When the file exists, a folder on the way is open to others, or the system refuses.
pub fn write_identity(path: &Path, made: &Generated, now: SystemTime) -> Result<(), MakeError> {
    let Some(name) = path.file_name() else { return Err(MakeError::NoName { path: path.into() }) };
    let parent = path.parent().unwrap_or(Path::new(""));
    make_folders(parent)?;
    let text = made.text(now);
    let verify = |read: &[u8]| {
        let keys = Keys::parse(&Secret::from(read), Source::Generated, None);
        let is_same = keys.is_ok_and(|keys| keys.recipients() == [made.recipient.clone()]);
        let broken = || Failure::new(Exit::Io, "it does not hold the identity", "check the memory of this host");
        if is_same { Ok(()) } else { Err(broken()) }
    };
    let folder = Folder::open(parent)?;
    publish(&folder, name, Before::Nothing, text.as_bytes(), verify).map_err(|error| {
        if let PublishError::Exists { path } = error { MakeError::Exists { path } } else { MakeError::Publish(error) }
    })
}

/// Makes the folders that are missing, each closed to others.
///
/// # Errors
/// When one that is there is open to others, or the system refuses.
fn make_folders(folder: &Path) -> Result<(), MakeError> {
    if folder.as_os_str().is_empty() || folder == Path::new("/") {
        return Ok(());
    }
    let found = match file::descend(folder)? {
        Some(found) => found,
        None => {
            make_folders(folder.parent().unwrap_or(Path::new("/")))?;
            let missing = || MakeError::Folder { path: folder.into(), reason: Errno::ENOENT };
            file::descend(folder)?.ok_or_else(missing)?
        }
    };
    let (parent, name) = found;
    let failed = |reason| MakeError::Folder { path: folder.into(), reason };
    match mkdirat(parent.as_fd(), name.as_os_str(), Mode::S_IRWXU) {
        Ok(()) => {
            // The descriptor that the walk ended with is for names only (O_PATH).
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            openat(parent.as_fd(), ".", flags, Mode::empty()).and_then(fsync).map_err(failed)
        }
        Err(Errno::EEXIST) => Ok(()),
        Err(reason) => Err(failed(reason)),
    }
}
