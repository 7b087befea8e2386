//! Second names of hidden and protected files: a rule covers a name, and another name of the same file would not be covered.
//!
//! Looked for only when a file has more than one name, by identity, with the launcher's bounds: files that rules name, what lies
//! in protected folders, and in masked folders of keys.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::enforcers::{HARD_LINK_DEPTH, HARD_LINK_ENTRIES, is_key_store, is_sample};
use nix::sys::stat::FileStat;

use super::Guard;
use super::expand::{self, Found};
use super::facts::{Facts, settled_io};
use super::index::List;

/// How many files a repository may have, its objects apart, to be searched: a larger one may hold any file.
const LARGEST_REPOSITORY: usize = 200_000;

/// The hidden or protected path that is another name of the file at `real`, whose facts are `file`.
pub(super) fn other_name(guard: &Guard, facts: &Facts, real: &Path, file: &FileStat) -> Option<PathBuf> {
    let search = Search { identity: (file.st_dev, file.st_ino), real };
    let index = &guard.index;
    let mut restricting: Vec<(PathBuf, List)> = Vec::new();
    for (folder, names) in &index.folders {
        let wanted = names.iter().filter(|(_, entry)| matches!(entry.list, List::Mask | List::Protect));
        restricting.extend(wanted.map(|(name, entry)| (Path::new(folder).join(name), entry.list)));
    }
    for wild in index.wild.iter().filter(|wild| matches!(wild.entry.list, List::Mask | List::Protect)) {
        let mut found = Found::default();
        expand::all(&wild.pattern, &mut found);
        if found.left == 0 {
            return Some(wild.pattern.prefix().to_owned());
        }
        restricting.extend(found.paths.into_iter().map(|path| (path, wild.entry.list)));
    }
    restricting.extend(facts.pointers.iter().map(|path| (PathBuf::from(path), List::Protect)));
    restricting.into_iter().find_map(|(path, list)| search.at(&path, list))
}

/// The file of a workspace's own repository that is another name of the file at `real`, whose facts are `file`: a command can give
/// such a file a second name, and what is written there would be git's.
pub(super) fn name_in_repository(guard: &Guard, facts: &Facts, real: &Path, file: &FileStat) -> Option<PathBuf> {
    let search = Search { identity: (file.st_dev, file.st_ino), real };
    let mut folders = guard.roots.iter().map(|root| root.join(".git")).chain(facts.repositories.iter().cloned());
    folders.find_map(|folder| search.in_repository(&folder))
}

/// What is searched for.
struct Search<'a> {
    /// The file.
    identity: (u64, u64),
    /// The name by which it was found.
    real: &'a Path,
}

impl Search<'_> {
    /// Looks at `path`, which a rule of `list` names, and at what it holds. What cannot be looked at may be the file.
    fn at(&self, path: &Path, list: List) -> Option<PathBuf> {
        let metadata = match settled_io(std::fs::metadata(path)) {
            Ok(metadata) => metadata?,
            Err(_) => return Some(path.to_owned()),
        };
        if metadata.is_file() {
            return self.is_other(path, &metadata).then(|| path.to_owned());
        }
        match list {
            List::Protect if metadata.is_dir() => self.inside(path, HARD_LINK_DEPTH - 1),
            List::Mask if metadata.is_dir() && is_key_store(path) => self.inside(path, 0),
            List::Mask | List::Protect | List::Read | List::Write | List::Scratch => None,
        }
    }

    /// Looks at what `folder` holds.
    fn inside(&self, folder: &Path, depth: usize) -> Option<PathBuf> {
        let entries = match settled_io(std::fs::read_dir(folder)) {
            Ok(entries) => entries?,
            Err(_) => return Some(folder.to_owned()),
        };
        for entry in entries.take(HARD_LINK_ENTRIES) {
            let Ok(entry) = entry else { return Some(folder.to_owned()) };
            if is_sample(&entry.file_name()) {
                continue;
            }
            let metadata = match settled_io(entry.metadata()) {
                Ok(Some(metadata)) => metadata,
                Ok(None) => continue,
                Err(_) => return Some(entry.path()),
            };
            if metadata.is_dir() && depth < HARD_LINK_DEPTH {
                if let Some(found) = self.inside(&entry.path(), depth + 1) {
                    return Some(found);
                }
            } else if metadata.is_file() && self.is_other(&entry.path(), &metadata) {
                return Some(entry.path());
            }
        }
        None
    }

    /// Looks at what the git folder `repository` holds, except for objects, whose content git verifies. What cannot be looked at may be
    /// the file: a command can close a folder of its own.
    fn in_repository(&self, repository: &Path) -> Option<PathBuf> {
        let (mut folders, mut left) = (vec![repository.to_owned()], LARGEST_REPOSITORY);
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(_) => return Some(folder),
            };
            for entry in entries {
                let Ok(entry) = entry else { return Some(folder) };
                left = left.saturating_sub(1);
                if left == 0 {
                    return Some(folder);
                }
                if folder == repository && entry.file_name() == "objects" {
                    continue;
                }
                match entry.metadata() {
                    Ok(found) if found.is_dir() => folders.push(entry.path()),
                    Ok(found) if self.is_other(&entry.path(), &found) => return Some(entry.path()),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(_) => return Some(entry.path()),
                }
            }
        }
        None
    }

    /// Whether `path` is the file by another name.
    fn is_other(&self, path: &Path, metadata: &std::fs::Metadata) -> bool {
        (metadata.dev(), metadata.ino()) == self.identity && path != self.real
    }
}
