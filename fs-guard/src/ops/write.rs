//! Writing: the whole content at once, so that whoever looks sees the old content or the new, and never a part.
//!
//! A file is replaced by a new one that has its owner, permissions and attributes. Four kinds of files are written in place
//! instead, since a new file would not be what people expect: those with several hard links, whose other names would keep the
//! old content; those whose owner or attributes a new file could not have; those that alone are writable in their folder; and
//! mount points. In place, the space is reserved before anything is overwritten, so that a full disk leaves the old content; a
//! kill in the middle does not.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, OFlag, fallocate, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};

use super::error::OpError;
use super::open::{self, ALWAYS, HERE};
use super::read::{errno, length, within};
use super::temporary::Temporary;
use super::{folder, metadata};
use crate::guard::Target;

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Folders that are missing on the way are made.
    pub parents: bool,
    /// The file must not exist yet.
    pub exclusive: bool,
    /// The permissions; without them those of the old file, or of any new one.
    pub mode: Option<u32>,
}

/// A name in an open folder.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    /// The whole path, for messages.
    path: &'a Path,
    /// The folder.
    folder: BorrowedFd<'a>,
    /// The name in it.
    name: &'a OsStr,
}

/// Makes `data` the content of the target.
///
/// # Errors
/// When it is no regular file or cannot be written. The old content is then still there, unless the message says otherwise.
pub(super) fn write(target: &Target, data: &[u8], options: WriteOptions) -> Result<(), OpError> {
    let path = folder::whole(target);
    let path = path.as_path();
    within(path, length(data))?;
    if let Some(facts) = &target.facts {
        if options.exclusive {
            return Err(OpError::Exists { path: path.to_owned() });
        }
        open::must_be_regular(target, facts)?;
        return overwrite(target, facts, data, options.mode);
    }
    if target.folder {
        return Err(OpError::IsFolder { path: path.to_owned() });
    }
    let made: Option<OwnedFd>;
    let (folder, name) = match target.missing.split_last() {
        None => (target.parent.as_fd(), target.name.as_os_str()),
        Some(_) if !options.parents => return Err(OpError::NotFound { path: target.path.clone() }),
        Some((last, between)) => {
            made = Some(folder::make_all(target, between)?);
            (made.as_ref().map_or(target.parent.as_fd(), AsFd::as_fd), last.as_os_str())
        }
    };
    create(Place { path, folder, name }, data, options)
}

/// Replaces what the target has by `data`, provided that it is still the file with these `facts`.
///
/// # Errors
/// As for [`write()`].
pub(super) fn overwrite(target: &Target, facts: &FileStat, data: &[u8], mode: Option<u32>) -> Result<(), OpError> {
    let place = Place { path: &target.path, folder: target.parent.as_fd(), name: &target.name };
    let failed = |errno| OpError::io("opening", place.path, errno);
    let flags = |access| access | ALWAYS;
    let old = match openat(place.folder, place.name, flags(OFlag::O_RDWR), Mode::empty()) {
        Err(Errno::EACCES) => openat(place.folder, place.name, flags(OFlag::O_WRONLY), Mode::empty()),
        other => other,
    };
    let old = File::from(old.map_err(failed)?);
    let now = fstat(&old).map_err(failed)?;
    if !is_unchanged(facts, &now) {
        return Err(OpError::Changed { path: place.path.to_owned() });
    }
    let is_replaceable = !target.alone && now.st_nlink == 1;
    if is_replaceable && replace(place, &old, &now, data, mode)? == Done::Yes {
        return Ok(());
    }
    in_place(place, &old, &now, data, mode)
}

/// Whether something was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// It was.
    Yes,
    /// It cannot be, and nothing has changed.
    No,
}

