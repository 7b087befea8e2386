//! Names in TLS.

use super::{End, Line, assert_passes, end_of, rule};
use crate::flow::check::{Reply, Step};
use lobsterpot_policy::ReasonCode::{self, Malformed, NameMismatch, Protocol, TooMuch};

/// A number in front of bytes, in `width` bytes.
fn counted(width: usize, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short vector").to_be_bytes();
    [&length[4 - width..], bytes].concat()
}

/// An extension.
fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &counted(2, content)].concat()
}

/// The extension with these names, each with its type.
fn names(names: &[(u8, &[u8])]) -> Vec<u8> {
    let list: Vec<u8> = names.iter().flat_map(|(kind, name)| [vec![*kind], counted(2, name)].concat()).collect();
    extension(0, &counted(2, &list))
}

/// A handshake message with these extensions.
fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
    let body =
        [&[3, 3][..], &[7; 32], &[0], &counted(2, &[0x0a, 0x0a, 0x13, 1]), &[1, 0], &counted(2, &extensions.concat())];
    [vec![1], counted(3, &body.concat())].concat()
}

/// One record.
fn record(content: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &counted(2, content)].concat()
}

/// A hello for this name, among other extensions.
pub(super) fn hello(name: &str) -> Vec<u8> {
    record(&message(&[
        extension(0x2a2a, &[]),
        names(&[(0, name.as_bytes())]),
        extension(43, &[2, 3, 4]),
        extension(0xfafa, &[0]),
    ]))
}

/// A record with the beginning of a `ServerHello`.
fn answer(random: &[u8]) -> Vec<u8> {
    let mut record = [&[22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3][..], random].concat();
    record.resize(95, 0);
    record
}

