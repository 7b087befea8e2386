//! Makes a plain file of secrets where somebody asked for one: whole or not at all, for its owner alone, over nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{fsync, linkat};
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::secret::Secret;
use crate::store::folder::other_kind;
use crate::store::{Before, Folder, PublishError, publish};

/// Creates the file at `path` with mode 0600. It has no name before it is complete, flushed and read back, so that no part of it
/// stays when this process ends early. An existing file is never replaced.
///
/// # Errors
/// When there is something already, its folder could be changed by others, or the disk does not take it.
pub fn create(path: &Path, content: &Secret) -> Result<(), Failure> {
    let name = path.file_name().ok_or_else(|| no_file(path, "a folder"))?;
    let folder = Folder::open(path.parent().unwrap_or_else(|| Path::new(".")))?;
    if let Some(status) = folder.status(name)? {
        if let Some(found) = other_kind(&status) {
            return Err(no_file(path, found));
        }
        return Err(PublishError::Exists { path: folder.join(name) }.into());
    }
    let failed = |step| {
        let path = folder.join(name);
        move |source: io::Error| PublishError::Io { path, step, source }
    };
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    let mut file = match openat(&folder, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(fd) => File::from(fd),
        // The file system has no files without names (open(2), O_TMPFILE).
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EINVAL) => {
            return Ok(publish(&folder, name, Before::Nothing, content.as_bytes(), |_| Ok(()))?);
        }
        Err(errno) => return Err(failed("create")(errno.into()).into()),
    };
    file.write_all(content.as_bytes()).map_err(failed("write"))?;
    file.sync_all().map_err(failed("flush"))?;
    check(&mut file, content).map_err(failed("read back"))?;
    let proc = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    match linkat(AT_FDCWD, &proc, &folder, name, AtFlags::AT_SYMLINK_FOLLOW) {
        Ok(()) => {}
        Err(Errno::EEXIST) => return Err(PublishError::Exists { path: folder.join(name) }.into()),
        Err(errno) => return Err(failed("name")(errno.into()).into()),
    }
    match fsync(&folder) {
        // Some file systems have nothing to flush in a folder.
        Ok(()) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(PublishError::Unflushed { path: folder.join(name), source: errno.into() }.into()),
    }
}

/// Something is there that is neither to be replaced nor to be moved away.
fn no_file(path: &Path, found: &str) -> Failure {
    let hint = "name a file that is not there yet; `-` writes to standard output";
    Failure::new(Exit::Exists, format!("\"{}\" is {found}", path.display()), hint)
}

/// Reads a file from its beginning, and compares.
///
/// # Errors
/// When it has something else in it.
fn check(file: &mut File, content: &Secret) -> io::Result<()> {
    let mut read = Zeroizing::new(Vec::with_capacity(content.len() + 1));
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut read)?;
    if *read == content.as_bytes() { Ok(()) } else { Err(io::Error::other("it is not what was written")) }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::create;
    use crate::exit::Exit;
    use crate::secret::Secret;

    #[test]
    fn the_file_is_for_its_owner_alone_whatever_the_mask() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.env");
        create(&path, &Secret::from("A=1\n")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"A=1\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_is_replaced_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.env");
        let goal = folder.path().join("goal");
        symlink(&goal, &path).unwrap();
        assert_eq!(create(&path, &Secret::from("A=1\n")).unwrap_err().exit(), Exit::Exists);
        assert!(!goal.exists());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "old").unwrap();
        assert_eq!(create(&path, &Secret::from("A=1\n")).unwrap_err().exit(), Exit::Exists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn nobody_is_told_to_move_a_device_or_a_folder_away() {
        let folder = tempfile::tempdir().unwrap();
        symlink("/dev/null", folder.path().join("link")).unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        let [inner, link] = ["folder", "link"].map(|name| folder.path().join(name));
        for path in ["/dev/null".as_ref(), "/".as_ref(), inner.as_path(), &link] {
            let failure = create(path, &Secret::from("A=1\n")).unwrap_err();
            assert_eq!(failure.exit(), Exit::Exists, "{path:?}");
            assert!(failure.hint().is_some_and(|hint| hint.starts_with("name a file")), "{:?}", failure.hint());
        }
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(create(&folder.path().join("x.env"), &Secret::from("A=1\n")).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
