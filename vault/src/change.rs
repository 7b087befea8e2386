//! Changes to a document that people ask for: a value, its details, a new value for an old one. No I/O; the clock is an argument.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::document::{Consumer, Consumers, Document, Entry};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;

/// The longest note, in bytes.
pub const LONGEST_NOTE: usize = 4096;

/// The last second that can be written so that it is read again: years have four digits.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no secret of that name.
    #[error("there is no secret {name} in the vault")]
    Missing {
        /// The name.
        name: Name,
    },
    /// There is one already, which would be lost.
    #[error("there is a secret {name} in the vault already")]
    Taken {
        /// The name.
        name: Name,
    },
    /// A name that makes programs load code, as an environment variable.
    #[error("a variable called {name} makes programs load code or run others")]
    LoadsCode {
        /// The name.
        name: Name,
    },
    /// The new value is the old one.
    #[error("the new value of {name} is the old one")]
    Same {
        /// The name.
        name: Name,
    },
    /// It is not a time, or not one that is to come.
    #[error("this is no time to come: {what}")]
    Time {
        /// What is wrong.
        what: &'static str,
    },
    /// It is no consumer.
    #[error("consumer {place} is none that is known")]
    Consumer {
        /// Which one, from 1.
        place: usize,
    },
    /// A note that is too long.
    #[error("the note is longer than {LONGEST_NOTE} bytes")]
    Note,
}

impl Explain for ChangeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::NotFound,
            Self::Taken { .. } => Exit::Exists,
            Self::LoadsCode { .. } => Exit::Denied,
            Self::Same { .. } | Self::Note => Exit::Data,
            Self::Time { .. } | Self::Consumer { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => "`lobsterpot-vault list` shows the names; nothing was changed".to_owned(),
            Self::Taken { name } => format!("choose another name, or remove it first: lobsterpot-vault unset {name}"),
            Self::LoadsCode { .. } => "give --allow-code if that is what you want; nothing was changed".to_owned(),
            Self::Same { .. } => "get a new value from whoever issues it; nothing was changed".to_owned(),
            Self::Time { .. } => "write 90d, 12h, 2027-01-31, 2027-01-31T12:00:00Z or never".to_owned(),
            Self::Consumer { .. } => format!("write `any` alone; or {}", crate::document::BadConsumer.hint()),
            Self::Note => "keep long texts elsewhere; nothing was changed".to_owned(),
        })
    }
}

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// At a moment; whole seconds.
    At(SystemTime),
}

/// What is known about a secret besides its value, as far as somebody says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The note; an empty one removes it.
    pub note: Option<String>,
    /// When it ends.
    pub expires: Option<Expiry>,
    /// Who may have it.
    pub consumers: Option<Consumers>,
}

/// What became of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Added,
    /// It has a new value.
    Rotated,
    /// The value is as it was; details may differ.
    Kept,
}

impl Expiry {
    /// Reads what people write: a length of time from `now`, a day (its beginning, in UTC), a moment, or `never`.
    ///
    /// # Errors
    /// When it is none of these, or not after `now`.
    pub fn parse(text: &str, now: SystemTime) -> Result<Self, ChangeError> {
        let failed = |what| ChangeError::Time { what };
        if text == "never" {
            return Ok(Self::Never);
        }
        let moment = if let Ok(length) = humantime::parse_duration(text) {
            now.checked_add(Duration::from_secs(length.as_secs())).ok_or(failed("it is too far away"))?
        } else if let Ok(day) = humantime::parse_rfc3339(&format!("{text}T00:00:00Z")) {
            day
        } else {
            humantime::parse_rfc3339(text).map_err(|_| failed("it cannot be read"))?
        };
        if moment > SystemTime::UNIX_EPOCH + LAST_SECOND {
            return Err(failed("it is too far away"));
        }
        if moment > now { Ok(Self::At(moment)) } else { Err(failed("it is past")) }
    }
}

