//! Takes named values into a document, all of them or none. No I/O; the clock is an argument.

use thiserror::Error;

use crate::change::{self, Details, Outcome};
use crate::document::{Document, LONGEST_VALUE};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;
use std::time::SystemTime;

/// The most names that one message lists.
const MOST_NAMES: usize = 8;

/// A value that comes from somewhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// What it is called.
    pub name: Name,
    /// The value.
    pub value: Secret,
    /// What to remember about it, where nothing else is said.
    pub note: Option<String>,
}

/// What may be done.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Whether secrets that are there may get other values.
    pub replace: bool,
    /// Whether names may be taken that, as variables, make programs load code.
    pub allow_code: bool,
    /// What is known about all of them.
    pub details: Details,
}

/// Why nothing was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is nothing to take in.
    #[error("there is no name in it")]
    Nothing,
    /// There are secrets of these names with other values.
    #[error("the vault has other values for {}", listed(names))]
    Taken {
        /// The names.
        names: Vec<Name>,
    },
    /// Variables of these names make programs load code.
    #[error("variables with these names make programs load code or run others: {}", listed(names))]
    LoadsCode {
        /// The names.
        names: Vec<Name>,
    },
    /// A value is too long.
    #[error("the value of {name} is longer than {LONGEST_VALUE} bytes")]
    TooLong {
        /// The name.
        name: Name,
    },
}

/// Names as a list.
fn listed(names: &[Name]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(Name::as_str).collect();
    let rest = names.len() - shown.len();
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    format!("{}{more}", shown.join(", "))
}

impl Explain for ImportError {
    fn exit(&self) -> Exit {
        match self {
            Self::Nothing | Self::TooLong { .. } => Exit::Data,
            Self::Taken { .. } => Exit::Exists,
            Self::LoadsCode { .. } => Exit::Denied,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Nothing => "check that this is the file",
            Self::Taken { .. } => "give --replace if the new values count",
            Self::LoadsCode { .. } => "take them out of the file, or give --allow-code if that is what you want",
            Self::TooLong { .. } => "keep it as an encrypted file, and its key in the vault",
        };
        Some(format!("{hint}; nothing was changed"))
    }
}

/// Takes values in, and says what became of each.
///
/// # Errors
/// When one of them cannot be taken in; the document is as it was then.
pub fn take(
    document: &mut Document,
    incoming: &[Incoming],
    rules: &Rules,
    now: SystemTime,
) -> Result<Vec<Outcome>, ImportError> {
    if incoming.is_empty() {
        return Err(ImportError::Nothing);
    }
    let names = |wanted: &dyn Fn(&Incoming) -> bool| -> Vec<Name> {
        incoming.iter().filter(|one| wanted(one)).map(|one| one.name.clone()).collect()
    };
    let codes = names(&|one| one.name.loads_code());
    if !rules.allow_code && !codes.is_empty() {
        return Err(ImportError::LoadsCode { names: codes });
    }
    let other = |one: &Incoming| document.secrets.get(&one.name).is_some_and(|entry| entry.value != one.value);
    let taken = names(&other);
    if !rules.replace && !taken.is_empty() {
        return Err(ImportError::Taken { names: taken });
    }
    if let Some(long) = incoming.iter().find(|one| one.value.len() > LONGEST_VALUE) {
        return Err(ImportError::TooLong { name: long.name.clone() });
    }
    let set = |one: &Incoming| {
        let is_noted = document.secrets.get(&one.name).is_some_and(|entry| entry.note.is_some());
        let note = rules.details.note.clone().or_else(|| one.note.clone().filter(|_| !is_noted));
        let details = Details { note, ..rules.details.clone() };
        change::set(document, &one.name, one.value.clone(), &details, now)
    };
    Ok(incoming.iter().map(set).collect())
}

