//! Where a text lies while it is edited: a folder of its own on a tmpfs, wiped afterwards with whatever the editor left there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, unlinkat};
use thiserror::Error;

use super::text::LONGEST;
use crate::deliver::file;
use crate::deliver::folder::{Folder, FolderError, Missing, Swap};
use crate::deliver::target::TargetError;
use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;

/// The last place that is tried: every Linux has it, and mounts a tmpfs there.
const SHARED_MEMORY: &str = "/dev/shm";

/// How the names of desks begin, and those of texts that were kept.
const DESK: &str = "lobsterpot-edit.";

/// How the names of folders with texts begin that could not be published.
const KEPT: &str = "lobsterpot-kept.";

/// Why there is no place to edit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeskError {
    /// No folder in memory is to be had.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file could not be written, or is not there any more.
    #[error(transparent)]
    File(#[from] TargetError),
    /// The editor removed the text.
    #[error("the editor has left no text")]
    Gone,
}

impl Explain for DeskError {
    fn exit(&self) -> Exit {
        match self {
            Self::Folder(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Gone => Exit::Lacking,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Folder(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Gone => Some("nothing was changed".to_owned()),
        }
    }
}

/// A folder on a tmpfs for one text. It is wiped when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Desk {
    /// Where the folder is.
    parent: Folder,
    /// What it is called there.
    name: OsString,
    /// The folder.
    folder: Folder,
}

impl Desk {
    /// Makes one: in the folder `near` when that is there and on a tmpfs, otherwise in shared memory. What an earlier call of the same
    /// caller has left because it was killed is wiped.
    ///
    /// # Errors
    /// When there is no tmpfs.
    pub fn make(near: Option<&Path>, swap: Swap) -> Result<Self, DeskError> {
        loop {
            let found = Self::make_in(near, DESK, swap)?;
            file::hold(&found.folder)?;
            // Another call may have taken it for one that was left before it was held.
            match found.parent.child(&found.name)? {
                Some(there) if there.is_same(&found.folder)? => return Ok(found),
                Some(_) | None => {}
            }
        }
    }

    /// Wipes desks of this caller that were left because their program was killed, in the places where [`Desk::make`] makes them. Says
    /// how many.
    pub fn clear(near: Option<&Path>) -> usize {
        let places = near.into_iter().chain([Path::new(SHARED_MEMORY)]);
        let parents = places.filter_map(|place| Folder::reach(place, Missing::Refuse, Swap::Accept).ok());
        parents.map(|parent| remove_leftovers(&parent)).sum()
    }

