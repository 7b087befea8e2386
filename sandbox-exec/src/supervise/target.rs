//! The process whose call waits: its memory, its folders, its descriptors, looked at from outside.
//!
//! Paths are resolved in the process's own root, never in the launcher's. What cannot be resolved is an error, and the caller of
//! these functions refuses the call then.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2, readlink};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use crate::sys::notify::Notification;
use crate::sys::{memory, process};

/// A process that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// Its call.
    call: &'a Notification,
    /// Its root, when every process inside has the same and it was opened before.
    root: Option<BorrowedFd<'a>>,
}

impl<'a> Target<'a> {
    /// The process that makes `call`.
    pub(crate) fn of(call: &'a Notification, root: Option<BorrowedFd<'a>>) -> Self {
        Self { call, root }
    }

    /// Opens its root.
    ///
    /// # Errors
    /// `ENOENT` when the process has ended.
    pub(crate) fn open_root(self) -> Result<OwnedFd, Errno> {
        open(&self.proc("root"), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
    }

    /// The call's own number, by which it is answered.
    pub(crate) fn id(self) -> u64 {
        self.call.id
    }

    /// Argument `number` of the call.
    pub(crate) fn argument(self, number: usize) -> u64 {
        self.call.data.args.get(number).copied().unwrap_or_default()
    }

    /// Argument `number` as the kernel reads a descriptor or flags: its low 32 bits.
    pub(crate) fn integer(self, number: usize) -> i32 {
        let low = self.argument(number) & u64::from(u32::MAX);
        u32::try_from(low).unwrap_or_default().cast_signed()
    }

    /// The system call's number.
    pub(crate) fn number(self) -> libc::c_long {
        self.call.data.nr.into()
    }

    /// The process, by the launcher's numbering.
    fn pid(self) -> Pid {
        Pid::from_raw(self.call.pid.cast_signed())
    }

    /// The path that argument `number` points to.
    ///
    /// # Errors
    /// `EFAULT`, `ENAMETOOLONG`.
    pub(crate) fn path(self, number: usize) -> Result<PathBuf, Errno> {
        let bytes = memory::read_path(self.pid(), self.address(number)?)?;
        Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
    }

    /// The first `length` bytes that argument `number` points to.
    ///
    /// # Errors
    /// `EFAULT` when not all of them can be read.
    pub(crate) fn bytes(self, number: usize, length: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; length];
        let got = memory::read(self.pid(), self.address(number)?, &mut bytes)?;
        if got == length { Ok(bytes) } else { Err(Errno::EFAULT) }
    }

    /// Argument `number` as an address.
    ///
    /// # Errors
    /// The kernel's.
    fn address(self, number: usize) -> Result<usize, Errno> {
        usize::try_from(self.argument(number)).map_err(|_| Errno::EFAULT)
    }

    /// Its descriptor `number`.
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn descriptor(self, number: RawFd) -> Result<OwnedFd, Errno> {
        let holder = match process::open_thread(self.pid()) {
            // Before Linux 6.9 only processes can be opened.
            Err(Errno::EINVAL) => process::open_process(process_of(self.pid())?),
            other => other,
        };
        process::take_descriptor(holder?, number)
    }

    /// One of its entries in `/proc`.
    fn proc(self, entry: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{entry}", self.pid()))
    }

    /// The folder that a relative path of the call starts from, as a path in the process's root.
    ///
    /// # Errors
    /// The kernel's; `EXDEV` when it lies outside of that root, as after a mere `chroot(2)`: no path leads there.
    fn base(self, folder: RawFd) -> Result<PathBuf, Errno> {
        let path = match folder {
            libc::AT_FDCWD => readlink(&self.proc("cwd")).map(PathBuf::from)?,
            number => self.opened(number)?,
        };
        if self.root.is_some() {
            return Ok(path);
        }
        // The kernel tells both as paths in the whole tree, whatever the process has made its root.
        let root = readlink(&self.proc("root")).map(PathBuf::from)?;
        path.strip_prefix(&root).map(|rest| Path::new("/").join(rest)).map_err(|_| Errno::EXDEV)
    }

    /// What its descriptor `number` refers to, as the kernel writes it: a path in the whole tree, or `pipe:[7]` and the like.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn opened(self, number: RawFd) -> Result<PathBuf, Errno> {
        readlink(&self.proc(&format!("fd/{number}"))).map(PathBuf::from)
    }

    /// `path`, as the process means it, made absolute in its root. Nothing is resolved yet.
    ///
    /// # Errors
    /// `EBADF`, `ENOENT` when the folder is not one.
    pub(crate) fn absolute(self, folder: RawFd, path: &Path) -> Result<PathBuf, Errno> {
        if path.is_absolute() { Ok(path.to_owned()) } else { Ok(self.base(folder)?.join(path)) }
    }

    /// Opens `path` (absolute) in the process's root, without opening what lies there.
    ///
    /// # Errors
    /// The kernel's; `ELOOP` for paths through `/proc/self` and its like, whose meaning differs from process to process.
    pub(crate) fn look_up(self, path: &Path, last: Last) -> Result<OwnedFd, Errno> {
        let follow = if last == Last::Keep { OFlag::O_NOFOLLOW } else { OFlag::empty() };
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC | follow)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        match self.root {
            Some(root) => look_up_in(root, path, how),
            None => look_up_in(self.open_root()?.as_fd(), path, how),
        }
    }
}

/// The process that `thread` belongs to: `Tgid` in `proc_pid_status(5)`.
///
/// # Errors
/// `ENOENT` when there is no such thread.
fn process_of(thread: Pid) -> Result<Pid, Errno> {
    let errno = |error: std::io::Error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).map_err(errno)?;
    let id = status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok());
    id.map(Pid::from_raw).ok_or(Errno::ESRCH)
}

/// How often a path with `..` is gone along while something is renamed or mounted elsewhere on the host.
const ATTEMPTS: u32 = 10_000;

/// Opens `path` in `root`.
///
/// # Errors
/// The kernel's. `EAGAIN` says that a rename or a mount anywhere kept it from making sure of a `..` (`openat2(2)`), and is tried again:
/// the caller did nothing to deserve it.
fn look_up_in(root: BorrowedFd<'_>, path: &Path, how: OpenHow) -> Result<OwnedFd, Errno> {
    let mut opened = openat2(root, path, how);
    for _ in 0..ATTEMPTS {
        if !matches!(opened, Err(Errno::EAGAIN)) {
            break;
        }
        opened = openat2(root, path, how);
    }
    opened
}

/// What happens when the last component is a symlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// It is followed.
    Follow,
    /// It is what is meant.
    Keep,
}

#[cfg(test)]
mod tests {
    use nix::unistd::gettid;

    use super::*;

    #[test]
    fn process_of_a_thread_is_found_where_the_kernel_opens_no_threads() {
        let own = Pid::this();
        assert_eq!(process_of(own), Ok(own));
        let other = std::thread::spawn(move || (process::open_process(gettid()).is_err(), process_of(gettid())));
        assert_eq!(other.join().expect("a thread"), (true, Ok(own)), "what a kernel before 6.9 can be asked for");
        assert!(process::open_process(own).is_ok());
        assert_eq!(process_of(Pid::from_raw(i32::MAX)), Err(Errno::ENOENT));
    }
}
