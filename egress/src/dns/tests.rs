//! Questions as clients and attackers send them, and what comes back.

mod hostile;
mod sockets;

use std::net::{IpAddr, Ipv4Addr};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, Name, RecordType};
use lobsterpot_policy::orders::Event;
use lobsterpot_policy::{HostRule, Network, NetworkMode, Origin, Tier};

use super::{Transport, answer};
use crate::gate::Gate;
use crate::names::Names;
use crate::report::Reporter;

/// A gate for a network with these rules.
fn gate(mode: NetworkMode, rules: &[&str]) -> Gate {
    let origin = || Origin { tier: Tier::Flags, file: None, line: 0 };
    let rules = rules.iter().map(|rule| HostRule::parse(rule, origin()).expect("a rule")).collect();
    let network = Network { mode, rules, deny: Vec::new(), proxy: false, publish: Vec::new() };
    Gate::new(network, Reporter::default())
}

/// The gate and the names that most tests ask.
fn server() -> (Gate, Names) {
    let rules = ["example.com", "*.wide.example:*", "deb.example.org:80", "intranet:8080", "10.0.0.0/8:5432"];
    (gate(NetworkMode::Allowlist, &rules), Names::new(true))
}

/// A question.
fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let mut name = Name::from_ascii(name).expect("a name");
    name.set_fqdn(true);
    message.add_query(Query::query(name, kind));
    message
}

/// The same question from a client that speaks EDNS.
fn extended(mut message: Message) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(4096);
    message.set_edns(edns);
    message
}

/// What `message` is answered by this server.
fn ask((gate, names): &(Gate, Names), message: &Message) -> Message {
    let packet = message.to_vec().expect("bytes");
    let answer = answer(gate, names, &packet, Transport::Udp).expect("an answer");
    Message::from_vec(&answer).expect("an answer that parses")
}

/// The code and the addresses that a name is answered.
fn lookup(server: &(Gate, Names), name: &str, kind: RecordType) -> (ResponseCode, Vec<IpAddr>) {
    let answer = ask(server, &question(name, kind));
    let addresses = answer.answers.iter().map(|record| record.data.ip_addr().expect("an address")).collect();
    (answer.metadata.response_code, addresses)
}

/// The refusals that were reported: host and reason.
fn refusals(server: &(Gate, Names)) -> Vec<(String, String)> {
    let events = server.0.reporter().drain();
    let refusal = |event| match event {
        Event::Refused(refused) => Some((refused.host, refused.reason.to_string())),
        Event::Started
        | Event::Ready { .. }
        | Event::Allowed { .. }
        | Event::Repeated { .. }
        | Event::Failed { .. } => None,
    };
    events.into_iter().filter_map(refusal).collect()
}

#[test]
fn an_allowed_name_has_one_synthetic_address_of_each_kind() {
    let server = server();
    let v4: IpAddr = [198, 18, 0, 16].into();
    assert_eq!(lookup(&server, "example.com", RecordType::A), (ResponseCode::NoError, vec![v4]));
    let v6 = "2001:2::10".parse().expect("an address");
    assert_eq!(lookup(&server, "EXAMPLE.com.", RecordType::AAAA), (ResponseCode::NoError, vec![v6]));
    assert_eq!(lookup(&server, "a.b.wide.example", RecordType::A).1, [IpAddr::from([198, 18, 0, 17])]);
    assert_eq!(refusals(&server), []);
}

#[test]
fn without_ipv6_there_is_a_name_but_no_ipv6_address() {
    let server = (server().0, Names::new(false));
    assert_eq!(lookup(&server, "example.com", RecordType::AAAA), (ResponseCode::NoError, Vec::new()));
    assert_eq!(lookup(&server, "localhost", RecordType::AAAA), (ResponseCode::NoError, Vec::new()));
    assert_eq!(lookup(&server, "example.com", RecordType::A).1.len(), 1);
}

#[test]
fn a_name_that_no_rule_names_does_not_exist_and_is_reported() {
    let server = server();
    let strange = [
        "evil.example",
        "example.com.evil.example",
        "evil-example.com",
        "sub.example.com",
        "wide.example",
        "com",
        "xwide.example",
        "xn--exmple-cua.com",
        "intranet2",
        "printer.local",
        "use-application-dns.net",
    ];
    for name in strange {
        assert_eq!(lookup(&server, name, RecordType::A), (ResponseCode::NXDomain, Vec::new()), "{name}");
        assert_eq!(refusals(&server), [(name.to_owned(), "net.host-not-allowed".to_owned())], "{name}");
    }
}

