//! Who calls, and what `~` means for them: as the launcher finds it out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{PASSWD, Places, XDG_NAMES, home_of, users};
use nix::errno::Errno;
use nix::unistd::Uid;

use super::error::GuardError;
use super::facts::settled_io;
use super::options::HomeSource;

/// What `~` and the XDG folders mean for the caller. The workspaces are left empty.
///
/// `$HOME` counts only where `source` says so, and only when it names a folder that the caller owns. Restrictions cover the
/// passwd file's home in any case.
///
/// # Errors
/// When the passwd file or a home folder cannot be looked at: nobody would know what to hide.
pub(super) fn places(source: HomeSource) -> Result<Places, GuardError> {
    let uid = Uid::current().as_raw();
    let listed = match looked_at(Path::new(PASSWD), std::fs::read(PASSWD))?.and_then(|passwd| home_of(&passwd, uid)) {
        Some(home) => Some(looked_at(&home, std::fs::canonicalize(&home))?.unwrap_or(home)),
        None => None,
    };
    let (stated, xdg) = match source {
        HomeSource::Passwd => (None, BTreeMap::new()),
        HomeSource::Environment => {
            let stated = match std::env::var_os("HOME").map(PathBuf::from) {
                Some(home) => own_folder(&home, uid)?,
                None => None,
            };
            let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            let xdg = XDG_NAMES.iter().filter_map(|name| Some(((*name).to_owned(), vec![folder(name)?])));
            (stated, xdg.collect())
        }
    };
    let mut homes: Vec<PathBuf> = stated.into_iter().chain(listed).collect();
    homes.dedup();
    let home = homes.first().cloned().unwrap_or_else(|| PathBuf::from("/nonexistent"));
    Ok(Places { home, homes, xdg, uid, workspaces: Vec::new() })
}

/// The home folder of the user called `name`, as the passwd file has it.
///
/// # Errors
/// When that file cannot be looked at.
pub(super) fn home_by_name(name: &OsStr) -> Result<Option<PathBuf>, Errno> {
    let passwd = settled_io(std::fs::read(PASSWD))?.unwrap_or_default();
    Ok(users(&passwd).find(|user| user.name == name).map(|user| user.home.to_owned()))
}

/// The real path of `home` when it is a folder of user `uid`, and not the root.
///
/// # Errors
/// When that cannot be told.
fn own_folder(home: &Path, uid: u32) -> Result<Option<PathBuf>, GuardError> {
    let Some(real) = looked_at(home, std::fs::canonicalize(home))? else { return Ok(None) };
    let Some(metadata) = looked_at(&real, std::fs::metadata(&real))? else { return Ok(None) };
    Ok((metadata.is_dir() && metadata.uid() == uid && real.parent().is_some()).then_some(real))
}

/// What was `found` at `path`; nothing where the sandbox would find nothing either.
///
/// # Errors
/// When nobody knows.
fn looked_at<T>(path: &Path, found: io::Result<T>) -> Result<Option<T>, GuardError> {
    settled_io(found).map_err(|errno| GuardError::Look { path: path.to_owned(), errno })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_not_asked_where_only_the_passwd_file_counts() {
        assert!(places(HomeSource::Passwd).unwrap().xdg.is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_looked_at_is_not_taken_for_an_absent_one() {
        let found = |errno| looked_at::<()>(Path::new(PASSWD), Err(io::Error::from_raw_os_error(errno)));
        for errno in [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EIO, libc::EINTR] {
            assert!(matches!(found(errno), Err(GuardError::Look { .. })), "{errno}");
        }
        assert!(matches!(found(libc::ENOENT), Ok(None)));
    }
}
