//! The guard of one connection that speaks plain HTTP/1: every request on it is for the connection's host, and where each ends is
//! beyond doubt.
//!
//! Bodies pass unseen: by their length, or chunk by chunk. Responses pass unseen too, but for the first one when the first request
//! asks for another protocol: nothing more of the client passes before the server has agreed or has not. WebSocket is carried then;
//! with any other protocol (h2c, which some clients always ask for and few servers agree to) the connection ends.

mod authority;
mod chunks;
mod head;
mod scan;
mod upgrade;

use lobsterpot_policy::ReasonCode;

use self::chunks::{Chunks, Piece};
use self::head::{HeadError, Next};
pub(crate) use self::scan::Scan;
use self::upgrade::{Answer, Upgrade};
use super::subject::Subject;
use crate::flow::check::{Reply, Step};

/// The longest head, in bytes.
const LONGEST_HEAD: usize = 64 << 10;
/// What to do about a request that is not clean.
const CLEAN: &str = "Use a common HTTP client, or HTTPS.";
/// What to do about a request for another host.
const SAME_HOST: &str = "Connect to each host by its own name, and let the Host header be that name.";
/// Where in the client's stream the guard is.
#[derive(Debug)]
enum Place {
    /// Before or in a head.
    Head(Scan),
    /// In a chunked body.
    Chunks(Chunks),
    /// Behind a request for another protocol, as long as the server has not answered.
    Asked,
    /// The server has agreed to WebSocket.
    Switched,
}

/// The guard.
#[derive(Debug)]
pub(super) struct Guard {
    /// Where in the client's stream.
    place: Place,
    /// Whether a whole head was seen.
    begun: bool,
    /// Whether the server said something before it was asked.
    spoken: bool,
    /// The answer to a request for another protocol, while it is awaited.
    upgrade: Option<Upgrade>,
}

impl Guard {
    /// Before the first byte. `spoken` is whether the server has said something already.
    pub(super) fn new(spoken: bool) -> Self {
        Self { place: Place::Head(Scan::default()), begun: false, spoken, upgrade: None }
    }

    /// What the client said.
    pub(super) fn client(&mut self, held: &[u8], subject: &Subject) -> Step {
        match &mut self.place {
            Place::Head(scan) => match scan.head(held) {
                Err(error) => malformed(subject, &error),
                Ok(Some(end)) if end <= LONGEST_HEAD => {
                    let (head, body) = held.split_at_checked(end).unwrap_or_default();
                    self.head(head, body.first().copied(), subject)
                }
                Ok(None) if held.len() < LONGEST_HEAD => Step::More,
                Ok(_) => refuse(subject, ReasonCode::TooMuch, &"the head of a request is longer than 64 KiB", CLEAN),
            },
            Place::Chunks(chunks) => match chunks.take(held) {
                Ok(Piece::More) => Step::More,
                Ok(Piece::Pass(count)) => Step::Pass(count),
                Ok(Piece::Last(count)) => {
                    self.place = Place::Head(Scan::default());
                    Step::Pass(count)
                }
                Err(error) => malformed(subject, &error),
            },
            Place::Asked => Step::Wait,
            Place::Switched => Step::Rest,
        }
    }

    /// Judges a whole head; `body` is the first byte behind it, when it has come.
    fn head(&mut self, head: &[u8], body: Option<u8>, subject: &Subject) -> Step {
        let may_upgrade = !self.begun && !self.spoken;
        let next = match head::judge(head, subject, may_upgrade) {
            Ok(next) => next,
            Err(error) => return refuse(subject, reason_of(&error), &error, hint_of(&error)),
        };
        let next = match (next, body) {
            (Next::Stray(_), None) => return Step::More,
            (Next::Stray(_), Some(first)) if head::may_begin_a_request(first) => {
                return malformed(subject, &HeadError::Stray);
            }
            (Next::Stray(length), Some(_)) => Next::Body(length),
            (next, _) => next,
        };
        self.begun = true;
        let Ok(length) = u64::try_from(head.len()) else { return Step::More };
        match next {
            Next::Body(body) | Next::Stray(body) => {
                self.place = Place::Head(Scan::default());
                Step::Pass(length.saturating_add(body))
            }
            Next::Chunks => {
                self.place = Place::Chunks(Chunks::new());
                Step::Pass(length)
            }
            Next::Upgrade { body, websocket } => {
                self.place = Place::Asked;
                self.upgrade = Some(Upgrade::new(websocket));
                Step::Pass(length.saturating_add(body))
            }
        }
    }

