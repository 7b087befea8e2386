//! The folder that a vault or a record lies in: opened once, checked on the descriptor, and everything in it reached from there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlink, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};
use thiserror::Error;

use crate::exit::Exit;
use crate::failure::{Explain, word};

/// Permission bits that let somebody other than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// The bit that keeps users from removing each other's entries in a shared folder.
const STICKY: u32 = 0o1000;

/// More folders above one another than a path can name.
const DEEPEST: usize = 2048;

/// Why a folder, or a file in it, is not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// It is not there.
    #[error("there is nothing at \"{}\"", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is something else than a folder or a regular file.
    #[error("\"{}\" is {found}, not a {wanted}", path.display())]
    Kind {
        /// What was looked at.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// It is a symbolic link, which others may point elsewhere between two looks, and which a new version would replace.
    #[error("\"{}\" is a symbolic link", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads, when that can be read.
        target: Option<PathBuf>,
    },
    /// It belongs to neither the caller nor root.
    #[error("\"{}\" belongs to user {owner}, not to user {caller} or root", path.display())]
    Owner {
        /// What was looked at.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The caller.
        caller: u32,
    },
    /// Others can write it.
    #[error("others can write \"{}\", whose mode is {mode:04o}", path.display())]
    Writable {
        /// What was looked at.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Nothing is in it: an interrupted copy, or a disk that was full.
    #[error("\"{}\" is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than anything that this program writes.
    #[error("\"{}\" is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        limit: u64,
    },
    /// The operating system refused (openat(2), fstat(2), read(2)).
    #[error("failed to open \"{}\": {source}", path.display())]
    Io {
        /// What was to be opened.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl Explain for PlaceError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::NotFound,
            Self::Kind { .. } | Self::Empty { .. } | Self::TooLarge { .. } => Exit::Data,
            Self::Link { .. } | Self::Owner { .. } | Self::Writable { .. } => Exit::Denied,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Denied,
            Self::Io { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => "`lobsterpot-vault init` makes a vault; --vault names another place".to_owned(),
            Self::Kind { .. } => "name the vault's own file with --vault".to_owned(),
            Self::Link { target: Some(target), .. } => format!("name the file itself: --vault {}", word(target)),
            Self::Link { target: None, .. } => "name the file itself with --vault".to_owned(),
            Self::Owner { path, owner, caller } => {
                format!("work as user {owner}, or check who wrote it, then run: chown {caller} {}", word(path))
            }
            Self::Writable { path, mode } if mode & STICKY != 0 => {
                format!("move the vault out of the shared folder {}", word(path))
            }
            Self::Writable { path, .. } => {
                format!("check what is there, then run: chmod go-w {}", word(path))
            }
            Self::Empty { .. } => "put back a copy of the vault; an empty file holds nothing to recover".to_owned(),
            Self::TooLarge { .. } => "check that this is the vault".to_owned(),
            Self::Io { path, .. } => format!("check the folder and its permissions: ls -ld {}", word(path)),
        })
    }
}

/// A folder that only the caller and root can change, with every folder above it likewise.
#[derive(Debug)]
pub struct Folder {
    /// The folder itself.
    fd: OwnedFd,
    /// Where it really is.
    path: PathBuf,
}

/// A file that was opened and is what it should be.
#[derive(Debug)]
pub struct Found {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// What the kernel says about it.
    pub facts: Facts,
}

/// Owner and permissions of a file, to be kept when it is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The permission bits.
    pub mode: u32,
}

impl From<&FileStat> for Facts {
    fn from(status: &FileStat) -> Self {
        Self { uid: status.st_uid, gid: status.st_gid, mode: status.st_mode & 0o7777 }
    }
}

