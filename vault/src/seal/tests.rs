//! Encrypting and decrypting with every kind of key, and every way to damage a file.

use std::io::Write;
use std::time::{Duration, Instant};

use age::armor::{ArmoredWriter, Format};

use super::{LARGEST_CONTENT, LARGEST_FILE, OpenError, SealError, open, seal, seal_with};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::keys::{Keys, Kind, Recipients, Source, TextError, fingerprint, generate};
use crate::secret::Secret;

/// What the tests encrypt.
const CONTENT: &str = "a content that nobody should see, long enough to be found";

/// A new identity of a kind, and the recipients that are it alone.
fn pair(kind: Kind) -> (Keys, Recipients) {
    let made = generate(kind).unwrap();
    (made.keys().unwrap(), Recipients::parse(&[made.recipient]).unwrap())
}

/// The content, encrypted for a new identity of a kind.
fn sealed(kind: Kind) -> (Vec<u8>, Keys) {
    let (keys, recipients) = pair(kind);
    (seal(&CONTENT.into(), &recipients, &keys).unwrap(), keys)
}

/// A passphrase as keys and as recipients.
fn passphrase(text: &str) -> (Keys, Recipients) {
    (Keys::of_passphrase(text.into()), Recipients::parse(&["passphrase".to_owned()]).unwrap())
}

/// The same file in armor.
fn armored(file: &[u8]) -> Vec<u8> {
    let mut writer = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).unwrap();
    writer.write_all(file).unwrap();
    writer.finish().unwrap()
}

#[test]
fn what_is_sealed_opens_again_in_armor_too() {
    for kind in [Kind::PostQuantum, Kind::Classic] {
        let (file, keys) = sealed(kind);
        assert_eq!(open(&file, &keys).unwrap(), CONTENT.into());
        assert_eq!(open(&armored(&file), &keys).unwrap(), CONTENT.into());
        assert!(!file.windows(8).any(|part| part == &CONTENT.as_bytes()[..8]));
    }
}

#[test]
fn contents_around_the_borders_of_chunks_open_again() {
    let (keys, recipients) = pair(Kind::Classic);
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072] {
        let content = Secret::from(vec![7; length]);
        assert_eq!(open(&seal(&content, &recipients, &keys).unwrap(), &keys).unwrap(), content, "{length}");
    }
}

#[test]
fn every_recipient_opens_and_nobody_else() {
    for kind in [Kind::PostQuantum, Kind::Classic] {
        let made: Vec<_> = (0..3).map(|_| generate(kind).unwrap()).collect();
        let texts: Vec<String> = made.iter().map(|one| one.recipient.clone()).collect();
        let (stranger, _) = pair(kind);
        let file = seal(&CONTENT.into(), &Recipients::parse(&texts).unwrap(), &stranger).unwrap();
        for one in &made {
            assert_eq!(open(&file, &one.keys().unwrap()).unwrap(), CONTENT.into());
        }
        assert!(matches!(open(&file, &stranger), Err(OpenError::NoMatch { .. })));
    }
}

#[test]
fn the_wrong_key_is_told_by_its_source_and_fingerprint() {
    let (file, _) = sealed(Kind::PostQuantum);
    let made = generate(Kind::Classic).unwrap();
    let error = open(&file, &made.keys().unwrap()).unwrap_err();
    let shown = fingerprint(&made.recipient);
    assert_eq!(error.to_string(), format!("the vault is not encrypted to X25519 {shown} from the new identity"));
    assert_eq!(
        error.hint().unwrap(),
        "the vault is post-quantum: name the file with its AGE-SECRET-KEY-PQ-1… identity: --identity FILE"
    );
    assert_eq!(error.exit(), Exit::Denied);
}

#[test]
fn a_passphrase_opens_and_another_one_does_not() {
    let (keys, recipients) = passphrase("correct horse");
    let file = seal_with(&CONTENT.into(), &recipients, &keys, 10).unwrap();
    assert_eq!(open(&file, &keys).unwrap(), CONTENT.into());
    assert!(matches!(open(&file, &passphrase("wrong").0), Err(OpenError::WrongPassphrase)));
    let (identity, classic) = pair(Kind::Classic);
    assert!(matches!(open(&file, &identity), Err(OpenError::PassphraseMissing)));
    assert!(matches!(seal(&CONTENT.into(), &recipients, &identity), Err(SealError::PassphraseMissing)));
    let other = seal(&CONTENT.into(), &classic, &keys).unwrap();
    assert!(matches!(open(&other, &keys), Err(OpenError::IdentityMissing)));
}

#[test]
fn a_passphrase_costs_what_age_takes() {
    let (keys, recipients) = passphrase("correct horse");
    let file = seal(&CONTENT.into(), &recipients, &keys).unwrap();
    let line = file.split(|&byte| byte == b'\n').nth(1).unwrap();
    assert!(line.starts_with(b"-> scrypt ") && line.ends_with(b" 18"));
}

#[test]
fn a_hostile_work_factor_ends_at_once() {
    let (keys, recipients) = passphrase("correct horse");
    let file = seal_with(&CONTENT.into(), &recipients, &keys, 10).unwrap();
    for (factor, told) in [("21", "21"), ("63", "63"), ("999999999999", "of 255 or more")] {
        let end = file.iter().position(|&byte| byte == b'\n').unwrap();
        let line = end + file[end + 1..].iter().position(|&byte| byte == b'\n').unwrap();
        let hostile = [&file[..line - 1], factor.as_bytes(), &file[line + 1..]].concat();
        let start = Instant::now();
        let error = open(&hostile, &keys).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        assert_eq!(
            error.to_string(),
            format!("the vault asks for more work than opening a vault may take: scrypt factor {told}, at most 20")
        );
    }
}

