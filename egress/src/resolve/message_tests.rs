//! Answers of honest nameservers, of confused ones, and of those that lie.

use std::net::{IpAddr, Ipv4Addr};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};

use super::{Kind, MOST_ADDRESSES, MOST_ALIASES, MOST_RECORDS, Question, Reply};

/// The question of most tests.
fn asked() -> Question {
    Question::new(0x4321, "www.example.com", Kind::V4).expect("a name")
}

/// A name.
fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a name");
    name.set_fqdn(true);
    name
}

/// An address record.
fn address(owner: &str, ttl: u32, address: [u8; 4]) -> Record {
    Record::from_rdata(name(owner), ttl, RData::A(A(Ipv4Addr::from(address))))
}

/// An alias record.
fn alias(owner: &str, ttl: u32, target: &str) -> Record {
    Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
}

/// An answer with these records.
fn answer(records: Vec<Record>) -> Message {
    let mut message = Message::new(0x4321, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(name("www.example.com"), RecordType::A));
    message.add_answers(records);
    message
}

/// What is understood of an answer.
fn read(message: &Message) -> Option<Reply> {
    asked().read(&message.to_vec().expect("bytes"))
}

/// The addresses and their time.
fn addresses(list: &[[u8; 4]], ttl: u32) -> Option<Reply> {
    Some(Reply::Addresses(list.iter().map(|address| IpAddr::from(*address)).collect(), ttl))
}

#[test]
fn the_question_is_the_name_and_nothing_else() {
    let bytes = asked().bytes(true).expect("bytes");
    let message = Message::from_vec(&bytes).expect("it parses");
    assert_eq!(message.queries, [Query::query(name("www.example.com"), RecordType::A)]);
    assert!(message.metadata.recursion_desired && message.metadata.message_type == MessageType::Query);
    assert_eq!(message.edns.map(|edns| edns.max_payload()), Some(1232));
    assert!(Message::from_vec(&asked().bytes(false).expect("bytes")).expect("it parses").edns.is_none());
    for odd in ["a_b.example.com", "_x.example.com", "xn--bcher-kva.example", "a"] {
        assert!(Question::new(1, odd, Kind::V6).is_some(), "{odd}");
    }
    assert!(Question::new(1, &"a.".repeat(200), Kind::V4).is_none());
}

#[test]
fn addresses_of_the_name_and_at_the_end_of_its_aliases_are_believed() {
    let own = answer(vec![address("WWW.example.COM", 60, [1, 1, 1, 1]), address("www.example.com", 30, [2, 2, 2, 2])]);
    assert_eq!(read(&own), addresses(&[[1, 1, 1, 1], [2, 2, 2, 2]], 30));
    let aliases = answer(vec![
        address("c.example.net", 90, [3, 3, 3, 3]),
        alias("b.example.net", 20, "C.example.net"),
        alias("www.example.com", 40, "b.example.net"),
    ]);
    assert_eq!(read(&aliases), addresses(&[[3, 3, 3, 3]], 20), "in whatever order they come");
}

#[test]
fn records_of_other_names_are_not_believed() {
    let liar =
        answer(vec![address("bank.example", 60, [6, 6, 6, 6]), address("www.example.com.evil", 60, [6, 6, 6, 6])]);
    assert_eq!(read(&liar), Some(Reply::Nothing));
    let stray = answer(vec![
        alias("other.example", 60, "www.example.com"),
        alias("www.example.com", 60, "b.example.net"),
        address("www.example.net", 60, [6, 6, 6, 6]),
    ]);
    assert_eq!(read(&stray), Some(Reply::Nothing), "the chain ends without an address");
    let mut additional = answer(Vec::new());
    additional.add_additional(address("www.example.com", 60, [6, 6, 6, 6]));
    additional.add_authority(address("www.example.com", 60, [6, 6, 6, 6]));
    assert_eq!(read(&additional), Some(Reply::Nothing), "only the answer section counts");
}

#[test]
fn contradictions_and_loops_make_no_sense() {
    let both = vec![alias("www.example.com", 60, "b.example.net"), address("www.example.com", 60, [1, 1, 1, 1])];
    assert_eq!(read(&answer(both)), Some(Reply::Useless));
    let two = vec![alias("www.example.com", 60, "b.example.net"), alias("www.example.com", 60, "c.example.net")];
    assert_eq!(read(&answer(two)), Some(Reply::Useless));
    let itself = vec![alias("www.example.com", 60, "www.example.com")];
    assert_eq!(read(&answer(itself)), Some(Reply::Useless));
    let circle = vec![alias("www.example.com", 60, "b.example.net"), alias("b.example.net", 60, "www.example.com")];
    assert_eq!(read(&answer(circle)), Some(Reply::Useless));
}

#[test]
fn a_chain_of_eight_aliases_is_followed_and_one_of_nine_is_not() {
    let chain = |length: usize| {
        let owner = |number: usize| match number {
            0 => "www.example.com".to_owned(),
            number => format!("n{number}.example.net"),
        };
        let mut records: Vec<_> = (0..length).map(|number| alias(&owner(number), 60, &owner(number + 1))).collect();
        records.push(address(&owner(length), 60, [1, 1, 1, 1]));
        read(&answer(records))
    };
    assert_eq!(chain(MOST_ALIASES), addresses(&[[1, 1, 1, 1]], 60));
    assert_eq!(chain(MOST_ALIASES + 1), Some(Reply::Useless));
}