/// Puts a new file in the place of `old`.
///
/// # Errors
/// When the content cannot be written, or the name means another file by now.
fn replace(place: Place<'_>, old: &File, facts: &FileStat, data: &[u8], mode: Option<u32>) -> Result<Done, OpError> {
    let Ok(new) = Temporary::new(place.folder) else { return Ok(Done::No) };
    if metadata::keep(old, facts, new.file()).is_err() {
        return Ok(Done::No);
    }
    fill(place, new.file(), data, mode)?;
    // The folder is held open: the new content ends up under the name that was judged, whatever anybody does meanwhile.
    match new.replace(place.name, |now| is_unchanged(facts, now)) {
        Ok(()) => settle(place).map(|()| Done::Yes),
        // A mount point, or somebody else's file in a sticky folder.
        Err(Errno::EBUSY | Errno::EPERM | Errno::EACCES) => Ok(Done::No),
        Err(errno) => Err(OpError::io("replacing", place.path, errno)),
    }
}

/// Makes a new file.
///
/// # Errors
/// When the name is taken, or the file cannot be made.
fn create(place: Place<'_>, data: &[u8], options: WriteOptions) -> Result<(), OpError> {
    let new = Temporary::new(place.folder).map_err(|errno| OpError::io("creating", place.path, errno))?;
    fill(place, new.file(), data, options.mode)?;
    match new.place(place.name) {
        Ok(()) => settle(place),
        Err(Errno::EEXIST) if !options.exclusive => Err(OpError::Changed { path: place.path.to_owned() }),
        Err(errno) => Err(OpError::io("creating", place.path, errno)),
    }
}

/// Writes the content of a file that nobody sees yet, down to the disk.
///
/// # Errors
/// The kernel's.
fn fill(place: Place<'_>, mut file: &File, data: &[u8], mode: Option<u32>) -> Result<(), OpError> {
    let failed = |errno| OpError::io("writing", place.path, errno);
    file.write_all(data).map_err(|error| failed(errno(&error)))?;
    if let Some(mode) = mode {
        fchmod(file, metadata::permissions(mode)).map_err(failed)?;
    }
    file.sync_all().map_err(|error| failed(errno(&error)))
}

/// Overwrites the content of `file`.
///
/// # Errors
/// When there is no space, which leaves the old content, or the kernel fails in the middle.
fn in_place(place: Place<'_>, file: &File, facts: &FileStat, data: &[u8], mode: Option<u32>) -> Result<(), OpError> {
    let failed = |errno| OpError::io("writing", place.path, errno);
    let size = i64::try_from(data.len()).map_err(|_| failed(Errno::EFBIG))?;
    if size > facts.st_size {
        // File systems that cannot reserve answer with other errors.
        let reserved = fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, size);
        if let Err(errno @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG)) = reserved {
            // Gives back what was reserved before space ran out; the content has not been touched.
            let _ = file.set_len(u64::try_from(facts.st_size).unwrap_or(0));
            return Err(failed(errno));
        }
    }
    let overwritten = file.write_all_at(data, 0).and_then(|()| file.set_len(length(data)));
    overwritten.map_err(|error| failed(errno(&error)))?;
    if let Some(mode) = mode {
        fchmod(file, metadata::permissions(mode)).map_err(failed)?;
    }
    file.sync_all().map_err(|error| failed(errno(&error)))
}

/// Makes the new name last: `fsync(2)` on the folder, where the caller may open it.
///
/// # Errors
/// The kernel's, once the folder is open.
fn settle(place: Place<'_>) -> Result<(), OpError> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | ALWAYS;
    let Ok(folder) = openat(place.folder, HERE, flags, Mode::empty()) else { return Ok(()) };
    match nix::unistd::fsync(&folder) {
        // Some file systems have nothing to do for a folder.
        Ok(()) | Err(Errno::EINVAL | Errno::EROFS) => Ok(()),
        Err(errno) => Err(OpError::io("keeping", place.path, errno)),
    }
}

/// Whether nobody has replaced or written the file since `before`.
fn is_unchanged(before: &FileStat, now: &FileStat) -> bool {
    let content = |facts: &FileStat| (facts.st_size, facts.st_mtime, facts.st_mtime_nsec);
    open::identity(before) == open::identity(now) && content(before) == content(now)
}
