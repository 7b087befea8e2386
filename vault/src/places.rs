//! Where a vault, its identity, its record and its target are when nobody says: root's below `/etc`, `/var` and `/run`, a user's
//! in the folders of the XDG base directory specification.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, geteuid};

/// The users of this host. Static programs cannot ask other sources.
const PASSWD: &str = "/etc/passwd";

/// The folders of one person, or of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The vault: `vault.age`.
    pub vault: PathBuf,
    /// The file with the identity: `vault.key`.
    pub identity: PathBuf,
    /// The folder of records of what was seen last.
    pub state: PathBuf,
    /// The folder on a tmpfs that secrets are opened to; none when the host has no such folder for this person.
    pub target: Option<PathBuf>,
}

impl Places {
    /// The places of whoever runs this process. None when their home is not known.
    #[must_use]
    pub fn of_caller() -> Option<Self> {
        let uid = geteuid();
        if uid.is_root() {
            Some(Self::of_system())
        } else {
            Self::of_user(uid, |name| env::var_os(name).map(PathBuf::from))
        }
    }

    /// The system's places, which root uses.
    #[must_use]
    pub fn of_system() -> Self {
        Self {
            vault: "/etc/lobsterpot/vault.age".into(),
            identity: "/etc/lobsterpot/vault.key".into(),
            state: "/var/lib/lobsterpot/vault".into(),
            target: Some("/run/lobsterpot/secrets".into()),
        }
    }

    /// The places of a user, in an environment that `variable` reads. Only absolute folders count, as the specification says.
    fn of_user(uid: Uid, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let home = absolute("HOME").or_else(|| home(uid, &fs::read(PASSWD).ok()?))?;
        let folder = |name: &str, usual: &str| absolute(name).unwrap_or_else(|| home.join(usual)).join("lobsterpot");
        let config = folder("XDG_CONFIG_HOME", ".config");
        let runtime = absolute("XDG_RUNTIME_DIR")
            .or_else(|| Some(PathBuf::from(format!("/run/user/{uid}"))).filter(|path| path.is_dir()));
        Some(Self {
            vault: config.join("vault.age"),
            identity: config.join("vault.key"),
            state: folder("XDG_STATE_HOME", ".local/state").join("vault"),
            target: runtime.map(|path| path.join("lobsterpot/secrets")),
        })
    }
}

/// The home folder of `uid` in the text of a password file (passwd(5)).
fn home(uid: Uid, passwd: &[u8]) -> Option<PathBuf> {
    // Comments may be in any encoding.
    String::from_utf8_lossy(passwd).lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_theirs = fields.get(2)?.parse() == Ok(uid.as_raw());
        fields.get(5).map(Path::new).filter(|home| is_theirs && home.is_absolute()).map(Path::to_path_buf)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use nix::unistd::Uid;

    use super::{Places, home};

    /// The places of uid 12345 in an environment.
    fn places(environment: &[(&str, &str)]) -> Option<Places> {
        let variables: BTreeMap<&str, &str> = environment.iter().copied().collect();
        Places::of_user(Uid::from_raw(12345), |name| variables.get(name).map(PathBuf::from))
    }

    #[test]
    fn a_user_has_the_folders_of_the_specification() {
        let found = places(&[("HOME", "/home/a"), ("XDG_STATE_HOME", "/s"), ("XDG_RUNTIME_DIR", "/r")]).unwrap();
        assert_eq!(found.vault, PathBuf::from("/home/a/.config/lobsterpot/vault.age"));
        assert_eq!(found.state, PathBuf::from("/s/lobsterpot/vault"));
        assert_eq!(found.target, Some(PathBuf::from("/r/lobsterpot/secrets")));
    }

    #[test]
    fn relative_folders_do_not_count() {
        let found = places(&[("HOME", "/home/a"), ("XDG_CONFIG_HOME", "etc")]).unwrap();
        assert_eq!(found.identity, PathBuf::from("/home/a/.config/lobsterpot/vault.key"));
        assert_eq!(places(&[("HOME", "a")]), None);
    }

    #[test]
    fn the_home_comes_from_the_password_file_where_the_environment_is_empty() {
        let passwd = b"root:x:0:0:\xc5:/root:/bin/sh\nbroken\na:x:12345:1:\xe5:/home/a:/bin/sh\n";
        assert_eq!(home(Uid::from_raw(12345), passwd), Some(PathBuf::from("/home/a")));
        assert_eq!(home(Uid::from_raw(7), passwd), None);
    }
}
