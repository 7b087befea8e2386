//! The line between the launcher outside and the processes inside: one sequenced-packet socket pair.
//!
//! Outwards go a failure or the seccomp listener; inwards goes the word that identities are mapped, with the mounts that only the
//! outside can prepare, and leave to start the command. It closes when the command starts, which is how the outside learns that it did.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType, recvmsg, sendmsg,
    shutdown, socketpair,
};

use lobsterpot_policy::orders::Role;

use crate::step::Failure;

/// The most descriptors in one message (`SCM_MAX_FD` is 253).
const BATCH: usize = 200;
/// The longest message.
const LONGEST: usize = 2048;
/// First byte of a message with the seccomp listener.
const LISTENER: u8 = b'L';
/// First byte of a message with a failure.
const FAILURE: u8 = b'F';
/// First byte of a message with sockets of the sandbox's network.
const SOCKETS: u8 = b'S';
/// First byte of the message that the command has ended, with its status.
const ENDED: u8 = b'E';
/// First byte of the message that identities are mapped.
const MAPPED: u8 = b'M';
/// The message that the command may start.
const LEAVE: u8 = b'G';

/// One end of the line.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

/// What the inside says.
#[derive(Debug)]
pub(crate) enum Word {
    /// A step failed.
    Failed(Failure),
    /// Sockets of the sandbox's network, and what each is for; there may be more of them in further messages.
    Sockets(Vec<(OwnedFd, Role)>),
    /// The filter's listener, and a `sock_diag` socket of the sandbox's own network namespace when it has one.
    Listener(OwnedFd, Option<OwnedFd>),
    /// The command has ended with this exit status; others may still run.
    Ended(u8),
    /// The line is closed.
    Closed,
}

/// Both ends: outside, inside.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub(crate) fn pair() -> Result<(Channel, Channel), Errno> {
    let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    Ok((Channel(one), Channel(other)))
}

impl AsFd for Channel {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Channel {
    /// Tells of a failure. There is nobody to tell when this fails as well.
    pub(crate) fn fail(&self, failure: &Failure) {
        let mut message = vec![FAILURE];
        message.extend(failure.encode());
        let _ = self.send(&message, &[]);
    }

    /// Hands out the filter's listener.
    ///
    /// # Errors
    /// The kernel's, `EPIPE` when the outside is gone.
    pub(crate) fn hand_out(&self, listener: &OwnedFd, diagnosis: Option<&OwnedFd>) -> Result<(), Errno> {
        let descriptors: Vec<RawFd> =
            [Some(listener), diagnosis].into_iter().flatten().map(AsRawFd::as_raw_fd).collect();
        self.send(&[LISTENER], &descriptors)
    }

    /// Hands out sockets of the sandbox's network, before the listener.
    ///
    /// # Errors
    /// The kernel's, `EPIPE` when the outside is gone.
    pub(crate) fn hand_out_sockets(&self, sockets: &[(OwnedFd, Role)]) -> Result<(), Errno> {
        for batch in sockets.chunks(BATCH) {
            let mut message = vec![SOCKETS];
            message.extend(batch.iter().flat_map(|(_, role)| encode(*role)));
            let descriptors: Vec<RawFd> = batch.iter().map(|(socket, _)| socket.as_raw_fd()).collect();
            self.send(&message, &descriptors)?;
        }
        Ok(())
    }

    /// Tells that the command has ended.
    pub(crate) fn end(&self, status: u8) {
        let _ = self.send(&[ENDED, status], &[]);
    }

    /// Tells the inside that identities are mapped, and hands in prepared mounts.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn hand_in(&self, mounts: &[OwnedFd]) -> Result<(), Errno> {
        let raw: Vec<RawFd> = mounts.iter().map(AsRawFd::as_raw_fd).collect();
        for batch in raw.chunks(BATCH) {
            self.send(&[MAPPED, 1], batch)?;
        }
        self.send(&[MAPPED, 0], &[])
    }

    /// Waits for [`hand_in`](Self::hand_in).
    ///
    /// # Errors
    /// `EPIPE` when the outside is gone.
    pub(crate) fn take_in(&self) -> Result<Vec<OwnedFd>, Errno> {
        let mut mounts = Vec::new();
        loop {
            let (message, mut batch) = self.receive()?;
            match message.as_slice() {
                [MAPPED, 1] => mounts.append(&mut batch),
                [MAPPED, 0] => return Ok(mounts),
                _ => return Err(Errno::EPIPE),
            }
        }
    }

    /// Lets the command start: what it may change has been looked at. Where this cannot be told the line is shut, so that it never starts.
    pub(crate) fn give_leave(&self) {
        if self.send(&[LEAVE], &[]).is_err() {
            let _ = shutdown(self.0.as_raw_fd(), Shutdown::Write);
        }
    }

    /// Waits for [`give_leave`](Self::give_leave).
    ///
    /// # Errors
    /// `EPIPE` when the outside is gone, or cannot give it.
    pub(crate) fn await_leave(&self) -> Result<(), Errno> {
        match self.receive()?.0.as_slice() {
            [LEAVE] => Ok(()),
            _ => Err(Errno::EPIPE),
        }
    }

