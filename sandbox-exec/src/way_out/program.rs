//! Where `lobsterpot-egress` is: in the folder of the launcher's own file.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::error::Error;

/// Its name.
const NAME: &str = "lobsterpot-egress";
/// The launcher's own file: `proc(5)`.
const OWN: &str = "/proc/self/exe";

/// A program that is there and can be run.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its path, as the kernel takes it.
    path: CString,
}

impl Program {
    /// Finds it.
    ///
    /// # Errors
    /// When it is not there, or is no program that the caller may run.
    pub(crate) fn beside_this_one() -> Result<Self, Error> {
        let own = std::fs::read_link(OWN).unwrap_or_default();
        Self::beside(&own)
    }

    /// Finds it beside the file `own`.
    ///
    /// # Errors
    /// When it is not there, or is no program that the caller may run.
    fn beside(own: &Path) -> Result<Self, Error> {
        let path = own.parent().unwrap_or(Path::new("/")).join(NAME);
        let missing = |why: &'static str, path: PathBuf| Error::WayOut { path, why };
        match std::fs::metadata(&path) {
            Err(_) => return Err(missing("it is not there", path)),
            Ok(status) if !status.is_file() => return Err(missing("it is not a file", path)),
            Ok(_) => {}
        }
        if access(&path, AccessFlags::X_OK).is_err() {
            return Err(missing("it may not be run", path));
        }
        match CString::new(path.as_os_str().as_bytes()) {
            Ok(path) => Ok(Self { path }),
            Err(_) => Err(missing("its path cannot be written", path)),
        }
    }

    /// Its path.
    pub(crate) fn path(&self) -> &CString {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What stops the run when this lies beside the launcher.
    fn refusal(make: impl FnOnce(&Path)) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        make(&folder.path().join(NAME));
        Program::beside(&folder.path().join("sandbox-exec")).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_missing_or_cannot_be_run_stops_the_run() {
        assert!(refusal(|_| {}).expect("refused").contains("it is not there"));
        assert!(refusal(|path| fs::create_dir(path).expect("made")).expect("refused").contains("it is not a file"));
        let mode = |mode| {
            move |path: &Path| {
                fs::write(path, "").expect("written");
                fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
            }
        };
        assert!(refusal(mode(0o644)).expect("refused").contains("it may not be run"));
        assert_eq!(refusal(mode(0o755)), None);
    }
}
