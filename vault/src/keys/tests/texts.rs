//! Recipients and identities as text: what is read, what is refused, and that nothing is repeated.

use age_core::format::{FileKey, Stanza};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use proptest::prelude::*;

use super::super::encoding::{encode, is_worthless};
use super::super::{identities, *};
use crate::failure::Explain;

/// SSH keys without a passphrase, of nobody.
const SSH_RECIPIENT: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@rust";
/// Short for recipients of a kind.
fn made(kind: Kind) -> Generated {
    generate(kind).unwrap()
}

/// Reads recipients.
///
/// # Errors
/// As the parser says.
fn parse(texts: &[&str]) -> Result<Recipients, RecipientError> {
    Recipients::parse(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
}

/// Reads identities.
///
/// # Errors
/// As the parser says.
fn keys(text: &str) -> Result<Keys, TextError> {
    Keys::parse(&text.into(), Source::Generated, None)
}

#[test]
fn recipients_of_one_kind_are_read_and_kept_without_comments() {
    let (one, two) = (made(Kind::Classic).recipient, made(Kind::Classic).recipient);
    let found = parse(&[&one, SSH_RECIPIENT, &format!("  {two}\n")]).unwrap();
    assert_eq!(found.kind(), Kind::Classic);
    assert_eq!(found.texts(), [one, SSH_RECIPIENT.trim_end_matches(" alice@rust").to_owned(), two]);
    let hybrid = made(Kind::PostQuantum).recipient;
    assert_eq!(hybrid.len(), 1959);
    assert_eq!(parse(&[&hybrid]).unwrap().kind(), Kind::PostQuantum);
    assert_eq!(parse(&["passphrase"]).unwrap().kind(), Kind::Passphrase);
}

#[test]
fn kinds_are_not_mixed() {
    let (classic, hybrid) = (made(Kind::Classic).recipient, made(Kind::PostQuantum).recipient);
    for (texts, kind) in [([&classic, &hybrid], Kind::PostQuantum), ([&hybrid, &classic], Kind::Classic)] {
        assert_eq!(parse(&texts.map(String::as_str)).unwrap_err(), RecipientError::Mixed { place: 2, kind });
    }
    for texts in [["passphrase", &classic], [&hybrid, "passphrase"]] {
        assert_eq!(parse(&texts).unwrap_err(), RecipientError::PassphraseNotAlone);
    }
}

#[test]
fn a_recipient_stands_once() {
    let one = made(Kind::Classic).recipient;
    assert_eq!(parse(&[&one, &one]).unwrap_err(), RecipientError::Twice { place: 2, first: 1 });
    let commented = SSH_RECIPIENT.replace("alice", "bob");
    assert_eq!(parse(&[SSH_RECIPIENT, &one, &commented]).unwrap_err(), RecipientError::Twice { place: 3, first: 1 });
}

#[test]
fn an_identity_among_recipients_is_refused_and_not_repeated() {
    for kind in [Kind::Classic, Kind::PostQuantum] {
        let identity = made(kind).identity;
        for text in [identity.as_text().unwrap().to_owned(), identity.as_text().unwrap().to_lowercase()] {
            let error = parse(&[&text]).unwrap_err();
            assert_eq!(error, RecipientError::Identity { place: 1 });
            assert!(
                !format!("{error} {error:?} {:?}", error.hint()).to_lowercase().contains(&text[20..].to_lowercase())
            );
        }
    }
    assert_eq!(parse(&["-----BEGIN OPENSSH PRIVATE KEY-----"]).unwrap_err(), RecipientError::Identity { place: 1 });
}

#[test]
fn damaged_recipients_are_told_by_their_place() {
    let good = made(Kind::Classic).recipient;
    let hybrid = made(Kind::PostQuantum).recipient;
    let flip = |text: &str, at: usize| {
        let other = if &text[at..=at] == "q" { "p" } else { "q" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    };
    for bad in [flip(&good, 20), flip(&hybrid, 1000), good[..good.len() - 1].to_owned(), "age1".to_owned()] {
        assert_eq!(parse(&[&good, &bad]).unwrap_err(), RecipientError::Damaged { place: 2 });
    }
    assert_eq!(parse(&[]).unwrap_err(), RecipientError::None);
    assert_eq!(parse(&["alice"]).unwrap_err(), RecipientError::Unknown { place: 1 });
    assert_eq!(parse(&["ssh-ed25519 AAAA"]).unwrap_err(), RecipientError::Damaged { place: 1 });
    assert_eq!(parse(&vec![good.as_str(); MOST_RECIPIENTS + 1]).unwrap_err(), RecipientError::TooMany);
}

#[test]
fn a_recipient_that_protects_nothing_is_refused_where_the_library_would_panic() {
    let zero = encode("age", &[0; 32]).unwrap();
    assert_eq!(parse(&[&zero]).unwrap_err(), RecipientError::Worthless { place: 1 });
    // The identity element of Ed25519, as an SSH key.
    let mut point = [0; 32];
    point[0] = 1;
    let key = [b"\0\0\0\x0bssh-ed25519\0\0\0\x20".as_slice(), &point].concat();
    let text = format!("ssh-ed25519 {}", base64::prelude::BASE64_STANDARD.encode(key));
    assert_eq!(parse(&[&text]).unwrap_err(), RecipientError::Worthless { place: 1 });
}

/// What age's own check says of an X25519 share: whether it makes the shared secret that is all zeros.
fn age_refuses(share: &[u8; 32]) -> bool {
    let identity = age::x25519::Identity::generate();
    let args = vec![BASE64_STANDARD_NO_PAD.encode(share)];
    let stanza = Stanza { tag: "X25519".to_owned(), args, body: vec![0; 32] };
    matches!(age::Identity::unwrap_stanza(&identity, &stanza), Some(Err(age::DecryptError::InvalidHeader)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn worthless_shares_are_those_that_make_the_secret_of_zeros(random in any::<[u8; 32]>(), top in any::<bool>()) {
        prop_assert_eq!(is_worthless(&random), age_refuses(&random));
        for share in super::super::encoding::WORTHLESS {
            let mut share = share;
            share[31] |= u8::from(top) << 7;
            prop_assert!(is_worthless(&share) && age_refuses(&share));
        }
    }
}

#[test]
fn a_file_with_comments_and_several_identities_is_read() {
    let (one, two) = (made(Kind::Classic), made(Kind::PostQuantum));
    let text = |made: &Generated| made.identity.as_text().unwrap().to_owned();
    let file = format!("# a comment\r\n\n{}\r\n# another\n  {}  \n", text(&one), text(&two));
    assert_eq!(keys(&file).unwrap().recipients(), [one.recipient, two.recipient]);
}

#[test]
fn what_is_no_identity_is_told_by_its_line_and_not_repeated() {
    let identity = made(Kind::Classic).identity;
    let good = identity.as_text().unwrap();
    let cut = &good[..good.len() - 1];
    for (text, error) in [
        (String::new(), TextError::None),
        ("# only a comment\n".to_owned(), TextError::None),
        (format!("{good}\nhunter2"), TextError::Line { line: 2 }),
        (format!("\n{cut}"), TextError::Damaged { line: 2 }),
        (good.to_lowercase(), TextError::Line { line: 1 }),
        (made(Kind::Classic).recipient, TextError::Recipient { line: 1 }),
        (format!("{good}\n").repeat(65), TextError::TooMany),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n".to_owned(), TextError::Ssh),
    ] {
        assert_eq!(keys(&text).unwrap_err(), error);
    }
    assert_eq!(Keys::parse(&vec![0xff].into(), Source::Generated, None).unwrap_err(), TextError::NotText);
}

#[test]
fn debug_output_of_keys_shows_no_key() {
    let made = made(Kind::Classic);
    let shown = format!("{:?} {:?} {made:?}", made.keys().unwrap(), identities::fingerprint(&made.recipient));
    assert!(!shown.contains("AGE-SECRET"), "{shown}");
}

#[test]
fn a_hybrid_stanza_with_anything_amiss_is_refused() {
    let pair = made(Kind::PostQuantum);
    let identity = hybrid::Identity::parse(pair.identity.as_text().unwrap()).unwrap();
    let recipient = identity.recipient().unwrap();
    let file_key = FileKey::init_with_mut(|key| key.fill(7));
    let (stanzas, labels) = age::Recipient::wrap_file_key(&recipient, &file_key).unwrap();
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), ["postquantum"]);
    let good = || Stanza { tag: stanzas[0].tag.clone(), args: stanzas[0].args.clone(), body: stanzas[0].body.clone() };
    let open = |stanza: &Stanza| age::Identity::unwrap_stanza(&identity, stanza);
    assert!(matches!(open(&good()), Some(Ok(_))));
    let share = BASE64_STANDARD_NO_PAD.decode(&good().args[0]).unwrap();
    let with = |bytes: &[u8]| vec![BASE64_STANDARD_NO_PAD.encode(bytes)];
    let low_order = [&share[..1088], &[0; 32]].concat();
    let padded = format!("{}=", good().args[0]);
    for args in [vec![], [good().args, vec!["x".into()]].concat(), with(&share[1..]), with(&low_order), vec![padded]] {
        assert!(matches!(open(&Stanza { args, ..good() }), Some(Err(age::DecryptError::InvalidHeader))));
    }
    assert!(matches!(open(&Stanza { body: vec![0; 31], ..good() }), Some(Err(age::DecryptError::InvalidHeader))));
    // Not ours, as far as can be seen.
    assert!(open(&Stanza { body: vec![0; 32], ..good() }).is_none());
    assert!(open(&Stanza { tag: "X25519".to_owned(), ..good() }).is_none());
}
