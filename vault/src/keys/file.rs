//! Reads a file that holds a key, when it is kept as a key has to be kept.
//!
//! The path is walked folder by folder from `/`, each opened by descriptor: a folder that somebody else could write to is refused,
//! for its entries could be swapped. A folder with the sticky bit (`/tmp`) is fine, because there nobody can rename or remove what
//! is not theirs, and everything on the way has to belong to the caller or to root. Symbolic links among the folders are followed,
//! for only those who may write to a folder that was checked can have made them; the file itself must not be one. What is
//! decided is decided on the descriptor that is read.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::geteuid;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;

/// The longest key file, in bytes: many keys with comments, and an RSA key of the largest size.
pub(super) const LONGEST: usize = 256 * 1024;

/// The most symbolic links on the way to a file (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Who may do what with a file besides its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Nothing at all: a key file that a person keeps.
    ToAll,
    /// A group may read: systemd grants a service its credential by an access control list, whose mask shows as the group's bits.
    ToWriters,
}

impl Closed {
    /// The permission bits that must not be set on a file.
    const fn bits(self) -> u32 {
        match self {
            Self::ToAll => 0o077,
            Self::ToWriters => 0o037,
        }
    }
}

/// Why a key file is not read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("failed to open {path}: {reason}", path = .path.display())]
    Open {
        /// The file, or a folder on the way.
        path: PathBuf,
        /// What the system said.
        reason: Errno,
    },
    /// It is a symbolic link.
    #[error("{path} is a symbolic link", path = .path.display())]
    Link {
        /// The file.
        path: PathBuf,
    },
    /// It is something else than a file.
    #[error("{path} is not a regular file", path = .path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error("{path} belongs to user {owner}, who could read or replace it", path = .path.display())]
    Owner {
        /// The file, or a folder on the way.
        path: PathBuf,
        /// Whom it belongs to.
        owner: u32,
    },
    /// Others may use it.
    #[error("{path} is open to others (mode {mode:04o})", path = .path.display())]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Which bits must go.
        excess: u32,
    },
    /// It has a second name.
    #[error("{path} has {names} names (hard links)", path = .path.display())]
    Names {
        /// The file.
        path: PathBuf,
        /// How many.
        names: u64,
    },
    /// Others may change a folder on the way.
    #[error("{path} can be written by others (mode {mode:04o})", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is nothing in it.
    #[error("{path} is empty", path = .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is longer than `LONGEST`.
    #[error("{path} is longer than {LONGEST} bytes", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

impl Explain for FileError {
    fn exit(&self) -> Exit {
        match self {
            Self::Open { .. } => Exit::Io,
            Self::Empty { .. } | Self::TooLong { .. } => Exit::Data,
            Self::Link { .. }
            | Self::NotAFile { .. }
            | Self::Owner { .. }
            | Self::Loose { .. }
            | Self::Names { .. }
            | Self::Folder { .. } => Exit::Denied,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Open { path, .. } => format!("check it with `ls -ld {}`", quoted(path)),
            Self::Link { path } => {
                let path = quoted(path);
                format!(
                    "name the file that it points to, or put it here: `cp --remove-destination \"$(readlink -f {path})\" {path} && chmod 600 {path}`"
                )
            }
            Self::NotAFile { .. } => "name the file that holds the identity".to_owned(),
            Self::Owner { path, .. } => format!("`chown {} {}`", geteuid(), quoted(path)),
            Self::Loose { path, mode, excess } => format!("`chmod {:o} {}`", mode & !excess, quoted(path)),
            Self::Names { path, .. } => {
                let path = quoted(path);
                format!(
                    "find the others with `find / -xdev -samefile {path}`, then `cp -p {path} {path}.new && mv {path}.new {path}`"
                )
            }
            Self::Folder { path, .. } => format!("`chmod go-w {}`", quoted(path)),
            Self::Empty { .. } => "put the identity back from its copy".to_owned(),
            Self::TooLong { .. } => "name the file that holds the identity; it is a few lines of text".to_owned(),
        })
    }
}

/// A path as a shell reads it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Reads a key file; none when it, or a folder on the way, does not exist.
///
/// # Errors
/// When it is there and is not kept as a key has to be.
pub(super) fn read(path: &Path, closed: Closed) -> Result<Option<Secret>, FileError> {
    let Some((folder, name)) = descend(path)? else { return Ok(None) };
    // Neither waits for the writer of a FIFO, nor makes a terminal our own.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = match openat(folder.as_fd(), name.as_os_str(), flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::ENOENT) => return Ok(None),
        Err(Errno::ELOOP) => return Err(FileError::Link { path: path.into() }),
        Err(Errno::ENXIO) => return Err(FileError::NotAFile { path: path.into() }),
        Err(reason) => return Err(FileError::Open { path: path.into(), reason }),
    };
    let status = fstat(&file).map_err(|reason| FileError::Open { path: path.into(), reason })?;
    judge(path, &status, closed)?;
    content(path, File::from(file)).map(Some)
}

/// Whether a file is kept as a key has to be.
///
/// # Errors
/// When it is not.
fn judge(path: &Path, status: &FileStat, closed: Closed) -> Result<(), FileError> {
    let path = || path.to_path_buf();
    if kind(status) != SFlag::S_IFREG {
        return Err(FileError::NotAFile { path: path() });
    }
    if !is_ours(status) {
        return Err(FileError::Owner { path: path(), owner: status.st_uid });
    }
    let mode = status.st_mode & 0o7777;
    if mode & closed.bits() != 0 {
        return Err(FileError::Loose { path: path(), mode, excess: closed.bits() });
    }
    if status.st_nlink != 1 {
        return Err(FileError::Names { path: path(), names: status.st_nlink });
    }
    match usize::try_from(status.st_size) {
        Ok(0) => Err(FileError::Empty { path: path() }),
        Ok(size) if size <= LONGEST => Ok(()),
        _ => Err(FileError::TooLong { path: path() }),
    }
}

