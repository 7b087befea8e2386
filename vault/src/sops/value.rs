//! One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`, and what its type says about the bytes inside.

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Tag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// AES-256-GCM with the nonce that SOPS takes (NIST SP 800-38D, section 8.2.2: any length but 12 is hashed first).
type Cipher = AesGcm<Aes256, U32>;

/// How every encrypted value begins.
pub(super) const BEGINNING: &str = "ENC[AES256_GCM,";

/// How long the data key is, in bytes.
pub(super) const KEY_LENGTH: usize = 32;

/// How long a nonce is, in bytes.
const NONCE_LENGTH: usize = 32;

/// How long an authentication tag is, in bytes.
const TAG_LENGTH: usize = 16;

/// The type of a comment.
pub(super) const COMMENT: &str = "comment";

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A truth value.
    Bool,
    /// Bytes.
    Bytes,
    /// A time (RFC 3339).
    Time,
}

/// The notes by which kinds other than text are remembered.
const NOTES: &[(Kind, &str)] = &[
    (Kind::Int, "SOPS type int"),
    (Kind::Float, "SOPS type float"),
    (Kind::Bool, "SOPS type bool"),
    (Kind::Bytes, "SOPS type bytes"),
    (Kind::Time, "SOPS type time"),
];

impl Kind {
    /// The note that remembers this kind; none for text, which is what a value is without a note.
    #[must_use]
    pub fn note(self) -> Option<&'static str> {
        NOTES.iter().find(|(kind, _)| *kind == self).map(|(_, note)| *note)
    }

    /// The kind that a note remembers.
    #[must_use]
    pub fn of_note(note: Option<&str>) -> Self {
        NOTES.iter().find(|(_, known)| Some(*known) == note).map_or(Self::Text, |(kind, _)| *kind)
    }

    /// What SOPS calls it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Text => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Bytes => "bytes",
            Self::Time => "time",
        }
    }

    /// The kind that SOPS calls so.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "str" => Some(Self::Text),
            "int" | "int64" => Some(Self::Int),
            "float" => Some(Self::Float),
            "bool" => Some(Self::Bool),
            "bytes" => Some(Self::Bytes),
            "time" => Some(Self::Time),
            _ => None,
        }
    }

    /// Reads decrypted bytes as this kind: the value as people write it, and the bytes that count for the MAC. None when they are
    /// not of this kind.
    pub(super) fn read(self, bytes: Zeroizing<Vec<u8>>) -> Option<(Secret, Secret)> {
        let same = |text: String| Some((Secret::from(text.as_str()), Secret::from(text)));
        match self {
            Self::Text | Self::Bytes => {
                let secret = Secret::from(bytes.as_slice());
                Some((secret.clone(), secret))
            }
            Self::Int => same(text(&bytes)?.parse::<i64>().ok()?.to_string()),
            Self::Float => same(float(text(&bytes)?)?),
            Self::Bool => {
                let truth = boolean(text(&bytes)?)?;
                Some((Secret::from(if truth { "true" } else { "false" }), Secret::from(counted(truth))))
            }
            Self::Time => same(time(text(&bytes)?)?.to_owned()),
        }
    }

    /// The bytes that are encrypted, and count for the MAC, for a value as people write it. None when it is not written in the one
    /// form that this kind has.
    pub(super) fn write(self, value: &Secret) -> Option<Secret> {
        let (again, counts) = if self == Self::Bool {
            let truth = matches!(value.as_bytes(), b"true");
            (Secret::from(if truth { "true" } else { "false" }), Secret::from(counted(truth)))
        } else {
            self.read(Zeroizing::new(value.as_bytes().to_vec()))?
        };
        (again == *value).then_some(counts)
    }
}

/// How a truth value counts for the MAC.
pub(super) const fn counted(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}