impl Details {
    /// Reads consumers as people write them: `any` alone, or one by one.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn consumers<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Consumers, ChangeError> {
        let texts: Vec<&str> = texts.into_iter().collect();
        if texts == ["any"] {
            return Ok(Consumers::any());
        }
        let parse = |(place, text): (usize, &&str)| Consumer::parse(text).map_err(|_| ChangeError::Consumer { place });
        Ok(Consumers::only((1..).zip(&texts).map(parse).collect::<Result<Vec<_>, _>>()?))
    }

    /// Puts what is said into an entry.
    fn apply(&self, entry: &mut Entry) {
        if let Some(note) = &self.note {
            entry.note = Some(note.clone()).filter(|note| !note.is_empty());
        }
        if let Some(expires) = self.expires {
            entry.expires = match expires {
                Expiry::Never => None,
                Expiry::At(moment) => Some(moment),
            };
        }
        if let Some(consumers) = &self.consumers {
            entry.consumers.clone_from(consumers);
        }
    }
}

/// Sets a secret. One that is there keeps when it was created, its note and its consumers; a new value counts as a rotation, and
/// renews an expiry for the same length of time.
pub fn set(document: &mut Document, name: &Name, value: Secret, details: &Details, now: SystemTime) -> Outcome {
    let Some(entry) = document.secrets.get_mut(name) else {
        let mut entry = Entry::new(value, now);
        details.apply(&mut entry);
        document.secrets.insert(name.clone(), entry);
        return Outcome::Added;
    };
    let outcome = if entry.value == value {
        Outcome::Kept
    } else {
        renew(entry, value, now);
        Outcome::Rotated
    };
    details.apply(entry);
    outcome
}

/// Changes what is known about a secret, and leaves its value.
///
/// # Errors
/// When it is not there.
pub fn describe(document: &mut Document, name: &Name, details: &Details) -> Result<(), ChangeError> {
    let entry = document.secrets.get_mut(name).ok_or_else(|| ChangeError::Missing { name: name.clone() })?;
    details.apply(entry);
    Ok(())
}

/// Gives a secret a new value. The old one is kept under the name `previous`, for nobody but `get`, where one is given.
///
/// # Errors
/// When it is not there, the value is the same, or something has the other name.
pub fn rotate(
    document: &mut Document,
    name: &Name,
    value: Secret,
    previous: Option<&Name>,
    now: SystemTime,
) -> Result<(), ChangeError> {
    if let Some(taken) = previous.filter(|previous| document.secrets.contains_key(*previous)) {
        return Err(ChangeError::Taken { name: taken.clone() });
    }
    let entry = document.secrets.get_mut(name).ok_or_else(|| ChangeError::Missing { name: name.clone() })?;
    if entry.value == value {
        return Err(ChangeError::Same { name: name.clone() });
    }
    let old = entry.clone();
    renew(entry, value, now);
    if let Some(previous) = previous {
        let kept = Entry { consumers: Consumers::only([Consumer::Get]), ..old };
        document.secrets.insert(previous.clone(), kept);
    }
    Ok(())
}

/// Puts a new value into an entry. Its expiry is renewed for the same length of time, as far as that can be written.
fn renew(entry: &mut Entry, value: Secret, now: SystemTime) {
    let length = entry.expires.and_then(|end| end.duration_since(entry.rotated).ok());
    entry.value = value;
    entry.rotated = now;
    let last = SystemTime::UNIX_EPOCH + LAST_SECOND;
    entry.expires = length.map(|length| now.checked_add(length).map_or(last, |end| end.min(last)));
}

