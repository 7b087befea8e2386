//! The lists of names that a repository keeps, read without git: what cannot be read is said to be missing, never taken for nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

/// The largest file with references or their history that is read, in bytes.
const LARGEST_LIST: u64 = 16 << 20;

/// The most references, and places in their history, that are looked at.
const MOST_TIPS: usize = 100_000;

/// How deep folders of references are followed.
const DEEPEST: usize = 16;

/// What references lead to, or led to.
#[derive(Debug, Default)]
pub(super) struct Tips {
    /// Names of commits, and of what else they lead to.
    pub(super) names: BTreeSet<String>,
    /// Whether there may be more: something could not be read, or was too much.
    pub(super) is_cut: bool,
}

impl Tips {
    /// Takes the object names of a file: 40 or 64 hexadecimal digits, not all zero.
    pub(super) fn collect(&mut self, path: &Path) {
        let is_name = |word: &&str| {
            matches!(word.len(), 40 | 64)
                && word.bytes().all(|byte| byte.is_ascii_hexdigit())
                && word.bytes().any(|byte| byte != b'0')
        };
        let Ok(text) = small(path) else {
            self.is_cut = true;
            return;
        };
        for line in text.unwrap_or_default().lines() {
            if self.names.len() >= MOST_TIPS {
                self.is_cut = true;
                return;
            }
            // The message of a place in the history comes after a tab, and is not looked at.
            let words = line.split('\t').next().unwrap_or_default().split([' ', '^']);
            self.names.extend(words.filter(is_name).map(str::to_ascii_lowercase));
        }
    }

    /// Takes the object names of all files below a folder, without following links.
    pub(super) fn walk(&mut self, folder: &Path, depth: usize) {
        for entry in self.entries(folder) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < DEEPEST => self.walk(&entry.path(), depth + 1),
                Ok(kind) if kind.is_file() => self.collect(&entry.path()),
                Ok(kind) => self.is_cut |= kind.is_dir(),
                Err(_) => self.is_cut = true,
            }
        }
    }

    /// What is in a folder, which need not be there.
    pub(super) fn entries(&mut self, folder: &Path) -> Vec<fs::DirEntry> {
        let listed = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        match listed {
            Ok(entries) => entries,
            Err(error) => {
                self.is_cut |= !is_absent(&error);
                Vec::new()
            }
        }
    }
}

/// The first line of a small file; none when it is not there, or empty.
///
/// # Errors
/// As [`small`].
pub(super) fn first_line(path: &Path) -> io::Result<Option<String>> {
    Ok(small(path)?.and_then(|text| text.lines().next().map(str::to_owned)))
}

/// A file with references, as text; none when there is no file.
///
/// # Errors
/// When it cannot be read, or is larger than [`LARGEST_LIST`].
pub(super) fn small(path: &Path) -> io::Result<Option<String>> {
    let status = match fs::symlink_metadata(path) {
        Err(error) if is_absent(&error) => return Ok(None),
        found => found?,
    };
    if !status.is_file() {
        return Ok(None);
    }
    if status.len() > LARGEST_LIST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(String::from_utf8_lossy(&fs::read(path)?).into_owned()))
}

/// Whether an error says that nothing is there.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