/// The first name whose value in the document is not the one that came in.
#[must_use]
pub fn missing<'a>(document: &Document, incoming: &'a [Incoming]) -> Option<&'a Name> {
    let is_kept = |one: &&Incoming| document.secrets.get(&one.name).is_some_and(|entry| entry.value == one.value);
    incoming.iter().find(|one| !is_kept(one)).map(|one| &one.name)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::{ImportError, Incoming, Rules, missing, take};
    use crate::change::{Details, Outcome};
    use crate::document::{Consumer, Document, LONGEST_VALUE};
    use crate::name::Name;
    use crate::secret::Secret;

    /// Some day.
    const NOW: SystemTime = UNIX_EPOCH;

    /// Values by name.
    fn incoming(pairs: &[(&str, &str)]) -> Vec<Incoming> {
        let one = |(name, value): &(&str, &str)| Incoming {
            name: Name::parse(name).unwrap(),
            value: Secret::from(*value),
            note: None,
        };
        pairs.iter().map(one).collect()
    }

    /// A document with A=1.
    fn document() -> Document {
        let mut document = Document::new(vec![]).unwrap();
        take(&mut document, &incoming(&[("A", "1")]), &Rules::default(), NOW).unwrap();
        document
    }

    /// Takes values into a document, which stays as it was when that is refused.
    #[track_caller]
    fn refused(values: &[(&str, &str)], rules: &Rules) -> ImportError {
        let before = document();
        let mut after = before.clone();
        let error = take(&mut after, &incoming(values), rules, NOW).unwrap_err();
        assert_eq!(before, after);
        error
    }

    #[test]
    fn another_value_under_a_name_is_a_refusal_and_the_same_value_is_none() {
        let error = refused(&[("B", "2"), ("A", "other")], &Rules::default());
        assert_eq!(error.to_string(), "the vault has other values for A");
        let mut document = document();
        let values = incoming(&[("A", "1"), ("B", "2")]);
        assert_eq!(take(&mut document, &values, &Rules::default(), NOW), Ok(vec![Outcome::Kept, Outcome::Added]));
        let rules = Rules { replace: true, ..Rules::default() };
        assert_eq!(take(&mut document, &incoming(&[("A", "3")]), &rules, NOW), Ok(vec![Outcome::Rotated]));
        assert_eq!(missing(&document, &values), Some(&Name::parse("A").unwrap()));
        assert_eq!(missing(&document, &incoming(&[("A", "3"), ("B", "2")])), None);
    }

    #[test]
    fn names_that_load_code_are_refused_without_a_flag() {
        let error = refused(&[("B", "2"), ("LD_PRELOAD", "x"), ("NODE_OPTIONS", "x")], &Rules::default());
        assert!(error.to_string().ends_with(": LD_PRELOAD, NODE_OPTIONS"), "{error}");
        let rules = Rules { allow_code: true, ..Rules::default() };
        assert!(take(&mut document(), &incoming(&[("LD_PRELOAD", "x")]), &rules, NOW).is_ok());
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!(refused(&[], &Rules::default()), ImportError::Nothing);
        let long = "x".repeat(LONGEST_VALUE + 1);
        assert!(matches!(refused(&[("B", "2"), ("C", &long)], &Rules::default()), ImportError::TooLong { .. }));
    }

    #[test]
    fn what_is_said_about_all_of_them_is_kept_and_a_note_of_the_source_does_not_replace_one() {
        let rules = Rules {
            details: Details { consumers: Some(Details::consumers(["openclaw"]).unwrap()), ..Details::default() },
            ..Rules::default()
        };
        let mut document = Document::new(vec![]).unwrap();
        let mut values = incoming(&[("A", "1")]);
        values[0].note = Some("SOPS type int".to_owned());
        take(&mut document, &values, &rules, NOW).unwrap();
        let entry = &document.secrets[&values[0].name];
        assert!(!entry.consumers.allow(&Consumer::Get));
        assert_eq!(entry.note.as_deref(), Some("SOPS type int"));
        values[0].note = Some("other".to_owned());
        take(&mut document, &values, &rules, NOW).unwrap();
        assert_eq!(document.secrets[&values[0].name].note.as_deref(), Some("SOPS type int"));
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        let names: Vec<Name> = (0..10).map(|number| Name::parse(&format!("N{number}")).unwrap()).collect();
        let text = ImportError::Taken { names }.to_string();
        assert_eq!(text, "the vault has other values for N0, N1, N2, N3, N4, N5, N6, N7 and 2 more");
    }
}
