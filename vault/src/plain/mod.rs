//! A plain file with secrets in it: read through one descriptor, and destroyed on the same inode once the secrets are elsewhere.

mod create;
mod error;
mod git;
mod ground;
mod leftovers;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};
use nix::unistd::{AccessFlags, UnlinkatFlags, faccessat, fsync, geteuid, unlinkat};
use zeroize::Zeroizing;

pub use create::create;
pub use error::{PlainError, ShredError};
pub use ground::Ground;
pub use leftovers::{Leftovers, leftovers};

use crate::store::folder::other_kind;

/// How much is overwritten at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// What a plain file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be read.
    Read,
    /// To be read, and destroyed afterwards.
    Shred,
}

/// A plain file that was read.
#[derive(Debug)]
pub struct PlainFile {
    /// The file.
    file: File,
    /// The folder that it is in.
    folder: OwnedFd,
    /// Its name there.
    name: OsString,
    /// What people call it.
    path: PathBuf,
    /// What the kernel said about it when it was opened.
    status: FileStat,
    /// What was in it.
    bytes: Zeroizing<Vec<u8>>,
}

impl PlainFile {
    /// Opens a regular file, not through a link, and reads it whole. What stands in the way of destroying it later is said now,
    /// before anything is done.
    ///
    /// # Errors
    /// When it is not there, no regular file, or larger than `limit`; when it is to be destroyed and has other names, another
    /// owner, or cannot be written.
    pub fn open(path: &Path, limit: usize, purpose: Purpose) -> Result<Self, PlainError> {
        let failed = |errno: Errno| PlainError::of(errno, path);
        let name = path.file_name().ok_or_else(|| PlainError::Kind { path: path.to_owned(), found: "a folder" })?;
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = openat(AT_FDCWD, above, flags, Mode::empty()).map_err(failed)?;
        let access = if purpose == Purpose::Shred { OFlag::O_RDWR } else { OFlag::O_RDONLY };
        let flags = access | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let file = File::from(openat(&folder, name, flags, Mode::empty()).map_err(failed)?);
        let status = fstat(&file).map_err(failed)?;
        if let Some(found) = other_kind(&status) {
            return Err(PlainError::Kind { path: path.to_owned(), found });
        }
        if purpose == Purpose::Shred {
            destructible(path, &status)?;
            faccessat(&folder, ".", AccessFlags::W_OK | AccessFlags::X_OK, AtFlags::AT_EACCESS).map_err(failed)?;
        }
        let bytes = read(&file, path, limit)?;
        Ok(Self { file, folder, name: name.to_owned(), path: path.to_owned(), status, bytes })
    }

    /// What was in it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What people call it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What kind of file system it is on.
    #[must_use]
    pub fn ground(&self) -> Ground {
        Ground::of(self.file.as_fd())
    }

    /// Destroys it: overwrites it with random bytes, flushes them, gives it a name that means nothing, empties it, removes that name,
    /// and flushes the folder. What overwriting cannot reach, [`Self::ground`] tells.
    ///
    /// Everything is done on the inode that was read. Whoever calls this has made sure that the content is kept elsewhere.
    ///
    /// # Errors
    /// When it is not what was read any more: nothing was overwritten then. When something was appended meanwhile, which is kept. Or
    /// when a step fails.
    pub fn shred(self) -> Result<(), ShredError> {
        self.check_unchanged()?;
        self.overwrite().map_err(self.failed("overwrite"))?;
        self.remove()
    }

    /// An error of a step.
    fn failed(&self, step: &'static str) -> impl Fn(io::Error) -> ShredError {
        move |source| ShredError::Io { path: self.path.clone(), step, source }
    }

    /// Refuses a file that is not what was read: another content, another name, another file under its name.
    ///
    /// # Errors
    /// When it is not, or cannot be looked at.
    fn check_unchanged(&self) -> Result<(), ShredError> {
        let changed = || ShredError::Changed { path: self.path.clone() };
        let status = fstat(&self.file).map_err(|errno| self.failed("look at")(errno.into()))?;
        let mut now = Zeroizing::new(vec![0; self.bytes.len() + 1]);
        let length = read_at(&self.file, &mut now).map_err(self.failed("read"))?;
        if status.st_nlink != 1 || now.get(..length) != Some(&self.bytes[..]) || !self.is_at(&self.name) {
            return Err(changed());
        }
        Ok(())
    }

    /// Whether a name in the folder is this file.
    fn is_at(&self, name: &OsStr) -> bool {
        fstatat(&self.folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|found| (found.st_dev, found.st_ino) == (self.status.st_dev, self.status.st_ino))
    }

