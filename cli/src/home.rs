//! Who calls, and where that person's files are.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where users are listed: `passwd(5)`.
const PASSWD: &str = "/etc/passwd";

/// The caller's user id.
pub(crate) fn user() -> u32 {
    std::fs::metadata("/proc/self").map(|status| status.uid()).unwrap_or_default()
}

/// The folder of the log, where the launcher keeps it: `$XDG_STATE_HOME/lobsterpot`, by default in `~/.local/state`.
pub(crate) fn log(home: Option<&PathBuf>) -> PathBuf {
    let stated = || std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = match home {
        Some(home) => home.join(".local/state"),
        None => stated().unwrap_or_else(|| own().join(".local/state")),
    };
    state.join("lobsterpot")
}

/// The caller's home: `$HOME` when the caller owns it, else the one of the passwd file.
pub(crate) fn own() -> PathBuf {
    let own = user();
    let is_own = |home: &PathBuf| std::fs::metadata(home).is_ok_and(|status| status.is_dir() && status.uid() == own);
    let stated = std::env::var_os("HOME").map(PathBuf::from).filter(is_own);
    let listed = || {
        let passwd = std::fs::read(PASSWD).unwrap_or_default();
        home_of(&String::from_utf8_lossy(&passwd), own)
    };
    let home = stated.or_else(listed).unwrap_or_else(|| PathBuf::from("/nonexistent"));
    std::fs::canonicalize(&home).unwrap_or(home)
}

/// The home folder of the user with this number in `passwd`.
fn home_of(passwd: &str, user: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let is_meant = fields.next()?.parse() == Ok(user);
        let home = Path::new(fields.nth(2)?);
        (is_meant && home.is_absolute()).then(|| home.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_found_by_number_and_a_broken_line_hides_none() {
        let passwd =
            "broken\nroot:x:0:0:root:/root:/bin/sh\n7:x:5:5::/wrong:/bin/sh\nann:x:7:7:Ann,,,:/home/ann:/bin/sh\n";
        assert_eq!(home_of(passwd, 7), Some(PathBuf::from("/home/ann")));
        assert_eq!(home_of(passwd, 8), None);
    }
}
