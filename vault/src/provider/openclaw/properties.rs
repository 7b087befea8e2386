//! What holds for every request and every vault.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
use serde_json::Value;

use super::{Request, answer};
use crate::document::{Consumer, Consumers, Document, Entry};
use crate::name::Name;
use crate::secret::Secret;

/// The secret's name.
const NAME: &str = "[A-Za-z0-9_][A-Za-z0-9_#-]{0,8}";

/// A vault of these secrets, for OpenClaw or for everybody else.
fn vault(secrets: &[(String, Vec<u8>, bool)]) -> Document {
    let mut document = Document::new(vec![]).unwrap();
    for (name, value, is_for_openclaw) in secrets {
        let mut entry = Entry::new(Secret::from(value.as_slice()), UNIX_EPOCH);
        let consumer = if *is_for_openclaw { Consumer::OpenClaw } else { Consumer::Get };
        entry.consumers = Consumers::only([consumer]);
        document.secrets.insert(Name::parse(name).unwrap(), entry);
    }
    document
}

proptest! {
    #[test]
    fn no_bytes_crash_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Request::parse(&bytes);
    }

    #[test]
    fn every_id_has_one_answer_within_the_limit_and_no_value_of_others(
        secrets in prop::collection::vec((NAME, prop::collection::vec(any::<u8>(), 0..40), any::<bool>()), 0..8),
        ids in prop::collection::btree_set("[A-Za-z0-9_#. -]{0,9}", 0..8),
        own in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        limit in 0_usize..2000,
    ) {
        let document = vault(&secrets);
        let mut ids = ids;
        // Ids as OpenClaw would write the names that there are.
        ids.extend(own.iter().filter(|_| !secrets.is_empty()).map(|index| index.get(&secrets).0.replace('_', "-")));
        let request = Request { ids: ids.iter().cloned().collect() };
        let bytes = answer(&request, &document, UNIX_EPOCH + Duration::from_secs(1), limit);
        let read: Value = serde_json::from_slice(bytes.as_bytes()).unwrap();
        let (values, errors) = (read["values"].as_object().unwrap(), read["errors"].as_object().unwrap());
        for id in &ids {
            prop_assert_eq!(u8::from(values.contains_key(id)) + u8::from(errors.contains_key(id)), 1);
        }
        prop_assert_eq!(values.len() + errors.len(), ids.len());
        for value in values.values() {
            let value = value.as_str().unwrap().as_bytes();
            let is_released = |entry: &Entry| entry.consumers.allow(&Consumer::OpenClaw) && entry.value.as_bytes() == value;
            prop_assert!(document.secrets.values().any(is_released));
        }
        prop_assert!(values.is_empty() || bytes.len() <= limit);
    }
}
