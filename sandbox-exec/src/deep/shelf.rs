//! Where indexes are kept between launches: `~/.cache/lobsterpot/deep`, for the caller alone.
//!
//! An index says what need not be looked at, so whoever writes it can hide secrets from the masks. It is used only when nobody but
//! the caller can have written it, outside of every sandbox. Any doubt means no index, which is slow and safe; so does a failure.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlink, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, lstat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// The largest index that is kept.
const LARGEST: u64 = 64 << 20;

/// How many indexes are kept; every change of the patterns needs another.
const MOST: usize = 32;

/// The folder of the indexes, before it is opened.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// The caller's home folder.
    home: PathBuf,
    /// The caller.
    owner: u32,
    /// What a sandbox may write to.
    writable: Vec<PathBuf>,
}

/// Whether the folders of the shelf are made when they are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// They are left alone.
    Leave,
    /// They are made.
    Make,
}

impl Shelf {
    /// The shelf of `owner`, whose home folder is `home`; it is not used when it lies in one of the `writable` folders.
    pub(crate) fn new(home: &Path, owner: u32, writable: Vec<PathBuf>) -> Self {
        Self { home: home.to_owned(), owner, writable }
    }

    /// The index called `name`.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let folder = self.open(Missing::Leave)?;
        // A pipe put there must not make the launcher wait.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let file = openat(&folder, name, flags, Mode::empty()).ok()?;
        let status = fstat(&file).ok()?;
        let size = u64::try_from(status.st_size).ok().filter(|size| *size <= LARGEST)?;
        if !self.is_private(&status, SFlag::S_IFREG, 0o600) || status.st_nlink != 1 {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).ok()? + 1);
        File::from(file).take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Keeps `bytes` as the index called `name`, or not: the next launch will do without.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        if u64::try_from(bytes.len()).is_ok_and(|size| size <= LARGEST)
            && let Some(folder) = self.open(Missing::Make)
        {
            make_room(&folder, name);
            let _ = replace(folder.as_fd(), name, bytes);
        }
    }

    /// Opens the folder, when it can be trusted.
    fn open(&self, missing: Missing) -> Option<OwnedFd> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut folder = open(&self.home, flags, Mode::empty()).ok()?;
        // The cache folder may be a symlink to a larger disk; what is in it is the launcher's own and is none.
        for (name, more) in [(".cache", OFlag::empty()), ("lobsterpot", OFlag::O_NOFOLLOW), ("deep", OFlag::O_NOFOLLOW)]
        {
            if missing == Missing::Make {
                match mkdirat(&folder, name, Mode::S_IRWXU) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(_) => return None,
                }
            }
            folder = openat(&folder, name, flags | more, Mode::empty()).ok()?;
            if name != ".cache" && !self.is_private(&fstat(&folder).ok()?, SFlag::S_IFDIR, 0o700) {
                return None;
            }
        }
        (!self.is_writable(&folder)?).then_some(folder)
    }

    /// Whether `status` is about the caller's own `kind` of file with exactly this `mode`.
    fn is_private(&self, status: &FileStat, kind: SFlag, mode: u32) -> bool {
        status.st_uid == self.owner && status.st_mode == kind.bits() | mode
    }

    /// Whether a sandbox may write to the open `folder` or to one that holds it, by whatever path; `None` when nobody knows.
    fn is_writable(&self, folder: &OwnedFd) -> Option<bool> {
        let path = PathBuf::from(readlink(format!("/proc/self/fd/{}", folder.as_raw_fd()).as_str()).ok()?);
        let identity = |path: &Path| lstat(path).map(|status| (status.st_dev, status.st_ino)).ok();
        let mut roots = Vec::with_capacity(self.writable.len());
        for root in &self.writable {
            // One that does not exist holds nothing.
            roots.extend(std::fs::canonicalize(root).ok().and_then(|root| identity(&root)));
        }
        for holder in crate::bytes::ancestors(&path) {
            if roots.contains(&identity(holder)?) {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// Makes `bytes` the content of `name` in `folder`, at once.
///
/// # Errors
/// What the kernel said.
fn replace(folder: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> Result<(), Errno> {
    let new = format!("{name}.new");
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let create = || openat(folder, new.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR);
    // One left behind by a launch that was killed, or another launch's: its index will be missing or fail its checksum.
    let file = create().or_else(|_| {
        unlinkat(folder, new.as_str(), UnlinkatFlags::NoRemoveDir)?;
        create()
    })?;
    let written = File::from(file).write_all(bytes).map_err(|_| Errno::EIO);
    let kept = written.and_then(|()| renameat(folder, new.as_str(), folder, name));
    if kept.is_err() {
        let _ = unlinkat(folder, new.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    kept
}

/// Removes the index that was written longest ago when there are too many beside `name`.
fn make_room(folder: &OwnedFd, name: &str) {
    let Some(mut listing) = folder.try_clone().ok().and_then(|folder| Dir::from_fd(folder).ok()) else { return };
    let names = listing.iter().flatten().map(|entry| entry.file_name().to_owned());
    let others: Vec<_> =
        names.filter(|other| !other.to_bytes().starts_with(b".") && other.to_bytes() != name.as_bytes()).collect();
    if others.len() < MOST {
        return;
    }
    let written = |other: &std::ffi::CString| {
        fstatat(folder, other.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
            .map(|status| (status.st_mtime, status.st_mtime_nsec))
    };
    if let Some(oldest) = others.iter().min_by_key(|other| written(other).unwrap_or_default()) {
        let _ = unlinkat(folder, oldest.as_c_str(), UnlinkatFlags::NoRemoveDir);
    }
}