#[test]
fn an_identity_file_that_is_encrypted_needs_its_passphrase() {
    let made = generate(Kind::PostQuantum).unwrap();
    let (keys, recipients) = passphrase("correct horse");
    let file = seal_with(&made.text(std::time::UNIX_EPOCH), &recipients, &keys, 10).unwrap();
    for text in [Secret::from(armored(&file)), Secret::from(file)] {
        let read = |passphrase: Option<&str>| Keys::parse(&text, Source::Generated, passphrase.map(Secret::from));
        assert_eq!(read(Some("correct horse")).unwrap().recipients(), std::slice::from_ref(&made.recipient));
        assert_eq!(read(Some("wrong")).unwrap_err(), TextError::WrongPassphrase);
        assert_eq!(read(None).unwrap_err(), TextError::Locked);
    }
}

#[test]
fn a_vault_given_as_the_identity_is_called_one() {
    let (file, _) = sealed(Kind::PostQuantum);
    for text in [Secret::from(armored(&file)), Secret::from(file)] {
        for passphrase in [None, Some(Secret::from("correct horse"))] {
            let read = Keys::parse(&text, crate::keys::Source::Generated, passphrase);
            assert_eq!(read.unwrap_err(), TextError::Vault);
        }
    }
}

#[test]
fn every_flipped_byte_is_noticed_and_nothing_is_given_out() {
    for kind in [Kind::PostQuantum, Kind::Classic] {
        let (file, keys) = sealed(kind);
        let start = Instant::now();
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(open(&damaged, &keys).is_err(), "byte {at} of {}", file.len());
        }
        eprintln!("{} flips of a {kind} vault: {:?}", file.len(), start.elapsed());
    }
}

#[test]
fn every_truncation_is_noticed_and_so_is_what_follows() {
    let (file, keys) = sealed(Kind::Classic);
    for length in 0..file.len() {
        assert!(open(&file[..length], &keys).is_err(), "{length} of {}", file.len());
    }
    assert!(matches!(open(&[file.as_slice(), b"x"].concat(), &keys), Err(OpenError::Content)));
    let armor = armored(&file);
    assert!(matches!(open(&[armor.as_slice(), b"x"].concat(), &keys), Err(OpenError::Armor)));
    open(&[b"\n ", armor.as_slice(), b" \n"].concat(), &keys).unwrap();
    for length in 40..armor.len() - 1 {
        assert!(open(&armor[..length], &keys).is_err(), "{length} of {}", armor.len());
    }
}

#[test]
fn what_is_no_vault_is_told_in_one_sentence() {
    let (keys, _) = pair(Kind::Classic);
    let stanzas = |count| ["age-encryption.org/v1\n".to_owned(), "-> X25519 aaaa\n\n".repeat(count)].concat();
    for (file, sentence) in [
        (Vec::new(), "the vault is empty: it has no bytes at all"),
        (b"A=1\n".to_vec(), "the file is not an age file"),
        (b"age-encryption.org/v2\n-> X\n\n".to_vec(), "the file has a version of the age format that is not known"),
        (b"age-encryption.org/v1\n".to_vec(), "the vault is truncated: it ends before its header does"),
        (b"age-encryption.org/v1\nhello\n".to_vec(), "the vault's header is damaged"),
        (stanzas(10_000).into(), "the vault's header has more than 128 stanzas"),
        (
            ["age-encryption.org/v1\n-> X\n", &["A".repeat(64), "\n".to_owned()].concat().repeat(5_000)]
                .concat()
                .into(),
            "the vault's header is longer than 262144 bytes",
        ),
        (vec![0; LARGEST_FILE + 1], "the vault is longer than 100663296 bytes"),
    ] {
        let start = Instant::now();
        let error = open(&file, &keys).unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        assert!(error.hint().is_some());
        assert_eq!(error.exit(), Exit::Data);
    }
}

#[test]
fn the_most_stanzas_are_read_at_once() {
    let made: Vec<String> = (0..64).map(|_| generate(Kind::PostQuantum).unwrap().recipient).collect();
    let (keys, _) = pair(Kind::Classic);
    let file = seal(&CONTENT.into(), &Recipients::parse(&made).unwrap(), &keys).unwrap();
    let start = Instant::now();
    assert!(matches!(open(&file, &keys), Err(OpenError::NoMatch { is_post_quantum: true, .. })));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn whoever_has_another_identity_is_told_what_helps() {
    let of = |kind, source| {
        let made = generate(kind).unwrap();
        (Keys::parse(&made.identity, source, None).unwrap(), made.recipient)
    };
    let (_, recipient) = of(Kind::PostQuantum, Source::Generated);
    let (keys, _) = pair(Kind::Classic);
    let file = seal(&CONTENT.into(), &Recipients::parse(&[recipient]).unwrap(), &keys).unwrap();
    for (kind, source, hint) in [
        (Kind::PostQuantum, Source::Generated, "name the file with the right identity"),
        (Kind::Classic, Source::Generated, "AGE-SECRET-KEY-PQ-1"),
        (Kind::PostQuantum, Source::Keyring, "keyctl purge user lobsterpot-vault:identity"),
    ] {
        let found = open(&file, &of(kind, source).0).unwrap_err().hint().unwrap();
        assert!(found.contains(hint) && found.contains("--identity FILE"), "{found}");
    }
}

#[test]
fn content_that_is_too_long_is_refused_before_it_is_encrypted() {
    let (keys, recipients) = pair(Kind::Classic);
    let content = Secret::from(vec![0; LARGEST_CONTENT + 1]);
    assert!(matches!(seal(&content, &recipients, &keys), Err(SealError::TooLarge)));
}
