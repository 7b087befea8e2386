//! Tests of reading and destroying plain files.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{PlainError, PlainFile, Purpose, ShredError};

/// A folder with `.env` in it.
fn folder(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    fs::write(&path, content).unwrap();
    (folder, path)
}

/// Opens a file to be destroyed.
///
/// # Errors
/// As [`PlainFile::open`].
fn open(path: &Path) -> Result<PlainFile, PlainError> {
    PlainFile::open(path, 1 << 20, Purpose::Shred)
}

#[test]
fn the_bytes_on_the_inode_are_overwritten_before_the_name_goes() {
    let content = b"A=hunter2\n".repeat(20_000);
    let (folder, path) = folder(&content);
    let mut witness = fs::File::open(&path).unwrap();
    let plain = open(&path).unwrap();
    assert_eq!(plain.bytes(), content);
    plain.overwrite().unwrap();
    let mut now = Vec::new();
    witness.read_to_end(&mut now).unwrap();
    assert_eq!(now.len(), content.len());
    assert!(!now.windows(7).any(|at| at == b"hunter2"));
    // Overwritten by hand, it is not what was read any more.
    assert!(matches!(plain.shred(), Err(ShredError::Changed { .. })));
    fs::write(&path, &content).unwrap();
    open(&path).unwrap().shred().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(witness.metadata().unwrap().len(), 0);
    assert_eq!(witness.metadata().unwrap().nlink(), 0);
    witness.seek(SeekFrom::Start(0)).unwrap();
    assert_eq!(witness.read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_is_appended_while_it_is_overwritten_is_kept() {
    let (folder, path) = folder(b"A=hunter2\n");
    let plain = open(&path).unwrap();
    plain.check_unchanged().unwrap();
    plain.overwrite().unwrap();
    fs::File::options().append(true).open(&path).unwrap().write_all(b"B=new\n").unwrap();
    let error = plain.remove().unwrap_err();
    assert!(matches!(error, ShredError::Grown { random: 10, .. }), "{error}");
    let left = fs::read(&path).unwrap();
    assert!(!left.starts_with(b"A=hunter2") && left.ends_with(b"B=new\n") && left.len() == 16, "{left:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn links_are_refused_as_what_they_are() {
    let (folder, path) = folder(b"A=1\n");
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(open(&link), Err(PlainError::Link { .. })));
    assert!(matches!(PlainFile::open(&link, 99, Purpose::Read), Err(PlainError::Link { .. })));
    fs::hard_link(&path, folder.path().join("other")).unwrap();
    assert!(matches!(open(&path), Err(PlainError::HardLinks { count: 2, .. })));
    assert!(PlainFile::open(&path, 99, Purpose::Read).is_ok());
    assert_eq!(fs::read(&path).unwrap(), b"A=1\n");
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let (folder, path) = folder(b"");
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    assert!(matches!(open(&pipe), Err(PlainError::Kind { found: "a named pipe", .. })));
    assert!(matches!(PlainFile::open(&pipe, 9, Purpose::Read), Err(PlainError::Kind { found: "a named pipe", .. })));
    assert!(matches!(open(folder.path()), Err(PlainError::Kind { .. })));
    assert!(matches!(open(&path.join("x")), Err(PlainError::Missing { .. })));
    assert!(matches!(open(Path::new("/dev/null")), Err(PlainError::Kind { .. })));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let (_folder, path) = folder(b"123456");
    assert!(matches!(PlainFile::open(&path, 5, Purpose::Read), Err(PlainError::TooLarge { .. })));
    assert!(PlainFile::open(&path, 6, Purpose::Read).is_ok());
}

#[test]
fn another_owners_file_is_not_destroyed() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (_folder, path) = folder(b"A=1\n");
    std::os::unix::fs::chown(&path, Some(61_234), None).unwrap();
    assert!(matches!(open(&path), Err(PlainError::Owner { owner: 61_234, .. })));
    assert!(PlainFile::open(&path, 9, Purpose::Read).is_ok());
}

#[test]
fn a_file_that_changed_after_it_was_read_is_left_alone() {
    let (folder, path) = folder(b"A=1\n");
    let changes: [&dyn Fn(); 4] = [
        &|| fs::write(&path, "A=1\nB=new\n").unwrap(),
        &|| fs::write(&path, "A=2\n").unwrap(),
        &|| fs::hard_link(&path, folder.path().join("other")).unwrap(),
        &|| {
            fs::write(folder.path().join("new"), "A=1\n").unwrap();
            fs::rename(folder.path().join("new"), &path).unwrap();
        },
    ];
    for change in changes {
        fs::write(&path, "A=1\n").unwrap();
        let plain = open(&path).unwrap();
        change();
        let now = fs::read(&path).unwrap();
        assert!(matches!(plain.shred(), Err(ShredError::Changed { .. })));
        assert_eq!(fs::read(&path).unwrap(), now);
        let _ = fs::remove_file(folder.path().join("other"));
    }
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_is_done() {
    let (folder, path) = folder(b"A=1\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write everywhere.
    assert_eq!(open(&path).is_ok(), nix::unistd::geteuid().is_root());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn an_empty_file_is_destroyed_as_well() {
    let (folder, path) = folder(b"");
    open(&path).unwrap().shred().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
