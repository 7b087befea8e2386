//! What a run of the installer has done, or would do.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::install::edit::Edit;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was as it should be already.
    Unchanged,
    /// Files would be changed.
    Planned,
    /// Files were changed.
    Changed,
}

/// One file that is, or would be, changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// The difference, in the unified format.
    pub difference: String,
    /// Where the old text was copied to.
    pub backup: Option<PathBuf>,
}

/// What a run has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The files.
    pub files: Vec<FileReport>,
    /// What was tried, and seen to protect.
    pub checks: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// The difference that an edit makes, in the unified format.
pub(crate) fn difference(edit: &Edit) -> String {
    let is_ours_alone = edit.written.as_ref().is_some_and(|written| written.changes.is_empty());
    if let (None, Some(text), true) = (&edit.found.text, &edit.text, is_ours_alone) {
        return format!("+++ {}\n+a file of Lobsterpot's, {} lines\n", edit.found.path.display(), text.lines().count());
    }
    let name = |path: &Path, text: &Option<String>| match text {
        Some(_) => path.display().to_string(),
        None => "/dev/null".to_owned(),
    };
    let (before, after) = (edit.found.text.as_deref().unwrap_or_default(), edit.text.as_deref().unwrap_or_default());
    TextDiff::from_lines(before, after)
        .unified_diff()
        .header(&name(&edit.found.path, &edit.found.text), &name(&edit.found.path, &edit.text))
        .to_string()
}
