//! Pipes through which `splice(2)` moves bytes from one socket to another without copying them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice};
use nix::unistd::pipe2;

/// What a pipe is asked to hold: 256 KiB. The kernel may refuse it to a user who has many pipes; then it keeps its own size.
const SIZE: i32 = 256 << 10;
/// How many bytes are asked for in one call: as many as a pipe full of the kernel's largest pieces may hold.
const LENGTH: usize = 1 << 20;
/// How many empty pipes are kept.
const KEPT: usize = 8;

/// A pipe, and how much is in it.
#[derive(Debug)]
pub(super) struct Pipe {
    /// The end that is read.
    out: OwnedFd,
    /// The end that is written.
    into: OwnedFd,
    /// How many bytes are in it.
    filled: usize,
}

/// Empty pipes, and how many there are in all.
#[derive(Debug)]
pub(super) struct Pool {
    /// Those that are not used.
    empty: Vec<Pipe>,
    /// How many are used.
    used: usize,
    /// How many may be used.
    most: usize,
}

impl Pool {
    /// No pipe yet.
    pub(super) const fn new(most: usize) -> Self {
        Self { empty: Vec::new(), used: 0, most }
    }

    /// An empty pipe, if one can be had.
    pub(super) fn take(&mut self) -> Option<Pipe> {
        if self.used >= self.most {
            return None;
        }
        let pipe = self.empty.pop().or_else(Pipe::open)?;
        self.used += 1;
        Some(pipe)
    }

    /// Keeps the pipe for another connection, unless something is left in it or enough are kept.
    pub(super) fn give_back(&mut self, pipe: Pipe) {
        self.used = self.used.saturating_sub(1);
        if pipe.filled == 0 && self.empty.len() < KEPT {
            self.empty.push(pipe);
        }
    }
}

impl Pipe {
    /// A new pipe; none when there are no descriptors left.
    fn open() -> Option<Self> {
        let (out, into) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).ok()?;
        // A smaller pipe is slower and nothing else.
        let _size = fcntl(&into, FcntlArg::F_SETPIPE_SZ(SIZE));
        Some(Self { out, into, filled: 0 })
    }

    /// How many bytes are in it.
    pub(super) const fn filled(&self) -> usize {
        self.filled
    }

    /// Fills it from a socket with at most `most` bytes; 0 is the end of what the socket has to say. Only for an empty pipe, so that
    /// "would block" speaks of the socket.
    ///
    /// # Errors
    /// Those of `splice(2)`.
    pub(super) fn fill(&mut self, from: impl AsFd, most: u64) -> io::Result<usize> {
        let length = usize::try_from(most).unwrap_or(LENGTH).min(LENGTH);
        let count = splice(from, None, &self.into, None, length, FLAGS)?;
        self.filled += count;
        Ok(count)
    }

    /// Empties it into a socket, as far as the socket takes it.
    ///
    /// # Errors
    /// Those of `splice(2)`.
    pub(super) fn empty(&mut self, to: impl AsFd) -> io::Result<usize> {
        let count = splice(&self.out, None, to, None, self.filled, FLAGS)?;
        self.filled = self.filled.saturating_sub(count);
        Ok(count)
    }
}

/// Never wait, and move pages where that is possible.
const FLAGS: SpliceFFlags = SpliceFFlags::SPLICE_F_NONBLOCK.union(SpliceFFlags::SPLICE_F_MOVE);

#[cfg(test)]
mod tests {
    use super::{KEPT, Pool};

    #[test]
    fn there_are_never_more_pipes_than_allowed_and_few_are_kept() {
        let mut pool = Pool::new(KEPT + 2);
        let all: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(all.len(), KEPT + 2);
        all.into_iter().for_each(|pipe| pool.give_back(pipe));
        assert_eq!((pool.empty.len(), pool.used), (KEPT, 0));
    }

    #[test]
    fn a_pipe_with_something_left_in_it_is_not_given_to_another_connection() {
        let mut pool = Pool::new(1);
        let mut pipe = pool.take().expect("a pipe");
        let (mut here, there) = std::os::unix::net::UnixStream::pair().expect("a pair");
        std::io::Write::write_all(&mut here, b"secret").expect("there is room");
        assert_eq!(pipe.fill(&there, 100).expect("moved"), 6);
        pool.give_back(pipe);
        assert_eq!(pool.take().expect("a new one").filled(), 0);
    }
}
