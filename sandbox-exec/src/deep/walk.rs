//! Listing folders: what is right in one, and everything below one.
//!
//! A folder is opened below the one in which the search begins, through no symlink, and its stamp is taken from the open folder
//! before it is listed: a change in between makes the stamp outdated, never the other way round.

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use super::automaton::{Automaton, NOWHERE, Row};
use super::clock::{Clock, Disks};
use super::error::SearchError;
use super::index::{Find, Finds, Folder, Stamp};
use crate::doors::Doors;
use crate::obstacle::{Obstacle, settled};

/// Where a walk begins: an open folder and its path.
#[derive(Debug)]
pub(super) struct Root {
    /// The folder.
    handle: OwnedFd,
    /// Its absolute path.
    path: PathBuf,
    /// What is searched for right in it.
    pub(super) row: Row,
}

/// A walk in progress: what is searched for, and what the walk has cost.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    /// What is searched for.
    pub(super) automaton: Automaton<'a>,
    /// How many folders were listed.
    pub(super) listed: u64,
    /// How many entries were met.
    pub(super) met: u64,
    /// How many may be met.
    limit: u64,
    /// What to do about folders that are closed.
    doors: &'a Doors,
    /// When the walk began.
    clock: Clock,
    /// The file systems that were met.
    disks: Disks,
}

/// What is right in a folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The folder's state before it was listed, when that can be relied on.
    pub(super) stamp: Option<Stamp>,
    /// What was found.
    pub(super) finds: Finds<'static>,
    /// The folders to go on in.
    pub(super) subfolders: Vec<(OsString, Row)>,
}

impl Root {
    /// Opens the folder at `path`, which may be a symlink to one; `None` when there is no such folder.
    ///
    /// # Errors
    /// When the folder cannot be opened for a reason that says nothing about what is in it.
    pub(super) fn open(path: PathBuf, row: Row, doors: &Doors) -> Result<Option<Self>, SearchError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        match doors.look(&path, || nix::fcntl::open(&path, flags, Mode::empty())) {
            Ok(handle) => Ok(Some(Self { handle, path, row })),
            Err(errno) => match Obstacle::from(errno) {
                Obstacle::Gone | Obstacle::Closed => Ok(None),
                Obstacle::Long => Err(SearchError::TooDeep { folder: path }),
                Obstacle::Other => Err(SearchError::Unreadable { folder: path, errno }),
            },
        }
    }

    /// What lies at the relative `path`, without following it.
    ///
    /// # Errors
    /// What the kernel said.
    pub(super) fn status(&self, path: &CStr) -> Result<FileStat, Errno> {
        if path.is_empty() { fstat(&self.handle) } else { fstatat(&self.handle, path, AtFlags::AT_SYMLINK_NOFOLLOW) }
    }

    /// The absolute path of the relative `path`.
    pub(super) fn full(&self, path: &CStr) -> PathBuf {
        if path.is_empty() { self.path.clone() } else { self.path.join(OsStr::from_bytes(path.to_bytes())) }
    }

    /// The relative path of `name` in the folder at the relative path `folder`.
    ///
    /// # Errors
    /// When the kernel takes no path that long.
    pub(super) fn below(&self, folder: &CStr, name: &OsStr) -> Result<CString, SearchError> {
        let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
        let path = [folder.to_bytes(), slash, name.as_bytes()].concat();
        let is_short = self.path.as_os_str().len() + 1 + path.len() < LONGEST;
        let too_deep = || SearchError::TooDeep { folder: self.full(folder).join(name) };
        CString::new(path).ok().filter(|_| is_short).ok_or_else(too_deep)
    }

    /// Opens the folder at the relative `path`, through no symlink.
    ///
    /// # Errors
    /// What the kernel said.
    fn open_below(&self, path: &CStr) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { c"." } else { path };
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        match openat2(&self.handle, path, how) {
            Err(Errno::ENOSYS) => openat(&self.handle, path, flags, Mode::empty()),
            opened => opened,
        }
    }
}

