//! The JSON form of a vault's content. What is wrong with it is told by place alone: messages of the JSON reader repeat what they read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::{Consumer, Consumers, Document, DocumentError, Entry, LONGEST_VALUE, Seed};
use crate::name::Name;
use crate::secret::Secret;

/// The version of the format.
pub(super) const VERSION: u64 = 1;

/// The whole document; the secrets are other types where they are written and where they are read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDocument<'a, S> {
    /// The version of the format; its name says what the file is.
    lobsterpot_vault: u64,
    /// [`Document::seed`] in base64.
    #[serde(borrow)]
    seed: Cow<'a, str>,
    /// [`Document::generation`].
    generation: u64,
    /// [`Document::recipients`].
    recipients: Vec<String>,
    /// [`Document::secrets`].
    secrets: S,
}

/// What every version has, to tell a later one from something else.
#[derive(Deserialize)]
struct WireVersion {
    /// The version of the format.
    lobsterpot_vault: u64,
}

/// The secrets by name, as they are written.
struct WrittenSecrets<'a>(&'a BTreeMap<Name, Entry>);

/// The secrets by name, as they are read: no name twice. They go to their place one by one, for a copy of all in between would be
/// most of the time that reading a long vault takes.
struct ReadSecrets(BTreeMap<Name, Entry>);

/// A text that stays where it was read, unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// One secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry<'a> {
    /// The value, when it is text.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    /// The value in base64, when it is not.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    base64: Option<Cow<'a, str>>,
    /// [`Entry::created`].
    #[serde(with = "moment")]
    created: SystemTime,
    /// [`Entry::rotated`].
    #[serde(with = "moment")]
    rotated: SystemTime,
    /// [`Entry::expires`].
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_moment")]
    expires: Option<SystemTime>,
    /// [`Entry::note`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// [`Entry::consumers`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consumers: Option<BTreeSet<String>>,
}

impl Serialize for WrittenSecrets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, entry) in self.0 {
            map.serialize_entry(name.as_str(), &WireEntry::of(entry))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ReadSecrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads the object member by member.
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = ReadSecrets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("secrets by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut secrets = BTreeMap::new();
                while let Some((Text(name), entry)) = map.next_entry::<Text<'de>, WireEntry<'de>>()? {
                    let name = Name::parse(&name).map_err(A::Error::custom)?;
                    let entry = entry.into_entry().ok_or_else(|| A::Error::custom("not a secret"))?;
                    if secrets.insert(name, entry).is_some() {
                        return Err(A::Error::custom("a name that is there twice"));
                    }
                }
                Ok(ReadSecrets(secrets))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Reads a document.
///
/// # Errors
/// As [`Document::from_bytes`] says.
pub(super) fn read(bytes: &[u8]) -> Result<Document, DocumentError> {
    let wire: WireDocument<'_, ReadSecrets> = serde_json::from_slice(bytes).map_err(|error| diagnose(bytes, &error))?;
    if wire.lobsterpot_vault != VERSION {
        return Err(DocumentError::Version { version: wire.lobsterpot_vault });
    }
    // What JSON cannot say about itself has no place in the text: the beginning stands for the whole.
    let invalid = DocumentError::Invalid { line: 1, column: 1 };
    let mut seed = Zeroizing::new([0; 32]);
    match STANDARD.decode_slice(wire.seed.as_ref(), seed.as_mut()) {
        Ok(32) => {}
        Ok(_) | Err(_) => return Err(invalid),
    }
    let secrets = wire.secrets.0;
    Ok(Document { seed: Seed(seed), generation: wire.generation, recipients: wire.recipients, secrets })
}

/// What is wrong with bytes that could not be read.
fn diagnose(bytes: &[u8], error: &serde_json::Error) -> DocumentError {
    match serde_json::from_slice::<WireVersion>(bytes) {
        Ok(found) if found.lobsterpot_vault != VERSION => DocumentError::Version { version: found.lobsterpot_vault },
        Ok(_) => DocumentError::Invalid { line: error.line(), column: error.column() },
        Err(_) => DocumentError::NotAVault,
    }
}

impl WireEntry<'_> {
    /// The entry, unless it has no value, two of them, a value that is too long, or a consumer that does not exist.
    fn into_entry(self) -> Option<Entry> {
        let value = match (self.text, self.base64) {
            (Some(text), None) => Secret::from(text.into_owned()),
            (None, Some(text)) => Secret::from(STANDARD.decode(text.as_ref()).ok()?),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let consumers = match self.consumers {
            None => Consumers::any(),
            Some(texts) => {
                Consumers::only(texts.iter().map(|text| Consumer::parse(text).ok()).collect::<Option<Vec<_>>>()?)
            }
        };
        (value.len() <= LONGEST_VALUE).then_some(Entry {
            value,
            created: self.created,
            rotated: self.rotated,
            expires: self.expires,
            note: self.note,
            consumers,
        })
    }

    /// The wire form of an entry.
    fn of(entry: &Entry) -> WireEntry<'_> {
        let text = entry.value.as_text().map(Cow::Borrowed);
        let base64 = text.is_none().then(|| Cow::Owned(STANDARD.encode(entry.value.as_bytes())));
        WireEntry {
            text,
            base64,
            created: entry.created,
            rotated: entry.rotated,
            expires: entry.expires,
            note: entry.note.clone(),
            consumers: entry.consumers.named().map(|named| named.iter().map(ToString::to_string).collect()),
        }
    }
}

/// Writes a document.
pub(super) fn write(document: &Document) -> Secret {
    let wire = WireDocument {
        lobsterpot_vault: VERSION,
        seed: Cow::Owned(STANDARD.encode(document.seed.0.as_ref())),
        generation: document.generation,
        recipients: document.recipients.clone(),
        secrets: WrittenSecrets(&document.secrets),
    };
    match serde_json::to_vec_pretty(&wire) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            Secret::from(bytes)
        }
        Err(_) => unreachable!("every field has a JSON form, and memory takes every byte"),
    }
}

/// Moments as text of RFC 3339, in UTC and whole seconds.
mod moment {
    use super::{Deserialize, Deserializer, Duration, Serializer, SystemTime, Text, UNIX_EPOCH};
    use serde::de::Error as _;

    /// Writes a moment. One before 1970 is written as the beginning of that year.
    ///
    /// # Errors
    /// As the serializer.
    pub(super) fn serialize<S: Serializer>(moment: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
        serializer.collect_str(&humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)))
    }

    /// Reads a moment. What it has of a second is left out: what is written again is what was read.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        let moment = humantime::parse_rfc3339(&text).map_err(|_| D::Error::custom("not a moment"))?;
        let passed = moment.duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
        Ok(UNIX_EPOCH + Duration::from_secs(passed))
    }
}

/// The same where there may be none.
mod optional_moment {
    use super::{Deserialize, Deserializer, Serializer, SystemTime, moment};

    /// Writes a moment that is there.
    ///
    /// # Errors
    /// As the serializer.
    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(moment: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) => moment::serialize(moment, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a moment that may be null.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        /// A moment, as a type.
        #[derive(Deserialize)]
        struct Moment(#[serde(with = "moment")] SystemTime);

        Ok(Option::<Moment>::deserialize(deserializer)?.map(|found| found.0))
    }
}
