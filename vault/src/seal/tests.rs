//! Encrypting and decrypting with every kind of key, and every way to damage a file.

use crate::keys::{Keys, Kind, Recipients, generate};

use super::{open, seal, seal_with};

/// What the tests encrypt.
const CONTENT: &str = "a content that nobody should see, long enough to be found";

/// A new identity of a kind, and the recipients that are it alone.
fn pair(kind: Kind) -> (Keys, Recipients) {
    let made = generate(kind).unwrap();
    (made.keys().unwrap(), Recipients::parse(&[made.recipient]).unwrap())
}

#[test]
fn what_is_sealed_opens_again() {
    for kind in [Kind::PostQuantum, Kind::Classic] {
        let (keys, recipients) = pair(kind);
        assert_eq!(recipients.kind(), kind);
        let file = seal(&CONTENT.into(), &recipients, &keys).unwrap();
        assert_eq!(open(&file, &keys).unwrap(), CONTENT.into());
    }
}

#[test]
fn timing() {
    let keys = Keys::of_passphrase("correct horse".into());
    let recipients = Recipients::parse(&["passphrase".to_owned()]).unwrap();
    let start = std::time::Instant::now();
    let file = seal_with(&CONTENT.into(), &recipients, &keys, 14).unwrap();
    eprintln!("seal 14 {:?}", start.elapsed());
    let start = std::time::Instant::now();
    assert_eq!(open(&file, &keys).unwrap(), CONTENT.into());
    eprintln!("open 14 {:?}", start.elapsed());
    let start = std::time::Instant::now();
    let made = generate(Kind::PostQuantum).unwrap();
    eprintln!("generate {:?}", start.elapsed());
}
