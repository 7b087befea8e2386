//! Writes the answer, never longer than the client takes.

use hickory_proto::op::{Edns, Message, OpCode};
use hickory_proto::rr::Record;
use hickory_proto::rr::rdata::opt::EdnsOption;

use super::Transport;
use super::decide::Outcome;
use super::request::Request;

/// How long an answer may be kept, in seconds: a name keeps its addresses for the whole run, but no longer.
const TTL: u32 = 30;
/// The largest datagram of a client that does not say what it takes, in bytes ([RFC 1035, 4.2.1]).
///
/// [RFC 1035, 4.2.1]: https://www.rfc-editor.org/rfc/rfc1035#section-4.2.1
const PLAIN: u16 = 512;
/// The largest datagram in any case, in bytes: it is never cut into fragments ([RFC 9715]).
///
/// [RFC 9715]: https://www.rfc-editor.org/rfc/rfc9715
const LARGEST: u16 = 1232;
/// The code of an EDNS option that explains an error ([RFC 8914]).
///
/// [RFC 8914]: https://www.rfc-editor.org/rfc/rfc8914
const EXTENDED_ERROR: u16 = 15;

/// The bytes of the answer. `None` when it cannot be written, which only a mistake of this program could cause.
pub(super) fn encode(request: &Request, outcome: Outcome, transport: Transport) -> Option<Vec<u8>> {
    let limit = match (transport, &request.edns) {
        (Transport::Tcp, _) => u16::MAX,
        (Transport::Udp, Some(edns)) => edns.payload.clamp(PLAIN, LARGEST),
        (Transport::Udp, None) => PLAIN,
    };
    fit(message(request, outcome), limit.into())
}

/// The message's bytes when they fit; else without its explanation; else without its answer, marked as cut off.
fn fit(mut message: Message, limit: usize) -> Option<Vec<u8>> {
    let whole = message.to_vec().ok()?;
    if whole.len() <= limit {
        return Some(whole);
    }
    if let Some(edns) = &mut message.edns {
        edns.options_mut().remove(EXTENDED_ERROR.into());
    }
    let shorter = message.to_vec().ok()?;
    if shorter.len() <= limit {
        return Some(shorter);
    }
    message.truncate().to_vec().ok().filter(|cut| cut.len() <= limit)
}

/// The whole message: the question exactly as it was asked, letters in the case that they came in.
fn message(request: &Request, outcome: Outcome) -> Message {
    let mut message = Message::response(request.header.id, request.header.op_code);
    message.metadata.response_code = outcome.code;
    message.metadata.recursion_desired = request.header.recursion_desired;
    message.metadata.recursion_available = request.header.op_code == OpCode::Query;
    message.metadata.checking_disabled = request.header.checking_disabled;
    if let Some(question) = &request.question {
        message.add_query(question.clone());
        message.add_answers(outcome.data.map(|data| Record::from_rdata(question.name().clone(), TTL, data)));
    }
    if let Some(client) = &request.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(LARGEST).set_dnssec_ok(client.dnssec);
        if let Some(note) = outcome.note {
            edns.options_mut().insert(EdnsOption::Unknown(EXTENDED_ERROR, note.bytes()));
        }
        message.set_edns(edns);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::{fit, message};
    use crate::dns::decide::{Note, Outcome};
    use crate::dns::request::Request;
    use hickory_proto::op::{Edns, Message, Query, ResponseCode};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData, RecordType};

    /// A question with EDNS.
    fn request() -> Request {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii("eXample.com.").expect("a name"), RecordType::A));
        question.set_edns(Edns::new());
        Request::read(&question.to_vec().expect("a message")).expect("a request")
    }

    #[test]
    fn what_does_not_fit_loses_its_explanation_first_and_then_its_answer() {
        let outcome = Outcome {
            code: ResponseCode::NoError,
            data: Some(RData::A(A::new(127, 0, 0, 1))),
            note: Some(Note::blocked("why", "what then")),
        };
        let whole = message(&request(), outcome);
        let full = whole.to_vec().expect("bytes").len();
        let read = |limit| Message::from_vec(&fit(whole.clone(), limit).expect("it fits")).expect("it parses");
        assert_eq!(read(full).edns.expect("EDNS").options().options.len(), 1);
        let shorter = read(full - 1);
        assert_eq!((shorter.answers.len(), shorter.metadata.truncation), (1, false));
        assert!(shorter.edns.expect("EDNS").options().options.is_empty());
        let cut = read(45);
        assert_eq!((cut.answers.len(), cut.metadata.truncation, cut.queries.len()), (0, true, 1));
    }
}
