//! Who runs the command: the caller, and beside root an ordinary user.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// An id that no passwd file knows.
const ORDINARY: u32 = 61234;

/// One user that the suite runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// User and group id.
    pub(crate) id: u32,
    /// Whether the test process has to change to it.
    changes: bool,
}

impl Identity {
    /// Root and an ordinary user for root; for anybody else only themselves.
    pub(crate) fn all() -> Vec<Self> {
        let own = nix::unistd::getuid().as_raw();
        let mut all = vec![Self { id: own, changes: false }];
        if own == 0 {
            all.push(Self { id: ORDINARY, changes: true });
        }
        all
    }

    /// The same, but only users that the passwd file knows.
    pub(crate) fn all_known() -> Vec<Self> {
        Self::all().into_iter().filter_map(Self::known).collect()
    }

    /// The same user when the passwd file knows it, or in its place an ordinary user that it knows.
    pub(crate) fn known(self) -> Option<Self> {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let id = if self.changes { id_of(&passwd, "nobody").unwrap_or(self.id) } else { self.id };
        if accounts(&passwd).any(|(_, known)| known == id) {
            return Some(Self { id, ..self });
        }
        super::skip(&format!("the passwd file does not know user {id}"));
        None
    }

    /// The user of the test process itself.
    pub(crate) fn of_the_test(self) -> Self {
        Self { id: if self.changes { 0 } else { self.id }, changes: false }
    }

    /// Whether the test process becomes this user.
    pub(crate) fn changes(self) -> bool {
        self.changes
    }

    /// Whether this is root.
    pub(crate) fn is_root(self) -> bool {
        self.id == 0
    }

    /// Makes a command run as this user, without supplementary groups.
    pub(crate) fn apply(self, command: &mut Command) {
        if self.changes {
            command.gid(self.id).uid(self.id);
        }
    }

    /// Hands a file over to this user.
    pub(crate) fn own(self, path: &std::path::Path) {
        if self.changes {
            std::os::unix::fs::lchown(path, Some(self.id), Some(self.id)).expect("root can change owners");
        }
    }

    /// How messages call it.
    pub(crate) fn name(self) -> &'static str {
        if self.is_root() { "root" } else { "an ordinary user" }
    }
}

/// The names and ids in a passwd file. Read as a file, not by the C library's getpwnam(3): in a static program that loads what
/// `/etc/nsswitch.conf` names besides, of another C library perhaps, and then ends with a segmentation fault.
fn accounts(passwd: &str) -> impl Iterator<Item = (&str, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        Some((fields.next()?, fields.nth(1)?.parse().ok()?))
    })
}

/// The id of an account.
fn id_of(passwd: &str, name: &str) -> Option<u32> {
    accounts(passwd).find(|(known, _)| *known == name).map(|(_, id)| id)
}