#[test]
fn a_client_that_speaks_edns_is_told_why_and_what_to_write() {
    let server = server();
    let answer = ask(&server, &extended(question("evil.example", RecordType::A)));
    let options = answer.edns.expect("EDNS").options().clone();
    let [(_, EdnsOption::Unknown(15, data))] = options.options.as_slice() else { panic!("{options:?}") };
    let (code, text) = data.split_at(2);
    let text = String::from_utf8(text.to_vec()).expect("text");
    assert_eq!(code, [0, 15]);
    assert!(text.contains("evil.example") && text.contains("allow"), "{text}");
    assert!(ask(&server, &question("evil.example", RecordType::A)).edns.is_none(), "others get none");
    assert!(
        ask(&server, &extended(question("example.com", RecordType::A)))
            .edns
            .expect("EDNS")
            .options()
            .options
            .is_empty()
    );
}

#[test]
fn other_types_of_an_allowed_name_are_empty_so_that_clients_fall_back() {
    let server = server();
    let types = [1_u16, 28].map(RecordType::from);
    for kind in (1_u16..128).chain(255..300).map(RecordType::from).filter(|kind| !types.contains(kind)) {
        if kind == RecordType::OPT {
            continue;
        }
        let answer = ask(&server, &extended(question("example.com", kind)));
        assert_eq!((answer.metadata.response_code, answer.answers.len()), (ResponseCode::NoError, 0), "{kind}");
        assert!(answer.metadata.recursion_available && answer.authorities.is_empty(), "{kind}");
    }
    assert_eq!(refusals(&server), []);
}

#[test]
fn zone_transfers_other_classes_and_odd_types_are_refused() {
    let server = server();
    for kind in [0, 41, 128, 249, 250, 251, 252, 253, 254].map(RecordType::from) {
        assert_eq!(lookup(&server, "example.com", kind), (ResponseCode::Refused, Vec::new()), "{kind}");
    }
    for class in [DNSClass::CH, DNSClass::HS, DNSClass::ANY, DNSClass::NONE, DNSClass::Unknown(7)] {
        let mut message = question("version.bind", RecordType::TXT);
        message.queries[0].set_query_class(class);
        assert_eq!(ask(&server, &message).metadata.response_code, ResponseCode::Refused, "{class}");
    }
}

#[test]
fn the_case_of_the_question_is_repeated_exactly() {
    let server = server();
    let answer = ask(&server, &question("eXaMpLe.CoM", RecordType::A));
    assert_eq!(answer.queries[0].name().to_string(), "eXaMpLe.CoM.");
    assert_eq!(answer.answers[0].name.to_string(), "eXaMpLe.CoM.");
    assert_eq!(lookup(&server, "ExAmPlE.cOm", RecordType::A).1, lookup(&server, "example.com", RecordType::A).1);
    let refused = ask(&server, &question("EvIl.ExAmPlE", RecordType::A));
    assert_eq!(refused.queries[0].name().to_string(), "EvIl.ExAmPlE.");
    assert_eq!(refusals(&server)[0].0, "evil.example", "judged and reported in lower case");
}

