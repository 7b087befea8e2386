//! Requests in and answers out, so that a caller who never ends, or never reads, cannot hold this program up.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Explain;

/// How long a caller may take to send a request, or to take an answer. OpenClaw waits five seconds itself.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// As much as a pipe that is ready takes without waiting: `PIPE_BUF` of pipe(7).
const PIECE: usize = 4096;

/// Why a request did not arrive, or an answer was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// It does not end within the limit.
    #[error("the request on standard input is longer than {limit} bytes")]
    TooLong {
        /// How much is read.
        limit: usize,
    },
    /// It does not end in time.
    #[error("the request on standard input did not end within {} seconds", PATIENCE.as_secs())]
    Unfinished,
    /// Nobody takes the answer.
    #[error("nobody took the answer from standard output within {} seconds", PATIENCE.as_secs())]
    Stuck,
    /// The system refused to read.
    #[error("failed to read standard input: {source}")]
    Read {
        /// What it said.
        source: Errno,
    },
    /// The system refused to write.
    #[error("failed to write to standard output: {source}")]
    Write {
        /// What it said.
        source: Errno,
    },
}

impl Explain for StreamError {
    fn exit(&self) -> Exit {
        match self {
            Self::TooLong { .. } => Exit::Data,
            Self::Unfinished | Self::Stuck | Self::Read { .. } | Self::Write { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TooLong { .. } => "send fewer ids in one request".to_owned(),
            Self::Unfinished => "send the whole request and close the pipe".to_owned(),
            Self::Stuck | Self::Write { .. } => "keep the reader of this program's output running".to_owned(),
            Self::Read { .. } => "give the request on standard input".to_owned(),
        })
    }
}

/// Reads `input` to its end: at most `limit` bytes, within [`PATIENCE`].
///
/// # Errors
/// When it is longer, does not end in time, or cannot be read.
pub fn read(input: BorrowedFd<'_>, limit: usize) -> Result<Zeroizing<Vec<u8>>, StreamError> {
    let end = Instant::now() + PATIENCE;
    let mut bytes = Zeroizing::new(Vec::new());
    let mut piece = Zeroizing::new([0; PIECE]);
    loop {
        let is_ready = wait(input, PollFlags::POLLIN, end).map_err(|source| StreamError::Read { source })?;
        if !is_ready {
            return Err(StreamError::Unfinished);
        }
        match unistd::read(input, piece.as_mut()) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(source) => return Err(StreamError::Read { source }),
        }
        if bytes.len() > limit {
            return Err(StreamError::TooLong { limit });
        }
    }
}

/// Writes all of `bytes` to `output`, within [`PATIENCE`].
///
/// # Errors
/// When nobody takes them in time, or the other end is closed.
pub fn write(output: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), StreamError> {
    let end = Instant::now() + PATIENCE;
    let mut rest = bytes;
    while !rest.is_empty() {
        let is_ready = wait(output, PollFlags::POLLOUT, end).map_err(|source| StreamError::Write { source })?;
        if !is_ready {
            return Err(StreamError::Stuck);
        }
        match unistd::write(output, rest.get(..PIECE).unwrap_or(rest)) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(source) => return Err(StreamError::Write { source }),
        }
    }
    Ok(())
}

/// Waits for what `flags` say until `end`; whether it came, where the end of a stream counts.
///
/// # Errors
/// When the system cannot wait.
fn wait(stream: BorrowedFd<'_>, flags: PollFlags, end: Instant) -> Result<bool, Errno> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(stream, flags)], timeout) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::time::Instant;

    use nix::errno::Errno;
    use nix::unistd::pipe;

    use super::{PATIENCE, StreamError, read, write};

    #[test]
    fn a_request_is_read_to_its_end() {
        let (reader, writer) = pipe().unwrap();
        let sender = std::thread::spawn(move || {
            let mut writer = File::from(writer);
            writer.write_all(b"one").unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
            writer.write_all(b"two").unwrap();
        });
        assert_eq!(read(reader.as_fd(), 6).unwrap().as_slice(), b"onetwo");
        sender.join().unwrap();
    }

    #[test]
    fn an_endless_request_stops_at_the_limit() {
        let zero = File::open("/dev/zero").unwrap();
        assert_eq!(read(zero.as_fd(), 10_000), Err(StreamError::TooLong { limit: 10_000 }));
    }

    #[test]
    fn a_caller_who_never_closes_its_pipe_is_left() {
        let (reader, writer) = pipe().unwrap();
        let start = Instant::now();
        assert_eq!(read(reader.as_fd(), 10), Err(StreamError::Unfinished));
        assert!(start.elapsed() >= PATIENCE && start.elapsed() < PATIENCE * 2);
        drop(writer);
    }

    #[test]
    fn a_caller_who_never_reads_is_left() {
        let (reader, writer) = pipe().unwrap();
        assert_eq!(write(writer.as_fd(), &vec![b'x'; 1 << 20]), Err(StreamError::Stuck));
        drop(reader);
    }

    #[test]
    fn a_long_answer_passes_a_slow_pipe_whole() {
        let (reader, writer) = pipe().unwrap();
        let taker = std::thread::spawn(move || {
            let mut taken = Vec::new();
            File::from(reader).read_to_end(&mut taken).unwrap();
            taken
        });
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
        write(writer.as_fd(), &bytes).unwrap();
        drop(writer);
        assert_eq!(taker.join().unwrap(), bytes);
    }

    #[test]
    fn a_closed_pipe_is_an_error() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        assert_eq!(write(writer.as_fd(), b"x"), Err(StreamError::Write { source: Errno::EPIPE }));
    }
}
