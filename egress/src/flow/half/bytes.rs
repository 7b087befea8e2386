//! Moving the bytes of one direction: copied, or spliced through a pipe where there are many; held where they are to be judged.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::{Broken, Half, Judged, Stage, Tools};
use crate::flow::check::HELD;
use crate::flow::meter::{Allowance, Meter};
use crate::flow::shares::Shares;

/// Fewer bytes than this at once, 4 KiB, are copied sooner than spliced.
const LITTLE: usize = 4 << 10;

impl Half {
    /// Writes what was read and may go on. Ready when nothing of that is left.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, to: &mut TcpStream) -> Poll<Result<(), Broken>> {
        if let Some(pipe) = &mut self.pipe {
            while pipe.filled() > 0 {
                ready!(to.poll_write_ready(cx)).map_err(lost)?;
                match to.try_io(Interest::WRITABLE, || pipe.empty(&*to)) {
                    Ok(0) => return Poll::Ready(Err(Broken::Lost)),
                    Ok(count) => {
                        self.free = self.free.saturating_sub(to_u64(count));
                        self.moved = true;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return Poll::Ready(Err(Broken::Lost)),
                }
            }
        }
        while self.free > 0 && !self.held.is_empty() {
            let may_go = usize::try_from(self.free).unwrap_or(usize::MAX).min(self.held.len());
            let going = self.held.bytes().get(..may_go).unwrap_or_default();
            let count = ready!(Pin::new(&mut *to).poll_write(cx, going)).map_err(lost)?;
            if count == 0 {
                return Poll::Ready(Err(Broken::Lost));
            }
            self.wrote(count);
            self.held.consume(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Notes that so many bytes went on.
    fn wrote(&mut self, count: usize) {
        self.free = self.free.saturating_sub(to_u64(count));
        self.moved = true;
        if self.free == 0 {
            self.judged = Judged::NotYet;
        }
    }

    /// Reads what may be read. Says how many bytes.
    pub(super) fn read(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
        tools: &mut Tools<'_>,
    ) -> Poll<Result<u64, Broken>> {
        let most = match tools.meter.map(Meter::allowance) {
            None => u64::MAX,
            Some(Allowance::Bytes(count)) => count,
            Some(Allowance::Exhausted) => 0,
            Some(Allowance::Later(moment)) => {
                self.not_before = Some(moment);
                return Poll::Pending;
            }
        };
        self.not_before = None;
        let count = if self.free == 0 || most == 0 {
            ready!(self.hold(cx, from, most, tools.shares))?
        } else if self.bulk && self.borrow_pipe(tools.shares) {
            ready!(self.splice(cx, from, most))?
        } else {
            ready!(self.copy(cx, from, to, most, tools.shares))?
        };
        if let Some(meter) = tools.meter {
            meter.charge(count);
        }
        if count == 0 {
            self.stage = Stage::Ended;
            self.judged = Judged::NotYet;
        }
        Poll::Ready(Ok(count))
    }

    /// Reads bytes that are to be judged. With `most` 0 only the end of what is said is accepted.
    fn hold(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        most: u64,
        shares: &Shares,
    ) -> Poll<Result<u64, Broken>> {
        let room = shares.chunk().min(HELD.saturating_sub(self.held.len()).max(1));
        let room = usize::try_from(most.max(1)).unwrap_or(usize::MAX).min(room);
        let count = shares.with_scratch(|scratch| {
            let read = ready!(read_some(cx, from, scratch, room))?;
            self.held.push(read);
            Poll::Ready(Ok(to_u64(read.len())))
        });
        let count = ready!(count).map_err(lost)?;
        if count > 0 && most == 0 {
            return Poll::Ready(Err(Broken::TooMuch("the bytes that its rule allows")));
        }
        self.judged = Judged::NotYet;
        self.moved |= count > 0;
        Poll::Ready(Ok(count))
    }

    /// Reads bytes and writes them at once; what the listener does not take is held.
    fn copy(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
        most: u64,
        shares: &Shares,
    ) -> Poll<Result<u64, Broken>> {
        let room = usize::try_from(most.min(self.free)).unwrap_or(usize::MAX).min(shares.chunk());
        let count = shares.with_scratch(|scratch| {
            let read = ready!(read_some(cx, from, scratch, room))?;
            let written = match Pin::new(to).poll_write(cx, read) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            };
            self.bulk = read.len() == room;
            let (count, rest) = (read.len(), read.get(written..).unwrap_or_default());
            self.held.push(rest);
            self.wrote(written);
            Poll::Ready(Ok(to_u64(count)))
        });
        count.map_err(lost)
    }

    /// Reads bytes into the pipe.
    fn splice(&mut self, cx: &mut Context<'_>, from: &TcpStream, most: u64) -> Poll<Result<u64, Broken>> {
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Ok(0)) };
        let most = most.min(self.free);
        loop {
            ready!(from.poll_read_ready(cx)).map_err(lost)?;
            match from.try_io(Interest::READABLE, || pipe.fill(from, most)) {
                Ok(count) => {
                    self.bulk = count >= LITTLE;
                    return Poll::Ready(Ok(to_u64(count)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(Err(Broken::Lost)),
            }
        }
    }

    /// Makes sure that there is a pipe, if one can be had.
    fn borrow_pipe(&mut self, shares: &Shares) -> bool {
        if self.pipe.is_none() {
            self.pipe = shares.pipe();
        }
        self.pipe.is_some()
    }

    /// Gives the pipe back when nothing is in it.
    pub(super) fn rest(&mut self, shares: &Shares) {
        if let Some(pipe) = self.pipe.take_if(|pipe| pipe.filled() == 0) {
            shares.give_back(pipe);
        }
    }
}

/// A socket failed; both ends learn it by a reset, and nobody else asks how.
fn lost(_: io::Error) -> Broken {
    Broken::Lost
}

/// Reads at most `room` bytes into `buffer`.
fn read_some<'a>(
    cx: &mut Context<'_>,
    from: &mut TcpStream,
    buffer: &'a mut [u8],
    room: usize,
) -> Poll<io::Result<&'a [u8]>> {
    let mut into = ReadBuf::new(buffer.get_mut(..room).unwrap_or_default());
    ready!(Pin::new(from).poll_read(cx, &mut into))?;
    let count = into.filled().len();
    Poll::Ready(Ok(buffer.get(..count).unwrap_or_default()))
}

/// A count of bytes as a larger number.
fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
