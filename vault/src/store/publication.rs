//! Putting a new version in the place of an old one, so that whoever looks sees one of the two, whatever ends this process.
//!
//! A temporary file in the same folder is written, read back from its descriptor, verified by the caller, flushed, and only then
//! renamed (rename(2) replaces at once); the folder is flushed last. What a dead writer left is removed by the next one, who
//! holds the lock. It is never more than what would have been published.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::unistd::{Gid, Uid, fchown, fsync};
use thiserror::Error;

use super::folder::{Facts, Folder, middle, sibling};
use crate::exit::Exit;
use crate::failure::{Explain, Failure, word};

/// How names of temporary files end.
const SUFFIX: &str = ".new";

/// How many hexadecimal digits tell temporary files apart.
const DIGITS: usize = 16;

/// Why nothing was published. The old content is there, unless the variant says otherwise.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Something is there already, and was to be kept.
    #[error("\"{}\" exists already", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The target is a mount point, which cannot be replaced.
    #[error("\"{}\" is a mount point: a new version cannot be put in its place", path.display())]
    MountPoint {
        /// The target.
        path: PathBuf,
    },
    /// The process may not write files of this size (`RLIMIT_FSIZE`, setrlimit(2)).
    #[error("this process may write files of at most {limit} bytes, and \"{}\" needs {needed}", path.display())]
    Limit {
        /// The target.
        path: PathBuf,
        /// The limit.
        limit: u64,
        /// How much there is to write.
        needed: u64,
    },
    /// The owner or mode of the old version could not be given to the new one (fchown(2), fchmod(2)).
    #[error("the owner and mode of \"{}\" cannot be kept: {source}", path.display())]
    Keep {
        /// The target.
        path: PathBuf,
        /// The owner that it has.
        owner: u32,
        /// The kernel's reason.
        source: io::Error,
    },
    /// What was read back is not what was written: the disk, or memory, is broken.
    #[error("what was read back for \"{}\" is not what was written", path.display())]
    Differs {
        /// The target.
        path: PathBuf,
    },
    /// What was read back does not open, or holds something else.
    #[error("the new version of \"{}\" does not verify: {reason}", path.display())]
    Unverified {
        /// The target.
        path: PathBuf,
        /// Why.
        reason: Failure,
    },
    /// The operating system refused to write.
    #[error("failed to {step} the new version of \"{}\": {source}", path.display())]
    Io {
        /// The target.
        path: PathBuf,
        /// What failed.
        step: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
    /// It is published, but the folder could not be flushed: a loss of power now may bring the old version back.
    #[error("the new version of \"{}\" is in place, but may not survive a loss of power: {source}", path.display())]
    Unflushed {
        /// The target.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl Explain for PublishError {
    fn exit(&self) -> Exit {
        match self {
            Self::Exists { .. } => Exit::Exists,
            Self::Keep { .. } => Exit::Denied,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Denied,
            Self::MountPoint { .. }
            | Self::Limit { .. }
            | Self::Differs { .. }
            | Self::Unverified { .. }
            | Self::Io { .. }
            | Self::Unflushed { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Exists { path } => {
                format!("use it as it is, or move it away first: mv {0} {0}.before", word(path))
            }
            Self::MountPoint { path } => {
                let folder = path.parent().unwrap_or(path);
                format!("mount its folder '{}' instead of the file", folder.display())
            }
            Self::Limit { .. } => "raise the limit (ulimit -f, LimitFSIZE=); nothing was changed".to_owned(),
            Self::Keep { owner, .. } => format!("work as user {owner}; nothing was changed"),
            Self::Differs { .. } => "check the disk and the memory of this host; nothing was changed".to_owned(),
            Self::Unverified { reason, .. } => {
                format!("nothing was changed{}", reason.hint().map(|hint| format!("; {hint}")).unwrap_or_default())
            }
            Self::Io { source, path, .. } if source.kind() == io::ErrorKind::StorageFull => {
                format!("make room: df '{}'; nothing was changed", path.parent().unwrap_or(path).display())
            }
            Self::Io { .. } => "check the disk and the folder's permissions; nothing was changed".to_owned(),
            Self::Unflushed { .. } => "run `sync`, and check the disk with dmesg".to_owned(),
        })
    }
}

/// What is to be in the target's place before.
#[derive(Debug, Clone, Copy)]
pub enum Before {
    /// Nothing: what is there is kept, and publication fails.
    Nothing,
    /// A version with this owner, group and mode, which the new one gets.
    Old(Facts),
}

/// Publishes `bytes` as `name` in `folder`, after `verify` has accepted what was read back from the disk. The caller holds the
/// [`super::Lock`].
///
/// # Errors
/// When a step fails. The old content is in place then, and no temporary file, but for [`PublishError::Unflushed`].
pub fn publish(
    folder: &Folder,
    name: &OsStr,
    before: Before,
    bytes: &[u8],
    verify: impl FnOnce(&[u8]) -> Result<(), Failure>,
) -> Result<(), PublishError> {
    let target = Target { folder, name };
    target.check_limit(bytes)?;
    target.sweep()?;
    let (temporary, file) = target.create()?;
    let prepared = target
        .fill(file, before, bytes)
        .and_then(|read| verify(&read).map_err(|reason| PublishError::Unverified { path: target.path(), reason }))
        .and_then(|()| target.put(&temporary, before));
    if prepared.is_err() {
        // The error is the reason that matters; what stays is removed by the next writer.
        let _ = folder.remove(&temporary);
        return prepared;
    }
    match fsync(folder) {
        // Some file systems have nothing to flush in a folder.
        Ok(()) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(PublishError::Unflushed { path: target.path(), source: errno.into() }),
    }
}

/// A name in a folder that gets new content.
struct Target<'a> {
    /// The folder.
    folder: &'a Folder,
    /// The name.
    name: &'a OsStr,
}

