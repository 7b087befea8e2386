//! Who calls: read from the kernel and from the passwd file, because name services do not work in a static program.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Gid, Uid};

use crate::host::Caller;
use crate::obstacle::settled_io;
use crate::step::{Failure, Step, Stepped};

/// Where users are listed.
const PASSWD: &str = "/etc/passwd";

/// Finds out who calls.
///
/// `$HOME` counts only when it names a folder that the caller owns: an agent's configuration may set it. Masks cover the home of
/// the passwd file in any case.
///
/// # Errors
/// When the passwd file or that folder cannot be looked at: nobody would know what to hide.
pub(crate) fn identify() -> Result<Caller, Failure> {
    let (uid, gid) = (Uid::current(), Gid::current());
    let passwd = settled_io(std::fs::read(PASSWD)).step_at(Step::Look, PASSWD)?;
    let entry = passwd.and_then(|passwd| entry_of(&passwd, uid.as_raw()));
    let (name, listed) = entry.map_or((None, None), |(name, home)| (Some(name), Some(home)));
    let stated = match std::env::var_os("HOME").map(PathBuf::from) {
        Some(home) => real_folder_of(&home, uid).step_at(Step::Look, &home)?,
        None => None,
    };
    let listed = match listed {
        Some(home) => Some(settled_io(std::fs::canonicalize(&home)).step_at(Step::Look, &home)?.unwrap_or(home)),
        None => None,
    };
    let mut homes: Vec<PathBuf> = stated.iter().chain(&listed).cloned().collect();
    homes.dedup();
    let home = homes.first().cloned().unwrap_or_else(|| PathBuf::from("/nonexistent"));
    Ok(Caller { uid, gid, home, homes, name })
}

/// The real path of `home` when it is a folder of user `uid`, and not the root.
///
/// # Errors
/// When that cannot be told.
fn real_folder_of(home: &Path, uid: Uid) -> Result<Option<PathBuf>, Errno> {
    use std::os::unix::fs::MetadataExt;
    let Some(real) = settled_io(std::fs::canonicalize(home))? else { return Ok(None) };
    let Some(metadata) = settled_io(std::fs::metadata(&real))? else { return Ok(None) };
    let is_own = metadata.is_dir() && metadata.uid() == uid.as_raw() && real.parent().is_some();
    Ok(is_own.then_some(real))
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
