//! Folders in which a person's own git writes by name (`.git`): no symlink may come to lie there, and nothing be left there that the
//! person's git would go on with to the person's harm.
//!
//! git follows a symlink: with `.git/logs/HEAD` one to `~/.bashrc`, the person's next `git checkout` appends a line to that file whose
//! text a branch's name chose. git itself makes no symlinks there, so nothing honest is lost. As with all names, the kernel reads the path
//! again after the answer: what slips through is found by [`links`].

mod index;
mod left;
mod links;
mod offsets;

use std::ffi::{CStr, OsStr};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat};

use super::ground::{Ground, Symlinks};
use super::sweeper::give_back;
use super::target::{Last, Target};
use crate::obstacle::settled;
use crate::plan::Guard;
use crate::report;
use left::Left;
use links::Links;

/// The folder that is meant, below a workspace.
const FOLDER: &str = ".git";
/// A name in every folder that git obeys, which is guarded there.
const REDIRECTION: &str = "commondir";
/// Where the folders of linked worktrees lie.
const WORKTREES: &CStr = c"worktrees";
/// How many names are looked at there when the run ends; of more nobody knows.
const NEW: usize = 10_000;
/// How many folders there may be above one; deeper ones are taken to lie in a repository.
const DEPTH: u32 = 256;
/// How many names are looked at in a folder that is moved there; more are taken to hold a symlink.
const NAMES: usize = 20_000;
/// Bytes of an object's name (SHA-1, SHA-256).
const HASHES: [usize; 2] = [20, 32];
/// How much of a repository's configuration is read.
const CONFIGURATION: u64 = 1 << 20;

/// The folders that were there at the start.
#[derive(Debug)]
pub(super) struct Repositories {
    /// Them.
    all: Vec<Repository>,
    /// Symlinks in them.
    links: Links,
}

/// One of them.
#[derive(Debug)]
struct Repository {
    /// Its path.
    path: PathBuf,
    /// Itself.
    folder: OwnedFd,
    /// Its device and inode number.
    identity: (u64, u64),
    /// Its work tree, where that is the folder around it.
    work: Option<OwnedFd>,
    /// How many bytes an object's name has.
    hash: usize,
    /// What lay there that git would go on with.
    left: Left,
}

impl Repositories {
    /// The folders beside the guarded names in them. To be called before anything runs that could change them.
    ///
    /// # Errors
    /// When one cannot be looked at for a reason that need not hold for the inside: what is left there could not be judged.
    pub(super) fn of(guards: &[Guard], ground: &Ground) -> Result<Self, Errno> {
        let mut all: Vec<Repository> = Vec::new();
        for guard in guards {
            let name = match guard.name.parent() {
                Some(folder) if guard.name.ends_with(REDIRECTION) => folder,
                Some(folder) if folder.starts_with(FOLDER) => Path::new(FOLDER),
                _ => continue,
            };
            let path = guard.root.join(name);
            if all.iter().any(|known| known.path == path) {
                continue;
            }
            let folder = match ground.folder(guard, name, Symlinks::Follow) {
                // It lies elsewhere, where nothing can be written.
                Err(Errno::EXDEV) => continue,
                found => settled(found)?,
            };
            let Some(folder) = folder else { continue };
            let identity = identity(folder.as_fd())?;
            if all.iter().any(|known| known.identity == identity) {
                continue;
            }
            let beside = name == Path::new(FOLDER);
            let work = if beside { Some(ground.folder(guard, Path::new(""), Symlinks::Refuse)?) } else { None };
            let (hash, left) = (hash(&folder), Left::of(&folder)?);
            all.push(Repository { path, folder, identity, work, hash, left });
        }
        Ok(Self { all, links: Links::default() })
    }

    /// A call that could make or move a symlink is to go through.
    ///
    /// # Errors
    /// When it must not, for what was there before could not be told from what it makes.
    pub(super) fn note_creation(&mut self) -> Result<(), Errno> {
        if self.all.is_empty() { Ok(()) } else { self.links.note(&self.all) }
    }

    /// When [`sweep`](Self::sweep) is to be called.
    pub(super) fn due(&self) -> Option<Instant> {
        self.links.due()
    }

    /// Takes symlinks away that came to lie in one of them.
    pub(super) fn sweep(&mut self) {
        self.links.sweep(&self.all);
    }

    /// Whether the last sweep has seen everything that another one could see.
    pub(super) fn has_seen_all(&self) -> bool {
        self.links.has_seen_all()
    }

    /// Sets aside what the person's git is not to go on with, and says what could not be looked at.
    pub(super) fn look_at_what_is_left(&mut self) {
        self.links.tell(&self.all);
        for repository in &self.all {
            left::look(repository);
            if let Err(errno) = repository.look_at_new_worktrees(&self.all) {
                report::not_looked_at(&repository.worktrees(), errno);
            }
        }
    }

    /// Checks that no symlink comes to lie in one of them at `path` (absolute): a new one, or what `from` is or holds.
    ///
    /// # Errors
    /// `EROFS` when one does, or when nobody can tell; the kernel's own when the folder cannot be found.
    pub(super) fn check(&self, target: Target<'_>, path: &Path, from: Option<&Path>) -> Result<(), Errno> {
        if self.all.is_empty() {
            return Ok(());
        }
        let Some(parent) = path.parent() else { return Ok(()) };
        // Where the folder is not found this is the caller's answer, and the kernel is not asked: by way of `/proc/self`, which means
        // something else there, it would find one.
        let folder = target.look_up(parent, Last::Follow)?;
        if !self.has(folder)? {
            return Ok(());
        }
        let Some(from) = from else { return Err(Errno::EROFS) };
        let Some(moved) = there(target.look_up(from, Last::Keep))? else { return Ok(()) };
        match fstat(&moved).map_err(|_| Errno::EROFS)?.st_mode & libc::S_IFMT {
            libc::S_IFLNK => Err(Errno::EROFS),
            libc::S_IFDIR => has_no_symlink(moved.as_fd()).map_err(|_| Errno::EROFS),
            _ => Ok(()),
        }
    }

