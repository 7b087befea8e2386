//! Who calls: read from the kernel and from the passwd file, because name services do not work in a static program.

use std::path::{Path, PathBuf};

use lobsterpot_policy::{PASSWD, users};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid};

use crate::host::Caller;
use crate::obstacle::settled_io;
use crate::step::{Failure, Step, Stepped};

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
    let (name, listed) = passwd.and_then(|passwd| entry_of(&passwd, uid.as_raw())).unzip();
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
    Ok(Caller { uid, gid, home, homes, name: name.flatten() })
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

/// Name and home folder of `uid` in `passwd`.
fn entry_of(passwd: &[u8], uid: u32) -> Option<(Option<String>, PathBuf)> {
    let user = users(passwd).find(|user| user.uid == uid)?;
    // A name in another encoding is not shown inside; the home folder counts all the same.
    Some((user.name.to_str().map(str::to_owned), user.home.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_in_an_old_encoding_hides_no_home_folder() {
        let passwd = b"root:x:0:0:root:/root:/bin/bash
ann:x:1000:1000:Ann \xc5berg:/home/ann:/bin/sh
";
        assert_eq!(entry_of(passwd, 1000), Some((Some("ann".to_owned()), PathBuf::from("/home/ann"))));
        assert_eq!(
            entry_of(
                b"\xe5sa:x:7:7::/home/7:/bin/sh
",
                7
            ),
            Some((None, PathBuf::from("/home/7")))
        );
        assert_eq!(entry_of(passwd, 5), None);
    }
}
