//! The files: `audit.jsonl`, and `audit.jsonl.1` to `.3`, which it was called before it grew too large.
//!
//! The folder's own lock (`flock(2)`) lets one program write at a time. The file is opened to append, never through a symbolic link,
//! and only when nobody else could have written it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::geteuid;

use crate::chain::{Chain, Verdict, last_record};
use crate::error::LogError;
use crate::flood;
use crate::record::{Digest, LONGEST_LINE, Record, What, Writer, cut};

/// The file's name.
const NAME: &str = "audit.jsonl";
/// The size at which a new file is begun, in bytes.
const FULL: u64 = 16 << 20;
/// The largest file that is read, in bytes.
const LARGEST: u64 = 2 * FULL;
/// How many files are kept besides the current one.
const KEPT: u32 = 3;
/// How long another writer is waited for: one write takes it no time, but a busy machine may stop it in the middle of one.
const PATIENCE: Duration = Duration::from_secs(2);
/// The kind of a regular file, as a status has it.
const FILE: u32 = SFlag::S_IFREG.bits();
/// The kind of a folder, as a status has it.
const FOLDER: u32 = SFlag::S_IFDIR.bits();
/// The most records of one call.
const MOST: usize = 256;

/// The log in one folder.
#[derive(Debug, Clone)]
pub struct Log {
    /// The folder.
    folder: PathBuf,
    /// The size at which a new file is begun.
    full: u64,
}

/// The locked folder; the lock is let go when this is dropped.
#[derive(Debug)]
struct Locked<'a> {
    /// Its descriptor.
    descriptor: File,
    /// The log.
    log: &'a Log,
}

/// How a file ends.
#[derive(Debug)]
struct End {
    /// Number and digest of its last record.
    head: Option<(u64, Digest)>,
    /// What must be written first, so that the next record begins a line.
    feed: &'static [u8],
    /// What seals off the bytes after the last record, when there are any.
    seal: Option<What>,
}