impl Folder {
    /// Opens the folder at `path`. Links on the way are followed: where they end is what is checked.
    ///
    /// # Errors
    /// When there is no such folder, or somebody other than the caller and root could change it or one above it.
    pub fn open(path: &Path) -> Result<Self, PlaceError> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        // A folder that this account may pass but not list is no obstacle to reading a file in it.
        let opened = match openat(AT_FDCWD, path, flags, Mode::empty()) {
            Err(Errno::EACCES) => openat(AT_FDCWD, path, flags | OFlag::O_PATH, Mode::empty()),
            opened => opened,
        };
        let fd = opened.map_err(|errno| {
            let path = path.to_owned();
            if errno == Errno::ENOENT {
                PlaceError::Missing { path }
            } else if errno == Errno::ENOTDIR {
                PlaceError::Kind { path, found: "something else", wanted: "folder" }
            } else {
                PlaceError::Io { path, source: errno.into() }
            }
        })?;
        let real = readlink(&PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd))));
        let real = match real {
            Ok(real) => PathBuf::from(real),
            Err(_) => path.canonicalize().map_err(|source| PlaceError::Io { path: path.to_owned(), source })?,
        };
        let folder = Self { fd, path: real };
        folder.check()?;
        Ok(folder)
    }

    /// Where the folder really is, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses the folder when somebody else could change it, or could put another one in its place.
    ///
    /// # Errors
    /// When somebody else could, or a folder above cannot be looked at.
    fn check(&self) -> Result<(), PlaceError> {
        let caller = geteuid().as_raw();
        let mut above = String::from(".");
        let mut last = None;
        for path in self.path.ancestors().take(DEEPEST) {
            let source = |errno: Errno| PlaceError::Io { path: path.to_owned(), source: errno.into() };
            let status = fstatat(&self.fd, above.as_str(), AtFlags::empty()).map_err(source)?;
            let place = Some((status.st_dev, status.st_ino));
            if place == last {
                break;
            }
            let is_shared = last.is_some() && status.st_mode & STICKY != 0;
            last = place;
            owned(path, &status, caller)?;
            if status.st_mode & OTHERS_WRITE != 0 && !is_shared {
                return Err(PlaceError::Writable { path: path.to_owned(), mode: status.st_mode & 0o7777 });
            }
            above.push_str("/..");
        }
        Ok(())
    }

    /// Where a file of this folder is, for people.
    #[must_use]
    pub fn join(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// What there is under a name, without following a link.
    ///
    /// # Errors
    /// When the kernel refuses; nothing being there is `None`.
    pub fn status(&self, name: &OsStr) -> Result<Option<FileStat>, PlaceError> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(status)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(PlaceError::Io { path: self.join(name), source: errno.into() }),
        }
    }

    /// Opens a regular file that only the caller and root can write. Nothing waits: neither for a pipe's other end, nor for a
    /// terminal.
    ///
    /// # Errors
    /// When it is missing, something else than a regular file, or could have been written by others.
    pub fn open_file(&self, name: &OsStr) -> Result<(File, FileStat), PlaceError> {
        let path = || self.join(name);
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let file = openat(&self.fd, name, flags, Mode::empty()).map_err(|errno| {
            let path = path();
            if errno == Errno::ENOENT {
                PlaceError::Missing { path }
            } else if errno == Errno::ELOOP {
                let target = readlinkat(&self.fd, name).ok().map(|target| self.path.join(target));
                PlaceError::Link { path, target }
            } else if errno == Errno::ENXIO {
                PlaceError::Kind { path, found: "a socket or device", wanted: "regular file" }
            } else {
                PlaceError::Io { path, source: errno.into() }
            }
        })?;
        let status = fstat(&file).map_err(|errno| PlaceError::Io { path: path(), source: errno.into() })?;
        if let Some(found) = other_kind(&status) {
            return Err(PlaceError::Kind { path: path(), found, wanted: "regular file" });
        }
        owned(&path(), &status, geteuid().as_raw())?;
        if status.st_mode & OTHERS_WRITE != 0 {
            return Err(PlaceError::Writable { path: path(), mode: status.st_mode & 0o7777 });
        }
        Ok((file.into(), status))
    }

    /// Reads such a file whole.
    ///
    /// # Errors
    /// As [`Self::open_file`], and when it is empty or longer than `limit` bytes.
    pub fn read(&self, name: &OsStr, limit: u64) -> Result<Found, PlaceError> {
        let (file, status) = self.open_file(name)?;
        let length = u64::try_from(status.st_size).unwrap_or(u64::MAX);
        if length > limit {
            return Err(PlaceError::TooLarge { path: self.join(name), limit });
        }
        // One byte more than there is, so that the end is seen without growing the buffer.
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
        let read = file.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|source| PlaceError::Io { path: self.join(name), source })?;
        match u64::try_from(bytes.len()) {
            Ok(0) => Err(PlaceError::Empty { path: self.join(name) }),
            Ok(length) if length <= limit => Ok(Found { bytes, facts: Facts::from(&status) }),
            Ok(_) | Err(_) => Err(PlaceError::TooLarge { path: self.join(name), limit }),
        }
    }

    /// Removes a name; that it is not there is as good.
    ///
    /// # Errors
    /// The kernel's (unlinkat(2)).
    pub(super) fn remove(&self, name: &OsStr) -> Result<(), Errno> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Refuses what belongs to neither `caller` nor root.
///
/// # Errors
/// When it does.
fn owned(path: &Path, status: &FileStat, caller: u32) -> Result<(), PlaceError> {
    if status.st_uid == caller || status.st_uid == 0 {
        return Ok(());
    }
    Err(PlaceError::Owner { path: path.to_owned(), owner: status.st_uid, caller })
}

/// What something is, when it is not a regular file.
pub(crate) fn other_kind(status: &FileStat) -> Option<&'static str> {
    let kind = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT;
    Some(match kind {
        SFlag::S_IFREG => return None,
        SFlag::S_IFDIR => "a folder",
        SFlag::S_IFIFO => "a named pipe",
        SFlag::S_IFLNK => "a symbolic link",
        _ => "a socket or device",
    })
}

/// The name of a sibling that belongs to `name`: hidden, so that globs and listings do not take it for another vault.
pub(super) fn sibling(name: &OsStr, suffix: &str) -> OsString {
    let mut sibling = OsString::from(".");
    sibling.push(name);
    sibling.push(suffix);
    sibling
}

/// The part of a sibling's name between the vault's name and `suffix`.
pub(super) fn middle<'a>(sibling: &'a [u8], name: &OsStr, suffix: &str) -> Option<&'a [u8]> {
    sibling.strip_prefix(b".")?.strip_prefix(name.as_bytes())?.strip_suffix(suffix.as_bytes())
}
