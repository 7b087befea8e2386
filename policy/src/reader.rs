//! How policy files are read, and what must be known of a file before it is believed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file's content and everything that decides whether it may be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// The content.
    pub bytes: Vec<u8>,
    /// The permission bits of the opened file.
    pub mode: u32,
    /// The owner of the opened file.
    pub uid: u32,
    /// Where it really is, free of symbolic links.
    pub resolved_path: PathBuf,
    /// Whether the last component of the path that was asked for is a symbolic link.
    pub symlink: bool,
    /// Every folder passed on the way, those of symbolic links included; the root first.
    pub parents: Vec<Folder>,
}

/// A folder on the way to a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its path.
    pub path: PathBuf,
    /// Its permission bits, with the sticky bit.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
}

/// A source of files.
pub trait Reader {
    /// Reads one file; `None` when it does not exist.
    ///
    /// # Errors
    /// When the file exists and cannot be read, is no regular file, or is unreasonably large.
    fn read(&self, path: &Path) -> io::Result<Option<FileFacts>>;
}

/// Reads the host's own files.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemReader;

/// The largest policy file that is read, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// How many symbolic links are followed on the way to one file.
const MAX_LINKS: usize = 40;

/// `O_NONBLOCK`: opening must not wait for the other end of a pipe. The same number on every architecture supported.
const NONBLOCK: i32 = 0o4000;

impl Reader for SystemReader {
    fn read(&self, path: &Path) -> io::Result<Option<FileFacts>> {
        let Some(way) = Way::walk(path)? else { return Ok(None) };
        let expected = fs::symlink_metadata(&way.end)?;
        refuse_odd(&expected)?;
        let mut file = fs::OpenOptions::new().read(true).custom_flags(NONBLOCK).open(&way.end)?;
        let opened = file.metadata()?;
        if (opened.dev(), opened.ino()) != (expected.dev(), expected.ino()) {
            return Err(io::Error::other("it was replaced while it was being opened"));
        }
        refuse_odd(&opened)?;
        let mut bytes = Vec::new();
        (&mut file).take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_SIZE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
        }
        Ok(Some(FileFacts {
            bytes,
            mode: opened.mode() & 0o7777,
            uid: opened.uid(),
            resolved_path: way.end,
            symlink: way.last_is_link,
            parents: way.folders,
        }))
    }
}

/// Refuses what is not a regular file of reasonable size.
///
/// # Errors
/// When it is something else.
fn refuse_odd(metadata: &fs::Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if metadata.len() > MAX_SIZE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(())
}

/// Whether an error says that something on the way does not exist.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The way to a file, one component at a time, so that every folder that could redirect it is known.
struct Way {
    /// Where it ends, free of symbolic links.
    end: PathBuf,
    /// Every folder passed.
    folders: Vec<Folder>,
    /// Whether the last component asked for is a symbolic link.
    last_is_link: bool,
}

impl Way {
    /// Follows `path`; `None` when something on the way does not exist.
    ///
    /// # Errors
    /// When a component cannot be examined, or there are too many symbolic links.
    fn walk(path: &Path) -> io::Result<Option<Self>> {
        let path = std::path::absolute(path)?;
        let last_is_link = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata.is_symlink(),
            // The common case, settled by one question.
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut left: Vec<OsString> = path.iter().rev().map(OsStr::to_owned).collect();
        let mut end = PathBuf::from("/");
        let mut folders: Vec<Folder> = Vec::new();
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                end.pop();
                continue;
            }
            end.push(&name);
            let metadata = match fs::symlink_metadata(&end) {
                Ok(metadata) => metadata,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            if metadata.is_symlink() {
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::other("too many symbolic links"));
                }
                let target = fs::read_link(&end)?;
                end.pop();
                left.extend(target.iter().rev().filter(|part| *part != ".").map(OsStr::to_owned));
            } else if metadata.is_dir() && !folders.iter().any(|folder| folder.path == end) {
                folders.push(Folder { path: end.clone(), mode: metadata.mode() & 0o7777, uid: metadata.uid() });
            }
        }
        Ok(Some(Self { end, folders, last_is_link }))
    }
}
