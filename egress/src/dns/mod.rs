//! The sandbox's nameserver: it answers everything itself and asks nobody.
//!
//! A name that the policy allows gets addresses that stand for it (`names`); any other name does not exist, and the refusal is
//! reported. Whatever is put into a question, it ends here: what a name really leads to is looked up only when a connection is
//! made (`resolve`). [`answer`] is pure, bytes in and bytes out; `udp` and `tcp` carry them.
//!
//! Followed: [RFC 1035], [RFC 6891] (EDNS), [RFC 7766] (TCP), [RFC 8914] (extended errors), [RFC 6761] (`localhost`), [RFC 9619]
//! (one question). Negative answers carry no SOA record, so that nobody caches them ([RFC 2308]).
//!
//! [RFC 1035]: https://www.rfc-editor.org/rfc/rfc1035
//! [RFC 2308]: https://www.rfc-editor.org/rfc/rfc2308
//! [RFC 6761]: https://www.rfc-editor.org/rfc/rfc6761
//! [RFC 6891]: https://www.rfc-editor.org/rfc/rfc6891
//! [RFC 7766]: https://www.rfc-editor.org/rfc/rfc7766
//! [RFC 8914]: https://www.rfc-editor.org/rfc/rfc8914
//! [RFC 9619]: https://www.rfc-editor.org/rfc/rfc9619

mod decide;
mod reply;
mod request;
mod reverse;
mod tcp;
mod udp;

pub(crate) use {tcp::serve_tcp, udp::serve_udp};

use crate::gate::Gate;
use crate::names::Names;
use decide::Outcome;
use request::Request;

/// The longest question that is read, in bytes. Honest ones have less than 300, padded ones ([RFC 8467]) 468 at most.
///
/// [RFC 8467]: https://www.rfc-editor.org/rfc/rfc8467
const LONGEST_REQUEST: usize = 4096;

/// How a question came, which bounds its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In one datagram.
    Udp,
    /// On a connection.
    Tcp,
}

/// The answer to one message, or `None` when it deserves none: it is no question, or too short to be answered.
#[must_use]
pub(crate) fn answer(gate: &Gate, names: &Names, packet: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let request = Request::read(packet)?;
    let outcome = match (&request.question, request.fault) {
        (_, Some(code)) => Outcome::code(code),
        (Some(question), None) => decide::decide(gate, names, question),
        (None, None) => return None,
    };
    reply::encode(&request, outcome, transport)
}

#[cfg(test)]
mod tests;
