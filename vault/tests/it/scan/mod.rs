//! `scan`: what it finds, and what it never does.

mod files;
mod git;
mod program;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lobsterpot_vault::document::{Document, Entry};
use lobsterpot_vault::name::Name;
use lobsterpot_vault::scan::{Index, Report, Wanted, scan};
use lobsterpot_vault::secret::Secret;

/// A value that is searched for, and the name that it has.
const VALUE: &str = "sk-live-Zq8/wX\"2vN+tR'7\\yP";

/// The index of a vault with [`VALUE`] as `KEY`.
fn index() -> Index {
    let mut document = Document::new(Vec::new()).unwrap();
    let entry = Entry::new(Secret::from(VALUE), SystemTime::UNIX_EPOCH);
    document.secrets.insert(Name::parse("KEY").unwrap(), entry);
    Index::of(&document, false).unwrap()
}

/// What is found below a path.
fn below(path: &Path) -> Report {
    searched(&Wanted { paths: vec![path.to_path_buf()], ..Wanted::default() })
}

/// What is found below a path and in its git history.
fn history(path: &Path) -> Report {
    searched(&Wanted { paths: vec![path.to_path_buf()], git: true, ..Wanted::default() })
}

/// What is found; the value must not be in what is said of it.
fn searched(wanted: &Wanted) -> Report {
    let report = scan(&index(), wanted);
    let said = report.lines() + &report.remarks().join("\n") + &report.to_json().to_string() + &format!("{report:?}");
    assert!(!said.contains(VALUE) && !said.contains("Zq8/wX"), "{said}");
    report
}

/// The lines of the findings, without the folder that they are in.
fn lines(report: &Report, folder: &Path) -> Vec<String> {
    let prefix = format!("{}/", folder.display());
    report.lines().lines().map(|line| line.replace(&prefix, "")).collect()
}

/// A folder that goes when this does.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}
