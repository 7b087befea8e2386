//! What must hold for whatever a vault, a `.env` file or a SOPS file holds: checked by the fuzzer (`tests/fuzz`), and by the tests
//! on every input that it once found. In no shipped program.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use crate::document::{Document, DocumentError, LONGEST_VALUE};
use crate::dotenv::{self, Dialect, Meaning};
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;
use crate::sops::{self, Format, Item, Kind, Layout, Shape, Unencrypted};

/// Any bytes are a vault's content or none. What is read is written, and read as the same; what is written is written the same
/// again, and a document cut short is none.
pub fn document(data: &[u8]) {
    let read = match Document::from_bytes(data) {
        Ok(read) => read,
        Err(error) => {
            let lines = 1 + data.iter().filter(|byte| **byte == b'\n').count();
            assert!(!matches!(error, DocumentError::Invalid { line, .. } if line > lines), "{error}: of {lines} lines");
            return assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
        }
    };
    assert!(read.secrets.values().all(|entry| entry.value.len() <= LONGEST_VALUE), "a value is too long");
    let written = read.to_bytes();
    let again = Document::from_bytes(written.as_bytes());
    assert_eq!(again.as_ref(), Ok(&read), "what was written is read as something else");
    assert_eq!(again.map(|again| again.to_bytes()), Ok(written.clone()), "the same is written in two ways");
    let cut = data.len() % written.len().max(1);
    assert!(Document::from_bytes(written.as_bytes().get(..cut).unwrap_or_default()).is_err(), "half of it is a vault");
}

/// Any bytes are an environment file or none, in every dialect. What a dialect reads, and what all read alike, can be written for
/// it or is refused; what is written is read as the same.
pub fn dotenv(data: &[u8]) {
    let meanings = [Meaning::Strict].into_iter().chain(Dialect::ALL.map(Meaning::Of));
    let mut strict = None;
    for meaning in meanings {
        let Ok(reading) = dotenv::read(data, meaning) else { continue };
        let found: Vec<(&Name, &Secret)> = reading.assignments.iter().map(|one| (&one.name, &one.value)).collect();
        let names: BTreeSet<&Name> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), found.len(), "{meaning}: a name is there twice");
        let lines = 1 + data.iter().filter(|byte| **byte == b'\n').count();
        assert!(reading.assignments.iter().all(|one| 1 <= one.line && one.line <= one.last && one.last <= lines));
        if let Ok(file) = dotenv::write(found.iter().copied(), meaning) {
            let again = dotenv::read(file.as_bytes(), meaning).map(|again| again.assignments);
            let again: Vec<(Name, Secret)> =
                again.unwrap_or_default().into_iter().map(|one| (one.name, one.value)).collect();
            assert!(
                again.iter().map(|(name, value)| (name, value)).eq(found.iter().copied()),
                "{meaning}: not the same again"
            );
        }
        let plain: Vec<(Name, Secret)> = found.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        match (meaning, &strict) {
            (Meaning::Strict, _) => strict = Some(plain),
            (Meaning::Of(_), Some(strict)) => assert_eq!(strict, &plain, "{meaning} reads it otherwise than everybody"),
            (Meaning::Of(_), None) => {}
        }
    }
    if strict.is_some() {
        let all = Dialect::ALL.iter().all(|dialect| dotenv::read(data, Meaning::Of(*dialect)).is_ok());
        assert!(all, "what everybody reads alike, somebody refuses");
    }
}

/// Any bytes are no SOPS file to somebody who has not its key, whatever they say. What is written of any values is read as the
/// same, and with one byte changed it is not read as anything that was not written.
pub fn sops(data: &[u8]) {
    for format in [Format::Dotenv, Format::Json, Format::Yaml] {
        let mut key = |_: &[u8]| Some(Secret::from(vec![7; 32]));
        for unencrypted in [Unencrypted::Take, Unencrypted::LeaveOut] {
            if let Err(error) = sops::read(data, format, unencrypted, &mut key) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
    // Ciphers take long, so that not every input gets them.
    if data.len().is_multiple_of(8) {
        let format = [Format::Dotenv, Format::Json, Format::Yaml][data.len() / 8 % 3];
        assert_comes_back(data, format);
    }
}

thread_local! {
    /// The data key of the file that was written last.
    static KEY: RefCell<Option<Secret>> = const { RefCell::new(None) };
}

/// Checks that values made of `data` come back, and that a changed file does not give others.
fn assert_comes_back(data: &[u8], format: Format) {
    let items: Vec<Item> = data
        .split(|byte| *byte == b'\n')
        .take(8)
        .zip(0..)
        .filter_map(|(value, number)| Some((Name::parse(&format!("NAME_{number}")).ok()?, value)))
        .map(|(name, value)| Item { name, value: Secret::from(value.to_vec()), kind: Kind::Text })
        .collect();
    let shape = Shape { format, layout: Layout::Flat, now: UNIX_EPOCH };
    let mut seal = |_: &str, key: &Secret| {
        KEY.set(Some(key.clone()));
        Some([b"age-encryption.org/v1\n", key.as_bytes()].concat())
    };
    let mut open = |_: &[u8]| KEY.with_borrow(Clone::clone);
    let Ok(mut bytes) = sops::write(&items, &shape, &[RECIPIENT.to_owned()], &mut seal) else { return };
    let read = sops::read(&bytes, format, Unencrypted::Take, &mut open).map(|reading| reading.secrets);
    assert!(read.as_ref().is_ok_and(|read| *read == items), "{format:?}: what was written is read as {read:?}");
    let place = data.iter().fold(data.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let length = bytes.len();
    if let Some(byte) = bytes.get_mut(place % length) {
        *byte ^= 1 << (place / length % 7);
    }
    // What the file says of names, comments and recipients is not all under the MAC; the values are.
    for item in
        sops::read(&bytes, format, Unencrypted::Take, &mut open).map(|reading| reading.secrets).unwrap_or_default()
    {
        let known = item.value.is_empty() || items.iter().any(|old| old.value == item.value);
        assert!(known, "{format:?}: a changed file gives a value that nobody wrote, at byte {}", place % length);
    }
}

/// Whom files are sealed to: the recipient of the vectors.
const RECIPIENT: &str = "age1wvcptxwtfe7pqqsarl832r3q5fgzfkw20u8znl9g9y3g4qlcaagq95l6el";

#[cfg(test)]
mod tests {
    use crate::replay::replay;

    #[test]
    fn documents_that_were_found_keep_their_promises() {
        replay("vault_document", super::document);
    }

    #[test]
    fn environment_files_that_were_found_keep_their_promises() {
        replay("dotenv", super::dotenv);
    }

    #[test]
    fn sops_files_that_were_found_keep_their_promises() {
        replay("sops", super::sops);
    }
}
