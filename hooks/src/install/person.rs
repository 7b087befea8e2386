//! For whom something is installed, and where that person's files are.
//!
//! The home folder is the password file's, as it is for the hooks: the environment decides nothing.

use std::fs;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{PASSWD, home_of, users};
use nix::unistd::{getegid, geteuid};

use crate::install::error::InstallError;

/// Where the installer keeps its records, in a home folder.
const RECORDS: &str = ".local/state/lobsterpot/install";

/// Where it keeps them for the whole host.
const SYSTEM_RECORDS: &str = "/var/lib/lobsterpot/install";

/// A user, and where things are for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The user's number.
    pub(crate) uid: u32,
    /// The group's number.
    pub(crate) gid: u32,
    /// The home folder, with every link on the way resolved.
    pub(crate) home: PathBuf,
    /// What stands before the paths of the whole host: nothing, but in tests and containers.
    pub(crate) root: PathBuf,
}

impl Person {
    /// Whoever runs the program. `home` is what the command line names.
    ///
    /// # Errors
    /// When the home folder is unknown or is not there.
    pub(crate) fn caller(home: Option<&Path>, root: Option<&Path>) -> Result<Self, InstallError> {
        let uid = geteuid().as_raw();
        let unknown = |problem: String| InstallError::Home { uid, problem };
        let named = match home {
            Some(home) => home.to_path_buf(),
            None => {
                let passwd = fs::read(PASSWD).map_err(|error| unknown(format!("{PASSWD}: {error}")))?;
                home_of(&passwd, uid).ok_or_else(|| unknown(format!("{PASSWD} does not name it")))?
            }
        };
        let home = named.canonicalize().map_err(|error| unknown(format!("\"{}\": {error}", named.display())))?;
        let root = root.unwrap_or(Path::new("/"));
        let root = root.canonicalize().map_err(|error| InstallError::io("resolve", root, error))?;
        Ok(Self { uid, gid: getegid().as_raw(), home, root })
    }

    /// Where the records of the user are.
    pub(crate) fn records(&self) -> PathBuf {
        self.home.join(RECORDS)
    }

    /// Where the records of the host are.
    pub(crate) fn system_records(&self) -> PathBuf {
        self.system(SYSTEM_RECORDS)
    }

    /// An absolute path of the host.
    pub(crate) fn system(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// What a path of the host is called on the host itself, where nothing stands before it.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).map_or_else(|_| path.to_path_buf(), |rest| Path::new("/").join(rest))
    }

    /// Whether this person may change what belongs to the whole host.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }
}

/// The home folder that the hooks will take for the user's, whatever the command line names.
pub(crate) fn listed_home(person: &Person) -> PathBuf {
    let passwd = fs::read(PASSWD).unwrap_or_default();
    home_of(&passwd, person.uid).unwrap_or_else(|| person.home.clone())
}

/// The home folders of everybody on this host, as its user database has them.
pub(crate) fn homes(person: &Person) -> Vec<PathBuf> {
    let passwd = fs::read(person.system(PASSWD)).unwrap_or_default();
    users(&passwd).map(|user| user.home.to_owned()).collect()
}
