//! Every published vector of the age format, those that must fail as well (`../vectors/cctv-age`).
//!
//! Three of the format's expectations do not apply as they stand. A file whose payload is damaged may give out what was
//! authenticated before the damage, and the vectors say what that is: the vault gives out nothing at all, and so there is nothing to compare.
//! And where a vector holds several identities or passphrases, each is tried by itself, for a vault has one passphrase. A file
//! without a stanza for a passphrase says that an identity is missing, where the vectors say that nothing matches.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lobsterpot_vault::keys::{Keys, Source};
use lobsterpot_vault::seal::{OpenError, open};
use lobsterpot_vault::secret::Secret;
use sha2::{Digest, Sha256};

/// The vectors.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/cctv-age");

/// How many there are.
const COUNT: usize = 143;

/// One vector.
struct Vector {
    /// What is said about it, by key; a key may stand more than once.
    facts: BTreeMap<String, Vec<String>>,
    /// The age file.
    file: Vec<u8>,
}

impl Vector {
    /// Reads one.
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let mut facts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in std::str::from_utf8(&bytes[..end]).unwrap().lines() {
            let (key, value) = line.split_once(": ").unwrap();
            facts.entry(key.to_owned()).or_default().push(value.to_owned());
        }
        let known = ["expect", "payload", "file key", "identity", "passphrase", "armored", "compressed", "comment"];
        assert!(facts.keys().all(|key| known.contains(&key.as_str())), "{}", path.display());
        let mut file = bytes[end + 2..].to_vec();
        if let Some(kind) = facts.get("compressed") {
            assert_eq!(kind, &["zlib"]);
            file = miniz_oxide::inflate::decompress_to_vec_zlib(&file).unwrap();
        }
        Self { facts, file }
    }

    /// What is said about it under a key.
    fn all(&self, key: &str) -> &[String] {
        self.facts.get(key).map_or(&[], Vec::as_slice)
    }

    /// Everything that may open it: all its identities at once, and each passphrase by itself. A vector with neither must fail
    /// before any is needed.
    fn keys(&self) -> Vec<Keys> {
        let identities = self.all("identity").join("\n");
        let mut keys: Vec<Keys> =
            self.all("passphrase").iter().map(|text| Keys::of_passphrase(Secret::from(text.as_str()))).collect();
        if !identities.is_empty() {
            let passphrase = self.all("passphrase").first().map(|text| Secret::from(text.as_str()));
            keys.insert(0, Keys::parse(&identities.into(), Source::Generated, passphrase).unwrap());
        }
        if keys.is_empty() {
            keys.push(Keys::of_passphrase("none".into()));
        }
        keys
    }

    /// What comes of opening it: the content, or the error of the last key that was tried.
    ///
    /// # Errors
    /// As the last key has it.
    fn open(&self) -> Result<Secret, OpenError> {
        let mut last = None;
        for keys in self.keys() {
            match open(&self.file, &keys) {
                Ok(content) => return Ok(content),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap())
    }
}

/// Whether an error is the one that a vector expects.
fn is_expected(expected: &str, name: &str, error: &OpenError) -> bool {
    let is_header = matches!(
        error,
        OpenError::Header | OpenError::Truncated | OpenError::Empty | OpenError::Foreign | OpenError::Version
    );
    match expected {
        "no match" => {
            matches!(error, OpenError::NoMatch { .. } | OpenError::WrongPassphrase | OpenError::IdentityMissing)
        }
        "HMAC failure" => matches!(error, OpenError::Altered),
        "payload failure" => {
            matches!(error, OpenError::Content)
                || (name == "stream_no_nonce" || name == "stream_short_nonce") && is_header
        }
        "armor failure" => matches!(error, OpenError::Armor | OpenError::Foreign | OpenError::Truncated),
        "header failure" => is_header || matches!(error, OpenError::Work { .. }),
        _ => false,
    }
}

#[test]
fn every_published_vector_does_what_it_must() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "README.md" || name.starts_with('.') {
            continue;
        }
        count += 1;
        let vector = Vector::read(&path);
        let expected = vector.all("expect")[0].as_str();
        match vector.open() {
            Ok(content) if expected == "success" => {
                let digest: String =
                    Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(vector.all("payload"), [digest], "{name}");
            }
            Ok(_) => wrong.push(format!("{name}: opened, but must be: {expected}")),
            Err(error) if is_expected(expected, &name, &error) => {}
            Err(error) => wrong.push(format!("{name}: must be {expected}, but is {error:?}")),
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(count, COUNT);
}
