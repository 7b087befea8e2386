//! What units are to do, checked before anything is written.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::error::UnitsError;
use super::file::UnitFile;
use super::text;
use crate::name::Name;

/// The unit of OpenClaw's gateway, as its own installer names it.
const GATEWAY: &str = "openclaw-gateway.service";

/// A service unit's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway(String);

impl Gateway {
    /// Reads a name (systemd.unit(5)); `.service` may be left out.
    ///
    /// # Errors
    /// When it is no name of a service, or that of the vault's own unit.
    pub fn parse(text: &str) -> Result<Self, UnitsError> {
        let name = if text.contains('.') { text.to_owned() } else { format!("{text}.service") };
        let stem = name.strip_suffix(".service").unwrap_or_default();
        let is_plain = stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_.@-".contains(&byte));
        if stem.is_empty()
            || !is_plain
            || name.len() > 255
            || stem.starts_with(['.', '-'])
            || stem == "lobsterpot-vault"
        {
            return Err(UnitsError::Gateway { text: text.to_owned() });
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self(GATEWAY.to_owned())
    }
}

/// Somebody with a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The user's id.
    pub uid: Uid,
    /// Their home.
    pub home: PathBuf,
}

impl Account {
    /// The account of this name in the password file below `root`.
    ///
    /// # Errors
    /// When there is none, or none that can stand in a unit.
    pub fn find(name: &str, root: &Path) -> Result<Self, UnitsError> {
        let path = root.join("etc/passwd");
        let unknown = || UnitsError::Account { name: name.to_owned(), path: path.clone() };
        let passwd = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(unknown()),
            read => read.map_err(|source| UnitsError::Io { verb: "read", path: path.clone(), source })?,
        };
        // Comments may be in any encoding.
        let passwd = String::from_utf8_lossy(&passwd);
        let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let found =
            fields.into_iter().find(|fields| fields.first() == Some(&name) && !name.is_empty()).ok_or_else(unknown)?;
        let uid = found.get(2).and_then(|uid| uid.parse().ok()).ok_or_else(unknown)?;
        let home = PathBuf::from(found.get(5).copied().unwrap_or_default());
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) && home.is_absolute() {
            Ok(Self { name: name.to_owned(), uid: Uid::from_raw(uid), home })
        } else {
            Err(unknown())
        }
    }
}

/// Whose manager the units are for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// The system's: root's vault, or an account's that is opened as that account before its own manager starts.
    System {
        /// Whose vault it is, when not root's.
        account: Option<Account>,
    },
    /// A person's own.
    User {
        /// Their folder of configuration.
        config: PathBuf,
        /// Whether the system's unit opens the vault, and the gateway alone is this manager's.
        is_opened_by_system: bool,
    },
}

/// How the identity is kept for the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// Sealed to the machine by `systemd-creds encrypt`: its TPM, its host key, or both.
    Sealed,
    /// A file that its owner alone can read.
    Plain,
}

/// What can be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The vault, when it is not where it usually is.
    pub vault: Option<PathBuf>,
    /// The file with the identity, when it is not where it usually is: what is sealed, or what the program reads.
    pub identity: Option<PathBuf>,
    /// The folder of records, when it is not where it usually is.
    pub state: Option<PathBuf>,
    /// The secrets to open; all of them when there are none.
    pub only: Vec<Name>,
    /// Whether the gateway gets them in its environment.
    pub in_environment: bool,
    /// Whether a tmpfs that can be swapped to a disk is good enough.
    pub may_be_swapped: bool,
    /// Whether a tmpfs of its own is mounted, that is never swapped.
    pub has_own_memory: bool,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// For whose manager.
    pub(super) scope: Scope,
    /// The unit that needs the secrets.
    pub(super) gateway: Gateway,
    /// `lobsterpot-vault`.
    pub(super) program: PathBuf,
    /// How the identity is kept.
    pub(super) credential: Credential,
    /// The rest.
    pub(super) options: Options,
}

