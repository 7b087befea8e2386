//! Messages that are meant to break the server.

use hickory_proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};

use super::{Transport, answer, ask, extended, question, server, stays_inside};
use crate::dns::LONGEST_REQUEST;

/// What raw bytes are answered over UDP.
fn raw(packet: &[u8]) -> Option<Message> {
    let (gate, names) = server();
    let answer = answer(&gate, &names, packet, Transport::Udp)?;
    Some(Message::from_vec(&answer).expect("an answer that parses"))
}

/// The response code for raw bytes.
fn code(packet: &[u8]) -> Option<ResponseCode> {
    raw(packet).map(|answer| answer.metadata.response_code)
}

/// The bytes of an honest question.
fn honest() -> Vec<u8> {
    extended(question("example.com", RecordType::A)).to_vec().expect("bytes")
}

/// A header that promises so many records, and what follows it.
fn message(counts: [u16; 4], body: &[u8]) -> Vec<u8> {
    let counts: Vec<u8> = counts.iter().flat_map(|count| count.to_be_bytes()).collect();
    [&[0x12, 0x34, 1, 0], counts.as_slice(), body].concat()
}

#[test]
fn an_answer_is_never_answered() {
    let mut packet = honest();
    packet[2] |= 0x80;
    assert_eq!(code(&packet), None);
    for length in 0..12 {
        assert_eq!(code(&honest()[..length]), None);
    }
}

#[test]
fn a_question_cut_off_anywhere_is_a_format_error() {
    let packet = honest();
    for length in 12..packet.len() {
        assert_eq!(code(&packet[..length]), Some(ResponseCode::FormErr), "{length}");
    }
    assert_eq!(code(&packet), Some(ResponseCode::NoError));
    assert_eq!(code(&[packet.as_slice(), &[0]].concat()), Some(ResponseCode::FormErr), "and more than it");
}

#[test]
fn other_operations_are_not_implemented() {
    for number in 1..16 {
        let mut packet = honest();
        packet[2] |= number << 3;
        let answer = raw(&packet).expect("an answer");
        assert_eq!(answer.metadata.response_code, ResponseCode::NotImp, "{number}");
        assert_eq!((answer.metadata.id, answer.metadata.op_code), (0x1234, OpCode::from_u8(number)));
    }
}

#[test]
fn two_questions_or_none_and_records_in_a_question_are_format_errors() {
    let name = b"\x07example\x03com\0\0\x01\0\x01";
    assert_eq!(code(&message([1, 0, 0, 0], name)), Some(ResponseCode::NoError));
    assert_eq!(code(&message([0, 0, 0, 0], b"")), Some(ResponseCode::FormErr));
    assert_eq!(code(&message([2, 0, 0, 0], &[name.as_slice(), name].concat())), Some(ResponseCode::FormErr));
    let record = b"\0\0\x01\0\x01\0\0\0\0\0\x04\x7f\0\0\x01";
    for counts in [[1, 1, 0, 0], [1, 0, 1, 0]] {
        assert_eq!(code(&message(counts, &[name.as_slice(), record].concat())), Some(ResponseCode::FormErr));
    }
    assert_eq!(code(&message([1, 0, 0, 1], &[name.as_slice(), record].concat())), Some(ResponseCode::NoError));
}

#[test]
fn numbers_that_promise_more_than_there_is_allocate_nothing() {
    for counts in [[u16::MAX; 4], [1, 0, 0, u16::MAX], [u16::MAX, 0, 0, 0], [1, u16::MAX, 0, 0]] {
        assert_eq!(code(&message(counts, b"\x07example\x03com\0\0\x01\0\x01")), Some(ResponseCode::FormErr));
    }
}

#[test]
fn compressed_names_loops_and_reserved_labels_are_format_errors() {
    let tail = b"\0\x01\0\x01";
    let names: [&[u8]; 8] = [
        b"\xc0\x0c",         // itself
        b"\xc0\x0e\xc0\x0c", // forwards and back
        b"\x01a\xc0\x0c",    // its own beginning
        b"\xc0\x04",         // into the header
        b"\xff\xff",         // behind the end
        b"\x40aaaa\0",       // a reserved kind of label
        b"\x80aaaa\0",       // another
        b"\x3faaaa",         // longer than what is there
    ];
    for name in names {
        assert_eq!(code(&message([1, 0, 0, 0], &[name, tail].concat())), Some(ResponseCode::FormErr), "{name:?}");
    }
    let long = [[&[63_u8][..], &[b'a'; 63]].concat().repeat(4), vec![0]].concat();
    assert_eq!(code(&message([1, 0, 0, 0], &[long.as_slice(), tail].concat())), Some(ResponseCode::FormErr));
}

