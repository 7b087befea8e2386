//! One writer at a time: flock(2) on a file beside the vault, which is never replaced or removed, so that all lock the same one.
//!
//! The file has mode 0600: whoever may not open it cannot hold it either. The kernel lets go when the holder dies.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::geteuid;
use thiserror::Error;

use super::folder::{Folder, PlaceError, other_kind, sibling};
use crate::exit::Exit;
use crate::failure::{Explain, word};

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Why a lock was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else had it all the time.
    #[error("somebody else is writing \"{}\", and did not finish within {} s", vault.display(), waited.as_secs())]
    Busy {
        /// What is being written.
        vault: PathBuf,
        /// How long was waited.
        waited: Duration,
        /// Who has the lock, as far as the kernel tells.
        holder: Option<String>,
        /// The lock file.
        lock: PathBuf,
    },
    /// The lock file could be held by others, or is something else.
    #[error("the lock file \"{}\" is {what}", path.display())]
    Unsafe {
        /// The lock file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The operating system refused (openat(2), flock(2)).
    #[error("failed to lock \"{}\": {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// What lies beside it could not be looked at.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

impl Explain for LockError {
    fn exit(&self) -> Exit {
        match self {
            Self::Busy { .. } => Exit::Busy,
            Self::Unsafe { .. } => Exit::Denied,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Denied,
            Self::Io { .. } => Exit::Io,
            Self::Place(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { holder: Some(holder), .. } => Some(format!("wait for {holder}, or end it, and try again")),
            Self::Busy { lock, .. } => Some(format!("find who has it with: fuser -v {}", word(lock))),
            Self::Unsafe { path, .. } => Some(format!("check what it is, then run: rm {}", word(path))),
            Self::Io { source, path } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!("work as the owner of the vault's folder: ls -ld '{}'", folder_of(path)))
            }
            Self::Io { source, path } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                Some(format!("mount the file system of '{}' writable to change the vault", folder_of(path)))
            }
            Self::Io { path, .. } => Some(format!("check the disk and the folder: df '{}'", folder_of(path))),
            Self::Place(error) => error.hint(),
        }
    }
}

/// The folder that a file is in, for people.
fn folder_of(path: &std::path::Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}

/// The right to write, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Lock {
    /// The locked file; closing it lets go.
    _file: File,
}

impl Lock {
    /// Takes the right to write `name` in `folder`, waiting for at most `patience`.
    ///
    /// # Errors
    /// When somebody else has it all the time, or the lock file cannot be made or is not safe.
    pub fn take(folder: &Folder, name: &OsStr, patience: Duration) -> Result<Self, LockError> {
        let lock_name = sibling(name, ".lock");
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            let (file, status) = open(folder, &lock_name)?;
            match file.try_lock() {
                // Somebody may have removed the file in between: then others lock another one.
                Ok(()) if is_still(folder, &lock_name, &status)? => return Ok(Self { _file: file }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if begin.elapsed() >= patience => {
                    return Err(LockError::Busy {
                        vault: folder.join(name),
                        waited: patience,
                        holder: holder(&status),
                        lock: folder.join(&lock_name),
                    });
                }
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(pause.min(patience.saturating_sub(begin.elapsed())));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(TryLockError::Error(source)) => {
                    return Err(LockError::Io { path: folder.join(&lock_name), source });
                }
            }
        }
    }
}

/// Opens the lock file, making it where it is not there.
///
/// # Errors
/// When it cannot be made, is something else than a file, or others could hold it.
fn open(folder: &Folder, name: &OsStr) -> Result<(File, FileStat), LockError> {
    let path = || folder.join(name);
    // A named pipe would let somebody wait: O_NONBLOCK.
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let file = openat(folder, name, flags, mode).map_err(|errno| {
        if errno == Errno::ELOOP {
            LockError::Unsafe { path: path(), what: "a symbolic link" }
        } else if errno == Errno::EISDIR {
            LockError::Unsafe { path: path(), what: "a folder" }
        } else {
            LockError::Io { path: path(), source: errno.into() }
        }
    })?;
    let status = fstat(&file).map_err(|errno| LockError::Io { path: path(), source: errno.into() })?;
    if let Some(what) = other_kind(&status) {
        return Err(LockError::Unsafe { path: path(), what });
    }
    if status.st_uid != geteuid().as_raw() && status.st_uid != 0 {
        return Err(LockError::Unsafe { path: path(), what: "another user's, who could hold it for ever" });
    }
    if status.st_mode & 0o077 != 0 {
        return Err(LockError::Unsafe { path: path(), what: "open to other users, who could hold it for ever" });
    }
    Ok((file.into(), status))
}

/// Whether a name still leads to the file that was opened.
///
/// # Errors
/// When the kernel does not tell.
fn is_still(folder: &Folder, name: &OsStr, opened: &FileStat) -> Result<bool, PlaceError> {
    let now = folder.status(name)?;
    Ok(now.is_some_and(|now| (now.st_dev, now.st_ino) == (opened.st_dev, opened.st_ino)))
}

/// Who holds a flock on this file, from /proc/locks (proc(5)): the device's number there differs from stat(2)'s on some file
/// systems, so the inode decides, which is enough for a hint.
fn holder(status: &FileStat) -> Option<String> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let inode = status.st_ino.to_string();
    let process = locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let of = fields.get(5)?.rsplit(':').next()?;
        (fields.get(1) == Some(&"FLOCK") && of == inode).then(|| fields.get(4)?.parse::<u32>().ok()).flatten()
    })?;
    let command = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    let command: String = command.trim().chars().filter(|character| !character.is_control()).collect();
    Some(format!("process {process} ({command})"))
}
