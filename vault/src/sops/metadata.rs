//! The `sops` block: who can open the data key, which values are encrypted, the MAC. It is not authenticated, and read strictly.

use std::collections::{BTreeMap, BTreeSet};

use super::MOST_RECIPIENTS;
use super::error::SopsError;
use super::tree::Scalar;
use super::value::{BEGINNING, DataKey};
use crate::secret::Secret;

/// The key of the block in JSON and YAML.
pub(super) const KEY: &str = "sops";

/// What the block's keys begin with in dotenv.
pub(super) const PREFIX: &str = "sops_";

/// What comes before a key inside a map, where the block is flat.
pub(super) const MAP: &str = "__map_";

/// What comes before a place in a list, where the block is flat.
pub(super) const LIST: &str = "__list_";

/// The suffix of keys whose values are not encrypted, where the block does not say another rule.
pub(super) const UNENCRYPTED_SUFFIX: &str = "_unencrypted";

/// The longest text of one entry that is not a sealed data key, in bytes.
const LONGEST_ENTRY: usize = 4096;

/// Entries that are a list of keys of some other kind, and what that is called.
const FOREIGN: &[(&str, &str)] = &[
    ("kms", "AWS KMS"),
    ("gcp_kms", "GCP KMS"),
    ("azure_kv", "Azure Key Vault"),
    ("hc_vault", "HashiCorp Vault"),
    ("hckms", "HuaweiCloud KMS"),
    ("pgp", "PGP"),
];

/// The rules that a block can have, of which it may have one.
const RULES: &[&str] = &[
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

/// Which values are encrypted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// All but those under a key with this end.
    AllBut(String),
    /// Those under a key with this end.
    Only(String),
    /// Those that look so: the block has a regular expression, which is not evaluated.
    ByForm,
}

impl Rule {
    /// Whether a value under these keys is encrypted.
    pub(super) fn encrypts(&self, keys: &[String], scalar: &Scalar) -> bool {
        match self {
            Self::AllBut(suffix) => !keys.iter().any(|key| key.ends_with(suffix)),
            Self::Only(suffix) => keys.iter().any(|key| key.ends_with(suffix)),
            Self::ByForm => matches!(scalar, Scalar::Text(text) if text.is_empty() || text.starts_with(BEGINNING)),
        }
    }
}

/// Which values the MAC is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Covers {
    /// All of them.
    Everything,
    /// Those that are encrypted.
    Encrypted,
}

/// A data key, sealed to one recipient.
#[derive(Debug, Default)]
struct SealedKey {
    /// To whom.
    recipient: Option<String>,
    /// An age file in armor.
    armored: Option<String>,
}

/// The block.
#[derive(Debug)]
pub(super) struct Metadata {
    /// To whom the data key is sealed, and how: recipient and armored age file.
    keys: Vec<(String, String)>,
    /// When the file was last changed, as it is written.
    pub(super) modified: String,
    /// The encrypted MAC.
    pub(super) mac: String,
    /// Which values are encrypted.
    pub(super) rule: Rule,
    /// Which values the MAC is made of.
    pub(super) covers: Covers,
}

impl Metadata {
    /// Reads the flat block.
    ///
    /// # Errors
    /// When something is missing, malformed, there twice, not known or not supported.
    pub(super) fn parse(flat: Vec<(String, Scalar)>) -> Result<Self, SopsError> {
        let mut block = Block::default();
        for (key, scalar) in flat {
            block.take(key, scalar)?;
        }
        block.finish()
    }

    /// To whom the data key is sealed.
    pub(super) fn recipients(&self) -> Vec<String> {
        self.keys.iter().map(|(recipient, _)| recipient.clone()).collect()
    }

    /// The data key: the first that opens.
    ///
    /// # Errors
    /// When none opens, or what opens is no data key.
    pub(super) fn data_key(&self, open: &mut dyn FnMut(&[u8]) -> Option<Secret>) -> Result<DataKey, SopsError> {
        let opened = self.keys.iter().find_map(|(_, armored)| open(armored.as_bytes()));
        let key = opened.ok_or_else(|| SopsError::Locked { recipients: printable(&self.recipients()) })?;
        DataKey::of(&key).ok_or(SopsError::DataKey)
    }
}

/// The block while it is read.
#[derive(Default)]
struct Block {
    /// Entries that are one text each.
    texts: BTreeMap<String, String>,
    /// The age keys by place.
    keys: BTreeMap<usize, SealedKey>,
    /// Other ways to open the data key.
    foreign: BTreeSet<&'static str>,
}

impl Block {
    /// Takes one entry.
    ///
    /// # Errors
    /// When it is there twice, or is none that is known.
    fn take(&mut self, key: String, scalar: Scalar) -> Result<(), SopsError> {
        let end = [key.find(LIST), key.find(MAP)].into_iter().flatten().min();
        let (head, tail) = key.split_at(end.unwrap_or(key.len()));
        if head == "key_groups" && scalar != Scalar::Null {
            return Err(SopsError::KeyGroups);
        }
        if head == "age" && !tail.is_empty() {
            return self.take_key(tail, scalar);
        }
        if let Some((_, method)) = FOREIGN.iter().find(|(list, _)| *list == head) {
            if !matches!(scalar, Scalar::Null) {
                self.foreign.insert(method);
            }
            return Ok(());
        }
        let is_known = RULES.contains(&head)
            || matches!(
                head,
                "age" | "lastmodified" | "mac" | "version" | "mac_only_encrypted" | "shamir_threshold" | "key_groups"
            );
        if !is_known || !tail.is_empty() {
            return Err(SopsError::Unknown { entry: entry(head) });
        }
        let text = match scalar {
            Scalar::Null => return Ok(()),
            Scalar::Text(text) => text.as_str().to_owned(),
            // Every entry is a text to SOPS, a date or a version without quotes too.
            Scalar::Int(text) | Scalar::Float(text) | Scalar::Odd(text) => text,
            Scalar::Bool(truth) => truth.to_string(),
        };
        if text.len() > LONGEST_ENTRY {
            return Err(malformed(head));
        }
        match self.texts.insert(head.to_owned(), text) {
            Some(_) => Err(SopsError::Duplicate { place: entry(head) }),
            None => Ok(()),
        }
    }

