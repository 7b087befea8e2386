//! Guarded names that came into being all the same are moved aside at once: what a race may win, it does not keep.
//!
//! The folders of the guards are watched with `inotify(7)`, from outside. Nothing is deleted: the name gets a suffix under which
//! no program looks for it, and the person is told.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use crate::plan::Guard;
use crate::report;

/// Watches the guarded folders.
#[derive(Debug)]
pub(crate) struct Sweeper<'a> {
    /// The guards that were not there at the start.
    absent: Vec<&'a Guard>,
    /// The watch.
    inotify: Option<Inotify>,
    /// Which folder each watch is about.
    folders: BTreeMap<WatchDescriptor, PathBuf>,
}

impl<'a> Sweeper<'a> {
    /// Begins to watch; names that exist already are mount points and need none of it.
    pub(crate) fn new(guards: &'a [Guard]) -> Self {
        let absent: Vec<&Guard> = guards.iter().filter(|guard| path(guard).symlink_metadata().is_err()).collect();
        let mut sweeper = Self { absent, inotify: None, folders: BTreeMap::new() };
        sweeper.inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok();
        sweeper.watch_folders();
        sweeper
    }

    /// Watches every folder of a guard that exists by now.
    fn watch_folders(&mut self) {
        let Some(inotify) = &self.inotify else { return };
        for guard in &self.absent {
            for folder in path(guard).ancestors().skip(1).take_while(|folder| folder.starts_with(&guard.root)) {
                if self.folders.values().any(|known| known == folder) {
                    continue;
                }
                let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ONLYDIR;
                if let Ok(watch) = inotify.add_watch(folder, flags) {
                    self.folders.insert(watch, folder.to_owned());
                }
            }
        }
    }

    /// What becomes readable when a folder changes.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Looks for guarded names and moves them aside.
    pub(crate) fn sweep(&mut self) {
        if let Some(inotify) = &self.inotify {
            while inotify.read_events().is_ok() {}
        }
        for guard in &self.absent {
            let path = path(guard);
            if path.symlink_metadata().is_ok() {
                move_aside(&path);
            }
        }
        self.watch_folders();
    }
}

/// The guarded path.
fn path(guard: &Guard) -> PathBuf {
    guard.root.join(&guard.name)
}

/// Gives `path` a name that nothing looks for.
fn move_aside(path: &Path) {
    for number in 0_u32..1000 {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".quarantined-{number}"));
        match renameat2(AT_FDCWD, path, AT_FDCWD, Path::new(&aside), RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => return report::moved_aside(path, Path::new(&aside)),
            Err(Errno::EEXIST) => {}
            Err(errno) => return report::not_moved_aside(path, errno),
        }
    }
}
