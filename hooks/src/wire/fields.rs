//! A JSON object whose values are kept as they were written, in their order.
//!
//! What is echoed to a client must not be changed on the way: numbers keep their digits, escapes their spelling.

use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::denial::Denial;

/// The members of a JSON object, each name once.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The value of `name`, as it was written.
    pub(crate) fn value(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The members, in their order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// Whether `name` is there, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The string that `name` holds; `None` when it is absent or anything else.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.value(name)?.get()).ok()
    }

    /// The string that `name` must hold.
    ///
    /// # Errors
    /// When it is absent, empty, or something else.
    pub(crate) fn required(&self, name: &'static str) -> Result<String, Denial> {
        if !self.has(name) {
            return Err(missing(name));
        }
        match self.text(name) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(Denial::Payload { problem: format!("\"{name}\" is not a text") }),
        }
    }

    /// The string that `name` holds, or `None` when it is absent, null or empty.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn optional(&self, name: &'static str) -> Result<Option<String>, Denial> {
        match self.decoded::<Option<String>>(name)? {
            Some(Some(text)) if !text.is_empty() => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    /// The object that `name` must hold.
    ///
    /// # Errors
    /// When it is absent or something else.
    pub(crate) fn object(&self, name: &'static str) -> Result<Self, Denial> {
        self.decoded(name)?.ok_or_else(|| missing(name))
    }

    /// What `name` holds, as a value of the type `T`; `None` when it is absent.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn decoded<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, Denial> {
        let wrong = |error| Denial::Payload { problem: format!("\"{name}\": {error}") };
        self.value(name).map(|raw| serde_json::from_str(raw.get()).map_err(wrong)).transpose()
    }

    /// The text of a command, which may be empty.
    ///
    /// # Errors
    /// When `name` is absent, or not a text that a shell could be given.
    pub(crate) fn command(&self, name: &'static str) -> Result<String, Denial> {
        self.decoded(name)?.ok_or_else(|| missing(name))
    }

    /// The members called `names`, as far as they are there.
    pub(crate) fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect())
    }

    /// All members, each of which must hold a text.
    ///
    /// # Errors
    /// When one of them holds something else.
    pub(crate) fn texts(&self) -> Result<Vec<(String, String)>, Denial> {
        let text = |(name, value): &(String, Box<RawValue>)| {
            let wrong = |error| Denial::Payload { problem: format!("\"{name}\": {error}") };
            serde_json::from_str(value.get()).map(|text| (name.clone(), text)).map_err(wrong)
        };
        self.0.iter().map(text).collect()
    }

    /// Puts the text `value` in the place of what `name` held. A name that is absent stays absent.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(crate) fn replace_text(&mut self, name: &str, value: &str) -> Result<(), Denial> {
        let raw =
            serde_json::value::to_raw_value(value).map_err(|error| Denial::Internal { problem: error.to_string() })?;
        self.replace(name, &raw);
        Ok(())
    }

    /// Puts `value` in the place of what `name` held. A name that is absent stays absent.
    pub(crate) fn replace(&mut self, name: &str, value: &RawValue) {
        for (known, old) in &mut self.0 {
            if known == name {
                *old = value.to_owned();
            }
        }
    }
}

/// The denial for a field that is not there.
fn missing(name: &'static str) -> Denial {
    Denial::Payload { problem: format!("\"{name}\" is missing") }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// Collects the members of an object.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields(Vec::new());
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            // Two readers may take two different ones for the truth: such an object has no meaning.
            if fields.has(&name) {
                return Err(A::Error::custom(format_args!("the field \"{name}\" is there twice")));
            }
            fields.0.push((name, value));
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn what_is_not_replaced_comes_back_byte_for_byte() {
        let text = r#"{"z":1.00,"a":12345678901234567890123,"s":"\u00e9\/\ud800","n":null,"o":{"b":1,"a":2}}"#;
        let fields: Fields = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), text);
    }

    #[test]
    fn a_field_given_twice_is_refused() {
        let error = serde_json::from_str::<Fields>(r#"{"command":"ls","\u0063ommand":"rm"}"#).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }
}
