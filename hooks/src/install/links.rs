//! Other names for programs, as symbolic links.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::install::error::InstallError;
use crate::install::report::FileReport;

/// Those of the links that are not there, or lead elsewhere.
///
/// # Errors
/// When something else than a link is in the place.
pub(crate) fn missing(links: &[(PathBuf, PathBuf)]) -> Result<Vec<(&Path, &Path)>, InstallError> {
    let mut missing = Vec::new();
    for (path, target) in links {
        match fs::read_link(path) {
            Ok(found) if found == *target => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                return Err(InstallError::place(path, "it is not a symbolic link"));
            }
            Ok(_) | Err(_) => missing.push((path.as_path(), target.as_path())),
        }
    }
    Ok(missing)
}

/// Makes the links that are missing; their folders are there.
///
/// # Errors
/// When one cannot be made.
pub(crate) fn make(links: &[(PathBuf, PathBuf)]) -> Result<Vec<FileReport>, InstallError> {
    let mut reports = Vec::new();
    for (path, target) in missing(links)? {
        let wrong = |error| InstallError::io("make the link", path, error);
        let folder = path.parent().unwrap_or(Path::new("/"));
        let scratch = tempfile::Builder::new().prefix(".lobsterpot-").tempdir_in(folder).map_err(wrong)?;
        let fresh = scratch.path().join("link");
        symlink(target, &fresh).map_err(wrong)?;
        fs::rename(&fresh, path).map_err(wrong)?;
        reports.push(report(path, target));
    }
    Ok(reports)
}

/// Takes links away that still lead where they were made to lead.
///
/// # Errors
/// When one cannot be removed.
pub(crate) fn remove(links: &[(PathBuf, PathBuf)]) -> Result<(), InstallError> {
    for (path, target) in links {
        if fs::read_link(path).is_ok_and(|found| found == *target) {
            fs::remove_file(path).map_err(|error| InstallError::io("remove the link", path, error))?;
        }
    }
    Ok(())
}

/// What a person is told about a link.
pub(crate) fn report(path: &Path, target: &Path) -> FileReport {
    let difference = format!("+++ {}\n+symbolic link to {}\n", path.display(), target.display());
    FileReport { path: path.to_path_buf(), difference, backup: None }
}
