//! A chunked body (RFC 9112, section 7.1): sizes are read strictly, contents pass unseen.

use httparse::{EMPTY_HEADER, Status};
use thiserror::Error;

use super::scan::{LineError, Scan};
use crate::sniff::method;

/// The longest line with a size, in bytes.
const LONGEST_LINE: usize = 1024;
/// The longest trailer section, in bytes.
const LONGEST_TRAILERS: usize = 8 << 10;
/// The most trailer lines.
const MOST_TRAILERS: usize = 32;
/// The most digits of a size: chunks are at most 64 GiB long, which fits every server's counter.
const MOST_DIGITS: usize = 9;
/// What a trailer may not say, since some servers merge trailers into the head.
const REFUSED_TRAILERS: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "expect"];

/// Why a chunked body is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum ChunkError {
    /// A size that is not hexadecimal digits alone, or too large.
    #[error("the size of a chunk can be understood in more than one way")]
    Size,
    /// An extension with bytes that do not belong there, or too long.
    #[error("the extension of a chunk is not clean")]
    Extension,
    /// A chunk that is not followed by CR LF.
    #[error("a chunk does not end where its size says")]
    End,
    /// Trailers that are not clean, too long, or replace headers.
    #[error("the trailers of a chunked body are not clean")]
    Trailers,
    /// A line that does not end in CR LF.
    #[error(transparent)]
    Line(#[from] LineError),
}

/// Where in a chunked body the stream is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chunks {
    /// Before the first size.
    First,
    /// Behind a chunk's content: CR LF, and the next size.
    Next,
    /// Behind the size 0: trailers and a blank line.
    Trailers(Scan),
}

/// What is to happen with the bytes that were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// More are needed.
    More,
    /// This many pass.
    Pass(u64),
    /// This many pass, and the body is over.
    Last(u64),
}

impl Chunks {
    /// Before the first size.
    pub(super) fn new() -> Self {
        Self::First
    }

    /// Looks at the bytes that follow what was passed so far.
    ///
    /// # Errors
    /// When the body could be understood in more than one way.
    pub(super) fn take(&mut self, held: &[u8]) -> Result<Piece, ChunkError> {
        match self {
            Self::First => self.size(held, 0),
            Self::Next if held.iter().zip(b"\r\n").any(|(byte, expected)| byte != expected) => Err(ChunkError::End),
            Self::Next => self.size(held.get(2..).unwrap_or_default(), 2),
            Self::Trailers(scan) => trailers(held, scan),
        }
    }

    /// Reads a line with a size; `before` bytes came before it.
    ///
    /// # Errors
    /// When the line is not clean.
    fn size(&mut self, line: &[u8], before: u64) -> Result<Piece, ChunkError> {
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, rest) = line.split_at_checked(digits).unwrap_or_default();
        if digits > MOST_DIGITS || (digits == 0 && !rest.is_empty()) {
            return Err(ChunkError::Size);
        }
        let Some(end) = end_of_extension(rest)? else { return Ok(Piece::More) };
        let size = std::str::from_utf8(size).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
        let size = size.ok_or(ChunkError::Size)?;
        let length = u64::try_from(digits + end).map_err(|_| ChunkError::Size)? + before;
        *self = if size == 0 { Self::Trailers(Scan::default()) } else { Self::Next };
        Ok(Piece::Pass(length + size))
    }
}

/// The length of a chunk's extension with its CR LF; `None` while it is incomplete.
///
/// # Errors
/// When it is neither empty nor begins with a semicolon, has bytes that end lines elsewhere, or is too long.
fn end_of_extension(rest: &[u8]) -> Result<Option<usize>, ChunkError> {
    for (at, byte) in rest.iter().enumerate() {
        let previous = at.checked_sub(1).and_then(|at| rest.get(at));
        match (byte, previous) {
            (b'\n', Some(b'\r')) => return Ok(Some(at + 1)),
            (_, Some(b'\r')) => return Err(ChunkError::Extension),
            (b'\r', _) => {}
            (b';', None) => {}
            (_, None) => return Err(ChunkError::Size),
            (b'\t' | b' '..=b'~', Some(_)) if at < LONGEST_LINE => {}
            (_, Some(_)) => return Err(ChunkError::Extension),
        }
    }
    Ok(None)
}

/// Reads the trailers.
///
/// # Errors
/// When they are not clean, too long, or say what only a head may say.
fn trailers(held: &[u8], scan: &mut Scan) -> Result<Piece, ChunkError> {
    if held.starts_with(b"\r\n") {
        return Ok(Piece::Last(2));
    }
    if held == b"\r" {
        return Ok(Piece::More);
    }
    let Some(end) = scan.head(held)? else {
        return if held.len() > LONGEST_TRAILERS { Err(ChunkError::Trailers) } else { Ok(Piece::More) };
    };
    let section = held.get(..end).filter(|section| section.len() <= LONGEST_TRAILERS).ok_or(ChunkError::Trailers)?;
    let mut lines = [EMPTY_HEADER; MOST_TRAILERS];
    let Ok(Status::Complete((length, lines))) = httparse::parse_headers(section, &mut lines) else {
        return Err(ChunkError::Trailers);
    };
    let is_refused = |name: &str| REFUSED_TRAILERS.contains(&name.to_ascii_lowercase().replace('_', "-").as_str());
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(method::is_token);
    if length != end || lines.iter().any(|line| is_refused(line.name) || !is_name(line.name)) {
        return Err(ChunkError::Trailers);
    }
    u64::try_from(end).map(Piece::Last).map_err(|_| ChunkError::Trailers)
}