#[test]
fn a_chain_of_pointers_as_long_as_a_message_is_answered_at_once() {
    // Every additional name is a pointer to the pointer before it; each is followed to its end, and there may be only four.
    let mut packet = message([1, 0, 0, 1], b"\x07example\x03com\0\0\x01\0\x01");
    while packet.len() < LONGEST_REQUEST - 16 {
        let before = u16::try_from(packet.len() - 2).expect("a short message") | 0xc000;
        packet.extend(before.to_be_bytes());
    }
    let start = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(code(&packet), Some(ResponseCode::FormErr));
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn two_edns_records_or_one_with_a_name_are_format_errors_and_other_versions_are_told() {
    let name = b"\x07example\x03com\0\0\x01\0\x01";
    let edns = b"\0\0\x29\x10\0\0\0\0\0\0\0";
    let with = |records: &[&[u8]]| {
        let count = u16::try_from(records.len()).expect("few records");
        code(&message([1, 0, 0, count], &[name.as_slice(), &records.concat()].concat()))
    };
    assert_eq!(with(&[edns]), Some(ResponseCode::NoError));
    assert_eq!(with(&[edns, edns]), Some(ResponseCode::FormErr));
    assert_eq!(with(&[b"\x01a\0\0\x29\x10\0\0\0\0\0\0\0"]), Some(ResponseCode::FormErr));
    let newer =
        raw(&message([1, 0, 0, 1], &[name.as_slice(), b"\0\0\x29\x10\0\0\x01\0\0\0\0"].concat())).expect("an answer");
    assert_eq!(u16::from(newer.metadata.response_code), u16::from(ResponseCode::BADVERS));
    assert_eq!(newer.edns.map(|edns| edns.version()), Some(0));
    // Options are not looked into, broken ones neither.
    assert_eq!(with(&[b"\0\0\x29\x10\0\0\0\0\0\0\x05\0\x0a\xff\xff\x01"]), Some(ResponseCode::NoError));
}

#[test]
fn a_question_longer_than_any_honest_one_is_a_format_error() {
    let mut packet = message([1, 0, 0, 1], b"\x07example\x03com\0\0\x01\0\x01\0\0\x29\x10\0\0\0\0\0");
    let padding = LONGEST_REQUEST - packet.len() - 2;
    packet.extend(u16::try_from(padding).expect("short").to_be_bytes());
    packet.resize(LONGEST_REQUEST, 0);
    assert_eq!(code(&packet), Some(ResponseCode::NoError));
    packet[36] += 1;
    packet.push(0);
    assert_eq!(code(&packet), Some(ResponseCode::FormErr));
}

#[test]
fn a_tunnel_of_long_names_meets_only_this_server() {
    let (gate, names) = server();
    for number in 0..2000_u32 {
        let payload = format!("{number:060x}.{number:060x}.{number:060x}.evil.example");
        for kind in [RecordType::TXT, RecordType::NULL, RecordType::CNAME, RecordType::A] {
            let answer = ask(&(gate.clone(), names.clone()), &extended(question(&payload, kind)));
            assert_eq!((answer.metadata.response_code, answer.answers.len()), (ResponseCode::NXDomain, 0));
        }
    }
    assert!(gate.reporter().drain().len() <= 512, "the report stays short");
}

/// The longest answer that a client with this question takes.
fn limit(packet: &[u8]) -> usize {
    let payload = Message::from_vec(packet).ok().and_then(|message| message.edns.map(|edns| edns.max_payload()));
    usize::from(payload.unwrap_or(512).clamp(512, 1232))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_break_the_server(packet in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Some(answer) = raw(&packet) {
            prop_assert!(stays_inside(&answer));
        }
    }

    #[test]
    fn damaged_questions_never_break_the_server_and_never_lead_out(
        name in "[a-zA-Z0-9_.*-]{0,40}(example\\.com|wide\\.example|evil\\.example|arpa)",
        kind in any::<u16>(),
        payload in any::<u16>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        let Ok(mut name) = Name::from_ascii(&name) else { return Ok(()) };
        name.set_fqdn(true);
        let mut message = question("x", RecordType::from(kind));
        message.queries[0].set_name(name);
        let mut edns = Edns::new();
        edns.set_max_payload(payload);
        message.set_edns(edns);
        let mut packet = message.to_vec().expect("bytes");
        for (place, byte) in damage {
            let place = place.index(packet.len());
            packet[place] = byte;
        }
        if is_cut {
            packet.truncate(cut.index(packet.len()));
        }
        let (gate, names) = server();
        for transport in [Transport::Udp, Transport::Tcp] {
            let Some(bytes) = answer(&gate, &names, &packet, transport) else { continue };
            let read = Message::from_vec(&bytes).expect("an answer that parses");
            prop_assert!(stays_inside(&read));
            prop_assert!(read.metadata.message_type == hickory_proto::op::MessageType::Response);
            prop_assert!(transport == Transport::Tcp || bytes.len() <= limit(&packet).max(512), "{}", bytes.len());
            prop_assert!(bytes.get(..2) == packet.get(..2), "the number is repeated");
        }
    }
}
