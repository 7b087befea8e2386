//! Reading: regular files only, a bounded amount at a time.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::FileStat;

use super::error::OpError;
use super::{MAX_BYTES, open};
use crate::guard::Target;

/// Which part of a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// How many bytes are skipped.
    pub offset: u64,
    /// How many bytes are read at most; `None` for all the rest.
    pub limit: Option<u64>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The bytes of the span; fewer where the file ends before it.
    pub data: Vec<u8>,
    /// How large the whole file is.
    pub size: u64,
    /// When it was last changed, in milliseconds since 1970.
    pub modified: i64,
}

/// Reads a part of the target.
///
/// # Errors
/// When it is no regular file, cannot be read, was replaced meanwhile, or is larger than is read at once.
pub(super) fn read(target: &Target, span: Span) -> Result<Content, OpError> {
    let (mut file, facts) = open::regular(target, OFlag::O_RDONLY)?;
    let size = u64::try_from(facts.st_size).unwrap_or(0);
    let wanted = span.limit.unwrap_or_else(|| size.saturating_sub(span.offset));
    if wanted > MAX_BYTES && size.saturating_sub(span.offset) > MAX_BYTES {
        let path = target.path.clone();
        return Err(OpError::TooLarge { path, size: wanted, limit: MAX_BYTES, unit: "bytes" });
    }
    let failed = |error: std::io::Error| OpError::io("reading", &target.path, errno(&error));
    if span.offset > 0 {
        file.seek(SeekFrom::Start(span.offset)).map_err(failed)?;
    }
    let bound = span.limit.unwrap_or(MAX_BYTES).min(MAX_BYTES);
    let data = take(&file, bound, size).map_err(failed)?;
    Ok(Content { size: size.max(span.offset.saturating_add(length(&data))), data, modified: modified(&facts) })
}

/// Reads the whole target.
///
/// # Errors
/// As for [`read`].
pub(super) fn whole(target: &Target) -> Result<(Vec<u8>, FileStat), OpError> {
    let (file, facts) = open::regular(target, OFlag::O_RDONLY)?;
    let size = u64::try_from(facts.st_size).unwrap_or(0);
    let failed = |error: std::io::Error| OpError::io("reading", &target.path, errno(&error));
    let data = take(&file, MAX_BYTES.saturating_add(1), size).map_err(failed)?;
    within(&target.path, length(&data))?;
    Ok((data, facts))
}

/// Checks that `size` bytes are not too many.
///
/// # Errors
/// When they are.
pub(super) fn within(path: &std::path::Path, size: u64) -> Result<(), OpError> {
    if size <= MAX_BYTES {
        return Ok(());
    }
    Err(OpError::TooLarge { path: path.to_owned(), size, limit: MAX_BYTES, unit: "bytes" })
}

/// The next bytes of `file`, at most `bound` of them; a file of `size` needs one allocation.
///
/// # Errors
/// The kernel's.
fn take(file: &File, bound: u64, size: u64) -> std::io::Result<Vec<u8>> {
    let room = usize::try_from(size.min(bound)).unwrap_or(0);
    let mut data = Vec::with_capacity(room.saturating_add(1));
    file.take(bound).read_to_end(&mut data)?;
    Ok(data)
}

/// When a file with these facts was last changed, in milliseconds since 1970.
pub(super) fn modified(facts: &FileStat) -> i64 {
    facts.st_mtime.saturating_mul(1000).saturating_add(facts.st_mtime_nsec / 1_000_000)
}

/// How many bytes there are.
pub(super) fn length(data: &[u8]) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

/// The kernel's number for an error of the standard library.
pub(super) fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
