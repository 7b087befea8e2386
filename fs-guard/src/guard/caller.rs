//! Who calls, and what `~` means for them: as the launcher finds it out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{PASSWD, Places, XDG_NAMES, home_of, users};
use nix::unistd::Uid;

use super::options::HomeSource;

/// What `~` and the XDG folders mean for the caller. The workspaces are left empty.
///
/// `$HOME` counts only where `source` says so, and only when it names a folder that the caller owns. Restrictions cover the
/// passwd file's home in any case.
pub(super) fn places(source: HomeSource) -> Places {
    let uid = Uid::current().as_raw();
    let listed = std::fs::read(PASSWD).ok().and_then(|passwd| home_of(&passwd, uid));
    let listed = listed.map(|home| std::fs::canonicalize(&home).unwrap_or(home));
    let (stated, xdg) = match source {
        HomeSource::Passwd => (None, BTreeMap::new()),
        HomeSource::Environment => {
            let stated = std::env::var_os("HOME").map(PathBuf::from).and_then(|home| own_folder(&home, uid));
            let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            let xdg = XDG_NAMES.iter().filter_map(|name| Some(((*name).to_owned(), vec![folder(name)?])));
            (stated, xdg.collect())
        }
    };
    let mut homes: Vec<PathBuf> = stated.into_iter().chain(listed).collect();
    homes.dedup();
    let home = homes.first().cloned().unwrap_or_else(|| PathBuf::from("/nonexistent"));
    Places { home, homes, xdg, uid, workspaces: Vec::new() }
}

/// The home folder of the user called `name`, as the passwd file has it.
pub(super) fn home_by_name(name: &OsStr) -> Option<PathBuf> {
    let passwd = std::fs::read(PASSWD).ok()?;
    users(&passwd).find(|user| user.name == name).map(|user| user.home.to_owned())
}

/// The real path of `home` when it is a folder of user `uid`, and not the root.
fn own_folder(home: &Path, uid: u32) -> Option<PathBuf> {
    let real = std::fs::canonicalize(home).ok()?;
    let metadata = std::fs::metadata(&real).ok()?;
    (metadata.is_dir() && metadata.uid() == uid && real.parent().is_some()).then_some(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_not_asked_where_only_the_passwd_file_counts() {
        assert!(places(HomeSource::Passwd).xdg.is_empty());
    }
}
