//! The name in a `ClientHello` as another reader sees it: rustls, whose servers choose a certificate by it.
//!
//! `hellos/` holds the first message of real clients, taken from a listening socket: `openssl s_client` 3.0 (also with `-tls1_2` and
//! with `-noservername`), Python's `ssl` 3.11, Node.js 20, git 2.39 with GnuTLS, and curl 7.88 connecting to 127.0.0.1.

use proptest::prelude::*;
use rustls::server::Acceptor;

use super::{End, Line};
use crate::sniff::hello::{Hello, read};
use lobsterpot_policy::ReasonCode;

/// The hellos of clients that ask for `good.example`.
const NAMED: [(&str, &[u8]); 5] = [
    ("openssl", include_bytes!("hellos/openssl.bin")),
    ("openssl, TLS 1.2", include_bytes!("hellos/openssl-tls12.bin")),
    ("Python", include_bytes!("hellos/python.bin")),
    ("Node.js", include_bytes!("hellos/node.bin")),
    ("git", include_bytes!("hellos/git.bin")),
];
/// The hellos of clients that ask for no name.
const NAMELESS: [(&str, &[u8]); 2] = [
    ("openssl -noservername", include_bytes!("hellos/openssl-without-name.bin")),
    ("curl of an address", include_bytes!("hellos/curl-address.bin")),
];

/// What rustls makes of the bytes: `None` when it does not take them (yet), else the name.
fn theirs(mut bytes: &[u8]) -> Option<Option<String>> {
    let mut acceptor = Acceptor::default();
    while !bytes.is_empty() {
        acceptor.read_tls(&mut bytes).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return Some(accepted.client_hello().server_name().map(plain));
        }
    }
    None
}

/// What ours makes of the bytes.
fn ours(bytes: &[u8]) -> Option<Option<String>> {
    match read(bytes) {
        Ok(Hello::Whole { name, .. }) => Some(name.as_deref().map(plain)),
        Ok(Hello::Incomplete(_)) | Err(_) => None,
    }
}

/// A name as both write it.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// A hello that was changed in one way.
fn changed() -> impl Strategy<Value = Vec<u8>> {
    let hello = proptest::sample::select(&NAMED[..]).prop_map(|(_, hello)| hello.to_vec());
    let place = any::<proptest::sample::Index>;
    let byte = any::<u8>();
    let small = proptest::sample::select(&[0u8, 1, 2, 3, 12, 16, 43, 255][..]);
    prop_oneof![
        3 => (hello.clone(), place(), byte).prop_map(|(mut hello, at, byte)| {
            let at = at.index(hello.len());
            hello[at] = byte;
            hello
        }),
        3 => (hello.clone(), place(), small).prop_map(|(mut hello, at, byte)| {
            // Lengths and types are near the name.
            let name = hello.windows(12).position(|window| window == b"good.example").unwrap_or_default();
            let at = name.saturating_sub(9) + at.index(24);
            hello[at] = byte;
            hello
        }),
        2 => (hello.clone(), proptest::collection::vec(1..80usize, 1..12)).prop_map(|(hello, cuts)| in_records(&hello, &cuts)),
        2 => (hello.clone(), place(), proptest::sample::select(&[0u16, 0, 0xfe0d, 0xffce, 0x2a2a][..]), any::<bool>())
            .prop_map(|(hello, at, kind, twice)| with_extension(&hello, at.index(20), kind, twice)),
    ]
}

/// The same hello, its message cut into records at these lengths.
fn in_records(hello: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut rest, mut cuts, mut records) = (&hello[5..], cuts.iter().cycle(), Vec::new());
    while !rest.is_empty() {
        let (now, later) = rest.split_at((*cuts.next().expect("a cut")).min(rest.len()));
        records.extend([22, 3, 1]);
        records.extend(u16::try_from(now.len()).expect("short").to_be_bytes());
        records.extend(now);
        rest = later;
    }
    records
}

/// The same hello with another extension at this place among its own: with the name of another host, which is there once or twice.
fn with_extension(hello: &[u8], place: usize, kind: u16, twice: bool) -> Vec<u8> {
    let session = 5 + 4 + 2 + 32;
    let suites = session + 1 + usize::from(hello[session]);
    let compressions = suites + 2 + usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]]));
    let start = compressions + 1 + usize::from(hello[compressions]);
    let mut at = start + 2;
    let mut extensions = Vec::new();
    while at < hello.len() {
        let next = at + 4 + usize::from(u16::from_be_bytes([hello[at + 2], hello[at + 3]]));
        extensions.push(hello[at..next].to_vec());
        at = next;
    }
    let name = [&[0, 15, 0, 0, 12][..], b"evil.example"].concat();
    let names =
        if twice { [&[0, 30, 0, 0, 12][..], b"evil.example", &[0, 0, 12], b"good.example"].concat() } else { name };
    let length = u16::try_from(names.len()).expect("short");
    let extra = [&kind.to_be_bytes()[..], &length.to_be_bytes(), &names].concat();
    extensions.insert(place.min(extensions.len()), extra);
    let extensions = extensions.concat();
    let body = [&hello[9..start], &u16::try_from(extensions.len()).expect("short").to_be_bytes(), &extensions].concat();
    let message = [&[1][..], &u32::try_from(body.len()).expect("short").to_be_bytes()[1..], &body].concat();
    [&[22, 3, 1][..], &u16::try_from(message.len()).expect("short").to_be_bytes(), &message].concat()
}

#[test]
fn real_clients_are_understood_as_rustls_understands_them() {
    for (client, hello) in NAMED {
        assert_eq!(ours(hello), Some(Some("good.example".to_owned())), "{client}");
        assert_eq!(theirs(hello), ours(hello), "{client}");
        let mut line = Line::to("good.example", 443);
        line.client(hello);
        assert_eq!((line.end, line.passed.as_slice()), (End::Open, hello), "{client}");
        assert_eq!(
            Line::to("other.example", 443).client(hello).end,
            End::Refused(ReasonCode::NameMismatch),
            "{client}"
        );
    }
    for (client, hello) in NAMELESS {
        assert_eq!((ours(hello), theirs(hello)), (Some(None), Some(None)), "{client}");
        assert_eq!(Line::to("good.example", 443).client(hello).end, End::Refused(ReasonCode::NameMismatch), "{client}");
        assert_eq!(Line::to("192.0.2.7", 443).client(hello).end, End::Open, "{client}");
    }
}

#[test]
fn changes_of_a_hello_still_leave_some_that_both_read() {
    let mut both = 0;
    for (_, hello) in NAMED {
        for cuts in [&[20, 1, 1][..], &[7, 3], &[100]] {
            both += usize::from(theirs(&in_records(hello, cuts)).is_some() && ours(&in_records(hello, cuts)).is_some());
        }
        let greased = with_extension(hello, 2, 0x2a2a, false);
        both +=
            usize::from(theirs(&greased) == ours(&greased) && ours(&greased) == Some(Some("good.example".to_owned())));
        assert_eq!(ours(&with_extension(hello, 0, 0, false)), None, "two extensions with names");
        assert_eq!(ours(&with_extension(hello, 20, 0, false)), None, "two extensions with names");
    }
    assert_eq!(both, 20);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_reader_sees_another_name_than_ours(hello in changed()) {
        let Some(ours) = ours(&hello) else { return Ok(()) };
        if let Some(theirs) = theirs(&hello) {
            prop_assert_eq!(theirs, ours);
        }
    }
}