    /// Makes a desk whose name begins with `head`.
    ///
    /// # Errors
    /// When there is no tmpfs.
    fn make_in(near: Option<&Path>, head: &str, swap: Swap) -> Result<Self, DeskError> {
        let mut failed = None;
        for place in near.into_iter().chain([Path::new(SHARED_MEMORY)]) {
            let made = Folder::reach(place, Missing::Refuse, swap).map_err(DeskError::from).and_then(|parent| {
                remove_leftovers(&parent);
                let name = OsString::from(format!("{head}{}", file::random(place)?));
                let folder = parent.make_child(&name, swap)?;
                Ok(Self { parent, name, folder })
            });
            match made {
                Ok(made) => return Ok(made),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or(DeskError::Gone))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a text there.
    ///
    /// # Errors
    /// The kernel's.
    pub fn put(&self, name: &str, text: &Secret) -> Result<PathBuf, DeskError> {
        file::replace(&self.folder, name, text.as_bytes())?;
        Ok(self.folder.path().join(name))
    }

    /// What the text is now.
    ///
    /// # Errors
    /// When it is gone, no file, or too long.
    pub fn take(&self, name: &str) -> Result<Secret, DeskError> {
        let mut bytes = file::read(&self.folder, name, LONGEST)?.ok_or(DeskError::Gone)?;
        Ok(Secret::from(std::mem::take(&mut *bytes)))
    }

    /// Keeps a text that could not be published, beside where desks are, until a person removes it.
    ///
    /// # Errors
    /// As for [`Desk::make`].
    pub fn keep(near: Option<&Path>, name: &str, text: &Secret) -> Result<PathBuf, DeskError> {
        let desk = Self::make_in(near, KEPT, Swap::Accept)?;
        let path = desk.put(name, text)?;
        // It is to stay.
        std::mem::forget(desk);
        Ok(path)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Some editors go on writing for a moment after the person is done.
        for _ in 0..20 {
            file::wipe_all(&self.folder);
            match unlinkat(&self.parent, self.name.as_os_str(), UnlinkatFlags::RemoveDir) {
                Err(Errno::ENOTEMPTY | Errno::EEXIST) => thread::sleep(Duration::from_millis(100)),
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// Wipes desks of this caller that nobody sits at any more, and says how many.
fn remove_leftovers(parent: &Folder) -> usize {
    let mut removed = 0;
    let is_desk = |name: &OsStr| name.as_bytes().starts_with(DESK.as_bytes());
    for name in parent.names().unwrap_or_default().into_iter().filter(|name| is_desk(name)) {
        let Ok(Some(folder)) = parent.child(&name) else { continue };
        if folder.prove(Swap::Accept).is_ok() && folder.file().try_lock().is_ok() {
            file::wipe_all(&folder);
            let is_gone = unlinkat(parent, name.as_os_str(), UnlinkatFlags::RemoveDir).is_ok();
            removed += usize::from(is_gone);
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{Desk, DeskError, Secret, Swap};

    #[test]
    fn a_desk_is_wiped_with_everything_that_an_editor_left() {
        let world = tempfile::tempdir_in("/dev/shm").unwrap();
        let desk = Desk::make(Some(world.path()), Swap::Accept).unwrap();
        let file = desk.put("text", &Secret::from("hunter2")).unwrap();
        let held = fs::File::open(&file).unwrap();
        fs::create_dir_all(desk.path().join("data/deep")).unwrap();
        fs::write(desk.path().join("data/deep/backup~"), "hunter2").unwrap();
        symlink("/etc/passwd", desk.path().join("link")).unwrap();
        fs::hard_link(desk.path().join("data/deep/backup~"), desk.path().join("twice")).unwrap();
        assert_eq!(desk.take("text"), Ok(Secret::from("hunter2")));
        drop(desk);
        assert_eq!(fs::read_dir(world.path()).unwrap().count(), 0);
        assert_eq!(std::io::read_to_string(held).unwrap(), "\0".repeat(7));
    }

    #[test]
    fn what_a_killed_editor_left_is_wiped_by_the_next_and_what_was_kept_stays() {
        let world = tempfile::tempdir_in("/dev/shm").unwrap();
        let kept = Desk::keep(Some(world.path()), "text", &Secret::from("edited")).unwrap();
        let stale = world.path().join("lobsterpot-edit.0123");
        fs::create_dir(&stale).unwrap();
        fs::set_permissions(&stale, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        fs::write(stale.join("text"), "hunter2").unwrap();
        let first = Desk::make(Some(world.path()), Swap::Accept).unwrap();
        let second = Desk::make(Some(world.path()), Swap::Accept).unwrap();
        assert!(!stale.exists() && first.path().exists() && second.path().exists());
        assert_eq!(fs::read(&kept).unwrap(), b"edited");
    }

    #[test]
    fn a_text_that_became_a_link_is_not_read() {
        let world = tempfile::tempdir_in("/dev/shm").unwrap();
        let desk = Desk::make(Some(world.path()), Swap::Accept).unwrap();
        assert_eq!(desk.take("text"), Err(DeskError::Gone));
        symlink("/etc/hostname", desk.path().join("text")).unwrap();
        assert!(matches!(desk.take("text"), Err(DeskError::File(_))));
    }
}