    /// Overwrites everything, and flushes it.
    ///
    /// # Errors
    /// When there are no random bytes, or the disk is broken.
    fn overwrite(&self) -> io::Result<()> {
        let mut random = vec![0; CHUNK.min(self.bytes.len())];
        let mut done = 0;
        while done < self.bytes.len() {
            let length = random.len().min(self.bytes.len() - done);
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            self.file.write_all_at(&random[..length], u64::try_from(done).map_err(io::Error::other)?)?;
            done += length;
        }
        self.file.sync_all()
    }

    /// Removes it, under a name that means nothing, so that no journal keeps the old one beside the free inode.
    ///
    /// It has that name before it is emptied: from then on a program that appends to the old name makes a new file, and what was
    /// appended until then is seen.
    ///
    /// # Errors
    /// When the folder does not let it go, something else has come in its place, or something was appended. It has its own name then.
    fn remove(&self) -> Result<(), ShredError> {
        let name = self.hide()?;
        let emptied = self.empty();
        if emptied.is_err() {
            let _ = self.rename(&name, &self.name);
            return emptied;
        }
        unlinkat(&self.folder, name.as_os_str(), UnlinkatFlags::NoRemoveDir)
            .map_err(|errno| self.failed("remove")(errno.into()))?;
        match fsync(&self.folder) {
            // Some file systems have nothing to flush in a folder.
            Ok(()) | Err(Errno::EINVAL) => Ok(()),
            Err(errno) => Err(self.failed("flush the folder of")(errno.into())),
        }
    }

    /// Gives it a name that means nothing, and says which: its own where the file system cannot rename without replacing.
    ///
    /// # Errors
    /// When the folder does not let it go, or something else has come in its place.
    fn hide(&self) -> Result<OsString, ShredError> {
        let failed = self.failed("remove");
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| failed(io::Error::other(error)))?;
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let other = OsString::from(format!(".{digits}"));
        let name = match self.rename(&self.name, &other) {
            Ok(()) => other,
            Err(Errno::EINVAL) => self.name.clone(),
            Err(errno) => return Err(failed(errno.into())),
        };
        if !self.is_at(&name) {
            // Somebody has put another file there at this moment: it gets its name back.
            let _ = self.rename(&name, &self.name);
            return Err(ShredError::Swapped { path: self.path.clone() });
        }
        Ok(name)
    }

    /// Renames something in the folder, replacing nothing.
    ///
    /// # Errors
    /// The kernel's (renameat2(2)).
    fn rename(&self, from: &OsStr, to: &OsStr) -> nix::Result<()> {
        renameat2(&self.folder, from, &self.folder, to, RenameFlags::RENAME_NOREPLACE)
    }

    /// Takes its length away, unless it has become longer than what was read.
    ///
    /// # Errors
    /// When it has, or cannot be looked at or emptied.
    fn empty(&self) -> Result<(), ShredError> {
        let length = self.file.metadata().map_err(self.failed("look at"))?.len();
        if length > u64::try_from(self.bytes.len()).unwrap_or(u64::MAX) {
            return Err(ShredError::Grown { path: self.path.clone(), random: self.bytes.len() });
        }
        self.file.set_len(0).and_then(|()| self.file.sync_all()).map_err(self.failed("empty"))
    }
}

/// Refuses what should not be destroyed: a file with other names, or of another owner.
///
/// # Errors
/// When it is one.
fn destructible(path: &Path, status: &FileStat) -> Result<(), PlainError> {
    let path = || path.to_owned();
    if status.st_nlink != 1 {
        return Err(PlainError::HardLinks { path: path(), count: status.st_nlink });
    }
    if status.st_uid != geteuid().as_raw() {
        return Err(PlainError::Owner { path: path(), owner: status.st_uid });
    }
    Ok(())
}

/// Reads a file, or a stream, whole.
///
/// # Errors
/// When it is longer than `limit`, or cannot be read.
pub(crate) fn read(source: impl Read, path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, PlainError> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::new());
    let read = source.take(most).read_to_end(&mut bytes);
    read.map_err(|source| PlainError::Io { path: path.to_owned(), source })?;
    if bytes.len() > limit { Err(PlainError::TooLarge { path: path.to_owned(), limit }) } else { Ok(bytes) }
}

/// Reads from the beginning until the buffer is full or the file ends; how much there was.
///
/// # Errors
/// When the disk is broken.
fn read_at(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], u64::try_from(done).map_err(io::Error::other)?) {
            Ok(0) => break,
            Ok(length) => done += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests;