    /// What the client said before it ended: a head or a chunk that is not whole.
    pub(super) fn end(subject: &Subject) -> Step {
        malformed(subject, &"the client ended in the middle of a request")
    }

    /// What the server said.
    pub(super) fn server(&mut self, held: &[u8], subject: &Subject) -> Step {
        let Some(upgrade) = &mut self.upgrade else {
            if self.begun {
                return Step::Rest;
            }
            self.spoken = true;
            return u64::try_from(held.len()).map_or(Step::More, Step::Pass);
        };
        match upgrade.take(held) {
            Answer::More => Step::More,
            Answer::Interim(count) => Step::Pass(count),
            Answer::WebSocket => {
                (self.place, self.upgrade) = (Place::Switched, None);
                Step::Rest
            }
            Answer::Declined => {
                (self.place, self.upgrade) = (Place::Head(Scan::default()), None);
                Step::Rest
            }
            Answer::Agreed => {
                let why = "the server agrees to a protocol that is not carried; without TLS only WebSocket is";
                refuse(subject, ReasonCode::Protocol, &why, "Do not ask for an upgrade (such as h2c), or use HTTPS.")
            }
            Answer::Unclear => {
                let why = "the server's answer to a request for another protocol cannot be understood";
                refuse(subject, ReasonCode::Malformed, &why, "Try again without the request to upgrade.")
            }
        }
    }
}

/// The code of a refusal.
fn reason_of(error: &HeadError) -> ReasonCode {
    match error {
        HeadError::Hosts | HeadError::OtherHost(_) => ReasonCode::NameMismatch,
        HeadError::Connect | HeadError::Upgrade => ReasonCode::Protocol,
        HeadError::Request(refusal) => refusal.reason,
        HeadError::Syntax(_)
        | HeadError::Length
        | HeadError::Method
        | HeadError::Target
        | HeadError::Stray
        | HeadError::Ambiguous(_) => ReasonCode::Malformed,
    }
}

/// What to do about it.
fn hint_of(error: &HeadError) -> &str {
    match error {
        HeadError::Hosts | HeadError::OtherHost(_) => SAME_HOST,
        HeadError::Request(refusal) => &refusal.instead,
        HeadError::Upgrade => "Ask for it in the first request of a connection, or use HTTPS.",
        HeadError::Connect => "Connect to the host by its own name, without a proxy.",
        HeadError::Syntax(_)
        | HeadError::Length
        | HeadError::Method
        | HeadError::Target
        | HeadError::Stray
        | HeadError::Ambiguous(_) => CLEAN,
    }
}

/// Refuses what cannot be understood for sure.
fn malformed(subject: &Subject, why: &impl std::fmt::Display) -> Step {
    refuse(subject, ReasonCode::Malformed, why, CLEAN)
}

/// Refuses, and says so in the way of HTTP.
pub(super) fn refuse(subject: &Subject, reason: ReasonCode, why: &impl std::fmt::Display, instead: &str) -> Step {
    let refusal = subject.refuse("http", reason, why, instead);
    let reply = forbidden(&refusal.0.message, reason, instead);
    Step::Refuse(refusal, Reply::Close(reply))
}

/// A response that says no.
pub(crate) fn forbidden(message: &str, reason: ReasonCode, instead: &str) -> Vec<u8> {
    let line = crate::report::printable(&format!("lobsterpot: {reason}: {message} {instead}"), 1024);
    let length = line.len() + 1;
    format!(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{line}\n"
    )
    .into_bytes()
}
