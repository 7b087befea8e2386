//! Guarded names that came into being all the same are moved aside: what a race may win, it does not keep.
//!
//! Only a call that the supervisor let through can create one, so the names are looked for soon after such a call, and once more
//! when nothing inside is left that could. (A watch with `inotify(7)` would tell as well, but taking one down costs every run some ten
//! milliseconds.) Nothing is deleted: the name gets a suffix that nobody can foresee and no program looks for, and the person is told.
//!
//! The launcher has more rights than the inside. So it renames only in folders that it reached from the workspace without any
//! symlink, by descriptor.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat2};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat};

use super::ground::{Ground, Symlinks};
use crate::plan::{Guard, Presence};
use crate::report;

/// How long after a creation the names are looked for.
const SOON: Duration = Duration::from_millis(3);

/// Looks for guarded names.
#[derive(Debug)]
pub(crate) struct Sweeper<'a> {
    /// Guards whose name no mount holds, with what lay there at the start: nothing, or a symlink.
    watched: Vec<(&'a Guard, Option<(u64, u64)>)>,
    /// When to look next.
    due: Option<Instant>,
    /// Whether any creation was let through: without one there is nothing to find, also at the end.
    touched: bool,
}

impl<'a> Sweeper<'a> {
    /// Notes which names are not mount points, and what they are.
    pub(crate) fn new(guards: &'a [Guard], ground: &Ground) -> Self {
        let watched = guards.iter().filter_map(|guard| {
            if guard.presence == Presence::Absent {
                return Some((guard, None));
            }
            let (_, status) = ground.look(guard, Symlinks::Refuse).ok()?;
            let is_link = status.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFLNK.bits();
            is_link.then_some((guard, Some((status.st_dev, status.st_ino))))
        });
        Self { watched: watched.collect(), due: None, touched: false }
    }

    /// A call that creates something goes through.
    pub(crate) fn note_creation(&mut self) {
        self.touched = true;
        if self.due.is_none() {
            self.due = Instant::now().checked_add(SOON);
        }
    }

    /// When to look next; `None` when nothing was created since the last look.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Looks, and moves aside what was not there at the start.
    pub(crate) fn sweep(&mut self, ground: &Ground) {
        self.due = None;
        if !self.touched {
            return;
        }
        for (guard, before) in &self.watched {
            let Ok((folder, status)) = ground.look(guard, Symlinks::Refuse) else { continue };
            if *before != Some((status.st_dev, status.st_ino)) {
                move_aside(folder.as_fd(), guard);
            }
        }
    }
}

/// Moves the name of `guard`, in `folder`, aside, and says so.
fn move_aside(folder: BorrowedFd<'_>, guard: &Guard) {
    let Some(name) = guard.name.file_name() else { return };
    let path = guard.root.join(&guard.name);
    match set_aside(folder, name) {
        Ok(Some(aside)) => report::moved_aside(&path, &path.with_file_name(aside)),
        Ok(None) => {}
        Err(errno) => report::not_moved_aside(&path, errno),
    }
}

/// Gives `name`, in `folder`, another one, and returns that; `None` when it is gone.
///
/// # Errors
/// The kernel's.
pub(super) fn set_aside(folder: BorrowedFd<'_>, name: &OsStr) -> Result<Option<OsString>, Errno> {
    let mut result = Err(Errno::EEXIST);
    for attempt in 0_u32..16 {
        let mut aside = name.to_owned();
        aside.push(format!(".quarantined-{}", mark(attempt)));
        result = renameat2(folder, Path::new(name), folder, Path::new(&aside), RenameFlags::RENAME_NOREPLACE);
        match result {
            Ok(()) => return Ok(Some(aside)),
            // The inside may have taken the right to rename away; it is the caller's folder, and the caller's to give back.
            Err(Errno::EACCES | Errno::EPERM) => give_back(folder),
            Err(Errno::ENOENT) => return Ok(None),
            Err(_) => {}
        }
    }
    result.map(|()| None)
}

/// A number that nobody inside can foresee.
fn mark(attempt: u32) -> String {
    let mut bytes = [0_u8; 8];
    let file = std::fs::File::open("/dev/urandom");
    let _ = file.and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    format!("{:016x}{attempt:x}", u64::from_ne_bytes(bytes))
}

/// Gives the owner of `folder` the right to change it.
pub(super) fn give_back(folder: BorrowedFd<'_>) {
    let Ok(status) = fstat(folder) else { return };
    let mode = Mode::from_bits_truncate(status.st_mode) | Mode::S_IRWXU;
    let path = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&folder)));
    let _ = fchmodat(nix::fcntl::AT_FDCWD, &path, mode, FchmodatFlags::FollowSymlink);
}
