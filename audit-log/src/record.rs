//! One record, and the line that it is written as.
//!
//! ```text
//! {"digest":"<64 hexadecimal digits>","number":7,"previous":"<64 hexadecimal digits>","time":…,"what":{…}}
//!           what follows the digest is what it covers: SHA-256 (FIPS 180-4) of a tag and these bytes
//! ```

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The longest line, in bytes, its line feed included. The fields are cut so that none is longer.
pub(crate) const LONGEST_LINE: usize = 4096;
/// The longest text in a record, in bytes of JSON.
const LONGEST_TEXT: usize = 600;
/// Stands before what is digested, so that no other program's digests can pass for a record's.
const TAG: &[u8] = b"lobsterpot audit record 1\n";
/// Stands before sealed bytes when they are digested.
const DEBRIS_TAG: &[u8] = b"lobsterpot audit debris 1\n";
/// What a line begins with.
const HEAD: &[u8] = b"{\"digest\":\"";
/// What follows the digest.
const AFTER: &[u8] = b"\",";

/// A SHA-256 digest; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Digest([u8; 32]);

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its place in the chain; the first is 0.
    pub number: u64,
    /// The digest of the record before it; all zeros for the first.
    pub previous: Digest,
    /// When it was written, in milliseconds since 1970 (UTC).
    pub time: u64,
    /// Which run it is about: a number that no two runs share.
    pub run: String,
    /// The command's first word. Never its arguments, which may hold secrets.
    pub command: String,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// The policy refused something.
    Refused {
        /// The reason's code, such as `net.host-not-allowed`.
        reason: String,
        /// What was asked for: a host and port, or a path.
        subject: String,
        /// How often.
        times: u64,
    },
    /// Something that the policy allows did not work.
    Failed {
        /// The reason's code, such as `net.unresolved`.
        reason: String,
        /// What was asked for: a host and port.
        subject: String,
        /// How often.
        times: u64,
    },
    /// The way out of the network ended before the command did, and the network was closed from then on.
    WayOutEnded {
        /// What was seen of it.
        message: String,
    },
    /// What lies between the record before and this one is no record; it is left there.
    Sealed {
        /// How many bytes.
        bytes: u64,
        /// Their digest.
        debris: Digest,
        /// Whether the last line was not whole, as a crash leaves it. Otherwise whole lines were changed.
        torn: bool,
    },
}

/// Who writes: the same for all records of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// Milliseconds since 1970 (UTC).
    pub time: u64,
    /// The run.
    pub run: String,
    /// The command's first word.
    pub command: String,
}

impl Digest {
    /// The digest of bytes that are no record.
    pub(crate) fn of_debris(bytes: &[u8]) -> Self {
        Self::of(DEBRIS_TAG, bytes)
    }

    /// The digest of `bytes` behind `tag`.
    fn of(tag: &[u8], bytes: &[u8]) -> Self {
        Self(Sha256::new().chain_update(tag).chain_update(bytes).finalize().into())
    }

    /// Reads 64 hexadecimal digits, lower-case only: one digest is written in one way.
    fn parse(text: &[u8]) -> Option<Self> {
        let (pairs, rest) = text.as_chunks::<2>();
        if !rest.is_empty() || pairs.len() != 32 {
            return None;
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut digest = Self::default();
        for (byte, [high, low]) in digest.0.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(text.as_bytes()).ok_or_else(|| serde::de::Error::custom("no SHA-256 digest"))
    }
}

impl Record {
    /// The record as a line, with its line feed, and its digest.
    ///
    /// # Errors
    /// None in practice: every field can be written as JSON.
    pub(crate) fn line(&self) -> Result<(Vec<u8>, Digest), serde_json::Error> {
        let body = serde_json::to_vec(self)?;
        let rest = body.get(1..).unwrap_or_default();
        let digest = Digest::of(TAG, rest);
        let line = [HEAD, digest.to_string().as_bytes(), AFTER, rest, b"\n"].concat();
        Ok((line, digest))
    }

    /// Reads a line, with its line feed; `None` when it is no record or its digest is not that of its bytes.
    pub(crate) fn parse(line: &[u8]) -> Option<(Self, Digest)> {
        if line.len() > LONGEST_LINE {
            return None;
        }
        let (digest, rest) = line.strip_suffix(b"\n")?.strip_prefix(HEAD)?.split_at_checked(64)?;
        let (digest, rest) = (Digest::parse(digest)?, rest.strip_prefix(AFTER)?);
        if Digest::of(TAG, rest) != digest {
            return None;
        }
        let record = serde_json::from_slice(&[b"{", rest].concat()).ok()?;
        Some((record, digest))
    }
}

impl What {
    /// The same with no text longer than a record may hold.
    pub(crate) fn cut(self) -> Self {
        match self {
            Self::Refused { reason, subject, times } => {
                Self::Refused { reason: cut(&reason), subject: cut(&subject), times }
            }
            Self::Failed { reason, subject, times } => {
                Self::Failed { reason: cut(&reason), subject: cut(&subject), times }
            }
            Self::WayOutEnded { message } => Self::WayOutEnded { message: cut(&message) },
            Self::Sealed { .. } => self,
        }
    }
}

/// The beginning of `text` that takes at most [`LONGEST_TEXT`] bytes as JSON.
pub(crate) fn cut(text: &str) -> String {
    let mut taken = 0;
    let fits = |character: &char| {
        // A control character is written as six bytes, a quotation mark or a backslash as two.
        taken += if character.is_control() { 6 } else { character.len_utf8().max(2) };
        taken <= LONGEST_TEXT
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(command: &str) -> Record {
        let what = What::Refused { reason: "net.off".to_owned(), subject: "a:1".to_owned(), times: 2 };
        let previous = Digest::of_debris(b"x");
        Record { number: 3, previous, time: 5, run: "r".to_owned(), command: command.to_owned(), what }
    }

    #[test]
    fn a_record_comes_back_the_same() {
        for command in ["curl", "", "a\nb\"\\\u{1b}[2J", "ü"] {
            let (line, digest) = record(command).line().expect("a line");
            assert_eq!(Record::parse(&line), Some((record(command), digest)));
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "a command cannot begin a line");
        }
    }

    #[test]
    fn a_digest_in_capitals_is_no_digest() {
        let (line, digest) = record("curl").line().expect("a line");
        let shouted =
            String::from_utf8(line).expect("text").replace(&digest.to_string(), &digest.to_string().to_uppercase());
        assert_eq!(Record::parse(shouted.as_bytes()), None);
    }

    #[test]
    fn the_longest_texts_make_no_line_that_is_too_long() {
        for text in ["\u{1}".repeat(5000), "\"".repeat(5000), "ü".repeat(5000), "\u{10ffff}".repeat(5000)] {
            let what = What::Refused { reason: text.clone(), subject: text.clone(), times: u64::MAX }.cut();
            let full =
                Record { number: u64::MAX, time: u64::MAX, run: cut(&text), command: cut(&text), what, ..record("") };
            let (line, _) = full.line().expect("a line");
            assert!(line.len() <= LONGEST_LINE, "{}", line.len());
            assert!(Record::parse(&line).is_some());
        }
    }
}
