//! The programs that a rewritten command starts: found beside the hook, and refused when others could change them.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::denial::Denial;

/// The launcher's file name.
const LAUNCHER: &str = "sandbox-exec";

/// The bits that let group or others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The hook's own executable, as the kernel knows it.
///
/// # Errors
/// When the kernel does not tell, or the file has been replaced since.
pub(crate) fn own() -> Result<PathBuf, Denial> {
    std::env::current_exe()
        .map_err(|error| Denial::Internal { problem: format!("the hook's own path is unknown: {error}") })
}

/// The launcher that lies beside the hook.
pub(crate) fn launcher_beside(own: &Path) -> PathBuf {
    own.with_file_name(LAUNCHER)
}

/// Returns the resolved path of `program` as text, once it is certain that the agent cannot have put it there.
///
/// # Errors
/// When it is missing, not an executable file, writable or owned by someone else, or lies in `workspace`.
pub(crate) fn trusted(program: &Path, workspace: &Path, uid: u32) -> Result<String, Denial> {
    let denial = |problem: String| Denial::Program { path: program.to_path_buf(), problem };
    if !program.is_absolute() {
        return Err(denial("the path is not absolute".to_owned()));
    }
    let resolved = program.canonicalize().map_err(|error| denial(error.to_string()))?;
    let facts = resolved.metadata().map_err(|error| denial(error.to_string()))?;
    if let Some(problem) = fault(&facts, uid) {
        return Err(denial(problem.to_owned()));
    }
    if resolved.starts_with(workspace) {
        return Err(denial(format!("it lies in the workspace \"{}\", where the agent can write", workspace.display())));
    }
    match resolved.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(denial("its path is not UTF-8, so JSON cannot carry it".to_owned())),
    }
}

/// What is wrong with a program, by its metadata.
fn fault(facts: &Metadata, uid: u32) -> Option<&'static str> {
    let mode = facts.permissions().mode();
    if !facts.is_file() {
        Some("it is not a regular file")
    } else if mode & WRITABLE_BY_OTHERS != 0 {
        Some("its group or others can write it")
    } else if facts.uid() != 0 && facts.uid() != uid {
        Some("it belongs to someone else")
    } else if mode & 0o111 == 0 {
        Some("it is not executable")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::trusted;

    #[test]
    fn a_launcher_that_the_agent_could_change_is_refused() {
        let uid = nix::unistd::getuid().as_raw();
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("sandbox-exec");
        let nowhere = Path::new("/nowhere");
        assert!(trusted(&program, nowhere, uid).unwrap_err().to_string().contains("No such file"));
        fs::write(&program, "#!/bin/sh\n").unwrap();
        for (mode, problem) in [(0o777, "write"), (0o775, "write"), (0o757, "write"), (0o644, "not executable")] {
            fs::set_permissions(&program, Permissions::from_mode(mode)).unwrap();
            let text = trusted(&program, nowhere, uid).unwrap_err().to_string();
            assert!(text.contains(problem), "{mode:o}: {text}");
        }
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        assert!(trusted(&program, nowhere, uid).is_ok());
        let inside = trusted(&program, &folder.path().canonicalize().unwrap(), uid);
        assert!(inside.unwrap_err().to_string().contains("workspace"));
        assert!(trusted(folder.path(), nowhere, uid).unwrap_err().to_string().contains("regular"));
        assert!(trusted(Path::new("sandbox-exec"), nowhere, uid).unwrap_err().to_string().contains("absolute"));
    }
}