#[test]
fn an_answer_to_another_question_is_none() {
    let honest = || answer(vec![address("www.example.com", 60, [6, 6, 6, 6])]);
    assert!(read(&honest()).is_some());
    let mut message = honest();
    message.metadata.id = 0x4322;
    assert_eq!(read(&message), None, "another number");
    message = honest();
    message.metadata.message_type = MessageType::Query;
    assert_eq!(read(&message), None, "a question");
    message = honest();
    message.metadata.op_code = OpCode::Status;
    assert_eq!(read(&message), None, "another operation");
    for query in [
        Query::query(name("www.example.org"), RecordType::A),
        Query::query(name("www.example.com"), RecordType::AAAA),
        Query::query(name("www.example.com"), RecordType::A).set_query_class(DNSClass::CH).clone(),
    ] {
        message = honest();
        message.queries = vec![query];
        assert_eq!(read(&message), None);
    }
    message = honest();
    message.queries.clear();
    assert_eq!(read(&message), None, "no question");
    message = honest();
    message.queries.push(Query::query(name("www.example.com"), RecordType::A));
    assert_eq!(read(&message), None, "two questions");
    message = honest();
    message.queries = vec![Query::query(name("wWw.EXAMPLE.com"), RecordType::A)];
    assert!(read(&message).is_some(), "case does not count");
}

#[test]
fn other_types_and_classes_are_passed_over() {
    let mut chaos = address("www.example.com", 1, [6, 6, 6, 6]);
    chaos.dns_class = DNSClass::CH;
    let v6 = Record::from_rdata(name("www.example.com"), 1, RData::AAAA(AAAA::new(1, 2, 3, 4, 5, 6, 7, 8)));
    let text = Record::from_rdata(name("www.example.com"), 1, RData::TXT(TXT::new(vec!["x".to_owned()])));
    let message = answer(vec![chaos, v6, text, address("www.example.com", 60, [1, 1, 1, 1])]);
    assert_eq!(read(&message), addresses(&[[1, 1, 1, 1]], 60));
}

#[test]
fn codes_say_what_to_do_next() {
    let code = |code| {
        let mut message = answer(Vec::new());
        message.metadata.response_code = code;
        read(&message)
    };
    assert_eq!(code(ResponseCode::NoError), Some(Reply::Nothing));
    assert_eq!(code(ResponseCode::NXDomain), Some(Reply::Nothing));
    assert_eq!(code(ResponseCode::ServFail), Some(Reply::Useless));
    assert_eq!(code(ResponseCode::Refused), Some(Reply::Useless));
    assert_eq!(code(ResponseCode::FormErr), Some(Reply::NotUnderstood));
    let mut bare = Message::new(0x4321, MessageType::Response, OpCode::Query);
    bare.metadata.response_code = ResponseCode::FormErr;
    assert_eq!(read(&bare), Some(Reply::NotUnderstood), "some repeat no question that they did not understand");
    let mut cut = answer(vec![address("www.example.com", 60, [1, 1, 1, 1])]);
    cut.metadata.truncation = true;
    assert_eq!(read(&cut), Some(Reply::Truncated), "what is there of it is not used");
}

#[test]
fn a_missing_name_with_its_authority_is_understood() {
    let mut message = answer(Vec::new());
    message.metadata.response_code = ResponseCode::NXDomain;
    let soa = SOA::new(name("ns.example.com"), name("admin.example.com"), 1, 2, 3, 4, 5);
    message.add_authority(Record::from_rdata(name("example.com"), 300, RData::SOA(soa)));
    assert_eq!(read(&message), Some(Reply::Nothing));
}

#[test]
fn a_record_of_the_wrong_length_spoils_the_answer() {
    let bytes = answer(vec![address("www.example.com", 60, [1, 1, 1, 1])]).to_vec().expect("bytes");
    let length = bytes.len() - 5;
    for wrong in [0_u8, 3, 5, 16, 255] {
        let mut bytes = bytes.clone();
        bytes[length] = wrong;
        bytes.resize(bytes.len() + 12, 0);
        assert_eq!(asked().read(&bytes), Some(Reply::Useless), "{wrong}");
    }
}

#[test]
fn a_flood_of_addresses_and_of_records_is_bounded() {
    let many = |count: u16| {
        let records = (0..count).map(|number| {
            let [high, low] = number.to_be_bytes();
            address("www.example.com", 60, [1, 1, high, low])
        });
        read(&answer(records.collect()))
    };
    let Some(Reply::Addresses(found, _)) = many(MOST_RECORDS) else { panic!("addresses") };
    assert_eq!(found.len(), MOST_ADDRESSES);
    assert_eq!(many(MOST_RECORDS + 1), Some(Reply::Useless));
    let mut promising = answer(Vec::new()).to_vec().expect("bytes");
    promising[6] = 0xff;
    assert_eq!(asked().read(&promising), Some(Reply::Useless));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_answers_never_break_the_reader_nor_add_addresses(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = answer(vec![
            alias("www.example.com", 40, "b.example.net"),
            address("b.example.net", 90, [3, 3, 3, 3]),
            address("b.example.net", 90, [4, 4, 4, 4]),
        ]).to_vec().expect("bytes");
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Some(Reply::Addresses(found, _)) = asked().read(&bytes) {
            prop_assert!(found.len() <= 2);
        }
    }

    #[test]
    fn random_bytes_behind_the_right_question_never_break_the_reader(tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = answer(Vec::new()).to_vec().expect("bytes");
        bytes[7] = 20;
        bytes.extend(tail);
        asked().read(&bytes);
    }
}
