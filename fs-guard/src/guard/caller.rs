//! Who calls, and what `~` means for them: as the launcher finds it out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::Places;
use nix::unistd::Uid;

use super::options::HomeSource;

/// Where users are listed. Name services do not work in a static program.
pub(super) const PASSWD: &str = "/etc/passwd";

/// The variables that move a user's folders.
const FOLDERS: [&str; 5] = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"];

/// What `~` and the XDG folders mean for the caller. The workspaces are left empty.
///
/// `$HOME` counts only where `source` says so, and only when it names a folder that the caller owns. Restrictions cover the
/// passwd file's home in any case.
pub(super) fn places(source: HomeSource) -> Places {
    let uid = Uid::current().as_raw();
    let listed = std::fs::read(PASSWD).ok().and_then(|passwd| home_of(&passwd, |entry| entry.uid == uid));
    let listed = listed.map(|home| std::fs::canonicalize(&home).unwrap_or(home));
    let (stated, xdg) = match source {
        HomeSource::Passwd => (None, BTreeMap::new()),
        HomeSource::Environment => {
            let stated = std::env::var_os("HOME").map(PathBuf::from).and_then(|home| own_folder(&home, uid));
            let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            let xdg = FOLDERS.iter().filter_map(|name| Some(((*name).to_owned(), vec![folder(name)?])));
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
    home_of(&std::fs::read(PASSWD).ok()?, |entry| entry.name == name.as_bytes())
}

/// The real path of `home` when it is a folder of user `uid`, and not the root.
fn own_folder(home: &Path, uid: u32) -> Option<PathBuf> {
    let real = std::fs::canonicalize(home).ok()?;
    let metadata = std::fs::metadata(&real).ok()?;
    (metadata.is_dir() && metadata.uid() == uid && real.parent().is_some()).then_some(real)
}

/// One line of the passwd file.
struct Entry<'a> {
    /// The login name.
    name: &'a [u8],
    /// The user's number.
    uid: u32,
}

/// The home folder of the first user in `passwd` that is `wanted`: `passwd(5)`.
fn home_of(passwd: &[u8], wanted: impl Fn(&Entry<'_>) -> bool) -> Option<PathBuf> {
    passwd.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b':');
        let name = fields.next()?;
        let uid = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
        let home = fields.nth(2)?;
        (home.starts_with(b"/") && wanted(&Entry { name, uid })).then(|| PathBuf::from(OsStr::from_bytes(home)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_found_by_number_or_by_name_and_never_in_another_field() {
        let passwd = b"root:x:0:0:root:/root:/bin/bash\n1000:x:7:7::/wrong:/bin/sh\nbroken\n\xff\nann:x:1000:1000:A,,,:/home/ann:/bin/sh\n";
        assert_eq!(home_of(passwd, |entry| entry.uid == 1000), Some(PathBuf::from("/home/ann")));
        assert_eq!(home_of(passwd, |entry| entry.name == b"root"), Some(PathBuf::from("/root")));
        assert_eq!(home_of(passwd, |entry| entry.name == b"nobody-at-all"), None);
    }

    #[test]
    fn a_variable_is_not_asked_where_only_the_passwd_file_counts() {
        assert!(places(HomeSource::Passwd).xdg.is_empty());
    }
}