impl Wanted {
    /// What is wanted, when it can be.
    ///
    /// # Errors
    /// When options contradict each other, or a path cannot stand in a unit.
    pub fn new(
        scope: Scope,
        gateway: Gateway,
        program: PathBuf,
        credential: Credential,
        options: Options,
    ) -> Result<Self, UnitsError> {
        if options.has_own_memory && matches!(scope, Scope::User { .. }) {
            return Err(UnitsError::Contradiction {
                what: "only the system's manager can mount a tmpfs",
                instead: "leave --own-tmpfs out, or have the system open the vault: install-units --account NAME as root",
            });
        }
        if options.has_own_memory && options.may_be_swapped {
            return Err(UnitsError::Contradiction {
                what: "a tmpfs of its own is never swapped",
                instead: "leave --allow-swap out",
            });
        }
        let wanted = Self { scope, gateway, program, credential, options };
        let named = &wanted.options;
        let paths = [&named.vault, &named.identity, &named.state].map(Option::as_ref);
        let paths = paths.into_iter().chain([Some(&wanted.program), wanted.home()]);
        paths.flatten().try_for_each(|path| plain(path))?;
        Ok(wanted)
    }

    /// The home or folder of configuration that stands in units.
    fn home(&self) -> Option<&PathBuf> {
        match &self.scope {
            Scope::System { account } => account.as_ref().map(|account| &account.home),
            Scope::User { config, .. } => Some(config),
        }
    }

    /// Fails when somebody else than root and whoever runs the unit could replace the program.
    ///
    /// # Errors
    /// Then, or when it cannot be looked at.
    pub fn check_program(&self) -> Result<(), UnitsError> {
        let owner = match &self.scope {
            Scope::System { account } => account.as_ref().map(|account| account.uid),
            Scope::User { .. } => Some(nix::unistd::geteuid()),
        };
        for path in self.program.ancestors() {
            let io = |source| UnitsError::Io { verb: "look at", path: path.to_path_buf(), source };
            let found = fs::symlink_metadata(path).map_err(io)?;
            let is_owned = found.uid() == 0 || owner.is_some_and(|owner| owner.as_raw() == found.uid());
            let is_shared = found.mode() & 0o022 != 0 && !(found.is_dir() && found.mode() & 0o1000 != 0);
            if !is_owned || is_shared {
                return Err(UnitsError::Program { path: path.to_path_buf() });
            }
        }
        Ok(())
    }

    /// The files, below `root`.
    #[must_use]
    pub fn files(&self, root: &Path) -> Vec<UnitFile> {
        let folder = match &self.scope {
            Scope::System { .. } => PathBuf::from("/etc/systemd/system"),
            Scope::User { config, .. } => config.join("systemd/user"),
        };
        let folder = root.join(folder.strip_prefix("/").unwrap_or(&folder));
        let drop_in = format!("{}.d/lobsterpot-vault.conf", self.gateway.as_str());
        let mut files = vec![UnitFile::new(folder.join(drop_in), &text::gateway(self))];
        if let Some(text) = text::service(self) {
            files.insert(0, UnitFile::new(folder.join("lobsterpot-vault.service"), &text));
        }
        if self.options.has_own_memory {
            files.insert(0, UnitFile::new(folder.join("run-lobsterpot.mount"), text::MOUNT));
        }
        files
    }

    /// Every file that any choice of options could have written, for removal.
    #[must_use]
    pub fn every_place(&self, root: &Path) -> Vec<PathBuf> {
        let files = self.files(root);
        let Some(folder) = files.last().and_then(|file| file.path().ancestors().nth(2)) else { return Vec::new() };
        let drop_in = format!("{}.d/lobsterpot-vault.conf", self.gateway.as_str());
        [drop_in.as_str(), "lobsterpot-vault.service", "run-lobsterpot.mount"].map(|name| folder.join(name)).to_vec()
    }
}

/// Fails when systemd would read something else in a path: specifiers, quotes, variables, white space (systemd.syntax(7)).
///
/// # Errors
/// Then.
fn plain(path: &Path) -> Result<(), UnitsError> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+@,=-/".contains(byte);
    let text = path.as_os_str().as_encoded_bytes();
    if path.is_absolute() && text.iter().all(is_plain) {
        Ok(())
    } else {
        Err(UnitsError::Path { path: path.to_path_buf() })
    }
}
