//! Searches files and folders, without following links, opening anything but regular files, or keeping more than a portion in memory.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statfs::{self, FsType, fstatfs};
use nix::unistd::{Whence, lseek};

use super::finding::{Finding, Place, Spot};
use super::report::{Passed, Report};
use super::search::{Findings, Position, Searcher, search, wide};

/// How deep folders are entered: each level holds a descriptor.
const DEEPEST: usize = 400;

/// How much is read of a named file that says it is empty, as those of the kernel do.
const UNSIZED: u64 = 1 << 24;

/// How much of a file is looked at to tell whether it is text.
const HEAD: usize = 8000;

/// How the contents of compressed files begin.
const COMPRESSED: &[&[u8]] =
    &[b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh", b"7z\xbc\xaf\x27\x1c", b"Rar!"];

/// File systems whose files are made up as they are read.
const KERNEL: &[FsType] = &[
    statfs::PROC_SUPER_MAGIC,
    statfs::SYSFS_MAGIC,
    statfs::DEBUGFS_MAGIC,
    statfs::TRACEFS_MAGIC,
    statfs::CGROUP_SUPER_MAGIC,
    statfs::CGROUP2_SUPER_MAGIC,
    statfs::DEVPTS_SUPER_MAGIC,
    statfs::SECURITYFS_MAGIC,
    statfs::BPF_FS_MAGIC,
    statfs::SELINUX_MAGIC,
];

/// What tells files and folders apart, whatever they are called: device and inode.
pub(super) type Identity = (u64, u64);

/// The identity of what a path leads to.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    nix::sys::stat::stat(path).ok().map(|found| (found.st_dev, found.st_ino))
}

/// A walk through files and folders.
pub(super) struct Walk<'run, 'index> {
    /// Searches what is read.
    pub(super) searcher: &'run mut Searcher<'index>,
    /// What was found.
    pub(super) report: &'run mut Report,
    /// Whether to stay on the file system of each path that was named.
    pub(super) one_file_system: bool,
    /// The folder that secrets are unlocked to.
    pub(super) unlocked: Option<Identity>,
    /// The git directories that were met.
    pub(super) repositories: BTreeSet<PathBuf>,
    /// Where it is.
    path: PathBuf,
}

/// What a name in a folder is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// Anything else.
    Special,
}

impl<'run, 'index> Walk<'run, 'index> {
    /// A walk that has not begun.
    pub(super) fn new(searcher: &'run mut Searcher<'index>, report: &'run mut Report) -> Self {
        let (unlocked, repositories, path) = (None, BTreeSet::new(), PathBuf::new());
        Self { searcher, report, one_file_system: false, unlocked, repositories, path }
    }

    /// Searches what a person named, and everything below it. Only here is a link followed.
    pub(super) fn named(&mut self, path: &Path) {
        self.path = path.to_path_buf();
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        // Looked at before it is opened, for opening a device may do something.
        let opened = nix::sys::stat::stat(path).and_then(|found| match kind_of(&found) {
            Kind::Folder | Kind::File => open(path, flags, Mode::empty()).map(Some),
            Kind::Link | Kind::Special => Ok(None),
        });
        match opened.and_then(|opened| opened.map(|opened| Ok((fstat(&opened)?, opened))).transpose()) {
            Ok(Some((found, opened))) if kind_of(&found) == Kind::Folder && is_kernel(&opened) => {
                self.pass(Passed::Kernel);
            }
            Ok(Some((found, opened))) if kind_of(&found) == Kind::Folder => {
                self.unlocked = self.unlocked.filter(|unlocked| *unlocked != (found.st_dev, found.st_ino));
                self.folder(opened, found.st_dev, 0);
            }
            Ok(Some((found, opened))) if kind_of(&found) == Kind::File => {
                let size = if found.st_size == 0 { UNSIZED } else { size_of(&found) };
                self.file(File::from(opened), &found, size);
            }
            Ok(_) => self.pass(Passed::Special),
            Err(error) => self.unread(error),
        }
    }

