//! A new file that nobody can see before it is whole.
//!
//! Where the file system can (`O_TMPFILE`), it has no name until it is finished, and vanishes with the process: nothing is left
//! behind by a kill. Elsewhere it has a name that begins with [`PREFIX`].

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, Flock, FlockArg, OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{FileStat, Mode, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::open::{ALWAYS, HERE};

/// How names of temporary files begin: no protected or masked name of a built-in profile does.
pub(super) const PREFIX: &str = ".lobsterpot-";

/// How often another name is tried when one is taken.
const ATTEMPTS: u32 = 8;

/// A file in the making.
#[derive(Debug)]
pub(super) struct Temporary<'a> {
    /// The folder in which it will lie.
    folder: BorrowedFd<'a>,
    /// The file.
    file: File,
    /// Its name, if it has one yet.
    name: Option<OsString>,
}

impl<'a> Temporary<'a> {
    /// An empty file in `folder`, with the permissions of every new file there.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn new(folder: BorrowedFd<'a>) -> Result<Self, Errno> {
        let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | ALWAYS;
        match openat(folder, HERE, flags, permissions()) {
            Ok(file) => Ok(Self { folder, file: File::from(file), name: None }),
            // What file systems and kernels without it answer.
            Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EINVAL) => Self::named(folder),
            Err(errno) => Err(errno),
        }
    }

    /// The same with a name from the beginning.
    ///
    /// # Errors
    /// The kernel's.
    fn named(folder: BorrowedFd<'a>) -> Result<Self, Errno> {
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDWR | ALWAYS;
        let (file, name) = with_free_name(|name| openat(folder, name, flags, permissions()))?;
        Ok(Self { folder, file: File::from(file), name: Some(name) })
    }

    /// The file.
    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file the name `name`, which must be free.
    ///
    /// # Errors
    /// `EEXIST` when it is not; the kernel's.
    pub(super) fn place(mut self, name: &OsStr) -> Result<(), Errno> {
        let Some(own) = &self.name else { return link(&self.file, self.folder, name) };
        match renameat2(self.folder, own.as_os_str(), self.folder, name, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => self.name = None,
            // The file system cannot: a link never replaces anything either. The old name goes with `self`.
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                linkat(self.folder, own.as_os_str(), self.folder, name, AtFlags::empty())?;
            }
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Puts the file in the place of `name`, provided that what is there is what `is_expected`.
    ///
    /// Programs of this kind take turns here, so that none loses what another has just put there. Anybody else who replaces the file
    /// between this look and the renaming loses that, as with every editor.
    ///
    /// # Errors
    /// `ESTALE` when something else is there; the kernel's.
    pub(super) fn replace(mut self, name: &OsStr, is_expected: impl Fn(&FileStat) -> bool) -> Result<(), Errno> {
        let _turn = Turn::take(self.folder);
        let own = match &self.name {
            Some(own) => own.clone(),
            None => with_free_name(|own| link(&self.file, self.folder, own))?.1,
        };
        // From here on the name goes with `self`.
        let own = self.name.insert(own);
        match fstatat(self.folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(now) if is_expected(&now) => {}
            Ok(_) | Err(Errno::ENOENT) => return Err(Errno::ESTALE),
            Err(errno) => return Err(errno),
        }
        renameat(self.folder, own.as_os_str(), self.folder, name)?;
        self.name = None;
        Ok(())
    }
}

/// How often a turn is asked for, a millisecond apart. Anybody can hold the lock for good: it is then done without.
const PATIENCE: u32 = 250;

/// The turn to replace files in a folder: `flock(2)` on it, for as long as this lives.
struct Turn(#[expect(dead_code, reason = "holds the lock until it is dropped")] Option<Flock<OwnedFd>>);

impl Turn {
    /// Waits for the turn; goes on without it where it cannot be had.
    fn take(folder: BorrowedFd<'_>) -> Self {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | ALWAYS;
        let Ok(mut folder) = openat(folder, HERE, flags, Mode::empty()) else { return Self(None) };
        for _ in 0..PATIENCE {
            match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Self(Some(lock)),
                Err((again, Errno::EWOULDBLOCK)) => folder = again,
                Err(_) => return Self(None),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Self(None)
    }
}

impl Drop for Temporary<'_> {
    /// Removes the name of a file that was not finished.
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // Nothing can be done about a failure here; the error that led here is being reported.
            let _ = unlinkat(self.folder, name.as_os_str(), UnlinkatFlags::NoRemoveDir);
        }
    }
}

