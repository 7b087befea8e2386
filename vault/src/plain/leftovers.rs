//! Other copies of a plain file, found by name alone: what editors, people, the trash and git keep. Nothing is opened but lists of
//! names, and nothing is changed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::git::{self, Trace};

/// The most entries that are looked at in one folder.
const MOST_ENTRIES: usize = 100_000;

/// The largest list of names that is opened, in bytes.
const LARGEST_LIST: u64 = 1 << 20;

/// Folders below the home where editors keep copies under the whole path, with `%` or `!` in place of `/`.
const EDITORS: &[&str] = &[
    ".vim/backup",
    ".vim/backups",
    ".vim/swap",
    ".vim/swaps",
    ".vim/tmp",
    ".vim/undo",
    ".vim/undodir",
    ".cache/vim/backup",
    ".cache/vim/swap",
    ".cache/vim/undo",
    ".local/state/vim/backup",
    ".local/state/vim/swap",
    ".local/state/vim/undo",
    ".local/state/nvim/backup",
    ".local/state/nvim/swap",
    ".local/state/nvim/undo",
    ".local/share/nvim/backup",
    ".local/share/nvim/swap",
    ".local/share/nvim/undo",
    ".emacs.d/backups",
    ".emacs.d/auto-save-list",
    ".config/emacs/backups",
    ".config/emacs/auto-save-list",
    ".cache/emacs/backups",
    ".nano/backups",
    ".local/state/nano/backups",
    ".cache/nano/backups",
];

/// Folders below the home where editors of the VS Code family keep a history, one folder per file with a list that names it.
const HISTORIES: &[&str] = &[
    ".config/Code/User/History",
    ".config/Code - OSS/User/History",
    ".config/VSCodium/User/History",
    ".config/Cursor/User/History",
    ".vscode-server/data/User/History",
    ".cursor-server/data/User/History",
];

/// Folders of deleted files, below the home (the trash specification of freedesktop.org).
const TRASH: &str = ".local/share/Trash/files";

/// Ends of names that show what belongs into such a file, and hold no secrets.
const EXAMPLES: &[&str] = &[".example", ".sample", ".template", ".dist", ".schema"];

/// What may hold the secrets of a file beside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Files, in order.
    pub files: Vec<PathBuf>,
    /// What is in git, as sentences with what to do.
    pub git: Vec<String>,
}

/// Looks for other copies of the file at `path`, which may be gone by now, for a person with this home.
#[must_use]
pub fn leftovers(path: &Path, home: Option<&Path>) -> Leftovers {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let (Some(name), Ok(folder)) = (path.file_name(), above.canonicalize()) else { return Leftovers::default() };
    let whole = folder.join(name);
    let mut files = siblings(&folder, name);
    if let Some(home) = home {
        files.extend(EDITORS.iter().flat_map(|below| editor_copies(&home.join(below), &whole)));
        files.extend(HISTORIES.iter().flat_map(|below| histories(&home.join(below), &whole)));
        let is_copy = |found: &OsStr| found == name || is_relative(found.as_bytes(), name.as_bytes());
        files.extend(entries(&home.join(TRASH)).into_iter().filter(|found| found.file_name().is_some_and(is_copy)));
    }
    files.sort();
    files.dedup();
    let git = git::traces(&whole).iter().map(Trace::sentence).collect();
    Leftovers { files, git }
}

/// What is in a folder. What cannot be read holds nothing that could be named.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(read) = fs::read_dir(folder) else { return Vec::new() };
    read.take(MOST_ENTRIES).filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// Files of the same folder whose names are made from this one.
fn siblings(folder: &Path, name: &OsStr) -> Vec<PathBuf> {
    let is_sibling = |path: &PathBuf| {
        let found = path.file_name().unwrap_or_default();
        is_relative(found.as_bytes(), name.as_bytes())
            && !EXAMPLES.iter().any(|end| found.as_bytes().ends_with(end.as_bytes()))
            && fs::symlink_metadata(path).is_ok_and(|status| !status.is_dir())
    };
    entries(folder).into_iter().filter(is_sibling).collect()
}

