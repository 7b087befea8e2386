//! What was found on this host before planning: facts only, no judgement, and nothing that planning could change.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::rules::Rules;
use nix::unistd::{Gid, Uid};
use rustc_hash::FxHashMap;

/// What a path turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A unix socket.
    Socket,
    /// A device, a FIFO or a symlink that leads nowhere.
    Other,
}

/// One existing path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Where it really lies: absolute, without symlinks.
    pub(crate) real: PathBuf,
    /// What lies there.
    pub(crate) kind: Kind,
    /// The text of the symlink that the path itself is, when it is one.
    pub(crate) link: Option<PathBuf>,
    /// Device and inode number: the identity of the file.
    pub(crate) identity: (u64, u64),
    /// How many names the file has.
    pub(crate) names: u64,
    /// Who owns it.
    pub(crate) owner: u32,
}

/// Who calls the launcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The user.
    pub(crate) uid: Uid,
    /// The group.
    pub(crate) gid: Gid,
    /// The home folder, real path: `$HOME` when the caller owns it, else the one of the passwd file.
    pub(crate) home: PathBuf,
    /// Every home folder whose secrets must stay hidden.
    pub(crate) homes: Vec<PathBuf>,
    /// The login name, when the passwd file has one.
    pub(crate) name: Option<String>,
}

/// Facts by path, as bytes: comparing paths component by component would cost more than everything else.
pub(crate) type Facts = FxHashMap<OsString, Fact>;

/// What a host calls itself and its loopback; empty unless it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Called {
    /// Its own name.
    pub(crate) node: Option<String>,
    /// Its hosts file.
    pub(crate) hosts: String,
}

/// Everything that planning needs to know about this host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Who calls.
    pub(crate) caller: Caller,
    /// The folder in which the launcher was started.
    pub(crate) cwd: PathBuf,
    /// Facts by the path that was asked for; a path that is absent here does not exist.
    pub(crate) facts: Facts,
    /// The policy's file rules on this host.
    pub(crate) rules: Rules,
    /// Visible second names of masked files, by the masked one.
    pub(crate) hard_links: BTreeMap<PathBuf, PathBuf>,
    /// The kernel's Landlock ABI, 0 without Landlock.
    pub(crate) landlock: u32,
    /// What the host calls itself and its loopback, where programs inside are to find the same.
    pub(crate) called: Called,
    /// The terminal on standard input, output or error.
    pub(crate) terminal: Option<PathBuf>,
}

impl Host {
    /// The fact about `path`, when it exists.
    pub(crate) fn fact(&self, path: &Path) -> Option<&Fact> {
        self.facts.get(path.as_os_str())
    }
}