/// The permissions of new files, before the process's own mask.
fn permissions() -> Mode {
    Mode::from_bits_truncate(0o666)
}

/// Gives a file that has none a name.
///
/// # Errors
/// The kernel's.
fn link(file: &File, folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    // Without a capability, kernels before 6.10 answer ENOENT; the way by /proc works with all of them.
    match linkat(file.as_fd(), "", folder, name, AtFlags::AT_EMPTY_PATH) {
        Err(Errno::ENOENT) => {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(AT_FDCWD, path.as_str(), folder, name, AtFlags::AT_SYMLINK_FOLLOW)
        }
        other => other,
    }
}

/// Does something with a name that nobody can foresee, and with another one when it is taken.
///
/// # Errors
/// Those of `action`.
fn with_free_name<T>(action: impl Fn(&OsStr) -> Result<T, Errno>) -> Result<(T, OsString), Errno> {
    let mut attempts = ATTEMPTS;
    loop {
        let name = OsString::from(format!("{PREFIX}{:016x}", RandomState::new().hash_one(std::process::id())));
        attempts -= 1;
        match action(&name) {
            Err(Errno::EEXIST) if attempts > 0 => {}
            other => return other.map(|made| (made, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use super::*;

    /// Both ways to make a file: without a name, and for file systems that cannot, with one.
    const WAYS: [fn(BorrowedFd<'_>) -> Result<Temporary<'_>, Errno>; 2] =
        [|folder| Temporary::new(folder), |folder| Temporary::named(folder)];

    /// Runs a test in a folder of its own, once for each way.
    fn each_way(test: impl Fn(&Path, &dyn Fn() -> Temporary<'static>)) {
        for way in WAYS {
            let ground = tempfile::tempdir().unwrap();
            // Kept open for good: the test process ends soon.
            let folder: &'static OwnedFd = Box::leak(Box::new(fs::File::open(ground.path()).unwrap().into()));
            let make = || {
                let made = way(folder.as_fd()).unwrap();
                made.file().write_all(b"new").unwrap();
                made
            };
            test(ground.path(), &make);
        }
    }

    /// The names in a folder.
    fn names(folder: &Path) -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_that_is_given_up_leaves_nothing_behind() {
        each_way(|folder, make| {
            drop(make());
            assert!(names(folder).is_empty());
        });
    }

    #[test]
    fn a_name_that_is_taken_is_not_given_to_a_new_file() {
        each_way(|folder, make| {
            fs::write(folder.join("file"), "old").unwrap();
            assert_eq!(make().place(OsStr::new("file")), Err(Errno::EEXIST));
            assert_eq!(fs::read(folder.join("file")).unwrap(), b"old");
            assert_eq!(names(folder), ["file"]);
            make().place(OsStr::new("other")).unwrap();
            assert_eq!(fs::read(folder.join("other")).unwrap(), b"new");
        });
    }

    #[test]
    fn what_is_expected_is_replaced() {
        each_way(|folder, make| {
            fs::write(folder.join("file"), "old").unwrap();
            let old = fs::metadata(folder.join("file")).unwrap().ino();
            make().replace(OsStr::new("file"), |facts| facts.st_ino == old).unwrap();
            assert_eq!(fs::read(folder.join("file")).unwrap(), b"new");
            assert_eq!(names(folder), ["file"]);
        });
    }

    #[test]
    fn what_a_rival_put_there_stays() {
        each_way(|folder, make| {
            fs::write(folder.join("file"), "rival").unwrap();
            assert_eq!(make().replace(OsStr::new("file"), |_| false), Err(Errno::ESTALE));
            assert_eq!(fs::read(folder.join("file")).unwrap(), b"rival");
            assert_eq!(names(folder), ["file"]);
        });
    }

    #[test]
    fn nothing_is_put_where_the_file_has_vanished() {
        each_way(|folder, make| {
            assert_eq!(make().replace(OsStr::new("file"), |_| true), Err(Errno::ESTALE));
            assert!(names(folder).is_empty());
        });
    }

    #[test]
    fn a_lock_that_somebody_holds_for_good_delays_and_stops_nothing() {
        each_way(|folder, make| {
            fs::write(folder.join("file"), "old").unwrap();
            let _held = Flock::lock(fs::File::open(folder).unwrap(), FlockArg::LockExclusive).unwrap();
            make().replace(OsStr::new("file"), |_| true).unwrap();
            assert_eq!(fs::read(folder.join("file")).unwrap(), b"new");
        });
    }
}
