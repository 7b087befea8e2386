//! One file of a unit: written whole, known again by the digest in its first line, never written over when somebody changed it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::UnitsError;

/// How the first line of every file begins; the digest of all other lines follows.
const MARK: &str = "# Written by `lobsterpot-vault install-units`; what follows has the SHA-256 digest ";

/// No unit of ours is longer; what is read is bounded by it.
const LONGEST: u64 = 64 * 1024;

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    /// Where.
    path: PathBuf,
    /// What it says, first line and all.
    text: String,
}

/// What is at a path now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// Nothing.
    Nothing,
    /// What is to be written.
    Same,
    /// A file of this program, unchanged since, that says something else.
    Ours,
    /// A file that somebody else wrote or changed.
    Changed,
}

impl UnitFile {
    /// A file with this text, marked as ours.
    pub(super) fn new(path: PathBuf, text: &str) -> Self {
        Self { path, text: format!("{MARK}{}\n{text}", digest(text)) }
    }

    /// Where it goes.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is there now.
    ///
    /// # Errors
    /// When something is there that is no regular file, or it cannot be read.
    pub fn look(&self) -> Result<Found, UnitsError> {
        let Some(text) = read(&self.path)? else { return Ok(Found::Nothing) };
        Ok(match text {
            text if text == self.text => Found::Same,
            text if is_ours(&text) => Found::Ours,
            _ => Found::Changed,
        })
    }

    /// Writes it whole, in place of what is there: a new file beside it, synchronised, then renamed.
    ///
    /// # Errors
    /// When the operating system refuses; then what was there is still there.
    pub fn write(&self) -> Result<(), UnitsError> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let failed = |verb, path: &Path| {
            let path = path.to_path_buf();
            move |source| UnitsError::Io { verb, path, source }
        };
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = folder.join(format!(".{name}.{}", std::process::id()));
        let written = write_new(&beside, self.text.as_bytes()).and_then(|()| fs::rename(&beside, &self.path));
        if let Err(source) = written {
            let _ = fs::remove_file(&beside);
            return Err(UnitsError::Io { verb: "write", path: self.path.clone(), source });
        }
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("synchronise", folder))
    }
}

/// Whether there is a file of ours that can be removed.
///
/// # Errors
/// When somebody changed it and `by_force` is not given, or it cannot be read.
pub(crate) fn is_removable(path: &Path, by_force: bool) -> Result<bool, UnitsError> {
    let Some(text) = read(path)? else { return Ok(false) };
    if !by_force && !is_ours(&text) {
        return Err(UnitsError::Changed { path: path.to_path_buf() });
    }
    Ok(true)
}

/// Removes a file of ours, and the folder of a drop-in when nothing else is in it. Says whether there was one.
///
/// # Errors
/// When somebody changed it and `by_force` is not given, or the operating system refuses.
pub(crate) fn remove(path: &Path, by_force: bool) -> Result<bool, UnitsError> {
    if !is_removable(path, by_force)? {
        return Ok(false);
    }
    fs::remove_file(path).map_err(|source| UnitsError::Io { verb: "remove", path: path.to_path_buf(), source })?;
    if let Some(folder) = path.parent().filter(|folder| folder.extension().is_some_and(|ending| ending == "d")) {
        // Other drop-ins of the same unit stay, and so does their folder.
        let _ = fs::remove_dir(folder);
    }
    Ok(true)
}

/// The text of a regular file; none when nothing is there.
///
/// # Errors
/// When it is none, or cannot be read.
fn read(path: &Path) -> Result<Option<String>, UnitsError> {
    let io = |source| UnitsError::Io { verb: "read", path: path.to_path_buf(), source };
    let irregular = || UnitsError::Irregular { path: path.to_path_buf() };
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Err(irregular()),
        Err(error) => return Err(io(error)),
    };
    if !file.metadata().map_err(io)?.is_file() {
        return Err(irregular());
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(io)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// A new file that everybody may read.
///
/// # Errors
/// When something is there already, or the operating system refuses.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW).open(path)?;
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Whether a text is one that this program wrote, unchanged.
fn is_ours(text: &str) -> bool {
    let Some((first, rest)) = text.split_once('\n') else { return false };
    first.strip_prefix(MARK).is_some_and(|stated| stated == digest(rest))
}

/// The digest of a text, in hexadecimal.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
