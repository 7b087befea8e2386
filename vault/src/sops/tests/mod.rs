//! Tests of reading and writing SOPS files.

mod forged;
mod hostile;
mod roundtrip;
mod rules;
mod vectors;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use age::armor::ArmoredReader;
use age::x25519::Identity;

use super::{Format, Item, Kind, Layout, Reading, Shape, SopsError, SopsWriteError, Unencrypted, read, write};
use crate::name::Name;
use crate::secret::Secret;

/// The files that `sops` wrote.
const FILES: &[(&str, Format)] = &[
    ("format.env", Format::Dotenv),
    ("format.json", Format::Json),
    ("format.yaml", Format::Yaml),
    ("comments.yaml", Format::Yaml),
];

/// A file of the vectors.
fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops").join(name)).unwrap()
}

/// The identity of the vectors: made for them, and public.
fn identity() -> Identity {
    let text = String::from_utf8(file("identity.txt")).unwrap();
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().parse().unwrap()
}

thread_local! {
    /// The data keys that were opened, by sealed key: the curve is slow without optimisation, and thousands of files share a key.
    static OPENED: RefCell<HashMap<Vec<u8>, Option<Secret>>> = RefCell::default();
}

/// Opens sealed data keys with the identity of the vectors.
fn open_key(armored: &[u8]) -> Option<Secret> {
    let known = OPENED.with_borrow(|opened| opened.get(armored).cloned());
    known.unwrap_or_else(|| {
        let key = opener(identity())(armored);
        OPENED.with_borrow_mut(|opened| opened.insert(armored.to_vec(), key.clone()));
        key
    })
}

/// Opens sealed data keys with an identity.
fn opener(identity: Identity) -> impl FnMut(&[u8]) -> Option<Secret> {
    move |armored: &[u8]| {
        let reader = ArmoredReader::new(armored);
        let identity = std::iter::once(&identity as &dyn age::Identity);
        let mut reader = age::Decryptor::new(reader).ok()?.decrypt(identity).ok()?;
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain).ok()?;
        Some(Secret::from(plain))
    }
}

/// Seals a data key to an X25519 recipient.
fn sealer(recipient: &str, key: &Secret) -> Option<Vec<u8>> {
    let recipient: age::x25519::Recipient = recipient.parse().ok()?;
    age::encrypt(&recipient, key.as_bytes()).ok()
}

/// Reads with the identity of the vectors, everything that can be taken.
///
/// # Errors
/// As for [`read`].
fn open(bytes: &[u8], format: Format) -> Result<Reading, SopsError> {
    read(bytes, format, Unencrypted::Take, &mut open_key)
}

/// A value under a name.
fn item(name: &str, value: &str, kind: Kind) -> Item {
    Item { name: Name::parse(name).unwrap(), value: Secret::from(value), kind }
}

/// Texts under names.
fn items(values: &[(&str, &str)]) -> Vec<Item> {
    values.iter().map(|(name, value)| item(name, value, Kind::Text)).collect()
}

/// Writes for the identity of the vectors.
///
/// # Errors
/// As for [`write`].
fn save(items: &[Item], format: Format, layout: Layout) -> Result<Vec<u8>, SopsWriteError> {
    let shape = Shape { format, layout, now: UNIX_EPOCH + Duration::from_secs(1_790_000_000) };
    write(items, &shape, &[identity().to_public().to_string()], &mut sealer)
}
