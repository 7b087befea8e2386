//! Encrypting and decrypting with every kind of key, and every way to damage a file.

use crate::keys::{Keys, Kind, Recipients, generate};

use super::{open, seal};

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
