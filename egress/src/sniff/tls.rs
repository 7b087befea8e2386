//! The guard of one connection that speaks TLS: the name that the client asks for is the connection's.
//!
//! A server may answer the first `ClientHello` with a wish (`HelloRetryRequest`, RFC 8446, section 4.1.4), and the second one could
//! then name another host. So nothing that follows the first passes before the server's answer is known to be no such wish, and if
//! it is, the second is held to the same name. After that the connection is encrypted, and passes unseen.

use lobsterpot_policy::ReasonCode;

use super::hello::{self, HANDSHAKE, Hello, HelloError};
use super::subject::Subject;
use crate::flow::check::{Reply, Step};
use crate::target::Target;

/// The `random` of a `ServerHello` that is a `HelloRetryRequest`.
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
/// The content types of `change_cipher_spec`, of alerts and of protected records.
const CHANGE: u8 = 20;
/// See [`CHANGE`].
const ALERT: u8 = 21;
/// See [`CHANGE`].
const PROTECTED: u8 = 23;
/// The longest protected record with its header (RFC 8446, section 5.2), in bytes.
const LONGEST_PROTECTED: u64 = (1 << 14) + 256;
/// What to do about a name that does not fit.
const SAME_NAME: &str = "Connect to each host by its own name, and let the client send that name (SNI).";

/// The alerts of RFC 8446, section 6, that tell the client.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Alert {
    /// The message cannot be understood.
    Decode = 50,
    /// The connection is not allowed.
    AccessDenied = 49,
    /// The name is not this server's.
    UnrecognizedName = 112,
}

/// Where in the handshake the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before or in the first `ClientHello`; nothing changes before this many bytes are there.
    First(usize),
    /// Behind it; the server has not answered.
    Asked,
    /// The server wants a second one; nothing changes before this many bytes are there.
    Again(usize),
    /// Nothing more is to be seen.
    Over,
}

/// The guard.
#[derive(Debug)]
pub(super) struct Guard(Place);

impl Guard {
    /// Before the first byte.
    pub(super) fn new() -> Self {
        Self(Place::First(0))
    }

    /// What the client said.
    pub(super) fn client(&mut self, held: &[u8], subject: &Subject) -> Step {
        match self.0 {
            Place::First(needed) | Place::Again(needed) if held.len() < needed => Step::More,
            Place::First(_) => self.hello(held, subject, Place::Asked),
            Place::Asked => Step::Wait,
            Place::Again(_) => self.again(held, subject),
            Place::Over => Step::Rest,
        }
    }

    /// Reads a `ClientHello`, after which the connection is in the place `then`.
    fn hello(&mut self, held: &[u8], subject: &Subject, then: Place) -> Step {
        match hello::read(held) {
            Ok(Hello::Incomplete(needed)) => {
                self.0 = if then == Place::Asked { Place::First(needed) } else { Place::Again(needed) };
                Step::More
            }
            Ok(Hello::Whole { name, length }) => match judge(name.as_deref(), subject) {
                Ok(()) => {
                    self.0 = then;
                    u64::try_from(length).map_or(Step::More, Step::Pass)
                }
                Err((why, alert)) => refuse(subject, ReasonCode::NameMismatch, &why, SAME_NAME, alert),
            },
            Err(error) => damaged(subject, error),
        }
    }

