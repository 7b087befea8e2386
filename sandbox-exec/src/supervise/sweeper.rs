//! Guarded names that came into being all the same are moved aside: what a race may win, it does not keep.
//!
//! Only a call that the supervisor let through can create one, so the names are looked for soon after such a call, and once more
//! when nothing inside is left that could. (A watch with `inotify(7)` would tell as well, but taking one down costs every run some ten
//! milliseconds.) Nothing is deleted: the name gets a suffix that nobody can foresee and no program looks for, and the person is told.
//!
//! The launcher has more rights than the inside. So it renames only in folders that it reached from the workspace without any
//! symlink, by descriptor. A name that cannot be looked at is not taken to be absent: it is looked for again, and in the end told.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat2};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstat};

use super::ground::{Ground, Symlinks};
use crate::obstacle::{is_shortage, settled};
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
    /// Names that could not be looked at the last time, and why.
    unseen: Vec<(&'a Guard, Errno)>,
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
        Self { watched: watched.collect(), due: None, touched: false, unseen: Vec::new() }
    }

    /// A call that creates something goes through.
    pub(crate) fn note_creation(&mut self) {
        self.touched = true;
        if self.due.is_none() {
            self.due = Instant::now().checked_add(SOON);
        }
    }

    /// When to look next; `None` when nothing was created since the last look, which has seen everything.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Looks, and moves aside what was not there at the start.
    pub(crate) fn sweep(&mut self, ground: &Ground) {
        self.due = None;
        self.unseen.clear();
        if !self.touched {
            return;
        }
        for (guard, before) in &self.watched {
            match look(ground, guard) {
                Ok(Some((folder, status))) if *before != Some((status.st_dev, status.st_ino)) => {
                    move_aside(folder.as_fd(), guard);
                }
                Ok(_) => {}
                Err(errno) => self.unseen.push((*guard, errno)),
            }
        }
        if !self.has_seen_all() {
            self.due = Instant::now().checked_add(SOON);
        }
    }

    /// Whether the last look has seen everything that another one could see.
    pub(crate) fn has_seen_all(&self) -> bool {
        !self.unseen.iter().any(|(_, errno)| is_shortage(*errno))
    }

    /// Says which names could not be looked at.
    pub(crate) fn tell(&mut self) {
        for (guard, errno) in std::mem::take(&mut self.unseen) {
            report::not_looked_at(&guard.root.join(&guard.name), errno);
        }
    }
}

/// What lies at the name of `guard`, if anything does; the inside may have taken the right to look there away.
///
/// # Errors
/// When that cannot be told.
fn look(ground: &Ground, guard: &Guard) -> Result<Option<(OwnedFd, FileStat)>, Errno> {
    let mut looked = ground.look(guard, Symlinks::Refuse);
    if matches!(looked, Err(Errno::EACCES)) {
        let folders: Vec<&Path> = guard.name.ancestors().skip(1).collect();
        for folder in folders.into_iter().rev() {
            let Ok(folder) = ground.folder(guard, folder, Symlinks::Refuse) else { break };
            give_back(folder.as_fd());
        }
        looked = ground.look(guard, Symlinks::Refuse);
    }
    settled(looked)
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

/// A number that nobody inside can foresee. The kernel draws the keys of these hashes, for which it takes no descriptor.
fn mark(attempt: u32) -> String {
    format!("{:016x}{attempt:x}", RandomState::new().hash_one(attempt))
}

/// Gives the owner of `folder` the right to change it.
pub(crate) fn give_back(folder: BorrowedFd<'_>) {
    let Ok(status) = fstat(folder) else { return };
    let mode = Mode::from_bits_truncate(status.st_mode) | Mode::S_IRWXU;
    let path = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&folder)));
    let _ = fchmodat(nix::fcntl::AT_FDCWD, &path, mode, FchmodatFlags::FollowSymlink);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::super::in_own_process;
    use super::*;

    /// The guard of `name` in `root`, which was not there.
    fn guard(root: &Path, name: &str) -> Guard {
        Guard { root: root.to_owned(), name: PathBuf::from(name), presence: Presence::Absent }
    }

    /// The names in `folder`.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn name_that_cannot_be_looked_at_is_told() {
        let root = tempfile::tempdir().expect("a folder");
        // What the kernel says of a way out of the root says nothing about the name.
        let guards = [guard(root.path(), "../elsewhere"), guard(root.path(), ".mcp.json")];
        let ground = Ground::open(&guards).expect("the root");
        let mut sweeper = Sweeper::new(&guards, &ground);
        sweeper.note_creation();
        fs::write(root.path().join(".mcp.json"), "evil").expect("written");
        sweeper.sweep(&ground);
        assert_eq!(sweeper.unseen, [(&guards[0], Errno::EXDEV)]);
        let found = names(root.path());
        assert!(found.iter().all(|name| name.starts_with(".mcp.json.quarantined-")), "{found:?}");
        sweeper.tell();
        assert!(sweeper.unseen.is_empty(), "it is told once");
    }

    #[test]
    fn name_is_looked_for_again_when_there_were_too_many_open_files() {
        let name = "name_is_looked_for_again_when_there_were_too_many_open_files";
        in_own_process(&format!("supervise::sweeper::tests::{name}"), || {
            let root = tempfile::tempdir().expect("a folder");
            let guards = [guard(root.path(), ".mcp.json")];
            let ground = Ground::open(&guards).expect("the root");
            let mut sweeper = Sweeper::new(&guards, &ground);
            sweeper.note_creation();
            fs::write(root.path().join(".mcp.json"), "evil").expect("written");
            let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit");
            setrlimit(Resource::RLIMIT_NOFILE, 0, hard).expect("no more open files");
            sweeper.sweep(&ground);
            setrlimit(Resource::RLIMIT_NOFILE, soft, hard).expect("as many as before");
            assert_eq!(names(root.path()), [".mcp.json"]);
            assert!(!sweeper.has_seen_all() && sweeper.due().is_some(), "nobody knows: it is looked for again");
            sweeper.sweep(&ground);
            assert!(sweeper.has_seen_all() && sweeper.due().is_none());
            let found = names(root.path());
            assert!(matches!(found.as_slice(), [name] if name.starts_with(".mcp.json.quarantined-")), "{found:?}");
        });
    }

    #[test]
    fn name_in_a_folder_that_was_closed_is_moved_aside() {
        let root = tempfile::tempdir().expect("a folder");
        let guards = [guard(root.path(), "a/b/c")];
        let ground = Ground::open(&guards).expect("the root");
        let mut sweeper = Sweeper::new(&guards, &ground);
        sweeper.note_creation();
        let folder = root.path().join("a/b");
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("c"), "evil").expect("written");
        for closed in [&folder, &root.path().join("a")] {
            fs::set_permissions(closed, std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("its mode");
        }
        sweeper.sweep(&ground);
        assert!(sweeper.has_seen_all());
        let found = names(&folder);
        assert!(matches!(found.as_slice(), [name] if name.starts_with("c.quarantined-")), "{found:?}");
    }

    #[test]
    fn names_for_quarantine_cannot_be_foreseen() {
        let marks: std::collections::BTreeSet<String> = (0..1000).map(|_| mark(0)).collect();
        assert_eq!(marks.len(), 1000);
    }
}
