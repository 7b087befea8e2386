//! Frames: four bytes that say how many follow, most significant first, then those bytes.

use std::io::{self, Read};

/// The longest frame.
pub(super) const MAX_FRAME: u32 = 64 * 1024 * 1024;
/// How much memory is kept from one frame to the next.
const KEPT: usize = 256 * 1024;
/// How many bytes the length takes.
const HEAD: usize = 4;

/// Why there is no further frame, although the other side has not ended cleanly.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The frame is longer than any may be.
    #[error("A frame of {length} bytes is longer than the {MAX_FRAME} that are allowed.")]
    TooLong {
        /// The length that was announced.
        length: u32,
    },
    /// The other side ended in the middle of a frame.
    #[error("The input ends in the middle of a frame.")]
    Truncated,
    /// The input cannot be read.
    #[error("The input cannot be read: {source}.")]
    Read {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

/// Whether there was a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There was.
    Frame,
    /// The other side has ended.
    End,
}

/// Reads the next frame into `content`.
///
/// Memory is taken as bytes arrive, not as they are announced, and given back after a large frame.
///
/// # Errors
/// When the frame is too long, or broken off.
pub(super) fn read(input: &mut impl Read, content: &mut Vec<u8>) -> Result<Next, FrameError> {
    recycle(content);
    let mut head = [0; HEAD];
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) if filled == 0 => return Ok(Next::End),
            Ok(0) => return Err(FrameError::Truncated),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let length = u32::from_be_bytes(head);
    if length > MAX_FRAME {
        return Err(FrameError::TooLong { length });
    }
    let read = input.take(length.into()).read_to_end(content)?;
    if u32::try_from(read) == Ok(length) { Ok(Next::Frame) } else { Err(FrameError::Truncated) }
}

/// Empties a buffer for the next frame.
pub(super) fn recycle(content: &mut Vec<u8>) {
    content.clear();
    content.shrink_to(KEPT);
}

/// Makes a frame of what `write` writes; `None` when that is too long.
///
/// # Errors
/// Those of `write`.
pub(super) fn build<E>(
    content: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Option<()>, E> {
    recycle(content);
    content.extend([0; HEAD]);
    write(content)?;
    let length = u32::try_from(content.len().saturating_sub(HEAD)).ok().filter(|&length| length <= MAX_FRAME);
    let head = content.first_chunk_mut::<HEAD>();
    Ok(head.zip(length).map(|(head, length)| *head = length.to_be_bytes()))
}