impl Target<'_> {
    /// Where it is, for people.
    fn path(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// An error of a step.
    fn failed(&self, step: &'static str) -> impl Fn(io::Error) -> PublishError {
        move |source| PublishError::Io { path: self.path(), step, source }
    }

    /// Refuses what `RLIMIT_FSIZE` does not let through: the kernel would end the process with a signal.
    ///
    /// # Errors
    /// When the limit is below what there is to write.
    fn check_limit(&self, bytes: &[u8]) -> Result<(), PublishError> {
        let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE).map_err(|errno| self.failed("bound")(errno.into()))?;
        match u64::try_from(bytes.len()) {
            Ok(needed) if needed > limit => Err(PublishError::Limit { path: self.path(), limit, needed }),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Removes temporary files of writers that died.
    ///
    /// # Errors
    /// When the folder cannot be listed, or one cannot be removed.
    fn sweep(&self) -> Result<(), PublishError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let failed = |errno: Errno| self.failed("list the folder of")(errno.into());
        let mut listing = Dir::openat(self.folder, ".", flags, Mode::empty()).map_err(failed)?;
        for entry in listing.iter() {
            let entry = entry.map_err(failed)?;
            let found = entry.file_name().to_bytes();
            if middle(found, self.name, SUFFIX).is_some_and(is_ours) {
                self.folder.remove(OsStr::from_bytes(found)).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Makes an empty temporary file that nobody else can read.
    ///
    /// # Errors
    /// When there is no random number, or the folder takes no file.
    fn create(&self) -> Result<(OsString, File), PublishError> {
        let failed = self.failed("create");
        let mut random = [0; DIGITS / 2];
        getrandom::fill(&mut random).map_err(|error| failed(error.into()))?;
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let temporary = sibling(self.name, &format!(".{digits}{SUFFIX}"));
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(self.folder, temporary.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(|errno| failed(errno.into()))?;
        Ok((temporary, file.into()))
    }

    /// Writes the file, flushes it, and gives what is in it as the descriptor reads it.
    ///
    /// # Errors
    /// When the disk is full or broken, or owner and mode cannot be kept.
    fn fill(&self, mut file: File, before: Before, bytes: &[u8]) -> Result<Vec<u8>, PublishError> {
        if let Before::Old(facts) = before {
            self.keep(&file, facts)?;
        }
        file.write_all(bytes).map_err(self.failed("write"))?;
        file.sync_all().map_err(self.failed("flush"))?;
        let mut read = Vec::with_capacity(bytes.len() + 1);
        file.seek(SeekFrom::Start(0)).map_err(self.failed("read back"))?;
        file.read_to_end(&mut read).map_err(self.failed("read back"))?;
        if read == bytes { Ok(read) } else { Err(PublishError::Differs { path: self.path() }) }
    }

    /// Gives a file the owner, group and mode that the old version has.
    ///
    /// # Errors
    /// When the caller may not give files away, or the mode cannot be set.
    fn keep(&self, file: &File, facts: Facts) -> Result<(), PublishError> {
        let failed = |errno: Errno| PublishError::Keep { path: self.path(), owner: facts.uid, source: errno.into() };
        let now = Facts::from(&fstat(file).map_err(failed)?);
        if (now.uid, now.gid) != (facts.uid, facts.gid) {
            fchown(file, Some(Uid::from_raw(facts.uid)), Some(Gid::from_raw(facts.gid))).map_err(failed)?;
        }
        let mode = facts.mode & 0o777;
        if now.mode != mode {
            fchmod(file, Mode::from_bits_truncate(mode)).map_err(failed)?;
        }
        Ok(())
    }

    /// Puts the temporary file in the target's place.
    ///
    /// # Errors
    /// When the target is a mount point, is there where it must not be, or the kernel refuses.
    fn put(&self, temporary: &OsStr, before: Before) -> Result<(), PublishError> {
        let renamed = match before {
            Before::Old(_) => renameat(self.folder, temporary, self.folder, self.name),
            Before::Nothing => self.put_first(temporary),
        };
        renamed.map_err(|errno| {
            if errno == Errno::EBUSY {
                PublishError::MountPoint { path: self.path() }
            } else if errno == Errno::EEXIST {
                PublishError::Exists { path: self.path() }
            } else {
                self.failed("put into its place")(errno.into())
            }
        })
    }

    /// Puts the temporary file where nothing may be.
    ///
    /// # Errors
    /// The kernel's; `EEXIST` when something is there.
    fn put_first(&self, temporary: &OsStr) -> Result<(), Errno> {
        match renameat2(self.folder, temporary, self.folder, self.name, RenameFlags::RENAME_NOREPLACE) {
            // A file system without the flag: the lock keeps other writers of vaults away, and others cannot write here.
            Err(Errno::EINVAL | Errno::ENOSYS) => match self.folder.status(self.name) {
                Ok(None) => renameat(self.folder, temporary, self.folder, self.name),
                Ok(Some(_)) | Err(_) => Err(Errno::EEXIST),
            },
            result => result,
        }
    }
}

/// Whether this is the part of a temporary file's name that [`Target::create`] chooses.
fn is_ours(middle: &[u8]) -> bool {
    middle.split_first().is_some_and(|(dot, digits)| {
        *dot == b'.' && digits.len() == DIGITS && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}
