//! The line to egress: packets in both directions, never waited for.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use lobsterpot_policy::orders::{Command, Event, LONGEST_PACKET};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, recv, send, setsockopt, shutdown, socketpair, sockopt,
};

/// Bytes that may wait in either direction.
const WAITING: usize = 256 << 10;

/// The launcher's end.
#[derive(Debug)]
pub(crate) struct Line(OwnedFd);

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// This.
    Event(Event),
    /// A packet that is none of those that were agreed on.
    Unreadable,
    /// Nothing more for now.
    Nothing,
    /// The other end is gone.
    Closed,
}

impl Line {
    /// A new line, and the other end of it, which waits as descriptors do.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    pub(crate) fn new() -> Result<(Self, OwnedFd), Errno> {
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        // A flood of refusals must not make egress wait for the launcher more than needed; less room is no harm.
        let _ = setsockopt(&other, sockopt::SndBuf, &WAITING);
        let _ = setsockopt(&one, sockopt::SndBuf, &WAITING);
        Ok((Self(one), other))
    }

    /// Says `command`, if there is room.
    ///
    /// # Errors
    /// `EAGAIN` when egress has not heard what was said before, `EPIPE` when it is gone.
    pub(crate) fn say(&self, command: &Command) -> Result<(), Errno> {
        let packet = serde_json::to_vec(command).map_err(|_| Errno::EINVAL)?;
        send(self.0.as_raw_fd(), &packet, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL).map(drop)
    }

    /// Hears the next packet, if there is one.
    pub(crate) fn hear(&self) -> Heard {
        // One byte more than a packet may have, so that a longer one is seen to be longer.
        let mut packet = [0; LONGEST_PACKET + 1];
        match recv(self.0.as_raw_fd(), &mut packet, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => Heard::Closed,
            Ok(length) => understood(packet.get(..length).unwrap_or_default()),
            Err(Errno::EAGAIN | Errno::EINTR) => Heard::Nothing,
            Err(_) => Heard::Closed,
        }
    }

    /// Says that nothing more will be said; egress ends then.
    pub(crate) fn close(&self) {
        let _ = shutdown(self.0.as_raw_fd(), Shutdown::Write);
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What `packet` says.
fn understood(packet: &[u8]) -> Heard {
    if packet.len() > LONGEST_PACKET {
        return Heard::Unreadable;
    }
    serde_json::from_slice(packet).map_or(Heard::Unreadable, Heard::Event)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line on whose other end this was sent.
    fn after(packets: &[&[u8]]) -> (Line, OwnedFd) {
        let (line, other) = Line::new().expect("a line");
        for packet in packets {
            send(other.as_raw_fd(), packet, MsgFlags::empty()).expect("sent");
        }
        (line, other)
    }

    #[test]
    fn what_was_agreed_on_is_understood_and_nothing_else_is() {
        let long = format!("{}\"started\"", " ".repeat(LONGEST_PACKET));
        let (line, _other) = after(&[
            b"\"started\"",
            b"{\"ready\":{\"id\":7}}",
            b"{\"ready\":{\"id\":7,\"more\":1}}",
            b"{\"ready\":{\"id\":-1}}",
            b"\xff",
            b"\"started\" \"started\"",
            long.as_bytes(),
        ]);
        assert_eq!(line.hear(), Heard::Event(Event::Started));
        assert_eq!(line.hear(), Heard::Event(Event::Ready { id: 7 }));
        for _ in 0..5 {
            assert_eq!(line.hear(), Heard::Unreadable);
        }
        assert_eq!(line.hear(), Heard::Nothing);
    }

    #[test]
    fn the_end_of_the_other_side_is_heard_after_its_last_words() {
        let (line, other) = after(&[b"\"started\""]);
        drop(other);
        assert_eq!(line.hear(), Heard::Event(Event::Started));
        assert_eq!(line.hear(), Heard::Closed);
        let want = Command::Want { id: 0, address: [198, 18, 0, 16].into(), port: 8080 };
        assert_eq!(line.say(&want), Err(Errno::EPIPE));
    }

    #[test]
    fn who_does_not_listen_keeps_nobody_waiting() {
        let (line, _other) = Line::new().expect("a line");
        let want = Command::Want { id: 0, address: [198, 18, 0, 16].into(), port: 8080 };
        let refused = (0..100_000).find_map(|_| line.say(&want).err());
        assert_eq!(refused, Some(Errno::EAGAIN));
    }
}
