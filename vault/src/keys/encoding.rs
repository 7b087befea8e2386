//! How age writes keys (Bech32, BIP 173, without its limit on length), and which X25519 shares are worthless.

use bech32::{FromBase32, ToBase32, Variant};
use zeroize::Zeroizing;

/// The bytes of a key that begins with `prefix`; none when the text is anything else.
pub(super) fn decode(prefix: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (found, data, variant) = bech32::decode(text).ok()?;
    if found != prefix || variant != Variant::Bech32 {
        return None;
    }
    Vec::from_base32(&data).ok().map(Zeroizing::new)
}

/// The text of a key in lower case; none when the prefix is not one.
pub(super) fn encode(prefix: &str, bytes: &[u8]) -> Option<String> {
    bech32::encode(prefix, bytes.to_base32(), Variant::Bech32).ok()
}

/// The X25519 public values of small order (RFC 7748, section 6.1): with any private key they make the shared secret that is all
/// zeros, which everybody knows. The top bit does not count, as it does not in X25519.
pub(super) const WORTHLESS: [[u8; 32]; 7] = [
    [0; 32],
    padded(1, 0, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    padded(0xec, 0xff, 0x7f),
    padded(0xed, 0xff, 0x7f),
    padded(0xee, 0xff, 0x7f),
];

/// A number of 32 bytes: the first, thirty alike, the last.
const fn padded(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// Whether an X25519 public value makes a shared secret that everybody knows.
pub(super) fn is_worthless(share: &[u8; 32]) -> bool {
    let mut share = *share;
    share[31] &= 0x7f;
    WORTHLESS.contains(&share)
}