    /// Searches a folder that is open, on the device `device`.
    fn folder(&mut self, folder: OwnedFd, device: u64, depth: usize) {
        let entries = match self.entries(&folder) {
            Ok(entries) => entries,
            Err(error) => return self.unread(error),
        };
        if is_repository(&entries) {
            self.repositories.insert(self.path.clone());
        }
        for (name, kind) in entries {
            self.path.push(OsStr::from_bytes(name.to_bytes()));
            self.name(&name);
            if name.as_c_str() == c".git" && kind != Kind::Folder {
                self.repositories.insert(self.path.clone());
            }
            match kind {
                Kind::Folder => self.enter(&folder, &name, device, depth + 1),
                Kind::File => self.open_file(&folder, &name),
                Kind::Link => self.link(&folder, &name),
                Kind::Special => self.pass(Passed::Special),
            }
            self.path.pop();
        }
    }

    /// The names in a folder and what they are, in order.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    fn entries(&mut self, folder: &OwnedFd) -> Result<Vec<(CString, Kind)>, Errno> {
        let mut entries = Vec::new();
        for entry in Dir::openat(folder, c".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?.iter() {
            let entry = entry?;
            let name = entry.file_name().to_owned();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                Some(Type::Directory) => Kind::Folder,
                Some(Type::File) => Kind::File,
                Some(Type::Symlink) => Kind::Link,
                Some(Type::Fifo | Type::CharacterDevice | Type::BlockDevice | Type::Socket) => Kind::Special,
                None => match fstatat(folder, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
                    Ok(found) => kind_of(&found),
                    Err(error) => {
                        let place = self.path.join(OsStr::from_bytes(name.to_bytes()));
                        let place = self.searcher.index().shown(place.as_os_str().as_bytes());
                        self.report.unread(place, error.desc());
                        continue;
                    }
                },
            };
            entries.push((name, kind));
        }
        entries.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Ok(entries)
    }

    /// Enters a folder of a folder.
    fn enter(&mut self, parent: &OwnedFd, name: &CStr, device: u64, depth: usize) {
        if depth > DEEPEST {
            let place = self.shown();
            return self.report.unread(place, format!("more than {DEEPEST} folders deep"));
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = openat(parent, name, flags, Mode::empty());
        match opened.and_then(|folder| Ok((fstat(&folder)?, folder))) {
            Err(error) => self.unread(error),
            Ok((found, folder)) => {
                if self.unlocked == Some((found.st_dev, found.st_ino)) {
                    self.pass(Passed::Unlocked);
                } else if found.st_dev != device && is_kernel(&folder) {
                    self.pass(Passed::Kernel);
                } else if found.st_dev != device && self.one_file_system {
                    self.pass(Passed::OtherFileSystem);
                } else {
                    self.folder(folder, found.st_dev, depth);
                }
            }
        }
    }

    /// Opens a regular file of a folder, and searches it.
    fn open_file(&mut self, folder: &OwnedFd, name: &CStr) {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let opened = openat(folder, name, flags, Mode::empty());
        match opened.and_then(|file| Ok((fstat(&file)?, file))) {
            Ok((found, file)) if kind_of(&found) == Kind::File => self.file(File::from(file), &found, size_of(&found)),
            Ok(_) => self.pass(Passed::Special),
            Err(error) => self.unread(error),
        }
    }

    /// Searches the first `size` bytes of a regular file. What is added while it is read is left out, or a log could be read forever.
    fn file(&mut self, mut file: File, found: &FileStat, size: u64) {
        let (mut findings, mut position) = (Findings::new(), Position::default());
        let mut head = Head::default();
        self.report.files += 1;
        for (start, end) in parts(&file, found, size, wide(self.searcher.reach())) {
            position.offset = start;
            let whole = file.seek(SeekFrom::Start(start)).and_then(|_| {
                let mut source = Headed { source: (&mut file).take(end - start), head: &mut head };
                self.searcher.stream(&mut source, &mut position, &mut findings)
            });
            self.report.bytes += position.offset - start;
            if let Err(error) = whole {
                let place = self.shown();
                self.report.unread(place, reason(&error));
                break;
            }
        }
        if head.is_compressed {
            self.pass(Passed::Compressed);
        }
        if !findings.is_empty() {
            let path = self.shown();
            self.found(findings, |seen| Place::File { path: path.clone(), spot: Spot::of(&seen, !head.is_binary) });
        }
    }

    /// Searches where a link leads, without going there.
    fn link(&mut self, folder: &OwnedFd, name: &CStr) {
        match readlinkat(folder, name) {
            Ok(target) => self.short(target.as_bytes(), |path| Place::Link { path }),
            Err(error) => self.unread(error),
        }
    }

    /// Searches a name.
    fn name(&mut self, name: &CStr) {
        self.short(name.to_bytes(), |path| Place::FileName { path });
    }

    /// Searches a short text that belongs to the path.
    fn short(&mut self, text: &[u8], place: impl Fn(String) -> Place) {
        let mut findings = BTreeSet::new();
        search(self.searcher.index(), text, &mut |found, writing| {
            findings.insert((found.secret, writing));
        });
        for (secret, writing) in findings {
            let (name, place) = (self.searcher.index().name(secret).clone(), place(self.shown()));
            self.report.findings.push(Finding { name, writing, place });
        }
    }

    /// Notes what was found at a place.
    fn found(&mut self, findings: Findings, place: impl Fn(super::search::Seen) -> Place) {
        for ((secret, writing), seen) in findings {
            let name = self.searcher.index().name(secret).clone();
            self.report.findings.push(Finding { name, writing, place: place(seen) });
        }
    }

    /// The path, fit to be shown.
    fn shown(&self) -> String {
        self.searcher.index().shown(self.path.as_os_str().as_bytes())
    }

    /// Notes that the path was passed by.
    fn pass(&mut self, why: Passed) {
        self.report.passed.push((why, self.shown()));
    }

    /// Notes that the path could not be read.
    fn unread(&mut self, error: Errno) {
        let place = self.shown();
        self.report.unread(place, error.desc());
    }
}