/// The bytes as text.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A float in the fewest digits that say it, without an exponent; the words that are no numbers as they are.
pub(super) fn float(text: &str) -> Option<String> {
    if matches!(text, "+Inf" | "-Inf" | "NaN") {
        return Some(text.to_owned());
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = text.parse::<f64>().ok().filter(|number| is_number && number.is_finite())?;
    Some(number.to_string())
}

/// A truth value, in the words that SOPS takes.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A time as RFC 3339 writes it, an offset included.
pub(super) fn time(text: &str) -> Option<&str> {
    let (moment, offset) = match text.strip_suffix('Z') {
        Some(moment) => (moment, None),
        None => {
            let (moment, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
            (moment, Some(offset))
        }
    };
    let is_offset = offset.is_none_or(|offset| {
        let bytes = offset.as_bytes();
        let digits = [1, 2, 4, 5].iter().all(|&at| bytes.get(at).is_some_and(u8::is_ascii_digit));
        matches!(bytes.first(), Some(b'+' | b'-')) && bytes.get(3) == Some(&b':') && digits
    });
    (is_offset && humantime::parse_rfc3339(&format!("{moment}Z")).is_ok()).then_some(text)
}

/// The key that all values of one file are encrypted with.
pub(super) struct DataKey(Zeroizing<[u8; KEY_LENGTH]>);

impl DataKey {
    /// A new one.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    /// The key of these bytes, when they are as many as a key has.
    pub(super) fn of(bytes: &Secret) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        (bytes.len() == KEY_LENGTH).then(|| key.copy_from_slice(bytes.as_bytes()))?;
        Some(Self(key))
    }

    /// The bytes, to be sealed.
    pub(super) fn to_secret(&self) -> Secret {
        Secret::from(self.0.as_slice())
    }

    /// The cipher under this key.
    fn cipher(&self) -> Cipher {
        Cipher::new(GenericArray::from_slice(self.0.as_slice()))
    }
}

/// An encrypted value, taken apart.
pub(super) struct Sealed<'a> {
    /// The encrypted bytes.
    data: Vec<u8>,
    /// The nonce.
    nonce: [u8; NONCE_LENGTH],
    /// The authentication tag.
    tag: [u8; TAG_LENGTH],
    /// The type.
    pub(super) word: &'a str,
}

impl<'a> Sealed<'a> {
    /// Takes an encrypted value apart. None when it is not written in exactly that form.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(BEGINNING)?.strip_prefix("data:")?.strip_suffix(']')?;
        let (data, rest) = rest.split_once(",iv:")?;
        let (nonce, rest) = rest.split_once(",tag:")?;
        let (tag, word) = rest.split_once(",type:")?;
        let data = STANDARD.decode(data).ok().filter(|data| !data.is_empty())?;
        let nonce = STANDARD.decode(nonce).ok()?.try_into().ok()?;
        let tag = STANDARD.decode(tag).ok()?.try_into().ok()?;
        Some(Self { data, nonce, tag, word })
    }

    /// Decrypts it. None when it was not encrypted under this key, with this additional data.
    pub(super) fn open(&self, key: &DataKey, additional: &str) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(self.data.clone());
        let nonce = GenericArray::from_slice(&self.nonce);
        let tag = Tag::from_slice(&self.tag);
        key.cipher().decrypt_in_place_detached(nonce, additional.as_bytes(), &mut bytes, tag).ok()?;
        Some(bytes)
    }
}

/// Encrypts a value of that type under a fresh nonce. An empty one stays as it is, as in SOPS.
///
/// # Errors
/// When the kernel gives no random bytes, or the value is too long for the cipher.
pub(super) fn seal(key: &DataKey, additional: &str, word: &str, plain: &Secret) -> Result<String, SealFailed> {
    if plain.is_empty() {
        return Ok(String::new());
    }
    let mut nonce = [0; NONCE_LENGTH];
    getrandom::fill(&mut nonce).map_err(|_| SealFailed)?;
    let mut bytes = Zeroizing::new(plain.as_bytes().to_vec());
    let tag = key
        .cipher()
        .encrypt_in_place_detached(GenericArray::from_slice(&nonce), additional.as_bytes(), &mut bytes)
        .map_err(|_| SealFailed)?;
    let [data, nonce, tag] = [bytes.as_slice(), &nonce, &tag].map(|bytes| STANDARD.encode(bytes));
    Ok(format!("{BEGINNING}data:{data},iv:{nonce},tag:{tag},type:{word}]"))
}

/// A value could not be encrypted.
#[derive(Debug)]
pub(super) struct SealFailed;
