//! Who calls: read from the kernel and from the passwd file, because name services do not work in a static program.

use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid};

use crate::host::Caller;

/// Where users are listed.
const PASSWD: &str = "/etc/passwd";

/// Finds out who calls.
///
/// `$HOME` counts only when it names a folder that the caller owns: an agent's configuration may set it. Masks cover the home of
/// the passwd file in any case.
pub(crate) fn identify() -> Caller {
    let (uid, gid) = (Uid::current(), Gid::current());
    let entry = std::fs::read(PASSWD).ok().and_then(|passwd| entry_of(&passwd, uid.as_raw()));
    let (name, listed) = entry.map_or((None, None), |(name, home)| (Some(name), Some(home)));
    let stated = std::env::var_os("HOME").map(PathBuf::from).and_then(|home| real_folder_of(&home, uid));
    let listed = listed.map(|home| std::fs::canonicalize(&home).unwrap_or(home));
    let mut homes: Vec<PathBuf> = stated.iter().chain(&listed).cloned().collect();
    homes.dedup();
    let home = homes.first().cloned().unwrap_or_else(|| PathBuf::from("/nonexistent"));
    Caller { uid, gid, home, homes, name }
}

/// The real path of `home` when it is a folder of user `uid`, and not the root.
fn real_folder_of(home: &Path, uid: Uid) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let real = std::fs::canonicalize(home).ok()?;
    let metadata = std::fs::metadata(&real).ok()?;
    (metadata.is_dir() && metadata.uid() == uid.as_raw() && real.parent().is_some()).then_some(real)
}

/// Name and home folder of `uid` in `passwd`: `passwd(5)`.
fn entry_of(passwd: &[u8], uid: u32) -> Option<(String, PathBuf)> {
    passwd.split(|&byte| byte == b'\n').find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let mut fields = line.split(':');
        let name = fields.next()?;
        let id: u32 = fields.nth(1)?.parse().ok()?;
        let home = fields.nth(2)?;
        (id == uid && home.starts_with('/')).then(|| (name.to_owned(), PathBuf::from(home)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_the_passwd_file_is_found_by_number_not_by_name() {
        let passwd =
            b"root:x:0:0:root:/root:/bin/bash\n1000:x:7:7::/wrong:/bin/sh\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n";
        assert_eq!(entry_of(passwd, 1000), Some(("ann".to_owned(), PathBuf::from("/home/ann"))));
        assert_eq!(entry_of(passwd, 5), None);
    }

    #[test]
    fn a_broken_line_hides_no_later_one() {
        assert_eq!(entry_of(b"broken\n\xff\nann:x:1:1::/a:/b", 1).map(|entry| entry.0), Some("ann".to_owned()));
    }
}
