//! What this machine offers, and loud skips where it does not.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Whether a missing tool or feature fails the test instead of skipping it.
fn all_required() -> bool {
    std::env::var_os("REQUIRE_ALL").is_some_and(|value| value == "1")
}

/// Says that a test, or a part of one, does not run here; with `REQUIRE_ALL=1` that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(!all_required(), "SKIP is not allowed here (REQUIRE_ALL=1): {why}");
    eprintln!("SKIP: {why}");
}

/// Whether every tool is installed where an ordinary user can run it; says so when not.
pub(crate) fn require(tools: &[&str]) -> bool {
    let missing: Vec<&str> = tools.iter().copied().filter(|tool| find(tool).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    skip(&format!("not installed: {} (tests/packages.txt names the packages)", missing.join(", ")));
    false
}

/// The search path of the commands under test: system folders only.
pub(crate) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A tool's place among the system folders.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    std::env::split_paths(SEARCH_PATH).map(|folder| folder.join(tool)).find(|place| place.is_file())
}

/// The folder of the binaries under test: `$LOBSTERPOT_BIN_DIR`, or the build that this test belongs to.
fn binaries() -> PathBuf {
    std::env::var_os("LOBSTERPOT_BIN_DIR").map_or_else(
        || Path::new(env!("CARGO_BIN_EXE_attack")).parent().expect("a binary lies in a folder").to_path_buf(),
        PathBuf::from,
    )
}

/// A shipped binary.
pub(crate) fn binary(name: &str) -> PathBuf {
    let place = binaries().join(name);
    assert!(place.is_file(), "{} is not there: build it, or set LOBSTERPOT_BIN_DIR", place.display());
    place
}

/// Where scenes are made: `$LOBSTERPOT_SCENES_DIR`, or away from `/tmp`, which the sandbox replaces anyway, so that hiding is really
/// tested. Not among the build's own folders where that can be helped: there a scene's cargo would find this project's configuration, and
/// paths would be too long for sockets.
pub(crate) fn scenes() -> PathBuf {
    if let Some(named) = std::env::var_os("LOBSTERPOT_SCENES_DIR") {
        PathBuf::from(named)
    } else if nix::unistd::getuid().is_root() && Path::new("/home").is_dir() {
        PathBuf::from("/home")
    } else {
        let home = own_home().filter(|home| is_free_of_configuration(home));
        home.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")))
    }
}

/// The caller's home folder, as the passwd file names it, when it is theirs.
fn own_home() -> Option<PathBuf> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let own = nix::unistd::getuid();
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(&own.to_string()))?;
    let home = PathBuf::from(line.split(':').nth(5)?);
    let is_own = std::fs::metadata(&home).is_ok_and(|facts| facts.is_dir() && facts.uid() == own.as_raw());
    is_own.then_some(home)
}

/// Whether programs that look upwards from a folder find nothing there that changes what they do.
fn is_free_of_configuration(folder: &Path) -> bool {
    let files = ["Cargo.toml", "package.json", "pyproject.toml", ".git"];
    folder.ancestors().all(|folder| files.iter().all(|name| !folder.join(name).exists()))
}

/// Whether only the bare half runs: to try new attacks out where no launcher is built.
pub(crate) fn only_bare() -> bool {
    let wanted = std::env::var_os("E2E_BARE_ONLY").is_some_and(|value| value == "1");
    if wanted {
        skip("E2E_BARE_ONLY=1: nothing is run in a sandbox");
    }
    wanted
}

/// Strings to operating system strings.
pub(crate) fn words<T: Into<OsString> + Clone>(words: &[T]) -> Vec<OsString> {
    words.iter().cloned().map(Into::into).collect()
}