    /// Takes one entry of the list of age keys: `__list_0__map_enc` or `__list_0__map_recipient`.
    ///
    /// # Errors
    /// When it is another one, or there twice.
    fn take_key(&mut self, tail: &str, scalar: Scalar) -> Result<(), SopsError> {
        let unknown = || SopsError::Unknown { entry: entry("age") };
        let (place, field) = tail.strip_prefix(LIST).and_then(|rest| rest.split_once(MAP)).ok_or_else(unknown)?;
        let is_plain = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit());
        let place = place.parse::<usize>().ok().filter(|_| is_plain).ok_or_else(unknown)?;
        if place >= MOST_RECIPIENTS {
            return Err(SopsError::TooManyRecipients);
        }
        let Scalar::Text(text) = scalar else { return Err(malformed("age")) };
        let key = self.keys.entry(place).or_default();
        let slot = match field {
            "recipient" => &mut key.recipient,
            "enc" => &mut key.armored,
            _ => return Err(unknown()),
        };
        match slot.replace(text.as_str().to_owned()) {
            Some(_) => Err(SopsError::Duplicate { place: entry("age") }),
            None => Ok(()),
        }
    }

    /// The block, when everything is there.
    ///
    /// # Errors
    /// When something is missing, malformed or contradicts itself.
    fn finish(mut self) -> Result<Metadata, SopsError> {
        let rule = self.rule()?;
        let covers = match self.texts.get("mac_only_encrypted").map(String::as_str) {
            None | Some("" | "false") => Covers::Everything,
            Some("true") => Covers::Encrypted,
            Some(_) => return Err(malformed("mac_only_encrypted")),
        };
        if !matches!(self.texts.get("shamir_threshold").map(String::as_str), None | Some("" | "0" | "1")) {
            return Err(SopsError::KeyGroups);
        }
        let modified =
            self.texts.remove("lastmodified").filter(|text| !text.is_empty()).ok_or(missing("lastmodified"))?;
        if super::value::time(&modified).is_none() {
            return Err(malformed("lastmodified"));
        }
        let mac = self.texts.remove("mac").filter(|text| !text.is_empty()).ok_or(missing("mac"))?;
        let whole = |key: SealedKey| key.recipient.zip(key.armored).ok_or(missing("age"));
        let keys = self.keys.into_values().map(whole).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(if self.foreign.is_empty() {
                missing("age")
            } else {
                SopsError::Foreign { methods: self.foreign.into_iter().collect::<Vec<_>>().join(", ") }
            });
        }
        Ok(Metadata { keys, modified, mac, rule, covers })
    }

    /// The one rule that says which values are encrypted.
    ///
    /// # Errors
    /// When there are several.
    fn rule(&self) -> Result<Rule, SopsError> {
        let mut rules =
            RULES.iter().filter_map(|rule| Some((*rule, self.texts.get(*rule)?))).filter(|rule| !rule.1.is_empty());
        let rule = match rules.next() {
            None => Rule::AllBut(UNENCRYPTED_SUFFIX.to_owned()),
            Some(("unencrypted_suffix", suffix)) => Rule::AllBut(suffix.clone()),
            Some(("encrypted_suffix", suffix)) => Rule::Only(suffix.clone()),
            Some(_) => Rule::ByForm,
        };
        match rules.next() {
            Some((field, _)) => Err(SopsError::Metadata { field, problem: "is a second rule for what is encrypted" }),
            None => Ok(rule),
        }
    }
}

/// An entry is missing.
const fn missing(field: &'static str) -> SopsError {
    SopsError::Metadata { field, problem: "is missing, or not whole" }
}

/// An entry is not what it has to be.
fn malformed(head: &str) -> SopsError {
    let known = ["lastmodified", "mac", "version", "mac_only_encrypted", "shamir_threshold", "age", "key_groups"];
    let field = known.iter().chain(RULES).find(|field| **field == head).copied().unwrap_or(KEY);
    SopsError::Metadata { field, problem: "is not what it has to be" }
}

/// An entry's name, where it is one that can be shown.
fn entry(head: &str) -> String {
    let is_plain =
        !head.is_empty() && head.len() <= 64 && head.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_plain { format!("`{head}`") } else { "an entry".to_owned() }
}

/// Recipients to be shown: those that are printable, shortened.
fn printable(recipients: &[String]) -> String {
    let show = |recipient: &String| {
        let plain: String = recipient.chars().filter(char::is_ascii_graphic).take(80).collect();
        if plain.len() < recipient.len() { format!("{plain}…") } else { plain }
    };
    recipients.iter().take(8).map(show).collect::<Vec<_>>().join(", ")
}
