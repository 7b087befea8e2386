//! Folders of writable places that are closed to their own owner, as `chmod 000` leaves them.
//!
//! The sandbox has the caller's id. What the caller owns and may change there it can open again, and then reach what lies in it: a mask
//! or a protection that was left out, because nothing could be seen there, would be missing. So such a folder is opened before the look, and
//! the person is told; where that cannot be done, or somebody closes it again and again, nobody knows what to guard, and nothing runs. A
//! folder that belongs to somebody else is closed for the sandbox as well.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat, lstat};

use crate::report;
use crate::supervise::give_back;

/// How often a look is tried. Somebody who opens and closes a folder all the time is met in an unlucky moment so often by no chance.
const ATTEMPTS: u32 = 50;
/// How many symlinks there may be on the way, as in `path_resolution(7)`.
const LINKS: u32 = 40;
/// What an owner needs to list a folder and to go on in it.
const OPEN: libc::mode_t = 0o500;

/// Who looks, and where the sandbox may change what it finds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors {
    /// The caller's id.
    pub(crate) uid: u32,
    /// The writable places.
    pub(crate) roots: Vec<PathBuf>,
    /// Whether nothing may be changed, since nothing is to be run.
    pub(crate) look_only: bool,
}

/// What stands in the way of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// A folder that the sandbox could not open either.
    Foreign,
    /// One that was closed, and is open now.
    Opened,
    /// One that is closed, and stays closed.
    Stuck,
    /// Nothing that could be seen.
    None,
}

impl Doors {
    /// Does `look`, which is about `path`, and opens what is closed to it on the way if the sandbox could.
    ///
    /// # Errors
    /// What the look said; `EAGAIN` in the place of `EACCES` where that says nothing about what the sandbox would find.
    pub(crate) fn look<T>(&self, path: &Path, look: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
        self.look_lazily(|| path.to_owned(), look)
    }

    /// The same for a path that is put together only when it is needed.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(crate) fn look_lazily<T>(
        &self,
        path: impl Fn() -> PathBuf,
        mut look: impl FnMut() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let mut opened = false;
        for _ in 0..ATTEMPTS {
            let looked = look();
            if !matches!(looked, Err(Errno::EACCES)) {
                return looked;
            }
            match self.on_the_way(&path(), LINKS) {
                Door::Foreign => return looked,
                Door::Opened => opened = true,
                Door::Stuck => return Err(Errno::EAGAIN),
                Door::None => {}
            }
        }
        Err(if opened { Errno::EAGAIN } else { Errno::EACCES })
    }

    /// The first folder on the way to `path`, itself included, that is closed; opened if it can be.
    fn on_the_way(&self, path: &Path, links: u32) -> Door {
        let Some(root) = self.roots.iter().find(|root| path.starts_with(root)) else { return Door::Foreign };
        let between = path.strip_prefix(root).unwrap_or(Path::new(""));
        let mut folder = root.clone();
        let mut rest = between.components();
        let mut is_foreign = false;
        loop {
            let status = match lstat(&folder) {
                Err(Errno::EACCES) if is_foreign => return Door::Foreign,
                Err(_) => return Door::None,
                Ok(status) => status,
            };
            is_foreign = status.st_uid != self.uid;
            match status.st_mode & SFlag::S_IFMT.bits() {
                kind if kind == SFlag::S_IFDIR.bits() => {
                    if !is_foreign && status.st_mode & OPEN != OPEN {
                        return self.open(&folder);
                    }
                }
                kind if kind == SFlag::S_IFLNK.bits() && links > 0 => {
                    let (Some(above), Ok(target)) = (folder.parent(), std::fs::read_link(&folder)) else {
                        return Door::None;
                    };
                    let real = path_clean::clean(above.join(target).join(rest.as_path()));
                    return self.on_the_way(&real, links - 1);
                }
                _ => return Door::None,
            }
            match rest.next() {
                Some(name) => folder.push(name),
                None => return Door::None,
            }
        }
    }

    /// Gives the owner's rights to `folder` back.
    fn open(&self, folder: &Path) -> Door {
        if self.look_only {
            return Door::Stuck;
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        // Another folder may lie there by now; whoever's it is, only its owner gains by this.
        let Ok(handle) = open(folder, flags, Mode::empty()) else { return Door::None };
        give_back(std::os::fd::AsFd::as_fd(&handle));
        if fstat(&handle).is_ok_and(|status| status.st_mode & OPEN == OPEN) {
            report::opened(folder);
            Door::Opened
        } else {
            Door::Stuck
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use nix::unistd::Uid;

    use super::*;

    /// A workspace with a folder that nobody may enter, and the doors of its owner.
    fn closed(look_only: bool) -> (tempfile::TempDir, PathBuf, Doors) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        fs::create_dir_all(folder.join("c")).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o000)).unwrap();
        let doors = Doors { uid: Uid::current().as_raw(), roots: vec![place.path().to_owned()], look_only };
        (place, folder, doors)
    }

    /// The mode of `path`.
    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// A look that root's rights do not help: closed until the folder's owner may enter it.
    ///
    /// # Errors
    /// `EACCES`.
    fn look(folder: &Path) -> Result<(), Errno> {
        if mode(folder) & 0o100 == 0 { Err(Errno::EACCES) } else { Ok(()) }
    }

    #[test]
    fn folder_that_its_owner_closed_is_opened_before_the_look() {
        let (_place, folder, doors) = closed(false);
        assert_eq!(doors.look(&folder.join("c/secret"), || look(&folder)), Ok(()));
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn folder_behind_a_link_is_found() {
        let (place, folder, doors) = closed(false);
        std::os::unix::fs::symlink("a/b", place.path().join("link")).unwrap();
        assert_eq!(doors.look(&place.path().join("link/c"), || look(&folder)), Ok(()));
    }

    #[test]
    fn folder_of_somebody_else_or_elsewhere_is_left_as_it_is() {
        let (_place, folder, doors) = closed(false);
        let stranger = Doors { uid: doors.uid + 1, ..doors.clone() };
        let elsewhere = Doors { roots: vec!["/elsewhere".into()], ..doors };
        for doors in [stranger, elsewhere] {
            assert_eq!(doors.look(&folder.join("c"), || look(&folder)), Err(Errno::EACCES));
            assert_eq!(mode(&folder), 0);
        }
    }

    #[test]
    fn look_without_a_run_changes_nothing_and_says_that_it_cannot_tell() {
        let (_place, folder, doors) = closed(true);
        assert_eq!(doors.look(&folder.join("c"), || look(&folder)), Err(Errno::EAGAIN));
        assert_eq!(mode(&folder), 0);
    }

    #[test]
    fn somebody_who_closes_it_again_and_again_stops_the_run() {
        let (_place, folder, doors) = closed(false);
        let again = || {
            let looked = look(&folder);
            fs::set_permissions(&folder, Permissions::from_mode(0o000)).unwrap();
            looked.and(Err::<(), _>(Errno::EACCES))
        };
        assert_eq!(doors.look(&folder.join("c"), again), Err(Errno::EAGAIN));
    }
}
