//! The reader of real files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use lobsterpot_policy::{FileFacts, Reader, SystemReader};

/// A throw-away folder, free of symbolic links.
struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Makes one.
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in it.
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    /// A file in it.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// Whether a folder was passed on the way.
fn passed(facts: &FileFacts, folder: &Path) -> bool {
    facts.parents.iter().any(|parent| parent.path == folder)
}

#[test]
fn a_plain_file_is_read_with_its_mode_and_all_folders_above() {
    let scratch = Scratch::new();
    let path = scratch.file("a/b/p.toml", b"x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let facts = SystemReader.read(&path).unwrap().unwrap();
    assert_eq!((facts.bytes.as_slice(), facts.mode, facts.symlink), (b"x".as_slice(), 0o640, false));
    assert_eq!(facts.resolved_path, path);
    assert!(path.ancestors().skip(1).all(|folder| passed(&facts, folder)));
}

#[test]
fn a_file_below_nothing_or_below_a_file_does_not_exist() {
    let scratch = Scratch::new();
    assert!(SystemReader.read(&scratch.path("none/p.toml")).unwrap().is_none());
    let file = scratch.file("file", b"");
    assert!(SystemReader.read(&file.join("p.toml")).unwrap().is_none());
}

#[test]
fn folders_that_only_links_lead_through_are_reported() {
    let scratch = Scratch::new();
    let real = scratch.file("real/p.toml", b"x");
    let hop = scratch.path("hop/link");
    fs::create_dir_all(hop.parent().unwrap()).unwrap();
    symlink("../real", &hop).unwrap();
    let outer = scratch.path("outer");
    symlink(hop.join("p.toml"), &outer).unwrap();
    let facts = SystemReader.read(&outer).unwrap().unwrap();
    assert!(facts.symlink);
    assert_eq!(facts.resolved_path, real);
    for folder in [scratch.path("hop"), scratch.path("real")] {
        assert!(passed(&facts, &folder), "{}", folder.display());
    }
}

#[test]
fn devices_pipes_folders_loops_and_huge_files_are_refused_at_once() {
    let scratch = Scratch::new();
    let loop_ = scratch.path("loop");
    symlink("loop", &loop_).unwrap();
    let huge = scratch.file("huge", &vec![b'#'; (1 << 20) + 1]);
    let pipe = scratch.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [Path::new("/dev/zero"), Path::new("/dev"), &loop_, &huge, &pipe] {
        assert!(SystemReader.read(path).is_err(), "{}", path.display());
    }
}