impl Log {
    /// The log in `folder`. Nothing is touched yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), full: FULL }
    }

    /// The same with another size at which a new file is begun, in bytes.
    #[must_use]
    pub fn with_size(self, full: u64) -> Self {
        Self { full, ..self }
    }

    /// Where the newest records are.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// Adds records, in one write. The folder and the file are made when they are not there, for the caller alone (0700, 0600).
    ///
    /// Waits at most two seconds for another writer. Records beyond the first 256 are dropped, and long texts are cut.
    /// When more than a quarter of a mebibyte was written within an hour, all refusals of a call are counted in one record.
    ///
    /// # Errors
    /// When the folder or the file cannot be used or trusted. What a failed write leaves is sealed off by the next.
    pub fn append(&self, writer: &Writer, what: impl IntoIterator<Item = What>) -> Result<(), LogError> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| self.refused("make", &self.folder, errno_of(&error)))?;
        let locked = self.lock()?;
        let mut text = Vec::new();
        let mut file = locked.open_to_append(NAME)?;
        let End { mut head, feed, seal } = locked.end_of(&mut file)?;
        let mut what: Vec<What> = what.into_iter().take(MOST).collect();
        if locked.is_flooded(&mut file, writer.time)? {
            what = flood::summarised(what);
        }
        text.extend_from_slice(feed);
        match seal {
            Some(seal) => push(&mut text, &mut head, writer, seal)?,
            None if feed.is_empty() && locked.size(&file)? >= self.full => {
                locked.rotate()?;
                file = locked.open_to_append(NAME)?;
            }
            None => {}
        }
        for what in what {
            push(&mut text, &mut head, writer, what.cut())?;
        }
        file.write_all(&text).map_err(|error| self.refused("write", &self.path(), errno_of(&error)))
    }

    /// Whether every record follows from the one before it, and where not.
    ///
    /// # Errors
    /// When the files cannot be read or trusted. No log at all is an empty one.
    pub fn verify(&self) -> Result<Verdict, LogError> {
        let files = self.files()?;
        // A crash between two renames leaves the oldest file and a gap in the names, and nothing else is lost.
        let mut chain = Chain::new(files.iter().any(|(path, _)| path.ends_with(rotated(KEPT))));
        for (path, content) in &files {
            chain.follow(path, content);
        }
        Ok(chain.finish())
    }

    /// The last `count` records, oldest first, whether they follow from one another or not.
    ///
    /// # Errors
    /// When the files cannot be read or trusted. No log at all is an empty one.
    pub fn last(&self, count: usize) -> Result<Vec<Record>, LogError> {
        let files = self.files()?;
        let lines = files.iter().flat_map(|(_, content)| content.split_inclusive(|byte| *byte == b'\n'));
        let mut records: Vec<Record> =
            lines.rev().filter_map(|line| Record::parse(line).map(|(record, _)| record)).take(count).collect();
        records.reverse();
        Ok(records)
    }

    /// Every file that is there, oldest first, with its content.
    ///
    /// # Errors
    /// When one cannot be read or trusted.
    fn files(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, LogError> {
        let locked = match self.lock() {
            Err(LogError::Refused { errno: Errno::ENOENT, .. }) => return Ok(Vec::new()),
            other => other?,
        };
        let mut files = Vec::new();
        for name in (0..=KEPT).rev().map(rotated) {
            match locked.open(&name, OFlag::O_RDONLY) {
                Ok(mut file) => files.push((self.folder.join(&name), locked.content(&mut file, &name)?)),
                Err(LogError::Refused { errno: Errno::ENOENT, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    /// Opens the folder and takes its lock.
    ///
    /// # Errors
    /// When it cannot be opened or trusted, or another program holds the lock.
    fn lock(&self) -> Result<Locked<'_>, LogError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened =
            open(&self.folder, flags, Mode::empty()).map_err(|errno| self.refused("open", &self.folder, errno))?;
        self.trust(&opened, &self.folder, FOLDER)?;
        let descriptor = File::from(opened);
        let end = Instant::now() + PATIENCE;
        loop {
            match descriptor.try_lock() {
                Ok(()) => return Ok(Locked { descriptor, log: self }),
                Err(std::fs::TryLockError::WouldBlock) if Instant::now() < end => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(std::fs::TryLockError::WouldBlock) => return Err(LogError::Busy { path: self.folder.clone() }),
                Err(std::fs::TryLockError::Error(error)) => {
                    return Err(self.refused("lock", &self.folder, errno_of(&error)));
                }
            }
        }
    }

    /// Checks that only the caller could have written what `descriptor` refers to.
    ///
    /// # Errors
    /// [`LogError::Untrusted`].
    fn trust(&self, descriptor: &OwnedFd, path: &Path, kind: u32) -> Result<(), LogError> {
        let status = fstat(descriptor).map_err(|errno| self.refused("look at", path, errno))?;
        match distrust(&status, kind) {
            Some(why) => Err(LogError::Untrusted { path: path.to_owned(), why }),
            None => Ok(()),
        }
    }

    /// The kernel's refusal of `verb` on `path`.
    fn refused(&self, verb: &'static str, path: &Path, errno: Errno) -> LogError {
        LogError::Refused { verb, path: path.to_owned(), errno }
    }
}

impl Locked<'_> {
    /// Opens the file `name` to append to it, and to read; makes it when it is not there.
    ///
    /// # Errors
    /// The kernel's, or a file that cannot be trusted.
    fn open_to_append(&self, name: &str) -> Result<File, LogError> {
        self.open(name, OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT)
    }

    /// Opens the file `name`.
    ///
    /// # Errors
    /// The kernel's, or a file that cannot be trusted.
    fn open(&self, name: &str, flags: OFlag) -> Result<File, LogError> {
        let path = self.log.folder.join(name);
        // Should a pipe or a device lie there: opening it waits for nobody.
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let opened = openat(self.descriptor.as_fd(), name, flags, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(|errno| self.log.refused("open", &path, errno))?;
        self.log.trust(&opened, &path, FILE)?;
        Ok(File::from(opened))
    }

    /// The size of `file`, in bytes.
    ///
    /// # Errors
    /// The kernel's.
    fn size(&self, file: &File) -> Result<u64, LogError> {
        let status = file.metadata();
        status
            .map(|status| status.len())
            .map_err(|error| self.log.refused("look at", &self.log.path(), errno_of(&error)))
    }

    /// The whole content of `file`.
    ///
    /// # Errors
    /// The kernel's, or a file that is too large.
    fn content(&self, file: &mut File, name: &str) -> Result<Vec<u8>, LogError> {
        let path = self.log.folder.join(name);
        if self.size(file)? > LARGEST {
            return Err(LogError::TooLarge { path, limit: LARGEST });
        }
        let mut content = Vec::new();
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(LARGEST).read_to_end(&mut content));
        read.map(|_| content).map_err(|error| self.log.refused("read", &path, errno_of(&error)))
    }

    /// Whether so much was written within the last hour that refusals are only counted.
    ///
    /// # Errors
    /// The kernel's.
    fn is_flooded(&self, file: &mut File, now: u64) -> Result<bool, LogError> {
        let Some(begin) = self.size(file)?.checked_sub(flood::BUDGET) else { return Ok(false) };
        let mut look = Vec::new();
        let read = file.seek(SeekFrom::Start(begin)).and_then(|_| file.take(flood::LOOK).read_to_end(&mut look));
        read.map_err(|error| self.log.refused("read", &self.log.path(), errno_of(&error)))?;
        Ok(flood::is_one(&look, now))
    }

    /// How the current file ends.
    ///
    /// # Errors
    /// The kernel's, or a file that is too large.
    fn end_of(&self, file: &mut File) -> Result<End, LogError> {
        let size = self.size(file)?;
        if size == 0 {
            return Ok(End { head: self.head_before()?, feed: b"", seal: None });
        }
        // Nearly always the last lines tell, and they end with a record.
        let few = u64::try_from(2 * LONGEST_LINE).unwrap_or(u64::MAX).min(size);
        let mut tail = Vec::new();
        let back = i64::try_from(few).unwrap_or(i64::MAX);
        let read = file.seek(SeekFrom::End(-back)).and_then(|_| file.take(few).read_to_end(&mut tail));
        read.map_err(|error| self.log.refused("read", &self.log.path(), errno_of(&error)))?;
        if let (head @ Some(_), end) = last_record(&tail)
            && end == tail.len()
        {
            return Ok(End { head, feed: b"", seal: None });
        }
        let mut content = self.content(file, NAME)?;
        let torn = !content.ends_with(b"\n");
        let feed: &[u8] = if torn { b"\n" } else { b"" };
        content.extend_from_slice(feed);
        let (head, end) = last_record(&content);
        let debris = content.get(end..).unwrap_or_default();
        if debris.is_empty() {
            // The record is whole: only its line feed is missing.
            return Ok(End { head, feed, seal: None });
        }
        let head = if head.is_none() { self.head_before()? } else { head };
        let bytes = u64::try_from(debris.len()).unwrap_or(u64::MAX);
        Ok(End { head, feed, seal: Some(What::Sealed { bytes, debris: Digest::of_debris(debris), torn }) })
    }

    /// The last record of the file before the current one.
    ///
    /// # Errors
    /// The kernel's, or a file that is too large.
    fn head_before(&self) -> Result<Option<(u64, Digest)>, LogError> {
        let name = rotated(1);
        match self.open(&name, OFlag::O_RDONLY) {
            Ok(mut file) => Ok(last_record(&self.content(&mut file, &name)?).0),
            Err(LogError::Refused { errno: Errno::ENOENT, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives every file the name of the one before it; the oldest is replaced, unless a crash has left a gap that takes them.
    ///
    /// # Errors
    /// The kernel's.
    fn rotate(&self) -> Result<(), LogError> {
        let is_gap = |number: &u32| {
            let found = fstatat(self.descriptor.as_fd(), rotated(*number).as_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
            found == Err(Errno::ENOENT)
        };
        let last = (1..KEPT).find(is_gap).unwrap_or(KEPT);
        for number in (0..last).rev() {
            let (from, to) = (rotated(number), rotated(number + 1));
            match renameat(self.descriptor.as_fd(), from.as_str(), self.descriptor.as_fd(), to.as_str()) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(self.log.refused("rename", &self.log.folder.join(from), errno)),
            }
        }
        Ok(())
    }
}

/// Adds the line of the next record to `text`; `head` becomes that record.
///
/// # Errors
/// A record that cannot be written as JSON.
fn push(text: &mut Vec<u8>, head: &mut Option<(u64, Digest)>, writer: &Writer, what: What) -> Result<(), LogError> {
    let (number, previous) = head.map_or((0, Digest::default()), |(number, digest)| (number.saturating_add(1), digest));
    let (run, command) = (cut(&writer.run), cut(&writer.command));
    let (line, digest) = Record { number, previous, time: writer.time, run, command, what }.line()?;
    text.extend_from_slice(&line);
    *head = Some((number, digest));
    Ok(())
}

/// The name of the current file, 0, or an older one.
fn rotated(number: u32) -> String {
    if number == 0 { NAME.to_owned() } else { format!("{NAME}.{number}") }
}

/// Why what has this status cannot be trusted, if it cannot.
fn distrust(status: &FileStat, kind: u32) -> Option<&'static str> {
    let mode = status.st_mode;
    if mode & SFlag::S_IFMT.bits() != kind {
        Some("it is not of the kind that it should be")
    } else if status.st_uid != geteuid().as_raw() {
        Some("it belongs to somebody else")
    } else if mode & 0o022 != 0 {
        Some("others may write it")
    } else if kind == FILE && status.st_nlink > 1 {
        Some("it has more than one name")
    } else {
        None
    }
}

/// The kernel's number of an error.
fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
