//! Which repository a `.git` leads to that is a file, as linked worktrees and submodules have: `gitrepository-layout(5)`.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::enforcers::{GIT_OBEYS, LONGEST_GIT_POINTER};

/// What git would obey because of the file `pointer`: names in the repository's folder, and in the one that it shares with others.
///
/// `watch` is called with every file that decides it.
pub(super) fn names(pointer: &Path, mut watch: impl FnMut(&Path)) -> Vec<PathBuf> {
    watch(pointer);
    let text = line(pointer);
    let folder = text.as_deref().and_then(|text| text.strip_prefix(b"gitdir: "));
    let Some(folder) = folder.zip(pointer.parent()).and_then(|(text, from)| follow(from, text)) else {
        return Vec::new();
    };
    let shared = folder.join("commondir");
    watch(&shared);
    let shared = line(&shared).and_then(|text| follow(&folder, &text));
    let folders = std::iter::once(folder).chain(shared);
    folders.flat_map(|folder| GIT_OBEYS.map(|name| folder.join(name))).collect()
}

/// The content of a small regular file, without what ends the line.
fn line(path: &Path) -> Option<Vec<u8>> {
    // A pipe put there must not make the guard wait.
    let file = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    file.take(LONGEST_GIT_POINTER + 1).read_to_end(&mut bytes).ok()?;
    let is_short = u64::try_from(bytes.len()).is_ok_and(|length| length <= LONGEST_GIT_POINTER);
    is_short.then(|| bytes.trim_ascii_end().to_vec())
}

/// The real path of what `text` names in `from`.
fn follow(from: &Path, text: &[u8]) -> Option<PathBuf> {
    std::fs::canonicalize(from.join(OsStr::from_bytes(text))).ok()
}
