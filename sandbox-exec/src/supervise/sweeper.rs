//! Guarded names that came into being all the same are moved aside: what a race may win, it does not keep.
//!
//! Only a call that the supervisor let through can create one, so the names are looked for soon after such a call, and at the end.
//! (A watch with `inotify(7)` would tell as well, but taking one down costs every run some ten milliseconds.) Nothing is deleted: the
//! name gets a suffix under which no program looks for it, and the person is told.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::plan::{Guard, Presence};
use crate::report;

/// How long after a creation the names are looked for.
const SOON: Duration = Duration::from_millis(3);

/// Looks for guarded names.
#[derive(Debug)]
pub(crate) struct Sweeper {
    /// The guarded paths that were not there at the start; those that were are mount points.
    absent: Vec<PathBuf>,
    /// When to look next.
    due: Option<Instant>,
}

impl Sweeper {
    /// Notes which names are absent.
    pub(crate) fn new(guards: &[Guard]) -> Self {
        let absent = guards.iter().filter(|guard| guard.presence == Presence::Absent);
        Self { absent: absent.map(|guard| guard.root.join(&guard.name)).collect(), due: None }
    }

    /// A call that creates something goes through.
    pub(crate) fn note_creation(&mut self) {
        if self.due.is_none() {
            self.due = Instant::now().checked_add(SOON);
        }
    }

    /// When to look next; `None` when nothing was created since the last look.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Looks now if anything was created, and moves aside what is found.
    pub(crate) fn sweep(&mut self) {
        if self.due.take().is_some() {
            for path in self.absent.iter().filter(|path| path.symlink_metadata().is_ok()) {
                move_aside(path);
            }
        }
    }
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