    /// Reads records up to the second `ClientHello`: early data, which the server skips, `change_cipher_spec`, and alerts, for not
    /// every alert ends a connection (OpenSSL goes on after `user_canceled`).
    fn again(&mut self, held: &[u8], subject: &Subject) -> Step {
        let length = held.get(3..5).map(|length| length.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)));
        match (held.first(), length) {
            (Some(&HANDSHAKE), _) => self.hello(held, subject, Place::Over),
            (Some(&(CHANGE | ALERT | PROTECTED)), None) => Step::More,
            (Some(&(CHANGE | ALERT | PROTECTED)), Some(length)) if (1..=LONGEST_PROTECTED).contains(&length) => {
                self.0 = Place::Again(0);
                Step::Pass(5 + length)
            }
            (None, _) => Step::More,
            (Some(_), _) => damaged(subject, HelloError::Record),
        }
    }

    /// What the client said before it ended.
    pub(super) fn end(subject: &Subject) -> Step {
        damaged(subject, HelloError::Damaged)
    }

    /// What the server said.
    pub(super) fn server(&mut self, held: &[u8]) -> Step {
        match self.0 {
            Place::First(_) => u64::try_from(held.len()).map_or(Step::More, Step::Pass),
            Place::Asked => match is_retry(held) {
                None => Step::More,
                Some(is_retry) => {
                    self.0 = if is_retry { Place::Again(0) } else { Place::Over };
                    Step::Rest
                }
            },
            Place::Again(_) | Place::Over => Step::Rest,
        }
    }
}

/// Whether the server's first message is a `HelloRetryRequest`; `None` while it may be. What is no `ServerHello` is none.
fn is_retry(held: &[u8]) -> Option<bool> {
    let (mut rest, mut message) = (held, Vec::new());
    while message.len() < 6 + RETRY.len() {
        match hello::record(rest) {
            Err(_) => return Some(false),
            Ok(Some((fragment, after))) => {
                message.extend_from_slice(fragment);
                rest = after;
            }
            Ok(None) if rest.len() < 5 => return None,
            Ok(None) => {
                message.extend_from_slice(rest.get(5..).unwrap_or_default());
                if message.len() < 6 + RETRY.len() {
                    return None;
                }
            }
        }
    }
    Some(message.first() == Some(&2) && message.get(6..6 + RETRY.len()) == Some(RETRY.as_slice()))
}

/// Judges the name that the client asks for.
///
/// # Errors
/// With a sentence, and the alert that says it.
fn judge(name: Option<&str>, subject: &Subject) -> Result<(), (String, Alert)> {
    match (name, &subject.target) {
        (Some(name), _) if subject.is_host(name) => Ok(()),
        (None, Target::Address(_)) => Ok(()),
        (Some(name), _) => Err((
            format!("the client asks for the TLS name \"{name}\", and the connection is for another host"),
            Alert::UnrecognizedName,
        )),
        (None, Target::Name(_)) => Err(("the client asks for no TLS name (SNI)".to_owned(), Alert::UnrecognizedName)),
    }
}

/// Refuses what cannot be understood for sure.
fn damaged(subject: &Subject, error: HelloError) -> Step {
    let (reason, alert) = match error {
        HelloError::TooLong => (ReasonCode::TooMuch, Alert::Decode),
        HelloError::Name | HelloError::Hidden => (ReasonCode::NameMismatch, Alert::UnrecognizedName),
        HelloError::Record | HelloError::Message | HelloError::Damaged | HelloError::Twice => {
            (ReasonCode::Malformed, Alert::Decode)
        }
    };
    refuse(subject, reason, &error, "Use a common TLS client.", alert)
}

/// Refuses TLS where it is not allowed at all.
pub(super) fn refuse_all(subject: &Subject, why: &str, instead: &str) -> Step {
    refuse(subject, ReasonCode::Protocol, &why, instead, Alert::AccessDenied)
}

/// Refuses, and says so in the way of TLS.
fn refuse(subject: &Subject, reason: ReasonCode, why: &impl std::fmt::Display, instead: &str, alert: Alert) -> Step {
    let refusal = subject.refuse("tls", reason, why, instead);
    Step::Refuse(refusal, Reply::Close(record_of(alert)))
}

/// The record of a fatal alert.
#[expect(clippy::as_conversions, reason = "the discriminants are the alerts' numbers, as repr(u8) says")]
fn record_of(alert: Alert) -> Vec<u8> {
    vec![21, 3, 3, 0, 2, 2, alert as u8]
}
