//! Files in an open private folder: each made for the caller alone, never reached through a link.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use zeroize::Zeroizing;

use super::folder::Folder;
use super::target::{TargetError, system};

/// The permission bits of a file with a secret.
const PRIVATE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// The end of the names of files that are being written.
const DRAFT: &str = ".lobsterpot";

/// Whether a file of this name was being written by [`replace`]; when nobody does any more, its writer has ended before its time. No
/// secret's file has such a name, for no secret's name begins with a dot.
pub(super) fn is_draft(name: &str) -> bool {
    let random = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(DRAFT));
    random.is_some_and(|random| random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Makes a file that is not there yet. Where writing fails, it is removed.
///
/// # Errors
/// When there is one, or the kernel refuses.
pub(crate) fn create(folder: &Folder, name: &str, content: &[u8]) -> Result<(), TargetError> {
    let path = folder.path().join(name);
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = File::from(openat(folder, name, flags, PRIVATE).map_err(system("make", &path))?);
    // Whatever the umask is.
    let written = fchmod(&file, PRIVATE).and_then(|()| (&file).write_all(content).map_err(|error| errno(&error)));
    written.map_err(|source| {
        let _ = unlinkat(folder, name, UnlinkatFlags::NoRemoveDir);
        system("write", &path)(source)
    })
}

/// Makes a file, or puts another in its place at once.
///
/// # Errors
/// When the kernel refuses; what was there is there then.
pub(crate) fn replace(folder: &Folder, name: &str, content: &[u8]) -> Result<(), TargetError> {
    let draft = format!(".{}{DRAFT}", random(&folder.path().join(name))?);
    create(folder, &draft, content)?;
    renameat(folder, draft.as_str(), folder, name).map_err(|source| {
        let _ = unlinkat(folder, draft.as_str(), UnlinkatFlags::NoRemoveDir);
        system("replace", &folder.path().join(name))(source)
    })
}

/// The content of a regular file of at most `longest` bytes; none when it is not there.
///
/// # Errors
/// When it is something else, longer, or the kernel refuses.
pub(crate) fn read(folder: &Folder, name: &str, longest: u64) -> Result<Option<Zeroizing<Vec<u8>>>, TargetError> {
    let path = folder.path().join(name);
    let Some(file) = open_regular(folder, name, OFlag::O_RDONLY)? else { return Ok(None) };
    let mut bytes = Zeroizing::new(Vec::new());
    let read = (&file).take(longest + 1).read_to_end(&mut bytes);
    read.map_err(|error| system("read", &path)(errno(&error)))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > longest {
        return Err(system("read", &path)(Errno::EFBIG));
    }
    Ok(Some(bytes))
}

/// Overwrites a file with zeros and removes it. False when it was not there.
///
/// # Errors
/// When it is not a regular file with one name, or the kernel refuses.
pub(crate) fn wipe(folder: &Folder, name: &str) -> Result<bool, TargetError> {
    let path = folder.path().join(name);
    let Some(mut file) = open_regular(folder, name, OFlag::O_WRONLY)? else { return Ok(false) };
    let length = fstat(&file).map_err(system("look at", &path))?.st_size;
    let mut zeros = io::repeat(0).take(u64::try_from(length).unwrap_or(0));
    io::copy(&mut zeros, &mut file).map_err(|error| system("wipe", &path)(errno(&error)))?;
    unlink(folder, name)
}

/// Removes a file. False when it was not there.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn unlink(folder: &Folder, name: &str) -> Result<bool, TargetError> {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(source) => Err(system("remove", &folder.path().join(name))(source)),
    }
}

/// Wipes and removes everything in a folder, as far as that can be done. Links are removed and not followed.
pub(crate) fn wipe_all(folder: &Folder) {
    for name in folder.names().unwrap_or_default() {
        if let Ok(Some(inner)) = folder.child(&name) {
            wipe_all(&inner);
            let _ = unlinkat(folder, name.as_os_str(), UnlinkatFlags::RemoveDir);
        } else {
            let _ = name.to_str().map(|name| wipe(folder, name));
            let _ = unlinkat(folder, name.as_os_str(), UnlinkatFlags::NoRemoveDir);
        }
    }
}

/// How long others may keep a folder that is to be held. What is done meanwhile takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps other calls from a folder until it is closed here.
///
/// # Errors
/// When somebody else has it for long, or the kernel's.
pub(crate) fn hold(folder: &Folder) -> Result<(), TargetError> {
    hold_within(folder, PATIENCE)
}

/// The same, waiting for at most `patience`: any program of this user could hold the folder for ever.
///
/// # Errors
/// As for [`hold`].
pub(super) fn hold_within(folder: &Folder, patience: Duration) -> Result<(), TargetError> {
    let begin = Instant::now();
    loop {
        match folder.file().try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begin.elapsed() < patience => thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => return Err(TargetError::Busy { path: folder.path().to_path_buf() }),
            Err(TryLockError::Error(error)) => return Err(system("lock", folder.path())(errno(&error))),
        }
    }
}

/// 16 random hexadecimal digits, for a name at `path`.
///
/// # Errors
/// When the kernel gives no random bytes.
pub(crate) fn random(path: &Path) -> Result<String, TargetError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| system("draw a name for", path)(Errno::EIO))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(random)))
}

/// Opens a regular file that is in no other place; none when it is not there.
///
/// # Errors
/// When it is something else, has other names, or the kernel refuses.
fn open_regular(folder: &Folder, name: &str, access: OFlag) -> Result<Option<File>, TargetError> {
    let path: PathBuf = folder.path().join(name);
    let flags = access | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = match openat(folder, name, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::ENOENT) => return Ok(None),
        Err(source) => return Err(system("open", &path)(source)),
    };
    let found = fstat(&file).map_err(system("look at", &path))?;
    let is_file = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    if is_file && found.st_nlink == 1 {
        Ok(Some(file))
    } else {
        let folder = folder.path().to_path_buf();
        Err(TargetError::Foreign { path: folder, name: name.to_owned() })
    }
}

/// The kernel's reason in an error of the standard library.
pub(crate) fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
