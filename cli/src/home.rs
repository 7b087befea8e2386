//! Who calls, and where that person's files are.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use lobsterpot_policy::{PASSWD, home_of};

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
    let listed = || home_of(&std::fs::read(PASSWD).unwrap_or_default(), own);
    let home = stated.or_else(listed).unwrap_or_else(|| PathBuf::from("/nonexistent"));
    std::fs::canonicalize(&home).unwrap_or(home)
}
