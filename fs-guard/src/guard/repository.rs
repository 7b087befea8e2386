//! Which repository a `.git` leads to that is a file, as linked worktrees and submodules have: `gitrepository-layout(5)`.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::enforcers::{GIT_OBEYS, LONGEST_GIT_POINTER};
use nix::errno::Errno;

use super::facts::settled_io;

/// What a `.git` leads to that is a file.
#[derive(Debug, Default)]
pub(super) struct Repository {
    /// The repository's folder, and the one that it shares with others; real paths.
    pub(super) folders: Vec<PathBuf>,
    /// The names in them that git obeys, whether something lies there or not.
    pub(super) names: Vec<PathBuf>,
}

/// What git would obey because of the file `pointer`, and where it lies.
///
/// `watch` is called with every file that decides it.
///
/// # Errors
/// When one of them cannot be looked at, so that nobody knows.
pub(super) fn of(pointer: &Path, mut watch: impl FnMut(&Path)) -> Result<Repository, Errno> {
    watch(pointer);
    let text = line(pointer)?;
    let folder = text.as_deref().and_then(|text| text.strip_prefix(b"gitdir: "));
    let Some((text, from)) = folder.zip(pointer.parent()) else { return Ok(Repository::default()) };
    let Some(folder) = follow(from, text)? else { return Ok(Repository::default()) };
    let shared = folder.join("commondir");
    watch(&shared);
    let shared = match line(&shared)? {
        Some(text) => follow(&folder, &text)?,
        None => None,
    };
    let folders: Vec<PathBuf> = std::iter::once(folder).chain(shared).collect();
    let names = folders.iter().flat_map(|folder| GIT_OBEYS.map(|name| folder.join(name))).collect();
    Ok(Repository { folders, names })
}

/// The content of a small regular file, without what ends the line.
///
/// # Errors
/// When it cannot be read, for a reason that says nothing about it.
fn line(path: &Path) -> Result<Option<Vec<u8>>, Errno> {
    // A pipe put there must not make the guard wait.
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = match opened.as_ref().map_err(std::io::Error::raw_os_error) {
        // A socket, or a device without anything behind it.
        Err(Some(libc::ENXIO | libc::ENODEV)) => return Ok(None),
        Ok(_) | Err(_) => settled_io(opened)?,
    };
    let Some(file) = file else { return Ok(None) };
    if settled_io(file.metadata())?.is_none_or(|facts| !facts.is_file()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    settled_io(file.take(LONGEST_GIT_POINTER + 1).read_to_end(&mut bytes))?;
    let is_short = u64::try_from(bytes.len()).is_ok_and(|length| length <= LONGEST_GIT_POINTER);
    Ok(is_short.then(|| bytes.trim_ascii_end().to_vec()))
}

/// The real path of what `text` names in `from`; `None` also for what cannot be a path.
///
/// # Errors
/// When nobody knows.
fn follow(from: &Path, text: &[u8]) -> Result<Option<PathBuf>, Errno> {
    let found =
        if text.contains(&0) { None } else { settled_io(std::fs::canonicalize(from.join(OsStr::from_bytes(text))))? };
    Ok(found)
}