/// What is in a file, at most [`LONGEST`] bytes.
///
/// # Errors
/// When it cannot be read, or has grown since it was looked at.
fn content(path: &Path, file: File) -> Result<Secret, FileError> {
    let failed = |error: std::io::Error| FileError::Open {
        path: path.into(),
        reason: error.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
    };
    let size = file.metadata().map_err(failed)?.len();
    // With one byte to spare, so that reading to the end does not move what was read.
    let capacity = usize::try_from(size).unwrap_or(LONGEST).min(LONGEST) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let limit = u64::try_from(capacity).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() {
        0 => Err(FileError::Empty { path: path.into() }),
        length if length == capacity => Err(FileError::TooLong { path: path.into() }),
        _ => Ok(Secret::from(std::mem::take(&mut *bytes))),
    }
}

/// What a walk along a path may end at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A folder.
    Folder,
    /// A program.
    Program,
}

/// The folder that a path leads to, and the name in it; none when a folder on the way does not exist.
///
/// # Errors
/// When somebody else could change what the path leads to.
pub(super) fn descend(path: &Path) -> Result<Option<(OwnedFd, OsString)>, FileError> {
    let whole = absolute(path)?;
    let Some(name) = whole.file_name() else { return Err(FileError::NotAFile { path: path.into() }) };
    let folder = walk(whole.parent().unwrap_or(Path::new("/")), End::Folder)?;
    Ok(folder.map(|folder| (folder, name.to_os_string())))
}

/// Whether a program is there. Links to it are followed.
///
/// # Errors
/// When somebody else could change it, or what the path leads to.
pub(super) fn is_trusted_program(path: &Path) -> Result<bool, FileError> {
    walk(&absolute(path)?, End::Program).map(|found| found.is_some())
}

/// A path from the root on, as it is written.
///
/// # Errors
/// When it is empty, or where we stand is not known.
fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    let failed = |error: std::io::Error| FileError::Open {
        path: path.into(),
        reason: error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw),
    };
    std::path::absolute(path).map_err(failed)
}

/// What a path leads to, from the root on; none when it does not exist.
///
/// # Errors
/// When somebody else could change it.
fn walk(path: &Path, end: End) -> Result<Option<OwnedFd>, FileError> {
    let failed = |path: &Path, reason| FileError::Open { path: path.into(), reason };
    let (mut ahead, mut behind, mut place, mut links) = (parts(path), PathBuf::from("/"), root()?, 0);
    while let Some(part) = ahead.pop_front() {
        let here = behind.join(&part);
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let next = match openat(place.as_fd(), part.as_os_str(), flags, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::ENOENT) => return Ok(None),
            Err(reason) => return Err(failed(&here, reason)),
        };
        let status = fstat(&next).map_err(|reason| failed(&here, reason))?;
        if kind(&status) != SFlag::S_IFLNK {
            trusted(&here, &status, if ahead.is_empty() { end } else { End::Folder })?;
            (place, behind) = (next, if part == ".." { parent(&behind) } else { here });
            continue;
        }
        links += 1;
        if !is_ours(&status) {
            return Err(FileError::Owner { path: here, owner: status.st_uid });
        }
        let target = readlinkat(&next, "").map_err(|reason| failed(&here, reason))?;
        if links > MOST_LINKS {
            return Err(failed(&here, Errno::ELOOP));
        }
        if target.as_bytes().starts_with(b"/") {
            (place, behind) = (root()?, PathBuf::from("/"));
        }
        parts(Path::new(&target)).into_iter().rev().for_each(|part| ahead.push_front(part));
    }
    Ok(Some(place))
}

/// The folder above one that was reached without links.
fn parent(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf)
}

/// The names in a path.
fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// The root folder.
///
/// # Errors
/// When it cannot be opened, or others could change it.
fn root() -> Result<OwnedFd, FileError> {
    let path = Path::new("/");
    let failed = |reason| FileError::Open { path: path.into(), reason };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = open(path, flags, Mode::empty()).map_err(failed)?;
    trusted(path, &fstat(&folder).map_err(failed)?, End::Folder)?;
    Ok(folder)
}

/// Whether a folder's entries, or a program, are only what the caller or root made them.
///
/// # Errors
/// When somebody else could change them, or when it is something else.
fn trusted(path: &Path, status: &FileStat, end: End) -> Result<(), FileError> {
    let is_folder = kind(status) == SFlag::S_IFDIR;
    if !is_folder && end == End::Folder {
        return Err(FileError::Open { path: path.into(), reason: Errno::ENOTDIR });
    }
    if !is_ours(status) {
        return Err(FileError::Owner { path: path.into(), owner: status.st_uid });
    }
    let mode = status.st_mode & 0o7777;
    let is_sticky = is_folder && mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !is_sticky {
        return Err(FileError::Folder { path: path.into(), mode });
    }
    Ok(())
}

/// Whether something belongs to the caller or to root, who could read everything anyway.
fn is_ours(status: &FileStat) -> bool {
    status.st_uid == 0 || status.st_uid == geteuid().as_raw()
}

/// What kind of thing lies there.
fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT
}
