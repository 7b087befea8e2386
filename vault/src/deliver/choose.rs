//! Which secrets a consumer gets: those that are named, or all that it may have; never an expired one.

use std::time::SystemTime;

use thiserror::Error;

use crate::document::{Consumer, Document, Entry};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;

/// Why a secret that was named is not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChooseError {
    /// The vault has none of that name.
    #[error("the vault has no secret {name}")]
    Unknown {
        /// The name.
        name: Name,
    },
    /// The vault names others that may have it.
    #[error("{name} is not for {consumer}")]
    NotAllowed {
        /// The secret.
        name: Name,
        /// Who wanted it.
        consumer: Consumer,
    },
    /// Its time is over.
    #[error("{name} has expired")]
    Expired {
        /// The secret.
        name: Name,
    },
}

impl Explain for ChooseError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unknown { .. } => Exit::NotFound,
            Self::NotAllowed { .. } | Self::Expired { .. } => Exit::Denied,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { .. } => "`lobsterpot-vault list` shows the names".to_owned(),
            Self::NotAllowed { name, consumer } => {
                format!("`list` shows for whom it is; allow it with `set {name} --keep-value --consumer {consumer} …`")
            }
            Self::Expired { name } => format!("put in a new value with `lobsterpot-vault rotate {name}`"),
        })
    }
}

/// The secret `name`, for one consumer.
///
/// # Errors
/// When there is none, the consumer may not have it, or it has expired.
pub fn one<'a>(
    document: &'a Document,
    name: &Name,
    consumer: &Consumer,
    now: SystemTime,
) -> Result<&'a Entry, ChooseError> {
    let entry = document.secrets.get(name).ok_or_else(|| ChooseError::Unknown { name: name.clone() })?;
    if !entry.consumers.allow(consumer) {
        return Err(ChooseError::NotAllowed { name: name.clone(), consumer: consumer.clone() });
    }
    if entry.is_expired(now) {
        return Err(ChooseError::Expired { name: name.clone() });
    }
    Ok(entry)
}

/// What a consumer gets that asked for nothing by name.
#[derive(Debug, Default)]
pub struct Everything<'a> {
    /// The secrets, in the order of their names.
    pub chosen: Vec<(&'a Name, &'a Entry)>,
    /// Those that it could have had, had they not expired.
    pub expired: Vec<&'a Name>,
}

/// All secrets that a consumer may have.
#[must_use]
pub fn all<'a>(document: &'a Document, consumer: &Consumer, now: SystemTime) -> Everything<'a> {
    let mut found = Everything::default();
    for (name, entry) in document.secrets.iter().filter(|(_, entry)| entry.consumers.allow(consumer)) {
        if entry.is_expired(now) {
            found.expired.push(name);
        } else {
            found.chosen.push((name, entry));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::{ChooseError, all, one};
    use crate::document::{Consumer, Consumers, Document, Entry};
    use crate::name::Name;
    use crate::secret::Secret;

    /// A moment.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000)
    }

    /// A document with one secret for everybody, one for `unlock` alone, one for `get` alone, and one that has just expired.
    fn sample() -> Document {
        let mut document = Document::new(Vec::new()).unwrap();
        let entry = || Entry::new(Secret::from("x"), now());
        let only = |consumer| Entry { consumers: Consumers::only([consumer]), ..entry() };
        let mut insert = |name: &str, entry| document.secrets.insert(Name::parse(name).unwrap(), entry);
        insert("ALL", entry());
        insert("UNLOCK", only(Consumer::Unlock));
        insert("GET", only(Consumer::Get));
        insert("OLD", Entry { expires: Some(now()), ..entry() });
        document
    }

    #[test]
    fn a_consumer_that_is_not_named_gets_nothing() {
        let (document, name) = (sample(), Name::parse("GET").unwrap());
        assert!(one(&document, &name, &Consumer::Get, now()).is_ok());
        let error = one(&document, &name, &Consumer::Unlock, now()).unwrap_err();
        assert_eq!(error, ChooseError::NotAllowed { name, consumer: Consumer::Unlock });
    }

    #[test]
    fn an_expired_secret_is_not_delivered_even_by_name() {
        let (document, name) = (sample(), Name::parse("OLD").unwrap());
        assert_eq!(one(&document, &name, &Consumer::Get, now()), Err(ChooseError::Expired { name: name.clone() }));
        assert!(one(&document, &name, &Consumer::Get, UNIX_EPOCH).is_ok());
    }

    #[test]
    fn who_asks_for_everything_gets_what_is_allowed_and_hears_what_expired() {
        let document = sample();
        let found = all(&document, &Consumer::Unlock, now());
        let names: Vec<&str> = found.chosen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["ALL", "UNLOCK"]);
        assert_eq!(found.expired, [&Name::parse("OLD").unwrap()]);
    }
}
