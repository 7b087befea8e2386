//! Opening by descriptor: one component, or a run of plain components, through no symbolic link of any kind.
//!
//! `openat2(2)` (Linux 5.6) opens a run at once. Where it is missing or forbidden, each component is opened by itself, which gives
//! the same answers.

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

/// To look only.
const PATH: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);
/// To look only, and never through a link at the end.
const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
/// How often a run is tried again after something was renamed meanwhile.
const RETRIES: usize = 3;

/// The root folder, from which everything is opened.
#[derive(Debug)]
pub(super) struct Root {
    /// The folder.
    handle: OwnedFd,
    /// Whether runs of components are opened at once.
    runs: Cell<Runs>,
}

/// How runs of components are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// By one call of `openat2`.
    AtOnce,
    /// Component by component.
    StepByStep,
}

/// What lies at a name.
#[derive(Debug)]
pub(super) struct Found {
    /// A descriptor of it (`O_PATH`).
    pub(super) handle: OwnedFd,
    /// Its facts.
    pub(super) facts: FileStat,
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A unix socket.
    Socket,
    /// A device or a FIFO.
    Other,
}

impl Root {
    /// Opens the root folder.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn open() -> Result<Self, Errno> {
        let handle = open("/", LOOK | OFlag::O_DIRECTORY, Mode::empty())?;
        Ok(Self { handle, runs: Cell::new(Runs::AtOnce) })
    }

    /// Chooses how runs are opened.
    pub(super) fn set_runs(&self, runs: Runs) {
        self.runs.set(runs);
    }

    /// A second descriptor of the root folder.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn folder(&self) -> Result<OwnedFd, Errno> {
        open("/", LOOK | OFlag::O_DIRECTORY, Mode::empty())
    }

    /// Opens the absolute `path`, no component of which may be a symbolic link.
    ///
    /// # Errors
    /// `ELOOP` when one is; else the kernel's.
    pub(super) fn straight(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let path = path.strip_prefix("/").unwrap_or(path);
        if path.as_os_str().is_empty() {
            return self.folder();
        }
        if self.runs.get() == Runs::AtOnce {
            let resolve =
                ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS | ResolveFlag::RESOLVE_NO_SYMLINKS;
            for _ in 0..RETRIES {
                match openat2(&self.handle, path, OpenHow::new().flags(PATH).resolve(resolve)) {
                    Err(Errno::EAGAIN | Errno::EINTR) => {}
                    // Not there, or forbidden by a filter: never an answer about the path.
                    Err(Errno::ENOSYS | Errno::EPERM) => {
                        self.runs.set(Runs::StepByStep);
                        break;
                    }
                    other => return other,
                }
            }
        }
        self.steps(path)
    }

    /// Does what [`straight`](Self::straight) does, one component at a time.
    ///
    /// # Errors
    /// As there.
    fn steps(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let mut here: Option<Found> = None;
        for component in path.components() {
            let Component::Normal(name) = component else { return Err(Errno::EINVAL) };
            if let Some(found) = &here {
                match found.kind() {
                    Kind::Folder => {}
                    Kind::Link => return Err(Errno::ELOOP),
                    Kind::File | Kind::Socket | Kind::Other => return Err(Errno::ENOTDIR),
                }
            }
            let folder = here.as_ref().map_or(self.handle.as_fd(), |found| found.handle.as_fd());
            here = Some(look(folder, name)?);
        }
        match here {
            None => self.folder(),
            Some(found) if found.kind() == Kind::Link => Err(Errno::ELOOP),
            Some(found) => Ok(found.handle),
        }
    }
}

/// Looks at `name`, one component, in `folder`.
///
/// # Errors
/// The kernel's.
pub(super) fn look(folder: impl AsFd, name: &OsStr) -> Result<Found, Errno> {
    let handle = openat(folder, name, LOOK, Mode::empty())?;
    let facts = fstat(&handle)?;
    Ok(Found { handle, facts })
}

/// The kind that the facts of a file state.
pub(super) fn kind_of(facts: &FileStat) -> Kind {
    match SFlag::from_bits_truncate(facts.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFDIR => Kind::Folder,
        SFlag::S_IFLNK => Kind::Link,
        SFlag::S_IFSOCK => Kind::Socket,
        _ => Kind::Other,
    }
}

impl Found {
    /// What `handle` is about.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn of(handle: OwnedFd) -> Result<Self, Errno> {
        let facts = fstat(&handle)?;
        Ok(Self { handle, facts })
    }

    /// Its kind.
    pub(super) fn kind(&self) -> Kind {
        kind_of(&self.facts)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree with every kind of obstacle.
    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("a/b")).unwrap();
        std::fs::write(tree.path().join("a/file"), "").unwrap();
        symlink("b", tree.path().join("a/link")).unwrap();
        symlink("/proc/self/root", tree.path().join("a/magic")).unwrap();
        tree
    }

    #[test]
    fn both_ways_of_opening_a_run_agree() {
        let tree = tree();
        let base = tree.path().canonicalize().unwrap();
        let root = Root::open().unwrap();
        for name in
            ["", "a", "a/b", "a/file", "a/link", "a/link/x", "a/magic", "a/magic/etc", "a/file/x", "none", "a/none/x"]
        {
            let path = base.join(name);
            root.set_runs(Runs::AtOnce);
            let at_once =
                root.straight(&path).and_then(|handle| fstat(&handle)).map(|facts| (facts.st_dev, facts.st_ino));
            root.set_runs(Runs::StepByStep);
            let by_step =
                root.straight(&path).and_then(|handle| fstat(&handle)).map(|facts| (facts.st_dev, facts.st_ino));
            assert_eq!(at_once, by_step, "{name}");
        }
    }

    #[test]
    fn a_link_is_never_followed_by_either_way() {
        let tree = tree();
        let base = tree.path().canonicalize().unwrap();
        let root = Root::open().unwrap();
        for runs in [Runs::AtOnce, Runs::StepByStep] {
            root.set_runs(runs);
            for name in ["a/link", "a/magic", "a/magic/etc", "a/link/.."] {
                assert!(root.straight(&base.join(name)).is_err(), "{name}");
            }
        }
    }
}