/// What is at a place.
fn kind_of(found: &FileStat) -> Kind {
    match SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFDIR => Kind::Folder,
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFLNK => Kind::Link,
        _ => Kind::Special,
    }
}

/// Whether the files of a folder are made up by the kernel.
fn is_kernel(folder: &OwnedFd) -> bool {
    fstatfs(folder).is_ok_and(|system| KERNEL.contains(&system.filesystem_type()))
}

/// How long a file is.
fn size_of(found: &FileStat) -> u64 {
    u64::try_from(found.st_size).unwrap_or(0)
}

/// Whether a folder with these entries is a git directory, as gitrepository-layout(5) says.
fn is_repository(entries: &[(CString, Kind)]) -> bool {
    let has = |wanted: &CStr| entries.binary_search_by(|(name, _)| name.as_c_str().cmp(wanted)).is_ok();
    has(c"HEAD") && has(c"objects") && has(c"refs")
}

/// The parts of a file that hold something, each with `reach` bytes of the holes around it, for values that end in zeros.
fn parts(file: &File, found: &FileStat, size: u64, reach: u64) -> Vec<(u64, u64)> {
    let is_whole = u64::try_from(found.st_blocks).unwrap_or(0).saturating_mul(512) >= size || size <= 4 * reach;
    if is_whole {
        return vec![(0, size)];
    }
    let seek = |from: u64, whence: Whence| {
        let from = i64::try_from(from).map_err(|_| Errno::EOVERFLOW)?;
        lseek(file.as_fd(), from, whence).map(|place| u64::try_from(place).unwrap_or(0))
    };
    let mut parts: Vec<(u64, u64)> = Vec::new();
    let mut from = 0;
    while from < size {
        let data = match seek(from, Whence::SeekData) {
            Ok(data) => data,
            Err(Errno::ENXIO) => break,
            Err(_) => return vec![(0, size)],
        };
        let hole = seek(data, Whence::SeekHole).unwrap_or(size).max(data + 1);
        let (start, end) = (data.saturating_sub(reach), hole.saturating_add(reach).min(size));
        match parts.last_mut() {
            Some(last) if start <= last.1 => last.1 = end,
            _ => parts.push((start, end)),
        }
        from = hole;
    }
    parts
}

/// What the beginning of a file tells.
#[derive(Default)]
struct Head {
    /// Whether it was seen.
    is_seen: bool,
    /// Whether the file is not text.
    is_binary: bool,
    /// Whether the file is compressed.
    is_compressed: bool,
}

/// A file whose beginning is looked at as it is read.
struct Headed<'head, R> {
    /// The file.
    source: R,
    /// What the beginning tells.
    head: &'head mut Head,
}

impl<R: Read> Read for Headed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        if !self.head.is_seen {
            let text = &buffer[..count.min(HEAD)];
            self.head.is_seen = true;
            self.head.is_binary = text.contains(&0);
            self.head.is_compressed = COMPRESSED.iter().any(|magic| text.starts_with(magic));
        }
        Ok(count)
    }
}

/// Why something could not be read, without what the error would say besides.
fn reason(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.kind().to_string(), |number| Errno::from_raw(number).desc().to_owned())
}
