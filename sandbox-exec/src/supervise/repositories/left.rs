//! What a command leaves in a git folder for the person's git to go on with.
//!
//! git keeps the state of work that is under way in files, and believes them: a list of things to do may say `exec`, a merge strategy is a
//! program, an index names where files are to be written. Commands must be able to begin such work, and the next ones to go on with it; so
//! nothing is refused, and what is left is looked at when the run has ended. What git itself would not have written for honest work, or
//! what would run a program outside, is set aside. What was there before, and was not changed, is the person's own.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, fstat};

use super::super::sweeper::{give_back, set_aside};
use super::Repository;
use super::index::{self, Fault};
use crate::obstacle::settled;
use crate::report;

/// What can be left, where it lies, and who judges it.
const KINDS: [(&str, Judge); 7] = [
    ("index", of_index),
    ("MERGE_RR", of_resolutions),
    ("rebase-merge/git-rebase-todo", of_list),
    ("rebase-merge/strategy", of_strategy),
    ("rebase-apply/strategy", of_strategy),
    ("rebase-apply/apply-opt", of_options),
    ("sequencer/opts", of_settings),
];
/// Judges what a file says; the answer is what would become of it outside.
type Judge = fn(&Repository, File, u64) -> Result<(), &'static str>;
/// The longest file that is read, but for the index.
const LONGEST: u64 = 16 << 20;
/// git's own merge strategies; another one is a program `git-merge-NAME`, wherever that leads.
const STRATEGIES: [&str; 6] = ["ort", "recursive", "resolve", "octopus", "ours", "subtree"];
/// Options that `git am` passes on to `git apply`, as far as they only say how a patch is to be read.
const OPTIONS: [&str; 9] = [
    "--whitespace=",
    "-C",
    "-p",
    "--directory=",
    "--exclude=",
    "--include=",
    "--reject",
    "--ignore-space-change",
    "--ignore-whitespace",
];

/// Why nothing that cannot be read is left.
const UNREADABLE: &str = "it cannot be read";
/// What a list may do.
const RUNS: &str = "git would run a program that it names";
/// What a path may do.
const LEADS_OUT: &str = "it names files outside of the work tree";

/// What lay there at the start.
#[derive(Debug)]
pub(super) struct Left([Option<Stamp>; KINDS.len()]);

/// What tells a file from another one, and from itself as it was: device and inode number, size, and when it last changed.
type Stamp = (u64, u64, i64, (i64, i64));

impl Left {
    /// Nothing.
    pub(super) const NOTHING: Self = Self([None; KINDS.len()]);

    /// What lies in `folder` now.
    ///
    /// # Errors
    /// When something cannot be looked at.
    pub(super) fn of(folder: &OwnedFd) -> Result<Self, Errno> {
        let mut left = Self::NOTHING;
        for ((name, _), place) in KINDS.iter().zip(&mut left.0) {
            if let Some(file) = settled(open(folder, name, OFlag::O_PATH))? {
                *place = Some(stamp(&fstat(file)?));
            }
        }
        Ok(left)
    }
}

/// Looks at what is left in `repository`, and sets aside what must not be.
pub(super) fn look(repository: &Repository) {
    for ((name, judge), before) in KINDS.iter().zip(&repository.left.0) {
        let status = match status(&repository.folder, Path::new(name)) {
            Ok(Some(status)) => status,
            Ok(None) => continue,
            Err(errno) => {
                report::not_looked_at(&repository.path.join(name), errno);
                continue;
            }
        };
        // What one of these files names can be changed without it.
        let speaks_of_others = *name == "MERGE_RR";
        if *before == Some(stamp(&status)) && !speaks_of_others {
            continue;
        }
        let verdict = read(&repository.folder, name).map_err(|_| UNREADABLE);
        let verdict = verdict.and_then(|(file, size)| judge(repository, file, size));
        if let Err(why) = verdict {
            put_aside(repository, Path::new(name), why);
        }
    }
}

/// What lies at `path` in `folder`, if anything does; the inside may have taken the right to look into the folder around it away.
///
/// # Errors
/// When that cannot be told.
fn status(folder: &OwnedFd, path: &Path) -> Result<Option<FileStat>, Errno> {
    let mut opened = open(folder, path, OFlag::O_PATH);
    if matches!(opened, Err(Errno::EACCES)) {
        for around in [Path::new(""), path.parent().unwrap_or(Path::new(""))] {
            if let Ok(around) = open(folder, around, OFlag::O_PATH) {
                give_back(around.as_fd());
            }
        }
        opened = open(folder, path, OFlag::O_PATH);
    }
    settled(opened)?.map(fstat).transpose()
}

/// Sets a file aside, and says so.
fn put_aside(repository: &Repository, path: &Path, why: &'static str) {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return };
    let place = repository.path.join(path);
    match open(&repository.folder, above, OFlag::O_PATH).and_then(|folder| set_aside(folder.as_fd(), name)) {
        Ok(Some(aside)) => report::left_aside(&place, &place.with_file_name(aside), why),
        Ok(None) => {}
        Err(errno) => report::not_moved_aside(&place, errno),
    }
}

/// Opens what lies at `path` in `folder`, never through a symlink.
///
/// # Errors
/// The kernel's.
fn open(folder: &OwnedFd, path: impl AsRef<Path>, flags: OFlag) -> Result<OwnedFd, Errno> {
    let path = if path.as_ref().as_os_str().is_empty() { Path::new(".") } else { path.as_ref() };
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
    openat2(folder, path, how)
}

