//! How a vault is doing: everything that a person should know, and what is not as it should be.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::document::Document;
use crate::failure::Failure;
use crate::keys::{self, Keys, Recipients};
use crate::session;
use crate::store::record::short;
use crate::store::{Look, Site};
use crate::{Locking, Protection};

/// How long before its end a secret is named.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The state of a vault. Nothing in it is secret.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Status {
    /// Where the vault is.
    pub(crate) vault: String,
    /// What its encryption rests on.
    pub(crate) kind: Option<String>,
    /// The fingerprints of its recipients; those that the own identity opens are marked.
    pub(crate) recipients: Vec<Recipient>,
    /// Where the identity was found.
    pub(crate) identity: Option<String>,
    /// The identities as they may be shown.
    pub(crate) identities: Vec<String>,
    /// How often the vault was written.
    pub(crate) version: Option<u64>,
    /// The beginning of its fingerprint.
    pub(crate) fingerprint: Option<String>,
    /// How many secrets there are.
    pub(crate) secrets: Option<usize>,
    /// Names of secrets that must not be used any more.
    pub(crate) expired: Vec<String>,
    /// Names of secrets that end within 30 days, with their day.
    pub(crate) expiring: Vec<String>,
    /// How the vault compares with what was seen last.
    pub(crate) record: Option<String>,
    /// Whether other processes of the same user are kept out of this program's memory.
    pub(crate) closed: bool,
    /// Whether this program leaves no core.
    pub(crate) no_core: bool,
    /// Whether this program's memory stays out of swap.
    pub(crate) locked: bool,
    /// What is not as it should be, each with what to do.
    pub(crate) problems: Vec<Problem>,
}

/// Somebody whom the vault is encrypted to.
#[derive(Debug, Serialize)]
pub(crate) struct Recipient {
    /// The fingerprint.
    pub(crate) fingerprint: String,
    /// Whether the identity here is theirs.
    pub(crate) own: bool,
}

/// Something that is not as it should be.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    /// What, in one sentence.
    pub(crate) what: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self { what: failure.to_string(), hint: failure.hint().map(str::to_owned) }
    }
}

impl Status {
    /// The state of this program's own protection.
    pub(crate) fn protect(&mut self, protection: Protection) {
        self.closed = protection.is_closed;
        self.no_core = protection.has_no_core;
        self.locked = protection.locking == Locking::Whole;
        if !(self.closed && self.no_core) {
            self.add(
                "other processes of this user can look into this program",
                "report this, with the kernel's version",
            );
        }
    }

    /// Notes a problem.
    pub(crate) fn add(&mut self, what: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem { what: what.into(), hint: Some(hint.into()) });
    }

    /// What the keys are.
    pub(crate) fn identify(&mut self, keys: &Keys) {
        self.identity = Some(keys.source().to_string());
        self.identities = keys.shown();
    }

    /// What is in the vault.
    pub(crate) fn describe(&mut self, document: &Document, keys: &Keys, now: SystemTime) {
        let own = keys.recipients();
        let recipient = |text: &String| Recipient { fingerprint: shown(text), own: own.contains(text) };
        match Recipients::parse(&document.recipients) {
            Ok(recipients) => {
                self.kind = Some(recipients.kind().to_string());
                self.recipients = recipients.texts().iter().map(recipient).collect();
            }
            Err(error) => self.problems.push(Failure::from(error).into()),
        }
        self.version = Some(document.generation);
        self.secrets = Some(document.secrets.len());
        for (name, entry) in &document.secrets {
            if entry.is_expired(now) {
                self.expired.push(name.to_string());
                self.add(format!("{name} has expired"), format!("lobsterpot-vault rotate {name}"));
            } else if let Some(end) = entry.expires.filter(|end| *end <= now + SOON) {
                let end = humantime::format_rfc3339_seconds(end).to_string();
                self.expiring.push(format!("{name} ({})", end.split('T').next().unwrap_or_default()));
            }
        }
    }

    /// How the vault compares with what was seen last, which is kept where that is possible.
    pub(crate) fn compare(&mut self, site: &Site, look: Look) {
        self.fingerprint = Some(short(&look.sight.fingerprint));
        if site.record().is_none() {
            self.record = Some("not kept: there is no place for it".to_owned());
            return;
        }
        let comparison = match look.seen.and_then(|seen| look.sight.compare(seen.as_ref())) {
            Ok(comparison) => comparison,
            Err(error) => return self.problems.push(Failure::from(error).into()),
        };
        self.record = match site.remember(&look.sight, comparison) {
            Ok(()) => Some(comparison.to_string()),
            Err(error) if error.is_alarm() => return self.problems.push(Failure::from(error).into()),
            Err(error) => Some(format!("{comparison}; {error}")),
        };
    }

    /// The state as people read it.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![("vault", self.vault.clone())];
        let mut add = |title, text: Option<String>| lines.extend(text.map(|text| (title, text)));
        add("kind", self.kind.clone());
        for recipient in &self.recipients {
            let mark = if recipient.own { " (own)" } else { "" };
            add("recipient", Some(format!("{}{mark}", recipient.fingerprint)));
        }
        let identities = Some(self.identities.join(", ")).filter(|text| !text.is_empty());
        let with = identities.map(|text| format!(" ({text})")).unwrap_or_default();
        add("identity", self.identity.as_ref().map(|source| format!("{source}{with}")));
        let of = self.fingerprint.as_ref().map(|text| format!(" of the vault {text}")).unwrap_or_default();
        add("version", self.version.map(|number| format!("{number}{of}")));
        add("record", self.record.clone());
        add("secrets", self.secrets.map(|number| number.to_string()));
        add("expiring", Some(self.expiring.join(", ")).filter(|text| !text.is_empty()));
        let word = |is: bool, yes: &str, no: &str| (if is { yes } else { no }).to_owned();
        add(
            "memory",
            Some(format!(
                "{}, {}, {}",
                word(self.closed, "closed to other processes", "open to other processes of this user"),
                word(self.no_core, "no core", "may leave a core"),
                word(self.locked, "kept out of swap", "may be swapped (the limit on locked memory is low)"),
            )),
        );
        let mut text: String = lines
            .iter()
            .map(|(title, text)| format!("{:<11}{}\n", format!("{title}:"), session::shown(text)))
            .collect();
        for problem in &self.problems {
            text.push_str(&format!("PROBLEM: {}\n", session::shown(&problem.what)));
            text.push_str(&problem.hint.as_ref().map(|hint| format!("         {hint}\n")).unwrap_or_default());
        }
        text
    }
}

/// A recipient as people may see it.
fn shown(recipient: &str) -> String {
    if recipient == keys::PASSPHRASE { recipient.to_owned() } else { keys::fingerprint(recipient) }
}
