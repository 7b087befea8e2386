//! What must hold for any bytes that a nameserver sends; for the fuzzer, and in no shipped program.

use std::net::IpAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};

use super::message::{Kind, Question, Reply};

/// The most addresses of one name.
const MOST: usize = 32;

/// Checks that any bytes, as an answer to a question for `example.com`, are not believed, or speak of that name.
pub(crate) fn assert_answers_are_of_the_name(data: &[u8]) {
    let Some((number, _)) = data.split_first_chunk::<2>() else { return };
    let number = u16::from_be_bytes(*number);
    for kind in [Kind::V4, Kind::V6] {
        let Some(question) = Question::new(number, "example.com", kind) else { panic!("no question") };
        let other = Question::new(number.wrapping_add(1), "example.com", kind);
        assert!(other.is_some_and(|other| other.read(data).is_none()), "an answer to another question is believed");
        if let Some(Reply::Addresses(addresses, _)) = question.read(data) {
            assert!((1..=MOST).contains(&addresses.len()));
            let right = |address: &IpAddr| address.is_ipv4() == (kind == Kind::V4);
            assert!(addresses.iter().all(right), "{addresses:?} for {kind:?}");
            assert_said_of_the_name(data, &addresses);
        }
        for with_edns in [false, true] {
            assert!(
                question.bytes(with_edns).is_some_and(|bytes| question.read(&bytes).is_none()),
                "a question is an answer"
            );
        }
    }
}

/// Checks with another reader that each address is one of the name's own, or of a name that it is an alias of.
fn assert_said_of_the_name(data: &[u8], addresses: &[IpAddr]) {
    let Ok(message) = Message::from_vec(data) else { return };
    let mut names: Vec<Name> = message.queries.iter().map(|query| query.name().clone()).collect();
    for _ in 0..message.answers.len() {
        for record in message.answers.iter().filter(|record| record.record_type() == RecordType::CNAME) {
            if names.contains(&record.name)
                && let hickory_proto::rr::RData::CNAME(target) = &record.data
                && !names.contains(&target.0)
            {
                names.push(target.0.clone());
            }
        }
    }
    for address in addresses {
        let says = message
            .answers
            .iter()
            .any(|record| record.data.ip_addr() == Some(*address) && names.contains(&record.name));
        assert!(says, "{address} is of another name");
    }
}
