//! What somebody has changed in an editor, and whether it still fits what the vault holds now.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::text::editable;
use crate::change::{self, Details};
use crate::document::Document;
use crate::name::Name;
use crate::secret::Secret;

/// What is to become of secrets: a new value, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference(BTreeMap<Name, Option<Secret>>);

/// How many secrets were added, changed and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// New ones.
    pub added: usize,
    /// Those with another value.
    pub changed: usize,
    /// Those that are gone.
    pub removed: usize,
}

impl Difference {
    /// What `edited` says other than `document`, of which it shows what can be edited.
    #[must_use]
    pub fn of(document: &Document, edited: &BTreeMap<Name, Secret>) -> Self {
        let is_new = |name: &Name, value: &Secret| document.secrets.get(name).is_none_or(|entry| entry.value != *value);
        let set = edited.iter().filter(|(name, value)| is_new(name, value));
        let set = set.map(|(name, value)| (name.clone(), Some(value.clone())));
        let shown = document.secrets.iter().filter(|(_, entry)| editable(entry).is_some());
        let gone = shown.filter(|(name, _)| !edited.contains_key(*name)).map(|(name, _)| (name.clone(), None));
        Self(set.chain(gone).collect())
    }

    /// Another value for one secret.
    #[must_use]
    pub fn one(document: &Document, name: &Name, value: Secret) -> Self {
        let is_new = document.secrets.get(name).is_none_or(|entry| entry.value != value);
        Self(is_new.then(|| (name.clone(), Some(value))).into_iter().collect())
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A secret that this is about, and that somebody else has changed meanwhile: it is another in `now` than in `before`.
    #[must_use]
    pub fn conflict(&self, before: &Document, now: &Document) -> Option<&Name> {
        let value = |document: &Document, name: &Name| document.secrets.get(name).map(|entry| entry.value.clone());
        self.0.keys().find(|name| value(before, name) != value(now, name))
    }

    /// Carries it out.
    pub fn apply(self, document: &mut Document, now: SystemTime) -> Count {
        let mut count = Count::default();
        for (name, value) in self.0 {
            match value {
                Some(value) => match change::set(document, &name, value, &Details::default(), now) {
                    change::Outcome::Added => count.added += 1,
                    change::Outcome::Rotated | change::Outcome::Kept => count.changed += 1,
                },
                None => count.removed += usize::from(document.secrets.remove(&name).is_some()),
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::{Count, Difference};
    use crate::document::{Document, Entry};
    use crate::name::Name;
    use crate::secret::Secret;

    /// A document of these secrets, and one with bytes.
    fn document(secrets: &[(&str, &str)]) -> Document {
        let mut document = Document::new(Vec::new()).unwrap();
        let mut insert = |name: &str, value| {
            document.secrets.insert(Name::parse(name).unwrap(), Entry::new(value, UNIX_EPOCH));
        };
        insert("BYTES", Secret::from(vec![0xff]));
        for &(name, value) in secrets {
            insert(name, Secret::from(value));
        }
        document
    }

    /// What a text of these secrets changes.
    fn difference(before: &Document, edited: &[(&str, &str)]) -> Difference {
        let edited = edited.iter().map(|&(name, value)| (Name::parse(name).unwrap(), Secret::from(value)));
        Difference::of(before, &edited.collect())
    }

    #[test]
    fn the_same_text_changes_nothing() {
        let before = document(&[("A", "1")]);
        assert!(difference(&before, &[("A", "1")]).is_empty());
        assert!(Difference::one(&before, &Name::parse("A").unwrap(), Secret::from("1")).is_empty());
    }

    #[test]
    fn lines_that_are_new_changed_or_gone_are_carried_out_and_bytes_stay() {
        let mut before = document(&[("A", "1"), ("B", "2")]);
        let difference = difference(&before, &[("A", "3"), ("C", "4")]);
        assert_eq!(difference.apply(&mut before, UNIX_EPOCH), Count { added: 1, changed: 1, removed: 1 });
        let names: Vec<&str> = before.secrets.keys().map(Name::as_str).collect();
        assert_eq!(names, ["A", "BYTES", "C"]);
    }

    #[test]
    fn only_a_change_of_the_same_secret_is_in_the_way() {
        let before = document(&[("A", "1"), ("B", "2")]);
        let difference = difference(&before, &[("A", "3"), ("B", "2")]);
        assert_eq!(difference.conflict(&before, &document(&[("A", "1"), ("B", "9"), ("C", "9")])), None);
        for now in [document(&[("A", "9"), ("B", "2")]), document(&[("B", "2")])] {
            assert_eq!(difference.conflict(&before, &now).map(Name::as_str), Some("A"));
        }
    }
}