#[test]
fn localhost_and_names_below_it_stay_in_the_sandbox() {
    let server = server();
    for name in ["localhost", "LOCALHOST.", "app.localhost"] {
        assert_eq!(lookup(&server, name, RecordType::A).1, [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        assert_eq!(lookup(&server, name, RecordType::AAAA).1, ["::1".parse::<IpAddr>().expect("an address")]);
    }
    assert_eq!(lookup(&server, "localhost", RecordType::TXT), (ResponseCode::NoError, Vec::new()));
    assert_eq!(lookup(&server, "localhost.example", RecordType::A).0, ResponseCode::NXDomain);
    assert_eq!(lookup(&server, "evil-localhost", RecordType::A).0, ResponseCode::NXDomain);
}

#[test]
fn an_address_as_a_name_is_no_name_even_where_a_rule_names_the_address() {
    let server = server();
    for name in ["10.0.0.1", "0x0a000001", "a.0x7f", "167772161", "10.1"] {
        assert_eq!(lookup(&server, name, RecordType::A), (ResponseCode::NXDomain, Vec::new()), "{name}");
        assert_eq!(refusals(&server), [(name.to_owned(), "net.bad-host".to_owned())], "{name}");
    }
}

#[test]
fn a_dot_within_a_part_does_not_make_a_name_of_two_parts() {
    let server = server();
    let mut message = question("x", RecordType::A);
    let labels: [&[u8]; 2] = [b"evil.wide", b"example"];
    message.queries[0].set_name(Name::from_labels(labels).expect("a name"));
    assert_eq!(ask(&server, &message).metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(refusals(&server)[0].1, "net.bad-host");
    for label in [&b"exa\0mple"[..], b"ex ample", b"\x1b[2J", b"*", b"\xff\xfe", b"a/b", b"a@b", b"a:b"] {
        message.queries[0].set_name(Name::from_labels([label, b"wide", b"example"]).expect("a name"));
        assert_eq!(ask(&server, &message).metadata.response_code, ResponseCode::NXDomain, "{label:?}");
        assert!(refusals(&server)[0].0.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{label:?}");
    }
}

#[test]
fn a_synthetic_address_has_its_name_and_others_have_none() {
    let server = server();
    lookup(&server, "example.com", RecordType::A);
    let back = |name: &str| {
        let answer = ask(&server, &question(name, RecordType::PTR));
        let found = answer.answers.first().map(|record| record.data.to_string());
        (answer.metadata.response_code, found)
    };
    assert_eq!(back("16.0.18.198.in-addr.arpa"), (ResponseCode::NoError, Some("example.com.".to_owned())));
    let v6 = format!("0.1.{}2.0.0.0.1.0.0.2.ip6.arpa", "0.".repeat(22));
    assert_eq!(back(&v6), (ResponseCode::NoError, Some("example.com.".to_owned())));
    assert_eq!(back("1.0.0.127.in-addr.arpa"), (ResponseCode::NoError, Some("localhost.".to_owned())));
    for name in ["17.0.18.198.in-addr.arpa", "1.0.18.198.in-addr.arpa", "0.18.198.in-addr.arpa", "in-addr.arpa"] {
        assert_eq!(back(name), (ResponseCode::NXDomain, None), "{name}");
    }
    assert_eq!(refusals(&server), []);
    assert_eq!(back("8.8.8.8.in-addr.arpa"), (ResponseCode::NXDomain, None));
    assert_eq!(refusals(&server), [("8.8.8.8".to_owned(), "net.address-not-named".to_owned())]);
    assert_eq!(back("secret.8.8.in-addr.arpa"), (ResponseCode::NXDomain, None));
    assert_eq!(refusals(&server), [("secret.8.8.in-addr.arpa".to_owned(), "net.host-not-allowed".to_owned())]);
}

#[test]
fn what_clients_ask_about_services_of_an_allowed_host_is_empty_and_not_reported() {
    let server = server();
    for name in ["_http._tcp.deb.example.org", "_8443._https.example.com"] {
        assert_eq!(lookup(&server, name, RecordType::SRV), (ResponseCode::NoError, Vec::new()), "{name}");
        assert_eq!(lookup(&server, name, RecordType::A), (ResponseCode::NoError, Vec::new()), "{name}");
    }
    assert_eq!(refusals(&server), []);
    assert_eq!(lookup(&server, "_http._tcp.evil.example", RecordType::SRV).0, ResponseCode::NXDomain);
    assert_eq!(refusals(&server).len(), 1);
}

#[test]
fn the_root_is_empty() {
    let server = server();
    for kind in [RecordType::NS, RecordType::SOA, RecordType::A] {
        assert_eq!(lookup(&server, ".", kind), (ResponseCode::NoError, Vec::new()));
    }
    assert_eq!(refusals(&server), []);
}

#[test]
fn learning_gives_addresses_to_public_names_but_not_to_those_of_a_local_network() {
    let server = (gate(NetworkMode::Learn, &["intranet:8080"]), Names::new(true));
    assert_eq!(lookup(&server, "anything.example", RecordType::A).1.len(), 1);
    assert_eq!(lookup(&server, "intranet", RecordType::A).1.len(), 1, "somebody wrote it down");
    for name in ["wpad", "printer.local", "local"] {
        assert_eq!(lookup(&server, name, RecordType::A), (ResponseCode::NXDomain, Vec::new()), "{name}");
    }
}

#[test]
fn answers_may_be_kept_for_half_a_minute() {
    assert_eq!(ask(&server(), &question("example.com", RecordType::A)).answers[0].ttl, 30);
}

#[test]
fn when_no_address_is_left_the_server_fails_and_says_so() {
    let server = server();
    for number in 0..65_536 {
        server.1.give(&format!("h{number}.wide.example").into()).expect("there is room");
    }
    assert_eq!(lookup(&server, "h0.wide.example", RecordType::A).1.len(), 1);
    assert_eq!(lookup(&server, "one-more.wide.example", RecordType::A), (ResponseCode::ServFail, Vec::new()));
    assert_eq!(refusals(&server), [("one-more.wide.example".to_owned(), "net.too-much".to_owned())]);
}

/// Whether every record of an answer keeps inside the sandbox.
fn stays_inside(answer: &Message) -> bool {
    answer.answers.iter().all(|record| match record.data.ip_addr() {
        Some(address) => address.is_loopback() || Names::is_synthetic(address),
        None => ["localhost.", "example.com."].contains(&record.data.to_string().as_str()),
    })
}
