//! What the two enforcers of a policy hold to and no rule says: kept in one place, so that the launcher and the guard of the file
//! tools cannot come to differ.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What git obeys in the folder of a repository: protected where a `.git` that is no folder leads to one
/// (`gitrepository-layout(5)`).
pub const GIT_OBEYS: [&str; 5] = ["config", "config.worktree", "hooks", "info", "commondir"];

/// The longest file of git's that is read to see where it leads, in bytes.
pub const LONGEST_GIT_POINTER: u64 = 8192;

/// How deep masked and protected folders are searched for files with a second name.
pub const HARD_LINK_DEPTH: usize = 3;

/// How many entries of each such folder are looked at.
pub const HARD_LINK_ENTRIES: usize = 4096;

/// Folders that keep keys in files of their own, few enough to look at when they are masked.
const KEY_STORES: [&str; 8] = [".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", "gcloud", "gh"];

/// Whether the files of a masked folder are searched for second names.
#[must_use]
pub fn is_key_store(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| KEY_STORES.iter().any(|store| name == *store))
}

/// Whether a file in a protected folder runs nothing and need not be searched for: git runs no hook of this name, and every
/// repository has a dozen of them.
#[must_use]
pub fn is_sample(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b".sample")
}

/// Folders that are the system's: nothing below `/` itself, and none of these, is a place to work in.
const SYSTEM: [&str; 17] = [
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/mnt", "/nix", "/opt", "/proc", "/run",
    "/sbin", "/sys", "/usr", "/var",
];

/// Folders of the system in which a workspace may lie all the same.
const OPEN: [&str; 4] = ["/home", "/var", "/mnt", "/opt"];

/// The same, deeper down.
const OPEN_BELOW: [&str; 3] = ["/usr/src", "/usr/local", "/dev/shm"];

/// Folders in which a workspace may lie, but which are none themselves.
const SHARED: [&str; 5] = ["/tmp", "/var/tmp", "/srv", "/media", "/dev/shm"];

/// What speaks against `workspace`, a real path, on every host and under every policy: it is the system's, or everything of one of
/// the caller's `homes` would lie in it.
#[must_use]
pub fn objection_to_workspace(workspace: &Path, homes: &[PathBuf]) -> Option<&'static str> {
    const OF_THE_SYSTEM: &str = "it belongs to the system";
    if workspace.parent().is_none() || SYSTEM.iter().chain(&SHARED).any(|folder| workspace == Path::new(folder)) {
        return Some(OF_THE_SYSTEM);
    }
    let lies_in = |folder: &&str| workspace.starts_with(folder);
    let is_closed = SYSTEM.iter().filter(|folder| !OPEN.contains(folder)).any(lies_in);
    let is_open = OPEN_BELOW.iter().any(lies_in) || homes.iter().any(|home| workspace.starts_with(home));
    if is_closed && !is_open {
        return Some(OF_THE_SYSTEM);
    }
    homes.iter().any(|home| home.starts_with(workspace)).then_some("it is, or holds, a home folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_system_nor_a_home_folder_can_be_a_workspace() {
        let homes = [PathBuf::from("/home/u"), PathBuf::from("/usr/lib/agent")];
        for folder in [
            "/",
            "/etc",
            "/etc/x",
            "/usr/lib",
            "/home",
            "/var",
            "/tmp",
            "/dev/shm",
            "/proc/1",
            "/home/u",
            "/usr/lib/agent",
            "/srv",
        ] {
            assert!(objection_to_workspace(Path::new(folder), &homes).is_some(), "{folder}");
        }
        for folder in [
            "/home/u/p",
            "/home/v",
            "/var/www",
            "/opt/p",
            "/usr/src/linux",
            "/usr/local/p",
            "/dev/shm/p",
            "/tmp/p",
            "/srv/p",
            "/usr/lib/agent/p",
            "/data",
        ] {
            assert_eq!(objection_to_workspace(Path::new(folder), &homes), None, "{folder}");
        }
    }
}