/// Opens a file to be read, with its size. The inside may have taken that right away; git would be told the same, and a person would
/// give it back.
///
/// # Errors
/// The kernel's; `EINVAL` when it is no ordinary file.
fn read(folder: &OwnedFd, path: &str) -> Result<(File, u64), Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = match open(folder, path, flags) {
        Err(Errno::EACCES) => {
            give_back(open(folder, path, OFlag::O_PATH)?.as_fd());
            open(folder, path, flags)
        }
        other => other,
    }?;
    let status = fstat(&file)?;
    let is_file = status.st_mode & libc::S_IFMT == libc::S_IFREG;
    let size = u64::try_from(status.st_size).ok().filter(|_| is_file).ok_or(Errno::EINVAL)?;
    Ok((File::from(file), size))
}

/// What tells it from others.
fn stamp(status: &FileStat) -> Stamp {
    (status.st_dev, status.st_ino, status.st_size, (status.st_ctime, status.st_ctime_nsec))
}

/// The whole of a file that should be small.
///
/// # Errors
/// That it cannot be read.
fn whole(file: File) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let count = file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|_| UNREADABLE)?;
    if u64::try_from(count).is_ok_and(|count| count <= LONGEST) { Ok(bytes) } else { Err(UNREADABLE) }
}

/// Its first line.
fn line(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii()
}

/// The index, and the one that it shares entries with: `git checkout .` writes wherever their paths lead.
///
/// # Errors
/// What would become of it.
fn of_index(repository: &Repository, file: File, size: u64) -> Result<(), &'static str> {
    let seen = |file: File, size| {
        index::read(BufReader::with_capacity(1 << 16, file), size, repository.hash).map_err(|fault| match fault {
            Fault::Malformed => "it does not hold together",
            Fault::Path(_) => LEADS_OUT,
        })
    };
    let Some(shared) = seen(file, size)?.shared else { return Ok(()) };
    match read(&repository.folder, &format!("sharedindex.{shared}")) {
        Ok((file, size)) => seen(file, size).map(drop),
        // Without it git does not take this one.
        Err(Errno::ENOENT) => Ok(()),
        Err(_) => Err(UNREADABLE),
    }
}

/// `MERGE_RR`: at the next commit `git rerere` copies what its paths name, symlinks followed, to where the next command reads it.
///
/// # Errors
/// What would become of it.
fn of_resolutions(repository: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let bytes = whole(file)?;
    let mut paths = bytes.split(|&byte| byte == 0).filter(|entry| !entry.is_empty()).map(|entry| {
        let tab = entry.iter().position(|&byte| byte == b'\t');
        tab.and_then(|tab| entry.get(tab + 1..)).unwrap_or_default()
    });
    let is_inside = |path: &[u8]| {
        let Some(work) = repository.work.as_ref().filter(|_| index::stays(path) && !path.is_empty()) else {
            return false;
        };
        match open(work, Path::new(OsStr::from_bytes(path)), OFlag::O_PATH | OFlag::O_NOFOLLOW).and_then(fstat) {
            Ok(status) => status.st_mode & libc::S_IFMT == libc::S_IFREG,
            Err(errno) => errno == Errno::ENOENT,
        }
    };
    if paths.all(is_inside) { Ok(()) } else { Err("git would copy files of yours into the repository") }
}

/// What a rebase has to do still: `exec` runs a command.
///
/// # Errors
/// What would become of it.
fn of_list(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let runs = |line: &[u8]| {
        let line = line.trim_ascii_start();
        let end = line.iter().position(|byte| byte.is_ascii_whitespace() || *byte == 0);
        matches!(line.get(..end.unwrap_or(line.len())), Some(b"exec" | b"x"))
    };
    if whole(file)?.split(|&byte| byte == b'\n').any(runs) { Err(RUNS) } else { Ok(()) }
}

/// A merge strategy.
///
/// # Errors
/// What would become of it.
fn of_strategy(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let bytes = whole(file)?;
    let name = line(&bytes);
    let is_own = name.is_empty() || STRATEGIES.iter().any(|strategy| strategy.as_bytes() == name);
    if is_own { Ok(()) } else { Err(RUNS) }
}

/// What `git am` tells `git apply`, each word in single quotes.
///
/// # Errors
/// What would become of it.
fn of_options(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let bytes = whole(file)?;
    let is_known = |(number, part): (usize, &[u8])| {
        let is_quoted = number % 2 == 1;
        let is_option = OPTIONS.iter().any(|option| part.starts_with(option.as_bytes()));
        if is_quoted { is_option } else { part.trim_ascii().is_empty() }
    };
    if !bytes.contains(&b'\\') && bytes.split(|&byte| byte == b'\'').enumerate().all(is_known) {
        Ok(())
    } else {
        Err("git would write files outside of the work tree")
    }
}

/// The settings of a series of picks, in the format of `git-config(1)`: the strategy among them.
///
/// # Errors
/// What would become of it.
fn of_settings(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let bytes = whole(file)?.to_ascii_lowercase();
    let is_fine = |line: &[u8]| {
        let Some(at) = line.windows(8).position(|part| part == b"strategy") else { return true };
        let rest = line.get(at + 8..).unwrap_or_default().trim_ascii();
        // `strategy-option` goes to the strategy.
        rest.starts_with(b"-")
            || rest
                .strip_prefix(b"=")
                .is_some_and(|name| STRATEGIES.iter().any(|strategy| strategy.as_bytes() == name.trim_ascii()))
    };
    if bytes.split(|&byte| byte == b'\n').all(is_fine) { Ok(()) } else { Err(RUNS) }
}
