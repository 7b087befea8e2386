//! What a process meets at many paths: the sandbox's side of the comparison with the file guard.

use crate::{Arguments, Attempt, Outcome, usage};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[("experience", experience)];

/// `experience`: standard input holds `ACCESS NUL PATH NUL` again and again, with `read`, `write` or `list` for the access. A
/// line for each says `reached DEVICE INODE`, `created DEVICE INODE PATH` (of the folder in which the first missing name was made, and of the end), `special`, or `failed ERRNO`. What is created
/// is removed again.
fn experience(_: &Arguments) -> Outcome {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    let fields: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let mut lines = vec![String::new()];
    for pair in fields.chunks_exact(2) {
        let [access, path] = pair else { return Err(usage("a path is missing")) };
        let path = Path::new(OsStr::from_bytes(path));
        let met = match *access {
            b"read" => read(path),
            b"write" => write(path),
            b"list" => list(path),
            _ => return Err(usage("an access is read, write or list")),
        };
        lines.push(met.unwrap_or_else(|error| format!("failed {}", error.raw_os_error().unwrap_or(0))));
    }
    Ok(lines.join("\n").into_bytes())
}

/// How an open file is reported.
fn reached(file: &File) -> io::Result<String> {
    let facts = file.metadata()?;
    let kind = facts.file_type();
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
        return Ok("special".to_owned());
    }
    Ok(format!("reached {} {}", facts.dev(), facts.ino()))
}

/// Opens to read; a folder counts as well.
fn read(path: &Path) -> io::Result<String> {
    reached(&OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?)
}

/// Lists a folder.
fn list(path: &Path) -> io::Result<String> {
    let folder = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path)?;
    for entry in std::fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))? {
        entry?;
    }
    reached(&folder)
}

/// Opens to write, creating what is not there; a folder is asked for its permission.
fn write(path: &Path) -> io::Result<String> {
    let mut existing = OpenOptions::new();
    existing.write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    match existing.open(path) {
        Ok(file) => reached(&file),
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Ok("special".to_owned()),
        Err(error) if error.raw_os_error() == Some(libc::EISDIR) => folder(path),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => create(&existing, path),
        Err(error) => Err(error),
    }
}

/// Tries to make something in a folder, and removes it.
fn folder(path: &Path) -> io::Result<String> {
    let folder = File::open(path)?;
    let probe = path.join(format!("probe-{}", std::process::id()));
    drop(OpenOptions::new().write(true).create_new(true).open(&probe)?);
    std::fs::remove_file(&probe)?;
    reached(&folder)
}

/// Creates what a path names, with the folders above it, and removes all of it where it really came to be.
fn create(existing: &OpenOptions, path: &Path) -> io::Result<String> {
    let mut made = Vec::new();
    let made_all = make_all(existing, path, &mut made);
    let above = made.first().and_then(|first: &PathBuf| first.parent()).map(std::fs::metadata);
    for place in made.iter().rev() {
        std::fs::remove_file(place).or_else(|_| std::fs::remove_dir(place))?;
    }
    let last = made_all?;
    let above = above.ok_or_else(|| usage("nothing was made"))??;
    Ok(format!("created {} {} {}", above.dev(), above.ino(), last.display()))
}

/// Makes what is missing of a path, and says where its end is.
fn make_all(existing: &OpenOptions, path: &Path, made: &mut Vec<PathBuf>) -> io::Result<PathBuf> {
    let bytes = path.as_os_str().as_bytes();
    let is_folder = bytes.ends_with(b"/") || bytes.ends_with(b"/.");
    let path = Path::new(".").join(path);
    let mut parts: Vec<Component<'_>> = path.components().collect();
    let mut missing = Vec::new();
    // The longest part that exists; what is missing behind it must be plain names.
    while !parts.iter().collect::<PathBuf>().exists() && is_there_no_link(&parts) {
        match parts.pop() {
            Some(Component::Normal(name)) => missing.push(name),
            _ => return Err(io::Error::from_raw_os_error(libc::ENOENT)),
        }
    }
    let mut place: PathBuf = parts.iter().collect();
    while let Some(name) = missing.pop() {
        place.push(name);
        if missing.is_empty() && !is_folder {
            break;
        }
        std::fs::create_dir(&place)?;
        made.push(std::fs::canonicalize(&place)?);
    }
    if !is_folder {
        let file = existing.clone().create(true).open(&place)?;
        made.push(std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?);
    }
    made.last().cloned().ok_or_else(|| io::Error::from_raw_os_error(libc::EISDIR))
}

/// Whether a path that does not exist is not just a link that leads nowhere, through which a file could be made.
fn is_there_no_link(parts: &[Component<'_>]) -> bool {
    !parts.iter().collect::<PathBuf>().is_symlink()
}
