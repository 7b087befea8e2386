//! Where a repository keeps its objects and its indexes, read from its folders without asking git (gitrepository-layout(5)).

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc::{O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK};

use super::GitError;

/// How much is read of the small files of a repository.
const LONGEST: u64 = 1 << 16;

/// The parts of a repository that git is given.
#[derive(Debug)]
pub(super) struct Repository {
    /// The folder of objects.
    pub(super) objects: PathBuf,
    /// The files that hold an index: the repository's own, and those of its other worktrees.
    pub(super) indexes: Vec<PathBuf>,
    /// The file that says where a shallow clone's history ends.
    pub(super) shallow: Option<PathBuf>,
    /// Whether its objects are named by SHA-256.
    pub(super) is_sha256: bool,
}

impl Repository {
    /// The repository whose git directory is at `path`, or is named by a file there.
    ///
    /// # Errors
    /// When there is no folder of objects.
    pub(super) fn at(path: &Path) -> Result<Self, GitError> {
        let own =
            if path.is_file() { named_in(path, "gitdir: ").ok_or(GitError::NoObjects)? } else { path.to_path_buf() };
        let common = named_in(&own.join("commondir"), "").unwrap_or_else(|| own.clone());
        let objects = common.join("objects");
        // Given to git by the environment, where a colon or a relative path could mean something else.
        let objects = fs::canonicalize(objects).map_err(|_| GitError::NoObjects)?;
        let worktrees = fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
        let mut indexes: Vec<PathBuf> = worktrees.map(|worktree| worktree.path().join("index")).collect();
        indexes.push(common.join("index"));
        indexes.retain(|index| is_regular(index));
        let indexes = indexes.iter().filter_map(|index| fs::canonicalize(index).ok()).collect();
        let shallow =
            Some(common.join("shallow")).filter(|path| is_regular(path)).and_then(|path| fs::canonicalize(path).ok());
        Ok(Self { objects, indexes, shallow, is_sha256: is_sha256(&common) })
    }
}

/// The git directory, or the file that names it, of the nearest folder at or above `path` that has one.
pub(in super::super) fn above(path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    path.ancestors().map(|folder| folder.join(".git")).find(|found| found.symlink_metadata().is_ok())
}

/// The path that a file names after `prefix`, in the folder of that file.
fn named_in(file: &Path, prefix: &str) -> Option<PathBuf> {
    let text = read(file)?;
    let line = text.strip_prefix(prefix.as_bytes())?.trim_ascii_end();
    (!line.is_empty()).then(|| file.parent().unwrap_or(Path::new("/")).join(OsStr::from_bytes(line)))
}

/// Whether objects are named by SHA-256: `extensions.objectFormat` of the repository's own configuration.
fn is_sha256(common: &Path) -> bool {
    let text = read(&common.join("config")).unwrap_or_default().to_ascii_lowercase();
    let text = String::from_utf8_lossy(&text);
    let mut formats =
        text.lines().filter_map(|line| line.trim().strip_prefix("objectformat")?.trim_start().strip_prefix('='));
    formats.next_back().is_some_and(|format| format.trim().trim_matches('"') == "sha256")
}

/// The text of a small regular file.
fn read(path: &Path) -> Option<Vec<u8>> {
    let file: File = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC).open(path).ok()?;
    let mut text = Vec::new();
    let is_regular = file.metadata().ok()?.is_file();
    (is_regular && file.take(LONGEST).read_to_end(&mut text).is_ok()).then_some(text)
}

/// Whether there is a regular file, and no link to one.
fn is_regular(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}
