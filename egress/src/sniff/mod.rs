//! What is said on a connection is checked against the host that it is for, before anything passes that could make a server act.
//!
//! The first bytes tell TLS, HTTP/1 and everything else apart (`opening`). TLS asks for the connection's name (`tls`, `hello`);
//! each request of HTTP/1 is for the connection's host (`http`); everything else passes, since the synthetic address it was
//! connected to stands for one name. On port 80, and where a rule judges requests, only HTTP/1 passes.
//!
//! All of it is pure: bytes in, steps out. It keeps no copy of a connection's bytes, and what it remembers does not grow.

mod hello;
pub(crate) mod http;
mod method;
mod opening;
mod subject;
mod tls;

use lobsterpot_policy::{HostRule, ReasonCode};

use self::opening::{Kind, Opening};
use self::subject::Subject;
use crate::flow::check::{Check, Reply, Step};
use crate::gate::Gate;
use crate::target::Target;

/// The check of a connection to this host and port, which this rule allows.
pub(crate) fn check(target: &Target, port: u16, rule: &HostRule, gate: &Gate) -> Box<dyn Check> {
    Box::new(Checker { subject: Subject::new(target, port, rule, gate), place: Place::opening(), spoken: false })
}

/// The check of one connection.
#[derive(Debug)]
struct Checker {
    /// What it is for.
    subject: Subject,
    /// What is known about it.
    place: Place,
    /// Whether the server has said something.
    spoken: bool,
}

/// What is known about a connection.
#[derive(Debug)]
enum Place {
    /// Its first line is watched.
    Opening {
        /// The first line.
        opening: Opening,
        /// How many of the bytes that are held were looked at.
        looked: usize,
        /// Whether bytes of the client have passed.
        passed: bool,
    },
    /// It speaks TLS.
    Tls(tls::Guard),
    /// It speaks HTTP/1.
    Http(http::Guard),
    /// It speaks something that is not looked at.
    Other,
}

impl Place {
    /// Before the first byte.
    fn opening() -> Self {
        Self::Opening { opening: Opening::new(), looked: 0, passed: false }
    }
}

impl Checker {
    /// Whether only HTTP/1 passes.
    fn http_only(&self) -> bool {
        self.subject.port == 80 || self.subject.judges_requests()
    }

    /// Looks at the first bytes.
    fn open(&mut self, held: &[u8]) -> Step {
        let http_only = self.http_only();
        let Place::Opening { opening, looked, passed } = &mut self.place else { return Step::More };
        if !*passed {
            // A server that has greeted its client does not wait for a hello.
            match opening::is_skipped_tls(held).filter(|_| !self.spoken && !http_only) {
                Some(true) => return refuse_skipped(&self.subject),
                None if !self.spoken && !http_only => return Step::More,
                Some(false) | None => {}
            }
            match (opening::is_ssl2(held), opening::is_http2(held)) {
                (Some(false), Some(false)) => {}
                // Its first byte is no request's, so that the verdict waits for no second one.
                (Some(true) | None, _) if http_only => return self.other_than_http(),
                (Some(true), _) => return refuse_ssl2(&self.subject),
                (_, Some(true)) => return self.known(Kind::Other, held),
                (None, _) | (_, None) => return Step::More,
            }
        }
        let kind =
            held.get(*looked..).unwrap_or_default().iter().find_map(|byte| {
                opening.take(*byte).or_else(|| (http_only && opening.may_pass()).then_some(Kind::Other))
            });
        match kind {
            Some(kind) => self.known(kind, held),
            None if opening.may_pass() => {
                (*looked, *passed) = (0, true);
                u64::try_from(held.len()).map_or(Step::More, Step::Pass)
            }
            None => {
                *looked = held.len();
                Step::More
            }
        }
    }

    /// Goes on with what the connection turned out to be.
    fn known(&mut self, kind: Kind, held: &[u8]) -> Step {
        match kind {
            Kind::Tls if self.subject.judges_requests() => {
                let why = "the rule allows certain requests only, and requests within TLS cannot be judged";
                tls::refuse_all(
                    &self.subject,
                    why,
                    "Use plain HTTP, or ask the user for a rule without methods and paths.",
                )
            }
            Kind::Tls if self.http_only() => {
                tls::refuse_all(&self.subject, "port 80 is for plain HTTP", "Use HTTPS on its own port, 443.")
            }
            Kind::Tls => {
                self.place = Place::Tls(tls::Guard::new());
                self.client(held)
            }
            Kind::Http => {
                self.place = Place::Http(http::Guard::new(self.spoken));
                self.client(held)
            }
            Kind::AlmostHttp => {
                let why = "the first line is no clean request, but some servers would take it for one";
                http::refuse(&self.subject, ReasonCode::Malformed, &why, "Use a common HTTP client, or HTTPS.")
            }
            Kind::Other if self.http_only() => self.other_than_http(),
            Kind::Other => {
                self.place = Place::Other;
                Step::Rest
            }
        }
    }

    /// Refuses what is not HTTP/1.
    fn other_than_http(&self) -> Step {
        let why = if self.subject.judges_requests() {
            "the rule allows certain requests only, and this is not a request of HTTP/1"
        } else {
            "port 80 is for HTTP/1, and this is something else"
        };
        http::refuse(
            &self.subject,
            ReasonCode::Protocol,
            &why,
            "Use plain HTTP/1.1, or another port that the policy allows.",
        )
    }
}

impl Check for Checker {
    fn client(&mut self, held: &[u8]) -> Step {
        match &mut self.place {
            Place::Opening { .. } => self.open(held),
            Place::Tls(guard) => guard.client(held, &self.subject),
            Place::Http(guard) => guard.client(held, &self.subject),
            Place::Other => Step::Rest,
        }
    }

    fn client_end(&mut self, held: &[u8]) -> Step {
        match self.client(held) {
            Step::More | Step::Wait => {}
            Step::Pass(count) if usize::try_from(count).is_ok_and(|count| count < held.len()) => {
                return Step::Pass(count);
            }
            Step::Pass(_) | Step::Rest => return Step::Rest,
            Step::Refuse(refusal, reply) => return Step::Refuse(refusal, reply),
        }
        match &self.place {
            Place::Opening { opening, .. } if opening.is_request() || self.http_only() => {
                http::Guard::end(&self.subject)
            }
            Place::Opening { .. } | Place::Other => Step::Rest,
            Place::Tls(_) => tls::Guard::end(&self.subject),
            Place::Http(_) => http::Guard::end(&self.subject),
        }
    }

    fn server(&mut self, held: &[u8]) -> Step {
        self.spoken = true;
        match &mut self.place {
            Place::Opening { .. } => u64::try_from(held.len()).map_or(Step::More, Step::Pass),
            Place::Tls(guard) => guard.server(held),
            Place::Http(guard) => guard.server(held, &self.subject),
            Place::Other => Step::Rest,
        }
    }
}

/// Refuses TLS that begins otherwise than with a hello.
fn refuse_skipped(subject: &Subject) -> Step {
    let why = "a TLS record comes before the hello, and servers would skip it";
    let refusal = subject.refuse("tls", ReasonCode::Malformed, &why, "Use a common TLS client.");
    Step::Refuse(refusal, Reply::Reset)
}

/// Refuses a hello of SSL 2.
fn refuse_ssl2(subject: &Subject) -> Step {
    let why = "a hello in the way of SSL 2 has no place for a name";
    let refusal = subject.refuse("tls", ReasonCode::NameMismatch, &why, "Use a TLS client of this century.");
    Step::Refuse(refusal, Reply::Reset)
}

#[cfg(test)]
mod tests;
