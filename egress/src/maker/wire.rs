//! What egress and its maker say to one another: questions and answers of fixed size.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;

/// Bytes of a question: number, kind, family, port, address.
pub(super) const QUESTION: usize = 24;
/// Bytes of an answer: number, error.
pub(super) const ANSWER: usize = 8;

/// What is to be done with the new socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bind it and listen.
    Listen,
    /// Connect it.
    Connect,
}

/// A socket that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    /// What the answer repeats.
    pub(super) number: u32,
    /// What is to be done with it.
    pub(super) kind: Kind,
    /// To which address.
    pub(super) address: SocketAddr,
}

/// What became of it. A descriptor goes with it when there is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// The number of the question.
    pub(super) number: u32,
    /// Why there is no socket.
    pub(super) error: Option<Errno>,
}

impl Question {
    /// As bytes.
    pub(super) fn encode(&self) -> [u8; QUESTION] {
        let (family, address) = match self.address.ip() {
            IpAddr::V4(address) => (4, address.to_ipv6_mapped().octets()),
            IpAddr::V6(address) => (6, address.octets()),
        };
        let kind = match self.kind {
            Kind::Listen => 1,
            Kind::Connect => 2,
        };
        let mut bytes = [0; QUESTION];
        let parts = [&self.number.to_ne_bytes()[..], &[kind, family], &self.address.port().to_be_bytes(), &address];
        bytes.iter_mut().zip(parts.into_iter().flatten()).for_each(|(slot, byte)| *slot = *byte);
        bytes
    }

    /// From bytes; nothing when they are not a question.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; QUESTION] = bytes.try_into().ok()?;
        let (number, rest) = bytes.split_first_chunk::<4>()?;
        let (&[kind, family, high, low], address) = rest.split_first_chunk::<4>()?;
        let kind = match kind {
            1 => Kind::Listen,
            2 => Kind::Connect,
            _ => return None,
        };
        let address = Ipv6Addr::from(*<&[u8; 16]>::try_from(address).ok()?);
        let address = match family {
            4 => IpAddr::V4(address.to_ipv4_mapped()?),
            6 => IpAddr::V6(address),
            _ => return None,
        };
        let port = u16::from_be_bytes([high, low]);
        Some(Self { number: u32::from_ne_bytes(*number), kind, address: SocketAddr::new(address, port) })
    }
}

impl Answer {
    /// As bytes.
    pub(super) fn encode(&self) -> [u8; ANSWER] {
        let error = self.error.map_or(0, raw).to_ne_bytes();
        let mut bytes = [0; ANSWER];
        bytes.iter_mut().zip(self.number.to_ne_bytes().iter().chain(&error)).for_each(|(slot, byte)| *slot = *byte);
        bytes
    }

    /// From bytes; nothing when they are not an answer.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; ANSWER] = bytes.try_into().ok()?;
        let (number, error) = bytes.split_first_chunk::<4>()?;
        let error = i32::from_ne_bytes(*<&[u8; 4]>::try_from(error).ok()?);
        Some(Self { number: u32::from_ne_bytes(*number), error: (error != 0).then(|| Errno::from_raw(error)) })
    }
}

/// The kernel's number of an error. One that is not known here has none, and 0 would say that all went well: it goes as `EIO`.
#[expect(clippy::as_conversions, reason = "the discriminants are the kernel's numbers")]
const fn raw(errno: Errno) -> i32 {
    match errno as i32 {
        0 => Errno::EIO as i32,
        known => known,
    }
}

#[cfg(test)]
mod tests {
    use super::{ANSWER, Answer, Kind, QUESTION, Question};
    use nix::errno::Errno;
    use proptest::prelude::*;

    #[test]
    fn what_was_asked_and_answered_comes_back_the_same() {
        for address in ["198.18.0.9:8443", "[2001:2::9]:65535", "[::ffff:1.2.3.4]:0"] {
            for kind in [Kind::Listen, Kind::Connect] {
                let question = Question { number: 0x0102_0304, kind, address: address.parse().unwrap() };
                assert_eq!(Question::decode(&question.encode()), Some(question));
            }
        }
        for error in [None, Some(Errno::EADDRINUSE), Some(Errno::ECONNREFUSED)] {
            let answer = Answer { number: 7, error };
            assert_eq!(Answer::decode(&answer.encode()), Some(answer));
        }
    }

    #[test]
    fn an_error_that_is_not_known_is_never_told_as_success() {
        let answer = Answer { number: 7, error: Some(Errno::UnknownErrno) };
        assert_eq!(Answer::decode(&answer.encode()), Some(Answer { number: 7, error: Some(Errno::EIO) }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_question_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..2 * QUESTION)) {
            if let Some(question) = Question::decode(&bytes) {
                prop_assert_eq!(Question::decode(&question.encode()), Some(question));
            }
            prop_assert!(bytes.len() == ANSWER || Answer::decode(&bytes).is_none());
        }
    }
}
