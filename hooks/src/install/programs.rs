//! The programs that clients will start: found side by side, and refused when somebody else could change them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::install::error::InstallError;
use crate::install::person::Person;
use crate::install::trust::{Workspaces, changeable, weak_folder};

/// The launcher.
pub(crate) const LAUNCHER: &str = "sandbox-exec";

/// The hook for shell tools.
pub(crate) const SHELL_HOOK: &str = "sandbox-exec-hook";

/// The hook for file tools, and for every tool that a policy rules on.
pub(crate) const FILE_HOOK: &str = "fs-guard-hook";

/// The guarded file operations, which the OpenClaw plugin keeps running.
pub(crate) const FILE_GUARD: &str = "fs-guard";

/// The way out of a sandbox that may reach some hosts; the launcher starts it from beside itself.
pub(crate) const EGRESS: &str = "lobsterpot-egress";

/// A folder in which everything that is needed lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Programs {
    /// The folder, with every link on the way resolved.
    folder: PathBuf,
}

impl Programs {
    /// Looks at the programs in `folder`, or beside the running one.
    ///
    /// # Errors
    /// When one is missing, or somebody else could change it.
    pub(crate) fn find(
        folder: Option<&Path>,
        needed: &[&str],
        person: &Person,
        workspaces: &Workspaces,
    ) -> Result<Self, InstallError> {
        let wrong = |path: &Path, problem: String| InstallError::Program { path: path.to_path_buf(), problem };
        let named = match folder {
            Some(folder) if !folder.is_absolute() => {
                return Err(InstallError::Option { option: "--bin-dir", problem: "it is not an absolute path".into() });
            }
            Some(folder) => folder.to_path_buf(),
            None => beside()?,
        };
        let folder = named.canonicalize().map_err(|error| wrong(&named, error.to_string()))?;
        if folder.to_str().is_none_or(|text| text.contains(|c: char| c.is_control())) {
            return Err(wrong(&folder, "its name cannot be written into a configuration".to_owned()));
        }
        if let Some(workspace) = workspaces.around(&folder) {
            return Err(wrong(
                &folder,
                format!("it lies in the workspace \"{}\", where agents write", workspace.display()),
            ));
        }
        for name in needed {
            check(&folder.join(name), person, workspaces)?;
        }
        Ok(Self { folder })
    }

    /// The folder that an installation used, for taking it back: nothing in it is looked at.
    ///
    /// # Errors
    /// When the folder of the running program is needed and unknown.
    pub(crate) fn assumed(named: Option<&Path>, recorded: Option<&Path>) -> Result<Self, InstallError> {
        let folder = match named.or(recorded) {
            Some(folder) => folder.to_path_buf(),
            None => beside()?,
        };
        Ok(Self { folder })
    }

    /// The absolute path of a program.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The folder of the running program.
///
/// # Errors
/// When the kernel does not tell.
fn beside() -> Result<PathBuf, InstallError> {
    let own = std::env::current_exe().map_err(|error| InstallError::io("find", Path::new("/proc/self/exe"), error))?;
    Ok(own.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// Looks at one program, at the file behind its links, and at every folder on the way.
///
/// # Errors
/// When it is missing, or somebody else could change it.
pub(crate) fn check(program: &Path, person: &Person, workspaces: &Workspaces) -> Result<(), InstallError> {
    let wrong = |path: &Path, problem: String| InstallError::Program { path: path.to_path_buf(), problem };
    let resolved = program.canonicalize().map_err(|error| wrong(program, error.to_string()))?;
    if let Some(workspace) = workspaces.around(&resolved) {
        return Err(wrong(
            &resolved,
            format!("it lies in the workspace \"{}\", where agents write", workspace.display()),
        ));
    }
    let facts = fs::symlink_metadata(&resolved).map_err(|error| wrong(&resolved, error.to_string()))?;
    if !facts.is_file() {
        return Err(wrong(&resolved, "it is not a regular file".to_owned()));
    }
    if let Some(problem) = changeable(&facts, person.uid) {
        return Err(wrong(&resolved, problem));
    }
    if facts.permissions().mode() & 0o111 == 0 {
        return Err(wrong(&resolved, "it is not executable".to_owned()));
    }
    for path in [program, &resolved] {
        if let Some((folder, problem)) = weak_folder(path, person.uid) {
            return Err(wrong(&folder, problem));
        }
    }
    Ok(())
}