/// The kernel's PATH_MAX, which counts the end of the text.
const LONGEST: usize = 4096;

impl<'a> Walker<'a> {
    /// A walk that has not begun, and ends when it has met `limit` entries.
    pub(super) fn new(automaton: Automaton<'a>, limit: u64, doors: &'a Doors) -> Self {
        Self { automaton, listed: 0, met: 0, limit, doors, clock: Clock::now(), disks: Disks::default() }
    }

    /// The stamp of the folder that `status` is about, when it can be relied on; `open` gives access to it.
    pub(super) fn stamp(&mut self, status: &FileStat, open: impl FnOnce() -> Option<OwnedFd>) -> Option<Stamp> {
        let stamp = Stamp {
            device: status.st_dev,
            inode: status.st_ino,
            seconds: status.st_ctime,
            nanoseconds: u32::try_from(status.st_ctime_nsec).ok()?,
        };
        let is_reliable = self.disks.keep_time(status.st_dev, open) && stamp.inode != 0;
        is_reliable.then_some(stamp)
    }

    /// Lists the folder at `path` below `root`; `None` when it is no folder any more.
    ///
    /// # Errors
    /// When the folder cannot be listed although the sandbox could, or too much was met.
    pub(super) fn list(&mut self, root: &Root, path: &CStr, row: Row) -> Result<Option<Listing>, SearchError> {
        self.listed += 1;
        let failed = |errno| SearchError::Unreadable { folder: root.full(path), errno };
        let handle = match self.doors.look_lazily(|| root.full(path), || root.open_below(path)) {
            Ok(handle) => handle,
            Err(errno) => {
                return match Obstacle::from(errno) {
                    Obstacle::Gone => Ok(None),
                    Obstacle::Closed => self.guess(root, path, row).map(Some),
                    Obstacle::Long => Err(SearchError::TooDeep { folder: root.full(path) }),
                    Obstacle::Other => Err(failed(errno)),
                };
            }
        };
        let status = fstat(&handle).map_err(failed)?;
        let stamp = self.stamp(&status, || handle.try_clone().ok()).filter(|stamp| self.clock.is_settled(stamp));
        let mut listing = Listing { stamp, ..Listing::default() };
        let mut folder = Dir::from_fd(handle).map_err(failed)?;
        let mut unknown = Vec::new();
        for entry in folder.iter() {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            self.meet(root)?;
            match entry.file_type() {
                Some(kind) => self.consider(&mut listing, row, name, kind),
                None => unknown.push(name.to_owned()),
            }
        }
        for name in unknown {
            self.look_and_consider(&mut listing, row, folder.as_fd(), &name).map_err(failed)?;
        }
        Ok(Some(listing))
    }

    /// What can be known of a folder that cannot be listed: plain names in it may be reachable all the same.
    ///
    /// # Errors
    /// When a path is too long, or too much was met.
    pub(super) fn guess(&mut self, root: &Root, path: &CStr, row: Row) -> Result<Listing, SearchError> {
        let mut listing = Listing::default();
        for name in self.automaton.literals(row) {
            self.meet(root)?;
            let path = root.below(path, name)?;
            let failed = |errno| SearchError::Unreadable { folder: root.full(&path), errno };
            let looked = self.doors.look_lazily(|| root.full(&path), || root.status(&path));
            if let Some(status) = settled(looked).map_err(failed)? {
                self.consider(&mut listing, row, name, kind(&status));
            }
        }
        Ok(listing)
    }

    /// Counts an entry.
    ///
    /// # Errors
    /// When there were too many.
    fn meet(&mut self, root: &Root) -> Result<(), SearchError> {
        self.met += 1;
        if self.met > self.limit {
            return Err(SearchError::TooMany { root: root.path.clone(), limit: self.limit });
        }
        Ok(())
    }