/// Whether a name is another one with marks before it (`.`, `#`, `.#`) or after it (`~`, `.bak`, `.swp`, ` (copy)`, …).
fn is_relative(found: &[u8], name: &[u8]) -> bool {
    let before: [&[u8]; 5] = [b"", b".", b"#", b".#", b"_"];
    before.iter().any(|mark| {
        let rest = found.strip_prefix(*mark).and_then(|rest| rest.strip_prefix(name));
        let is_marked = |rest: &[u8]| rest.first().map_or(!mark.is_empty(), |next| !next.is_ascii_alphanumeric());
        rest.is_some_and(is_marked)
    })
}

/// Copies in a folder of an editor: their names have the file's whole path in them.
fn editor_copies(folder: &Path, whole: &Path) -> Vec<PathBuf> {
    let mangled = |mark: u8| -> Vec<u8> {
        whole.as_os_str().as_bytes().iter().map(|byte| if *byte == b'/' { mark } else { *byte }).collect()
    };
    let wanted = [mangled(b'%'), mangled(b'!')];
    let has = |name: &OsStr| wanted.iter().any(|part| name.as_bytes().windows(part.len()).any(|at| at == part));
    entries(folder).into_iter().filter(|path| path.file_name().is_some_and(has)).collect()
}

/// Folders of a history whose list names the file.
fn histories(history: &Path, whole: &Path) -> Vec<PathBuf> {
    let wanted = whole.as_os_str().as_bytes();
    let names = |folder: &PathBuf| {
        let list = folder.join("entries.json");
        let is_small = fs::symlink_metadata(&list).is_ok_and(|status| status.is_file() && status.len() <= LARGEST_LIST);
        is_small && fs::read(&list).is_ok_and(|text| text.windows(wanted.len()).any(|at| at == wanted))
    };
    entries(history).into_iter().filter(names).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{Leftovers, is_relative, leftovers};

    /// Makes empty files, and the folders that they need.
    fn touch(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    /// The names of what was found, below a folder.
    fn names(found: &Leftovers, folder: &Path) -> Vec<String> {
        let below = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
        found.files.iter().map(below).collect()
    }

    #[test]
    fn what_editors_and_people_leave_in_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let left = [
            "#.env#",
            ".#.env",
            "..env.un~",
            ".env (copy)",
            ".env-old",
            ".env.bak",
            ".env.local",
            ".env.orig",
            ".env.save",
            ".env.swn",
            ".env.swo",
            ".env.swp",
            ".env.un~",
            ".env~",
            ".env.~1~",
        ];
        touch(folder.path(), &left);
        touch(folder.path(), &[".env", ".env.example", ".envrc", ".environment", "env", "x.env", ".env.d/x"]);
        let mut expected = left.to_vec();
        expected.sort_unstable();
        let found = leftovers(&folder.path().join(".env"), None);
        assert_eq!(names(&found, &folder.path().canonicalize().unwrap()), expected);
    }

    #[test]
    fn swap_files_of_visible_names_are_hidden_ones() {
        assert!(is_relative(b".prod.env.swp", b"prod.env"));
        assert!(!is_relative(b"prod.env", b"prod.env"));
        assert!(!is_relative(b"prod.env2", b"prod.env"));
    }

    #[test]
    fn what_editors_and_the_trash_keep_below_the_home_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (home, work) = (root.join("home"), root.join("work"));
        touch(&work, &[".env"]);
        let mangled = work.join(".env").display().to_string();
        let left = [
            format!(".vim/undo/{}", mangled.replace('/', "%")),
            format!(".emacs.d/backups/{}~", mangled.replace('/', "!")),
            ".local/share/Trash/files/.env".to_owned(),
            ".local/share/Trash/files/.env.2".to_owned(),
        ];
        for name in &left {
            touch(&home, &[name]);
        }
        touch(&home, &[".vim/undo/%other%.env", ".local/share/Trash/files/x", ".config/Code/User/History/1/a"]);
        fs::write(
            home.join(".config/Code/User/History/1/entries.json"),
            format!("{{\"resource\":\"file://{mangled}\"}}"),
        )
        .unwrap();
        let mut expected: Vec<String> = left.into_iter().chain([".config/Code/User/History/1".to_owned()]).collect();
        expected.sort();
        assert_eq!(names(&leftovers(&work.join(".env"), Some(&home)), &home), expected);
    }
}