/// The random of a `HelloRetryRequest`: SHA-256 of those words.
fn retry() -> Vec<u8> {
    let hex = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";
    (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect()
}

fn assert_refused(stream: &[u8], reason: ReasonCode) {
    super::assert_refused(443, stream, reason);
}

#[test]
fn the_name_of_the_connection_passes() {
    for name in ["good.example", "GOOD.Example", "good.example."] {
        assert_passes(443, &hello(name));
        assert_passes(8443, &hello(name));
    }
}

#[test]
fn another_name_or_none_is_refused() {
    for name in [
        "evil.example",
        "a.good.example",
        "good.example.evil",
        "xgood.example",
        "good.exampl",
        "198.18.0.16",
        "good.example:443",
    ] {
        assert_refused(&hello(name), NameMismatch);
    }
    for name in [
        &b"good.example\0.evil.example"[..],
        b"good.example\0",
        b"",
        b" good.example",
        b"g\xf6od.example",
        b"good.example/",
        b"*.example",
        b"good.example..",
    ] {
        assert_refused(&record(&message(&[names(&[(0, name)])])), NameMismatch);
    }
    assert_refused(&record(&message(&[])), NameMismatch);
    assert_refused(&record(&message(&[extension(43, &[2, 3, 4])])), NameMismatch);
}

#[test]
fn two_names_are_refused_whichever_comes_first() {
    let (good, evil) = ((0, &b"good.example"[..]), (0, &b"evil.example"[..]));
    for list in [
        vec![good, evil],
        vec![evil, good],
        vec![good, good],
        vec![(1, &b"x"[..]), good],
        vec![good, (1, &b"x"[..])],
        vec![(1, &b"good.example"[..])],
        vec![],
    ] {
        let end = end_of(443, &record(&message(&[names(&list)])));
        assert!(matches!(end, End::Refused(NameMismatch | Malformed)), "{list:?}: {end:?}");
    }
    assert_refused(&record(&message(&[names(&[good]), names(&[evil])])), Malformed);
    assert_refused(&record(&message(&[names(&[good]), names(&[good])])), Malformed);
    assert_refused(&record(&message(&[names(&[good]), extension(0xffce, &[1, 2])])), NameMismatch);
}

#[test]
fn the_visible_name_counts_when_another_is_encrypted() {
    let encrypted = extension(0xfe0d, &[0; 200]);
    assert_passes(443, &record(&message(&[encrypted.clone(), names(&[(0, b"good.example")])])));
    assert_refused(&record(&message(&[encrypted.clone(), names(&[(0, b"evil.example")])])), NameMismatch);
    assert_refused(&record(&message(&[encrypted])), NameMismatch);
}

#[test]
fn a_hello_in_many_records_and_segments_is_put_together() {
    let whole = message(&[extension(21, &[0; 3000]), names(&[(0, b"good.example")])]);
    for size in [25, 100, 1500] {
        let records: Vec<u8> = whole.chunks(size).flat_map(record).collect();
        assert_passes(443, &records);
        let mut line = Line::to("good.example", 443);
        records.iter().for_each(|byte| {
            line.client(&[*byte]);
        });
        assert_eq!(line.passed, records, "records of {size}");
        let evil: Vec<u8> = message(&[extension(21, &[0; 3000]), names(&[(0, b"evil.example")])])
            .chunks(size)
            .flat_map(record)
            .collect();
        assert_refused(&evil, NameMismatch);
    }
}

#[test]
fn a_hello_in_a_thousand_pieces_is_refused() {
    let pieces: Vec<u8> =
        message(&[extension(21, &[0; 3000]), names(&[(0, b"good.example")])]).chunks(3).flat_map(record).collect();
    assert_refused(&pieces, TooMuch);
}

#[test]
fn records_that_do_not_belong_there_are_refused() {
    let whole = message(&[names(&[(0, b"good.example")])]);
    let (head, tail) = whole.split_at(20);
    let empty = record(&[]);
    let alert = [21, 3, 1, 0, 2, 1, 0];
    let change = [20, 3, 1, 0, 1, 1];
    for stream in [
        empty.clone(),
        [record(head), empty, record(tail)].concat(),
        [record(head), alert.to_vec(), record(tail)].concat(),
        [record(head), change.to_vec(), record(tail)].concat(),
        [&[22, 2, 0][..], &counted(2, &whole)].concat(),
        [&[22, 4, 0][..], &counted(2, &whole)].concat(),
        [&[22, 3, 9][..], &counted(2, &whole)].concat(),
        [22, 3, 1, 0x40, 1].to_vec(),
        record(&[whole.clone(), vec![0]].concat()),
        record(&[whole.clone(), whole.clone()].concat()),
        record(&[vec![0, 0, 0, 0], whole.clone()].concat()),
        record(&[2, 0, 0, 0]),
        b"\x16GET / HTTP/1.1\r\n".to_vec(),
    ] {
        assert_refused(&stream, Malformed);
    }
    assert_refused(&record(&[1, 1, 0, 0]), TooMuch);
    assert_refused(&record(&[1, 0xff, 0xff, 0xff]), TooMuch);
    let mut damaged = whole.clone();
    for at in 4..whole.len() {
        damaged[at] = damaged[at].wrapping_add(1);
        let mut line = Line::to("good.example", 443);
        line.client(&record(&damaged));
        let same = String::from_utf8_lossy(&damaged).contains("good.example");
        assert!(same || line.passed.is_empty(), "byte {at}");
        damaged[at] = whole[at];
    }
    for length in 0..whole.len() {
        let mut short = whole[..length].to_vec();
        if let Some(stated) = short.get_mut(1..4) {
            stated.copy_from_slice(&u32::try_from(length - 4).expect("short").to_be_bytes()[1..]);
        }
        let mut line = Line::to("good.example", 443);
        line.client(&record(&short)).finish();
        assert!(matches!(line.end, End::Refused(_)) && line.passed.is_empty(), "{length} bytes");
    }
}

#[test]
fn what_follows_a_record_and_is_none_is_refused_with_its_first_byte() {
    let whole = message(&[names(&[(0, b"good.example")])]);
    let mut line = Line::to("good.example", 443);
    line.client(&record(&whole[..40])).client(b"x");
    assert_eq!((line.end, line.passed.len()), (End::Refused(Malformed), 0));
}

#[test]
fn a_refusal_is_a_tls_alert() {
    let mut line = Line::to("good.example", 443);
    line.client(&hello("evil.example"));
    assert_eq!(line.reply, Some(Reply::Close(vec![21, 3, 3, 0, 2, 2, 112])), "unrecognized_name");
    let mut line = Line::to("good.example", 80);
    line.client(&hello("good.example"));
    assert_eq!((&line.end, &line.reply), (&End::Refused(Protocol), &Some(Reply::Close(vec![21, 3, 3, 0, 2, 2, 49]))));
    let narrow = rule("good.example:8443").with_requests(&["GET".to_owned()], &[]).expect("a rule");
    let mut line = Line::by("good.example", 8443, narrow);
    line.client(&hello("good.example"));
    assert_eq!((&line.end, &line.reply), (&End::Refused(Protocol), &Some(Reply::Close(vec![21, 3, 3, 0, 2, 2, 49]))));
}

#[test]
fn an_address_needs_no_name_and_takes_only_allowed_ones() {
    let end = |hello: &[u8]| Line::to("192.0.2.7", 443).client(hello).end.clone();
    assert_eq!(end(&record(&message(&[]))), End::Open);
    assert_eq!(end(&hello("named.example")), End::Open);
    assert_eq!(end(&hello("192.0.2.7")), End::Open);
    assert_eq!(end(&hello("evil.example")), End::Refused(NameMismatch));
    assert_eq!(end(&hello("192.0.2.8")), End::Refused(NameMismatch));
    assert_eq!(Line::to("192.0.2.7", 8443).client(&hello("named.example")).end, End::Refused(NameMismatch));
}

#[test]
fn a_second_hello_cannot_ask_for_another_name() {
    let first = hello("good.example");
    let (change, early) = (&[20, 3, 3, 0, 1, 1][..], &[23, 3, 3, 0, 4, 9, 9, 9, 9][..]);
    for name in ["good.example", "evil.example"] {
        let mut line = Line::to("good.example", 443);
        assert!(matches!(line.server(b"x"), Step::Pass(1)));
        line.client(&first).client(&[change, early].concat());
        assert_eq!((line.passed.as_slice(), line.waits), (first.as_slice(), true), "early data waits for the answer");
        let request = answer(&retry());
        for length in 1..43 {
            assert!(matches!(line.server(&request[..length]), Step::More), "{length}");
        }
        assert!(matches!(line.server(&request), Step::Rest));
        line.client(&hello(name)).client(early);
        let before = [first.as_slice(), change, early].concat();
        if name == "good.example" {
            assert_eq!((line.end, line.passed), (End::Rest, [before, hello(name), early.to_vec()].concat()));
        } else {
            assert_eq!((line.end, line.passed), (End::Refused(NameMismatch), before));
        }
    }
}

#[test]
fn an_alert_before_the_second_hello_does_not_hide_its_name() {
    for alert in [&[21, 3, 3, 0, 2, 1, 90][..], &[21, 3, 1, 0, 2, 2, 90], &[21, 3, 3, 0, 2, 1, 0]] {
        for pieces in [1, 3, 200] {
            let mut line = Line::to("good.example", 443);
            line.client(&hello("good.example"));
            assert!(matches!(line.server(&answer(&retry())), Step::Rest));
            let more = [alert, alert, &hello("evil.example")].concat();
            for piece in more.chunks(pieces) {
                line.client(piece);
            }
            assert_eq!(line.end, End::Refused(NameMismatch), "{alert:?}");
            assert_eq!(line.passed, [&hello("good.example"), alert, alert].concat());
        }
    }
}

#[test]
fn a_record_in_front_of_the_hello_that_servers_skip_does_not_hide_its_name() {
    let first: [&[u8]; 8] = [
        &[21, 3, 1, 0, 2, 1, 90],
        &[21, 3, 3, 0, 2, 1, 100],
        &[21, 3, 0, 0, 2, 1, 90],
        &[21, 3, 0, 0, 4, 0, 90, 0, 0],
        &[21, 3, 0, 0, 2, 1, 0],
        &[21, 3, 4, 0, 2, 1, 112],
        &[20, 3, 3, 0, 1, 1],
        &[20, 3, 0, 0, 1, 1],
    ];
    for record in first {
        for name in ["evil.example", "good.example"] {
            let stream = [record, &hello(name)].concat();
            for port in [443, 8443] {
                let mut line = Line::to("good.example", port);
                for byte in stream.chunks(1) {
                    line.client(byte);
                }
                assert_eq!((line.end, line.passed.as_slice()), (End::Refused(Malformed), &b""[..]), "{record:?}");
            }
        }
    }
}

#[test]
fn a_data_base_whose_message_begins_like_an_alert_passes() {
    // MongoDB: a length of 789 bytes and a small number, both little-endian. MySQL: the same length, a number, and capabilities.
    let mut line = Line::to("good.example", 27017);
    line.client(&[0x15, 3, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0]);
    assert_eq!((line.end.clone(), line.passed.len()), (End::Rest, 16), "{}", line.shown());
    let mut line = Line::to("good.example", 3306);
    line.server(b"J\0\0\0\x0a8.0.36");
    line.client(&[0x15, 3, 0, 1, 0x85, 0xa6, 0xff, 1, 0, 0, 0, 1, 0xff]);
    assert!(!matches!(line.end, End::Refused(_)) && line.passed.len() == 13, "{}", line.shown());
}

#[test]
fn after_any_other_answer_the_connection_passes_unseen() {
    for reply in [answer(&[7; 32]), vec![21, 3, 3, 0, 2, 2, 40], b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()] {
        let mut line = Line::to("good.example", 443);
        line.client(&hello("good.example"));
        assert!(matches!(line.server(&reply), Step::Rest));
        line.client(b"anything");
        assert_eq!(line.end, End::Rest);
        assert!(line.passed.ends_with(b"anything"));
    }
    let mut line = Line::to("good.example", 443);
    line.client(&hello("good.example"));
    let parts: Vec<u8> = answer(&retry())[5..].chunks(7).flat_map(record).collect();
    assert!(matches!(line.server(&parts), Step::Rest), "an answer in many records");
    line.client(&hello("evil.example"));
    assert_eq!(line.end, End::Refused(NameMismatch));
}

#[test]
fn a_hello_that_breaks_off_is_not_passed() {
    let mut line = Line::to("good.example", 443);
    line.client(&hello("good.example")[..60]).finish();
    assert!(matches!(line.end, End::Refused(Malformed)) && line.passed.is_empty());
}
