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
        let nobody = nix::unistd::User::from_name("nobody").ok().flatten().map_or(ORDINARY, |user| user.uid.as_raw());
        let all = Self::all()
            .into_iter()
            .map(|identity| Self { id: if identity.changes { nobody } else { identity.id }, ..identity });
        let (known, unknown): (Vec<Self>, Vec<Self>) =
            all.partition(|identity| nix::unistd::User::from_uid(identity.id.into()).is_ok_and(|user| user.is_some()));
        for identity in unknown {
            super::skip(&format!("the passwd file does not know user {}", identity.id));
        }
        known
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
