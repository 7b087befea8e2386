//! Which program a command means: found as a shell finds it, then known by its real path alone, which is judged and started.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, geteuid};

use super::RunError;
use crate::deliver::folder::{Folder, Missing, Swap};

/// Where programs are looked for when `PATH` is not set, as shells do.
const USUAL: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that exists and may be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(PathBuf);

impl Program {
    /// Finds what `command` means: a path when it has a slash in it, otherwise the first file of that name in the absolute folders of
    /// `path`, the value of `PATH`.
    ///
    /// # Errors
    /// When there is none, or it may not be executed.
    pub fn find(command: &OsStr, path: Option<&OsStr>) -> Result<Self, RunError> {
        if command.as_bytes().contains(&b'/') {
            return Self::at(Path::new(command));
        }
        let mut refused = None;
        for folder in path.unwrap_or(OsStr::new(USUAL)).as_bytes().split(|&byte| byte == b':') {
            let candidate = Path::new(OsStr::from_bytes(folder)).join(command);
            // A folder that the caller may not search has nothing in it, as for shells.
            if candidate.is_relative() || command.is_empty() || fs::symlink_metadata(&candidate).is_err() {
                continue;
            }
            match Self::at(&candidate) {
                Err(RunError::NoProgram { .. }) => {}
                Err(error) => refused = refused.or(Some(error)),
                found => return found,
            }
        }
        Err(refused.unwrap_or_else(|| RunError::NoProgram { program: PathBuf::from(command) }))
    }

    /// The program of this path.
    ///
    /// # Errors
    /// When there is none, or it may not be executed.
    fn at(path: &Path) -> Result<Self, RunError> {
        let program = path.to_path_buf();
        let real = fs::canonicalize(path).map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENOTDIR) | None => RunError::NoProgram { program: program.clone() },
            Some(source) => RunError::CannotRun { program: program.clone(), source },
        })?;
        if !fs::metadata(&real).is_ok_and(|found| found.is_file()) {
            return Err(RunError::CannotRun { program, source: Errno::EACCES });
        }
        access(&real, AccessFlags::X_OK).map_err(|source| RunError::CannotRun { program, source })?;
        Ok(Self(real))
    }

    /// Its real path: absolute, without symlinks.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Refuses a program that somebody else than root and the caller could replace, by the file itself or by a folder on the way to it:
    /// what is allowed to have a secret by its path must be what it was when that was decided, and still be it when it is started.
    ///
    /// # Errors
    /// When it could be replaced.
    pub fn refuse_shared(&self) -> Result<(), RunError> {
        let shared = |path: &Path| RunError::Replaceable { program: self.0.clone(), path: path.to_path_buf() };
        let folder = self.0.parent().unwrap_or(Path::new("/"));
        Folder::reach(folder, Missing::Refuse, Swap::Accept).map_err(|_| shared(folder))?;
        let found = fs::symlink_metadata(&self.0).map_err(|_| shared(&self.0))?;
        let is_trusted = found.uid() == 0 || found.uid() == geteuid().as_raw();
        if found.is_file() && is_trusted && found.mode() & 0o022 == 0 { Ok(()) } else { Err(shared(&self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::{Program, RunError};

    /// A folder with `name` in it, of this mode.
    fn with(name: &str, mode: u32) -> tempfile::TempDir {
        let world = tempfile::tempdir_in("/var/tmp").unwrap();
        fs::write(world.path().join(name), "#!/bin/sh\n").unwrap();
        fs::set_permissions(world.path().join(name), Permissions::from_mode(mode)).unwrap();
        world
    }

    #[test]
    fn a_program_is_known_by_its_real_path() {
        let world = with("real", 0o755);
        symlink("real", world.path().join("link")).unwrap();
        let real = world.path().join("real").canonicalize().unwrap();
        let path = format!("relative::/no/such/folder:{}", world.path().display());
        let found = Program::find(OsStr::new("link"), Some(OsStr::new(&path))).unwrap();
        assert_eq!(found.path(), real);
        assert_eq!(Program::find(world.path().join("link").as_os_str(), None).unwrap(), found);
    }

    #[test]
    fn what_is_not_there_and_what_may_not_run_are_told_apart() {
        let (no, yes) = (with("p", 0o644), with("p", 0o755));
        let find = |command: &str, path: &str| Program::find(OsStr::new(command), Some(OsStr::new(path)));
        let (bad, good) = (no.path().display().to_string(), yes.path().display().to_string());
        assert!(matches!(find("p", &bad), Err(RunError::CannotRun { .. })));
        assert_eq!(
            find("p", &format!("{bad}:{good}")).unwrap().path().parent(),
            yes.path().canonicalize().ok().as_deref()
        );
        for (command, path) in [("q", good.as_str()), ("", &good), ("p", ""), ("/no/such", "")] {
            assert!(matches!(find(command, path), Err(RunError::NoProgram { .. })), "{command}");
        }
        assert!(matches!(find("/usr", ""), Err(RunError::CannotRun { .. })));
    }

    #[test]
    fn a_program_that_others_can_replace_is_found_out() {
        let world = with("p", 0o755);
        let file = world.path().join("p");
        let judged = || Program::find(file.as_os_str(), None).unwrap().refuse_shared();
        assert!(judged().is_ok());
        let cases: [(&Path, u32, u32); 2] = [(&file, 0o775, 0o755), (world.path(), 0o777, 0o700)];
        for (path, loose, tight) in cases {
            fs::set_permissions(path, Permissions::from_mode(loose)).unwrap();
            assert!(matches!(judged(), Err(RunError::Replaceable { .. })), "{}", path.display());
            fs::set_permissions(path, Permissions::from_mode(tight)).unwrap();
        }
    }
}
