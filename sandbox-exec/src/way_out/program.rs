//! Where `lobsterpot-egress` is: in the folder of the launcher's own file.
//!
//! It is started late, by what the sandbox does, and outside of the sandbox. Where the sandbox may write to its file, as when both
//! programs lie in the workspace, the file is copied before the sandbox is made, and the copy is what is started.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, Uid, access, execve, fexecve, geteuid};

use super::memory;
use crate::error::Error;

/// Its name.
const NAME: &str = "lobsterpot-egress";
/// The launcher's own file: `proc(5)`.
const OWN: &str = "/proc/self/exe";

/// A program that is there and can be run.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its path, as the kernel takes it.
    path: CString,
    /// A copy that nobody can change, where the sandbox could change the file.
    copy: Option<OwnedFd>,
}

impl Program {
    /// Finds it. What the sandbox may write to, by device and inode number, is `writable`.
    ///
    /// # Errors
    /// When it is not there, or is no program that the caller may run, or cannot be copied where it has to be.
    pub(crate) fn beside_this_one(writable: &[(u64, u64)]) -> Result<Self, Error> {
        let own = std::fs::read_link(OWN).unwrap_or_default();
        Self::beside(&own, writable)
    }

    /// Finds it beside the file `own`.
    ///
    /// # Errors
    /// When it is not there, or is no program that the caller may run, or cannot be copied where it has to be.
    fn beside(own: &Path, writable: &[(u64, u64)]) -> Result<Self, Error> {
        let path = own.parent().unwrap_or(Path::new("/")).join(NAME);
        let missing = |why: &'static str, path: PathBuf| Error::WayOut { path, why };
        let status = match std::fs::metadata(&path) {
            Err(_) => return Err(missing("it is not there", path)),
            Ok(status) if !status.is_file() => return Err(missing("it is not a file", path)),
            Ok(status) => status,
        };
        if access(&path, AccessFlags::X_OK).is_err() {
            return Err(missing("it may not be run", path));
        }
        let Ok(name) = CString::new(path.as_os_str().as_bytes()) else {
            return Err(missing("its path cannot be written", path));
        };
        if !is_exposed(&path, &status, writable) {
            return Ok(Self { path: name, copy: None });
        }
        match copy(&path) {
            Ok(copy) => Ok(Self { path: name, copy: Some(copy) }),
            Err(_) => Err(missing("the sandbox may write to it, and it cannot be copied", path)),
        }
    }

    /// Becomes it; returns only what went wrong.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn execute(&self, arguments: &[CString], environment: &[CString]) -> Result<Infallible, Errno> {
        match &self.copy {
            Some(copy) => fexecve(copy.as_fd(), arguments, environment),
            None => execve(&self.path, arguments, environment),
        }
    }
}

/// Whether the file at `path` may be changed by who may write to `writable`: it or a folder above it is among them, or it has
/// another name somewhere, by which the caller could change it. What a package manager has linked and the system owns, the caller cannot.
fn is_exposed(path: &Path, status: &Metadata, writable: &[(u64, u64)]) -> bool {
    let real = path.canonicalize();
    let is_writable = |place: &Path| {
        // What cannot be looked at counts as if it could be written to.
        std::fs::metadata(place).map_or(true, |status| writable.contains(&(status.dev(), status.ino())))
    };
    (status.nlink() > 1 && could_change(status, geteuid()))
        || path.ancestors().any(is_writable)
        || real.map_or(true, |real| real != path && real.ancestors().any(is_writable))
}

/// Whether `user` owns a file, or its mode lets others than its owner write to it.
fn could_change(status: &Metadata, user: Uid) -> bool {
    status.uid() == user.as_raw() || status.mode() & 0o022 != 0
}

/// The content of the file at `path` in a file without a name that cannot be changed any more.
///
/// # Errors
/// The kernel's.
fn copy(path: &Path) -> std::io::Result<OwnedFd> {
    let mut memory = File::from(memory::file(c"lobsterpot-egress")?);
    std::io::copy(&mut File::open(path)?, &mut memory)?;
    memory::seal(&memory)?;
    Ok(memory.into())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What stops the run when this lies beside the launcher.
    fn refusal(make: impl FnOnce(&Path)) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        make(&folder.path().join(NAME));
        Program::beside(&folder.path().join("sandbox-exec"), &[]).err().map(|error| error.to_string())
    }

    /// The program in `folder` when the sandbox may write to `writable`, and whether it is a copy.
    fn is_copied(folder: &Path, writable: &Path) -> bool {
        let status = fs::metadata(writable).expect("its status");
        let program = Program::beside(&folder.join("sandbox-exec"), &[(status.dev(), status.ino())]);
        program.expect("a program").copy.is_some()
    }

    #[test]
    fn what_the_sandbox_may_write_to_is_copied_before_it_can() {
        let [folder, elsewhere] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let (bin, file) = (folder.path().join("deep/bin"), folder.path().join("deep/bin").join(NAME));
        fs::create_dir_all(&bin).expect("made");
        fs::write(&file, "x").expect("written");
        fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("its mode");
        for writable in [folder.path(), &bin, &file] {
            assert!(is_copied(&bin, writable), "{}", writable.display());
        }
        assert!(!is_copied(&bin, elsewhere.path()));
        let link = elsewhere.path().join("bin");
        std::os::unix::fs::symlink(&bin, &link).expect("a link");
        assert!(is_copied(&link, &bin), "through a symlink");
        fs::hard_link(&file, elsewhere.path().join("other")).expect("a link");
        assert!(is_copied(&bin, elsewhere.path()), "under another name");
    }

    #[test]
    fn a_second_name_matters_only_where_the_caller_could_write_by_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("program");
        fs::write(&file, "x").expect("written");
        let own = fs::metadata(&file).expect("its status").uid();
        let could = |mode, user| {
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("its mode");
            could_change(&fs::metadata(&file).expect("its status"), Uid::from_raw(user))
        };
        assert!(could(0o555, own), "its owner changes its mode");
        assert!(could(0o775, own + 1) && could(0o757, own + 1), "its group, everybody");
        assert!(!could(0o755, own + 1), "nobody else");
    }

    #[test]
    fn a_copy_stays_what_it_was_and_nobody_can_write_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("program");
        fs::write(&file, "before").expect("written");
        let copy = File::from(copy(&file).expect("a copy"));
        fs::write(&file, "after").expect("written");
        assert!((&copy).write_all(b"x").is_err());
        let mut text = String::new();
        std::io::Seek::rewind(&mut &copy).and_then(|()| (&copy).read_to_string(&mut text)).expect("read");
        assert_eq!(text, "before");
    }

    #[test]
    fn what_is_missing_or_cannot_be_run_stops_the_run() {
        assert!(refusal(|_| {}).expect("refused").contains("it is not there"));
        assert!(refusal(|path| fs::create_dir(path).expect("made")).expect("refused").contains("it is not a file"));
        let mode = |mode| {
            move |path: &Path| {
                fs::write(path, "").expect("written");
                fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
            }
        };
        assert!(refusal(mode(0o644)).expect("refused").contains("it may not be run"));
        assert_eq!(refusal(mode(0o755)), None);
    }
}