    /// Whether `folder` is one of them, or lies in one.
    ///
    /// # Errors
    /// `EROFS` when that cannot be found out.
    fn has(&self, mut folder: OwnedFd) -> Result<bool, Errno> {
        let mut below = None;
        for _ in 0..DEPTH {
            let identity = identity(folder.as_fd()).map_err(|_| Errno::EROFS)?;
            if self.all.iter().any(|known| known.identity == identity) {
                return Ok(true);
            }
            // The root is its own parent.
            if below.replace(identity) == Some(identity) {
                return Ok(false);
            }
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            folder = openat(&folder, "..", flags, Mode::empty()).map_err(|_| Errno::EROFS)?;
        }
        Ok(true)
    }
}

impl Repository {
    /// Looks at what is left in the folders of linked worktrees that are not among `known`.
    ///
    /// # Errors
    /// When there are too many, or one cannot be opened.
    fn look_at_new_worktrees(&self, known: &[Self]) -> Result<(), Errno> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let open = |around: &OwnedFd, name: &CStr, how| settled(openat(around, name, how | flags, Mode::empty()));
        let Some(around) = open(&self.folder, WORKTREES, OFlag::O_PATH)? else { return Ok(()) };
        if fstat(&around)?.st_mode & libc::S_IRWXU != libc::S_IRWXU {
            // The inside may have taken the right to look there away.
            give_back(around.as_fd());
        }
        let Some(list) = open(&around, c".", OFlag::O_RDONLY)? else { return Ok(()) };
        for (number, entry) in Dir::from_fd(list)?.iter().enumerate() {
            let entry = entry?;
            let name = entry.file_name();
            if number > NEW {
                return Err(Errno::E2BIG);
            }
            let folder = if name.to_bytes().starts_with(b".") { None } else { open(&around, name, OFlag::O_PATH)? };
            let Some(folder) = folder else { continue };
            let identity = identity(folder.as_fd())?;
            if known.iter().all(|known| known.identity != identity) {
                let path = self.worktrees().join(OsStr::from_bytes(name.to_bytes()));
                left::look(&Self { path, folder, identity, work: None, hash: self.hash, left: Left::NOTHING });
            }
        }
        Ok(())
    }

    /// The path of that folder.
    fn worktrees(&self) -> PathBuf {
        self.path.join(OsStr::from_bytes(WORKTREES.to_bytes()))
    }
}

/// How many bytes the names of objects have in a repository: what its configuration says, or, for a linked worktree, that of the
/// repository which it belongs to. Commands cannot change either.
fn hash(folder: &OwnedFd) -> usize {
    let [short, long] = HASHES;
    let says_long = |path: &str| {
        let file = openat(folder, path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
        let mut text = Vec::new();
        std::fs::File::from(file).take(CONFIGURATION).read_to_end(&mut text).ok()?;
        text.make_ascii_lowercase();
        let mut lines = text.split(|&byte| byte == b'\n');
        Some(lines.any(|line| {
            let line = line.trim_ascii();
            line.starts_with(b"objectformat") && line.ends_with(b"sha256")
        }))
    };
    let said = says_long("config").or_else(|| says_long("../../config"));
    if said == Some(true) { long } else { short }
}

/// The device and inode number of an open file.
///
/// # Errors
/// The kernel's.
fn identity(file: BorrowedFd<'_>) -> Result<(u64, u64), Errno> {
    fstat(file).map(|status| (status.st_dev, status.st_ino))
}

/// What was looked up; `None` when it is not there for the caller either, so that the kernel will say the same.
///
/// # Errors
/// `EROFS` when it cannot be looked up from outside.
fn there(found: Result<OwnedFd, Errno>) -> Result<Option<OwnedFd>, Errno> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ENAMETOOLONG) => Ok(None),
        Err(_) => Err(Errno::EROFS),
    }
}

/// Checks that there is no symlink in `folder` and what lies below it.
///
/// # Errors
/// When there is one, there are too many names, or one cannot be looked at.
fn has_no_symlink(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut left = NAMES;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut waiting = vec![openat(folder, ".", flags, Mode::empty())?];
    while let Some(folder) = waiting.pop() {
        // Folders that wait are open, so that none of them is looked for by name again; that bounds how many there may be.
        let mut list = Dir::from_fd(folder.try_clone().map_err(|_| Errno::EMFILE)?)?;
        for entry in list.iter() {
            let entry = entry?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            left = left.checked_sub(1).ok_or(Errno::E2BIG)?;
            match entry.file_type() {
                Some(Type::Symlink) | None => return Err(Errno::ELOOP),
                Some(Type::Directory) => waiting.push(openat(&folder, entry.file_name(), flags, Mode::empty())?),
                Some(Type::File | Type::Fifo | Type::Socket | Type::CharacterDevice | Type::BlockDevice) => {}
            }
        }
    }
    Ok(())
}