/// Removes secrets: all of them or none.
///
/// # Errors
/// When one is not there.
pub fn unset(document: &mut Document, names: &[Name]) -> Result<(), ChangeError> {
    if let Some(name) = names.iter().find(|name| !document.secrets.contains_key(*name)) {
        return Err(ChangeError::Missing { name: name.clone() });
    }
    for name in names {
        document.secrets.remove(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::{ChangeError, Details, Expiry, Outcome, describe, rotate, set, unset};
    use crate::document::{Consumer, Consumers, Document};
    use crate::name::Name;
    use crate::secret::Secret;

    /// Some day in 2026.
    const NOW: SystemTime = UNIX_EPOCH;

    /// A moment so many seconds after `NOW`.
    fn after(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(seconds)
    }

    /// A name.
    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    /// A document with A, which has everything.
    fn document() -> Document {
        let mut document = Document::new(vec![]).unwrap();
        let details = Details {
            note: Some("n".to_owned()),
            expires: Some(Expiry::At(after(100))),
            consumers: Some(Consumers::only([Consumer::Run])),
        };
        assert_eq!(set(&mut document, &name("A"), Secret::from("1"), &details, NOW), Outcome::Added);
        document
    }

    #[test]
    fn a_new_value_keeps_what_is_known_and_renews_the_expiry() {
        let mut document = document();
        assert_eq!(set(&mut document, &name("A"), Secret::from("2"), &Details::default(), after(50)), Outcome::Rotated);
        let entry = &document.secrets[&name("A")];
        assert_eq!((entry.created, entry.rotated, entry.expires), (NOW, after(50), Some(after(150))));
        assert_eq!(entry.note.as_deref(), Some("n"));
        assert!(!entry.consumers.allow(&Consumer::Get));
    }

    #[test]
    fn an_expiry_at_the_end_of_all_years_is_renewed_and_can_be_written() {
        let mut document = document();
        let last = Expiry::parse("9999-12-31T23:59:59Z", NOW).unwrap();
        describe(&mut document, &name("A"), &Details { expires: Some(last), ..Details::default() }).unwrap();
        rotate(&mut document, &name("A"), Secret::from("2"), None, after(86_400)).unwrap();
        assert_eq!(Expiry::At(document.secrets[&name("A")].expires.unwrap()), last);
        assert_eq!(Document::from_bytes(document.to_bytes().as_bytes()), Ok(document));
        assert!(Expiry::parse("9999999d", NOW).is_err());
    }

    #[test]
    fn the_same_value_changes_nothing() {
        let mut changed = document();
        let before = changed.clone();
        assert_eq!(set(&mut changed, &name("A"), Secret::from("1"), &Details::default(), after(50)), Outcome::Kept);
        assert_eq!(changed, before);
    }

    #[test]
    fn details_can_be_taken_back() {
        let mut document = document();
        let none = Details {
            note: Some(String::new()),
            expires: Some(Expiry::Never),
            consumers: Some(Details::consumers(["any"]).unwrap()),
        };
        describe(&mut document, &name("A"), &none).unwrap();
        let entry = &document.secrets[&name("A")];
        assert_eq!((entry.note.as_ref(), entry.expires, entry.consumers.named()), (None, None, None));
        assert_eq!(describe(&mut document, &name("B"), &none), Err(ChangeError::Missing { name: name("B") }));
    }

    #[test]
    fn a_rotation_needs_another_value_and_a_free_name_for_the_old_one() {
        let mut document = document();
        let same = rotate(&mut document, &name("A"), Secret::from("1"), None, after(1));
        assert_eq!(same, Err(ChangeError::Same { name: name("A") }));
        rotate(&mut document, &name("A"), Secret::from("2"), Some(&name("OLD")), after(1)).unwrap();
        assert_eq!(document.secrets[&name("OLD")].value, Secret::from("1"));
        assert!(!document.secrets[&name("OLD")].consumers.allow(&Consumer::Run));
        assert_eq!(document.secrets[&name("A")].value, Secret::from("2"));
        let taken = rotate(&mut document, &name("A"), Secret::from("3"), Some(&name("OLD")), after(1));
        assert_eq!(taken, Err(ChangeError::Taken { name: name("OLD") }));
    }

    #[test]
    fn all_names_are_removed_or_none() {
        let mut changed = document();
        let before = changed.clone();
        assert!(unset(&mut changed, &[name("A"), name("B")]).is_err());
        assert_eq!(changed, before);
        unset(&mut changed, &[name("A"), name("A")]).unwrap();
        assert!(changed.secrets.is_empty());
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let day = after(86_400 * 40);
        for (text, expected) in [
            ("never", Expiry::Never),
            ("90d", Expiry::At(after(90 * 86_400))),
            ("1970-02-10", Expiry::At(day)),
            ("1970-02-10T00:00:00Z", Expiry::At(day)),
        ] {
            assert_eq!(Expiry::parse(text, NOW), Ok(expected), "{text}");
        }
        for text in ["", "soon", "0s", "1970-01-01", "1969-01-01", "-1d", "9999999y", "1970-13-01"] {
            assert!(matches!(Expiry::parse(text, NOW), Err(ChangeError::Time { .. })), "{text}");
        }
    }

    #[test]
    fn consumers_are_read_one_by_one() {
        assert!(Details::consumers(["get", "run:/bin/sh"]).unwrap().allow(&Consumer::Get));
        assert_eq!(Details::consumers(["get", "any"]), Err(ChangeError::Consumer { place: 2 }));
    }
}