    /// Waits for the inside to say something.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn listen(&self) -> Result<Word, Errno> {
        let (message, descriptors) = match self.receive() {
            // The other end has left something unread. That is told once, before what it said itself, which may be why it failed.
            Err(Errno::ECONNRESET) => match self.receive() {
                Err(Errno::ECONNRESET) => return Ok(Word::Closed),
                other => other?,
            },
            other => other?,
        };
        if let Some((&SOCKETS, roles)) = message.split_first() {
            let (roles, rest) = roles.as_chunks();
            // A descriptor without a role, or the reverse, would be a mistake of the inside's: what is not understood is closed.
            let sockets =
                descriptors.into_iter().zip(roles).filter_map(|(socket, role)| Some((socket, decode(*role)?)));
            return Ok(if rest.is_empty() { Word::Sockets(sockets.collect()) } else { Word::Closed });
        }
        let mut descriptors = descriptors.into_iter();
        Ok(match (message.split_first(), descriptors.next()) {
            (Some((&FAILURE, failure)), _) => Failure::decode(failure).map_or(Word::Closed, Word::Failed),
            (Some((&ENDED, [status])), _) => Word::Ended(*status),
            (Some((&LISTENER, _)), Some(listener)) => Word::Listener(listener, descriptors.next()),
            _ => Word::Closed,
        })
    }

    /// Sends one message with descriptors.
    ///
    /// # Errors
    /// The kernel's.
    fn send(&self, message: &[u8], descriptors: &[RawFd]) -> Result<(), Errno> {
        let rights = [ControlMessage::ScmRights(descriptors)];
        let control = if descriptors.is_empty() { &[] } else { rights.as_slice() };
        sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(message)], control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
    }

    /// Receives one message with descriptors; empty when the line is closed.
    ///
    /// # Errors
    /// The kernel's.
    fn receive(&self) -> Result<(Vec<u8>, Vec<OwnedFd>), Errno> {
        let mut bytes = [0_u8; LONGEST];
        let mut space = nix::cmsg_space!([RawFd; BATCH]);
        let mut vector = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(self.0.as_raw_fd(), &mut vector, Some(&mut space), flags)?;
        let mut descriptors = Vec::new();
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(raw) = control {
                descriptors.extend(raw.into_iter().map(crate::sys::process::own));
            }
        }
        let length = message.bytes;
        Ok((bytes.get(..length).unwrap_or_default().to_vec(), descriptors))
    }
}

/// The bytes of a role that the inside gives out: its letter and its port.
fn encode(role: Role) -> [u8; 3] {
    let (letter, port) = match role {
        Role::Tcp { port } => (b't', port),
        Role::DnsUdp => (b'u', 0),
        Role::DnsTcp => (b'd', 0),
        Role::Proxy => (b'p', 0),
        Role::Tap => (b'i', 0),
        Role::Namespace => (b'n', 0),
        // These two are made outside.
        Role::Control => (b'c', 0),
        Role::Published { port } => (b'o', port),
    };
    let [high, low] = port.to_be_bytes();
    [letter, high, low]
}

/// The role that [`encode`] made these bytes of; `None` for others, and for roles that the inside has no sockets for.
fn decode([letter, high, low]: [u8; 3]) -> Option<Role> {
    match letter {
        b't' => Some(Role::Tcp { port: u16::from_be_bytes([high, low]) }),
        b'u' => Some(Role::DnsUdp),
        b'd' => Some(Role::DnsTcp),
        b'p' => Some(Role::Proxy),
        b'i' => Some(Role::Tap),
        b'n' => Some(Role::Namespace),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use nix::sys::stat::fstat;

    use super::*;

    /// A new descriptor that is distinguishable from all others.
    fn descriptor() -> OwnedFd {
        tempfile::tempfile().unwrap().into()
    }

    #[test]
    fn every_socket_arrives_with_its_own_role_however_many_there_are() {
        let (outside, inside) = pair().unwrap();
        let roles = [Role::DnsTcp, Role::DnsUdp, Role::Tap, Role::Proxy, Role::Namespace];
        let ports = (1..=300).map(|port| Role::Tcp { port });
        let sent: Vec<(OwnedFd, Role)> = roles.into_iter().chain(ports).map(|role| (descriptor(), role)).collect();
        inside.hand_out_sockets(&sent).unwrap();
        drop(inside);
        let mut got = Vec::new();
        while let Word::Sockets(sockets) = outside.listen().unwrap() {
            got.extend(sockets);
        }
        let identity = |(socket, role): &(OwnedFd, Role)| (fstat(socket).unwrap().st_ino, *role);
        let (sent, got): (Vec<_>, Vec<_>) = (sent.iter().map(identity).collect(), got.iter().map(identity).collect());
        assert_eq!(got, sent);
    }

    #[test]
    fn a_failure_is_heard_although_its_teller_left_something_unread() {
        let (outside, inside) = pair().unwrap();
        outside.hand_in(&[]).unwrap();
        let failure = Failure::new(crate::step::Step::IdentityMap, Errno::EPERM);
        inside.fail(&failure);
        drop(inside);
        assert!(matches!(outside.listen().unwrap(), Word::Failed(told) if told == failure));
        assert!(matches!(outside.listen().unwrap(), Word::Closed));
    }

    #[test]
    fn leave_that_cannot_be_given_is_not_waited_for() {
        let (outside, inside) = pair().unwrap();
        outside.give_leave();
        assert_eq!(inside.await_leave(), Ok(()));
        shutdown(outside.0.as_raw_fd(), Shutdown::Write).unwrap();
        outside.give_leave();
        assert_eq!(inside.await_leave(), Err(Errno::EPIPE));
        // What else the outside may say is no leave.
        let (outside, inside) = pair().unwrap();
        outside.hand_in(&[]).unwrap();
        assert_eq!(inside.await_leave(), Err(Errno::EPIPE));
    }

    #[test]
    fn a_role_that_the_inside_has_no_sockets_for_is_not_believed() {
        let (outside, inside) = pair().unwrap();
        let sent = [(descriptor(), Role::Control), (descriptor(), Role::Published { port: 80 })];
        inside.hand_out_sockets(&sent).unwrap();
        assert!(matches!(outside.listen().unwrap(), Word::Sockets(sockets) if sockets.is_empty()));
    }
}
