//! Folders on a tmpfs, proven by what was opened and not by what a path says: reached without a symlink, through folders that
//! nobody else can change, owned by the caller, closed to others, in memory.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat};
use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
use nix::unistd::geteuid;
use thiserror::Error;

use super::swap;
use crate::exit::Exit;
use crate::failure::Explain;

/// What `statfs(2)` says of a ramfs, which is never swapped (`RAMFS_MAGIC` of linux/magic.h).
const RAMFS: i64 = 0x8584_58f6;

/// The permission bits that a private folder has, all of them.
pub(super) const PRIVATE: u32 = 0o700;

/// Whether the caller accepts that a tmpfs can be written to swap on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// It does not.
    Refuse,
    /// `--allow-swap`.
    Accept,
}

/// Whether folders that are missing are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// They are, for the caller alone, once it is known that they will be in memory.
    Make,
    /// They are not.
    Refuse,
}

/// Why a folder is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The path is not absolute, is the root, or has `..` in it.
    #[error("{} is not an absolute path of a folder without `..`", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// It, or a folder on the way, is not there.
    #[error("{} is not there", path.display())]
    Missing {
        /// What is missing.
        path: PathBuf,
    },
    /// It, or something on the way, is a symlink.
    #[error("{} is a symlink", path.display())]
    Symlink {
        /// The symlink.
        path: PathBuf,
    },
    /// It, or something on the way, is no folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What is there.
        path: PathBuf,
    },
    /// Others can replace what is in a folder on the way.
    #[error("others can change {}", path.display())]
    Shared {
        /// The folder.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to uid {uid}", path.display())]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Its permission bits are not those of a private folder.
    #[error("{} has mode {mode:04o} instead of 0700", path.display())]
    Mode {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is on a disk, or on something else that is not known to be memory.
    #[error("{} is not on a tmpfs (its file system is {kind:#x})", path.display())]
    NotTmpfs {
        /// The folder.
        path: PathBuf,
        /// What `statfs(2)` calls the file system.
        kind: i64,
    },
    /// Its tmpfs can be written to swap, and swap is on a disk.
    #[error("what is in {} could be written to swap on a disk", path.display())]
    Swap {
        /// The folder.
        path: PathBuf,
    },
    /// The kernel refused.
    #[error("failed to open {}: {}", path.display(), source.desc())]
    System {
        /// What was opened or made.
        path: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
}

impl Explain for FolderError {
    fn exit(&self) -> Exit {
        match self {
            Self::Path { .. } => Exit::Usage,
            Self::Missing { .. } => Exit::NotFound,
            Self::NotTmpfs { .. } | Self::Swap { .. } => Exit::Unavailable,
            Self::Symlink { .. }
            | Self::NotAFolder { .. }
            | Self::Shared { .. }
            | Self::Owner { .. }
            | Self::Mode { .. } => Exit::Denied,
            Self::System { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Path { .. } => "name a folder such as /run/lobsterpot/secrets".to_owned(),
            Self::Missing { .. } => "make it with mode 0700, or name a folder below one that is there".to_owned(),
            Self::Symlink { .. } => "name the folder that it leads to".to_owned(),
            Self::NotAFolder { .. } => "name another folder".to_owned(),
            Self::Shared { path } => format!("`chmod go-w {}`, or name a folder elsewhere", path.display()),
            Self::Owner { .. } => "name a folder of your own; below $XDG_RUNTIME_DIR for a user".to_owned(),
            Self::Mode { path, .. } => format!("`chmod 0700 {}`", path.display()),
            Self::NotTmpfs { .. } => {
                "name a folder below /run, or below $XDG_RUNTIME_DIR for a user: secrets are opened into memory only"
                    .to_owned()
            }
            Self::Swap { .. } => {
                "mount a tmpfs there with the option noswap, encrypt swap, or accept it with --allow-swap".to_owned()
            }
            Self::System { .. } => "look at the folder's permissions".to_owned(),
        })
    }
}

/// An open folder, and the path that led to it. What is done is done below the descriptor.
#[derive(Debug)]
pub struct Folder {
    /// The folder, open for reading.
    descriptor: File,
    /// How it was reached; for messages.
    path: PathBuf,
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Folder {
    /// Opens a folder from the root on, component by component, none of which may be a symlink or changed by others. Of the folder
    /// itself nothing more is asked than that.
    ///
    /// # Errors
    /// When it is not there and not to be made, or the way to it is not safe.
    pub fn reach(path: &Path, missing: Missing, swap: Swap) -> Result<Self, FolderError> {
        let mut steps = path.components();
        if path.is_relative() || path.components().any(|step| step == Component::ParentDir) {
            return Err(FolderError::Path { path: path.to_path_buf() });
        }
        steps.next();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open("/", flags, Mode::empty());
        let mut here = root.map_err(|source| FolderError::System { path: "/".into(), source })?;
        let mut walked = PathBuf::from("/");
        refuse_shared(&here, &walked)?;
        for step in steps.filter_map(|step| if let Component::Normal(name) = step { Some(name) } else { None }) {
            let parent = walked.clone();
            walked.push(step);
            here = match enter(&here, step, &walked) {
                Err(FolderError::Missing { .. }) if missing == Missing::Make => {
                    refuse_disk(&here, &parent, swap)?;
                    make(&here, step, &walked)?;
                    enter(&here, step, &walked)?
                }
                found => found?,
            };
            refuse_shared(&here, &walked)?;
        }
        let descriptor = readable(&here, &walked)?;
        Ok(Self { descriptor, path: walked })
    }

    /// Opens a folder as [`Folder::reach`] does, which also has to be private and in memory.
    ///
    /// # Errors
    /// When it is not.
    pub fn private(path: &Path, missing: Missing, swap: Swap) -> Result<Self, FolderError> {
        let folder = Self::reach(path, missing, swap)?;
        folder.prove(swap)?;
        Ok(folder)
    }

    /// The folder `name` in this one; none when it is not there.
    ///
    /// # Errors
    /// When it is something else, or cannot be opened.
    pub(crate) fn child(&self, name: &OsStr) -> Result<Option<Self>, FolderError> {
        let path = self.path.join(name);
        match enter(&self.descriptor, name, &path) {
            Ok(found) => Ok(Some(Self { descriptor: readable(&found, &path)?, path })),
            Err(FolderError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a private folder in this one.
    ///
    /// # Errors
    /// When there is something of that name, or the kernel refuses.
    pub(crate) fn make_child(&self, name: &OsStr, swap: Swap) -> Result<Self, FolderError> {
        let path = self.path.join(name);
        make(&self.descriptor, name, &path)?;
        let found = enter(&self.descriptor, name, &path)?;
        let folder = Self { descriptor: readable(&found, &path)?, path };
        folder.prove(swap)?;
        Ok(folder)
    }

    /// Refuses a folder that is not private, or not in memory. Judged is what is open.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn prove(&self, swap: Swap) -> Result<(), FolderError> {
        let found = look(&self.descriptor, &self.path)?;
        if found.st_uid != geteuid().as_raw() {
            return Err(FolderError::Owner { path: self.path.clone(), uid: found.st_uid });
        }
        let mode = found.st_mode & 0o7777;
        if mode != PRIVATE {
            return Err(FolderError::Mode { path: self.path.clone(), mode });
        }
        refuse_disk(&self.descriptor, &self.path, swap)
    }

    /// Refuses a folder that is not in memory, as [`Folder::prove`] does.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn refuse_disk(&self, swap: Swap) -> Result<(), FolderError> {
        refuse_disk(&self.descriptor, &self.path, swap)
    }

    /// Whether both are one folder.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn is_same(&self, other: &Self) -> Result<bool, FolderError> {
        let (here, there) = (look(&self.descriptor, &self.path)?, look(&other.descriptor, &other.path)?);
        Ok((here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
    }

    /// The open folder, for locks.
    pub(crate) const fn file(&self) -> &File {
        &self.descriptor
    }

    /// How it was reached.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn names(&self) -> Result<Vec<OsString>, FolderError> {
        let system = |source| FolderError::System { path: self.path.clone(), source };
        let again =
            openat(&self.descriptor, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        let mut dir = nix::dir::Dir::from_fd(again.map_err(system)?).map_err(system)?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            let entry = entry.map_err(system)?;
            let name = std::os::unix::ffi::OsStrExt::from_bytes(entry.file_name().to_bytes());
            if name != OsStr::new(".") && name != OsStr::new("..") {
                names.push(OsStr::to_os_string(name));
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Opens the folder `name` in `parent`, to look at and to go on from.
///
/// # Errors
/// When it is not there, a symlink, no folder, or the kernel refuses.
fn enter(parent: impl AsFd, name: &OsStr, path: &Path) -> Result<OwnedFd, FolderError> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let path = path.to_path_buf();
    openat(parent.as_fd(), name, flags, Mode::empty()).map_err(|source| {
        if source == Errno::ENOENT {
            FolderError::Missing { path }
        } else if source == Errno::ENOTDIR || source == Errno::ELOOP {
            let found = fstatat(parent.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW);
            let kind = found.map(|found| SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT);
            if kind == Ok(SFlag::S_IFLNK) { FolderError::Symlink { path } } else { FolderError::NotAFolder { path } }
        } else {
            FolderError::System { path, source }
        }
    })
}

/// Makes a folder for the caller alone.
///
/// # Errors
/// The kernel's.
fn make(parent: impl AsFd, name: &OsStr, path: &Path) -> Result<(), FolderError> {
    mkdirat(parent, name, Mode::from_bits_truncate(PRIVATE))
        .map_err(|source| FolderError::System { path: path.to_path_buf(), source })
}

/// The same folder, open for reading.
///
/// # Errors
/// The kernel's.
fn readable(folder: impl AsFd, path: &Path) -> Result<File, FolderError> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let found = openat(folder, ".", flags, Mode::empty());
    found.map(File::from).map_err(|source| FolderError::System { path: path.to_path_buf(), source })
}

/// What the kernel says of an open folder.
///
/// # Errors
/// The kernel's.
fn look(folder: impl AsFd, path: &Path) -> Result<FileStat, FolderError> {
    fstat(folder).map_err(|source| FolderError::System { path: path.to_path_buf(), source })
}

/// Refuses a folder in which others could replace what is there: one that is neither root's nor the caller's, or that others can
/// write. In a sticky folder nobody can replace what is another's (chmod(1)).
///
/// # Errors
/// When it is one, or the kernel refuses.
fn refuse_shared(folder: impl AsFd, path: &Path) -> Result<(), FolderError> {
    let found = look(folder, path)?;
    let is_trusted = found.st_uid == 0 || found.st_uid == geteuid().as_raw();
    let is_open = found.st_mode & 0o022 != 0 && found.st_mode & 0o1000 == 0;
    if is_trusted && !is_open { Ok(()) } else { Err(FolderError::Shared { path: path.to_path_buf() }) }
}

/// Refuses a folder that is not in memory, or could come to a disk by swap.
///
/// # Errors
/// When it is one, or the kernel refuses.
fn refuse_disk(folder: impl AsFd, path: &Path, swap: Swap) -> Result<(), FolderError> {
    let system = |source| FolderError::System { path: path.to_path_buf(), source };
    let kind = fstatfs(folder.as_fd()).map_err(system)?.filesystem_type();
    if kind.0 == RAMFS {
        return Ok(());
    }
    if kind != TMPFS_MAGIC {
        return Err(FolderError::NotTmpfs { path: path.to_path_buf(), kind: kind.0 });
    }
    let device = look(folder, path)?.st_dev;
    if swap == Swap::Refuse && swap::reaches_disk(device) {
        return Err(FolderError::Swap { path: path.to_path_buf() });
    }
    Ok(())
}
