//! Makes identities, and writes them to files that are theirs alone.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use age::x25519;
use age_core::secrecy::ExposeSecret;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use thiserror::Error;
use zeroize::Zeroizing;

use super::file::{self, FileError, quoted};
use super::{Keys, Kind, Source, TextError, hybrid};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;

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
    /// The folder is not safe.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// The system refused.
    #[error("failed to write {path}: {reason}", path = .path.display())]
    Write {
        /// The file or its folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

impl Explain for MakeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Randomness => Exit::Unavailable,
            Self::Passphrase => Exit::Usage,
            Self::Exists { .. } => Exit::Exists,
            Self::Folder(error) => error.exit(),
            Self::Write { .. } => Exit::Io,
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
            Self::Folder(error) => error.hint(),
            Self::Write { path, .. } => Some(format!("check the space and the rights in {}", quoted(path))),
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
/// where they are missing, on the disk when this returns. When something fails, no file is left.
///
/// # Errors
/// When the file exists, a folder on the way is open to others, or the system refuses.
pub fn write_identity(path: &Path, made: &Generated, now: SystemTime) -> Result<(), MakeError> {
    let failed = |path: &Path, reason: Errno| MakeError::Write { path: path.into(), reason: reason.into() };
    if let Some(folder) = path.parent() {
        make_folders(folder)?;
    }
    let Some((folder, name)) = file::descend(path)? else { return Err(failed(path, Errno::ENOENT)) };
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = match openat(folder.as_fd(), name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(file) => file,
        Err(Errno::EEXIST) => return Err(MakeError::Exists { path: path.into() }),
        Err(reason) => return Err(failed(path, reason)),
    };
    let written = fill(file, &text(made, now)).and_then(|()| sync(&folder));
    written.map_err(|reason| {
        let _ = unlinkat(folder.as_fd(), name.as_os_str(), UnlinkatFlags::NoRemoveDir);
        MakeError::Write { path: path.into(), reason }
    })
}

/// What such a file holds.
fn text(made: &Generated, now: SystemTime) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(made.recipient.len() + made.identity.len() + 128));
    let created = humantime::format_rfc3339_seconds(now);
    text.extend_from_slice(format!("# created: {created}\n# public key: {}\n", made.recipient).as_bytes());
    text.extend_from_slice(made.identity.as_bytes());
    text.push(b'\n');
    text
}

/// Writes a file to the disk, and closes it to others whatever the umask is.
///
/// # Errors
/// When the system refuses.
fn fill(file: OwnedFd, bytes: &[u8]) -> io::Result<()> {
    fchmod(&file, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts a folder's entries on the disk.
///
/// # Errors
/// When the system refuses.
fn sync(folder: &OwnedFd) -> io::Result<()> {
    // The descriptor that the walk ended with is for names only (O_PATH).
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(fsync(openat(folder.as_fd(), ".", flags, Mode::empty())?)?)
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
            let missing = || MakeError::Write { path: folder.into(), reason: Errno::ENOENT.into() };
            file::descend(folder)?.ok_or_else(missing)?
        }
    };
    let (parent, name) = found;
    match mkdirat(parent.as_fd(), name.as_os_str(), Mode::S_IRWXU) {
        Ok(()) => sync(&parent).map_err(|reason| MakeError::Write { path: folder.into(), reason }),
        Err(Errno::EEXIST) => Ok(()),
        Err(reason) => Err(MakeError::Write { path: folder.into(), reason: reason.into() }),
    }
}