    /// Considers `name` in `folder`, of which the listing did not say what it is.
    ///
    /// # Errors
    /// What the kernel said, when that says nothing about what the sandbox would find.
    fn look_and_consider(
        &mut self,
        listing: &mut Listing,
        row: Row,
        folder: BorrowedFd<'_>,
        name: &OsStr,
    ) -> Result<(), Errno> {
        if let Some(status) = settled(fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW))? {
            self.consider(listing, row, name, kind(&status));
        }
        Ok(())
    }

    /// Adds to `listing` what `name`, which is a `kind`, is to the patterns.
    fn consider(&mut self, listing: &mut Listing, row: Row, name: &OsStr, kind: Type) {
        let step = self.automaton.step(row, name);
        for tail in step.matched {
            listing.finds.push_match(tail, name);
        }
        if kind == Type::Directory && step.onward != NOWHERE {
            listing.subfolders.push((name.to_owned(), step.onward));
        }
        if kind == Type::Symlink && step.across != NOWHERE {
            listing.finds.push_link(name);
        }
    }

    /// Walks the folder at `path` below `root` and everything in it, adding each to `folders` after its parent.
    ///
    /// # Errors
    /// When a folder cannot be listed although the sandbox could, or too much was met.
    pub(super) fn walk(
        &mut self,
        root: &Root,
        path: CString,
        row: Row,
        parent: u32,
        folders: &mut Vec<Folder<'_>>,
    ) -> Result<(), SearchError> {
        let mut waiting = vec![(path, row, parent)];
        while let Some((path, row, parent)) = waiting.pop() {
            let Some(listing) = self.list(root, &path, row)? else { continue };
            // Never reached: more folders than that were refused as too many entries.
            let number = u32::try_from(folders.len()).unwrap_or(u32::MAX);
            for (name, row) in &listing.subfolders {
                waiting.push((root.below(&path, name)?, *row, number));
            }
            folders.push(Folder { path: Cow::Owned(path), parent, stamp: listing.stamp, finds: listing.finds });
        }
        Ok(())
    }

    /// Adds to `found`, pattern by pattern, what is in `folders`, and what lies behind the symlinks in them.
    ///
    /// What a symlink leads to is looked at every time: no stamp here would tell that it has changed.
    ///
    /// # Errors
    /// When a folder cannot be listed although the sandbox could, or too much was met.
    pub(super) fn gather(
        &mut self,
        root: &Root,
        folders: &[Folder<'_>],
        found: &mut [Vec<PathBuf>],
    ) -> Result<(), SearchError> {
        for folder in folders {
            for find in folder.finds.iter() {
                match find {
                    Find::Match(tail, name) => {
                        let place = usize::try_from(tail).ok().and_then(|tail| found.get_mut(tail));
                        place.into_iter().for_each(|place| place.push(root.full(&folder.path).join(name)));
                    }
                    Find::Link(name) => self.follow(root, &folder.path, name, found)?,
                }
            }
        }
        Ok(())
    }

    /// Goes on behind the symlink `name` in `folder`, with the patterns that name it: `**` alone never goes through one, so each
    /// symlink on the way uses up a part of a pattern, and circles end.
    ///
    /// # Errors
    /// When a folder cannot be listed although the sandbox could, or too much was met.
    fn follow(
        &mut self,
        root: &Root,
        folder: &CStr,
        name: &OsStr,
        found: &mut [Vec<PathBuf>],
    ) -> Result<(), SearchError> {
        let row = self.automaton.row_at(root.row, folder.to_bytes());
        let across = self.automaton.step(row, name).across;
        let Some(target) = Root::open(root.full(folder).join(name), across, self.doors)? else { return Ok(()) };
        let mut behind = Vec::new();
        self.walk(&target, CString::default(), across, 0, &mut behind)?;
        self.gather(&target, &behind, found)
    }
}

/// What `status` is about, as listings say it.
fn kind(status: &FileStat) -> Type {
    match SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFDIR => Type::Directory,
        SFlag::S_IFLNK => Type::Symlink,
        _ => Type::File,
    }
}

/// Whether `status` is about a folder.
pub(super) fn is_folder(status: &FileStat) -> bool {
    kind(status) == Type::Directory
}
