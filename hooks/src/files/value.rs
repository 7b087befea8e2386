//! A tool's input as a tree, read so that every reader sees the same: an object that names a member twice is refused.

use std::fmt;

use lobsterpot_policy::{Field, FieldValue, Step, ToolInput};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::denial::Denial;
use crate::wire::Fields;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `null`.
    Null,
    /// A truth value, or a number, as it is written.
    Scalar(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object, its members in their order, each name once.
    Object(Vec<(String, Value)>),
}

/// A member that is not there.
const ABSENT: Value = Value::Null;

impl Value {
    /// A tool's input.
    ///
    /// # Errors
    /// When an object in it names a member twice, or a text in it is none.
    pub(crate) fn of(input: &Fields) -> Result<Self, Denial> {
        let member = |(name, raw): (&str, &RawValue)| Ok((name.to_owned(), serde_json::from_str(raw.get())?));
        let members: Result<Vec<_>, serde_json::Error> = input.members().map(member).collect();
        members.map(Self::Object).map_err(|error| Denial::Payload { problem: format!("the tool's input: {error}") })
    }

    /// The member `name`; `null` when there is none. `None` when this is nothing that has members.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                Some(members.iter().find(|(known, _)| known == name).map_or(&ABSENT, |(_, value)| value))
            }
            Self::Null => Some(&ABSENT),
            Self::Scalar(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The values that a field means; `None` when the way there leads through something of another shape.
    pub(crate) fn at(&self, steps: &[Step]) -> Option<Vec<&Self>> {
        let Some((step, rest)) = steps.split_first() else { return Some(vec![self]) };
        let member = self.member(&step.name)?;
        match member {
            Self::List(entries) if step.each => {
                let found: Option<Vec<Vec<&Self>>> = entries.iter().map(|entry| entry.at(rest)).collect();
                found.map(|found| found.concat())
            }
            Self::Null | Self::Scalar(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => member.at(rest),
        }
    }
}

impl ToolInput for Value {
    fn value(&self, field: &Field) -> FieldValue<'_> {
        match self.at(field.steps()).as_deref() {
            Some([Self::Null] | []) => FieldValue::Absent,
            Some([Self::Text(text)]) if text.is_empty() => FieldValue::Absent,
            Some([Self::Text(text) | Self::Scalar(text)]) => FieldValue::Text(text),
            Some(_) | None => FieldValue::Compound,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

/// Builds a value.
struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Scalar(truth.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Scalar(number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Scalar(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Scalar(number.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Value::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!("the field \"{name}\" is there twice")));
            }
            members.push((name, value));
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a value.
    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// What a condition sees.
    fn seen(text: &str, field: &str) -> String {
        format!("{:?}", value(text).value(&Field::parse(field).unwrap()))
    }

    #[test]
    fn a_field_given_twice_is_refused_however_deep_and_however_spelled() {
        for text in
            [r#"{"path":"a","path":"b"}"#, r#"{"a":[{"path":"a","path":"b"}]}"#, r#"{"path":"a","\u0070ath":"b"}"#]
        {
            let error = serde_json::from_str::<Value>(text).unwrap_err();
            assert!(error.to_string().contains("twice"), "{error}");
        }
    }

    #[test]
    fn a_condition_takes_nothing_but_plain_values_for_a_text() {
        let text = r#"{"a":"x","b":true,"c":{"d":"y"},"e":[{"f":"z"}],"g":null,"h":"","i":["only"]}"#;
        assert_eq!(seen(text, "a"), "Text(\"x\")");
        assert_eq!(seen(text, "b"), "Text(\"true\")");
        assert_eq!(seen(text, "c.d"), "Text(\"y\")");
        for absent in ["g", "h", "none", "c.none", "g.deeper", "none.deeper"] {
            assert_eq!(seen(text, absent), "Absent", "{absent}");
        }
        for compound in ["c", "e", "i", "a.x", "e.f"] {
            assert_eq!(seen(text, compound), "Compound", "{compound}");
        }
    }

    #[test]
    fn every_entry_of_a_list_is_found_and_a_single_value_counts_as_one() {
        let at = |text: &str, field: &str| {
            let tree = value(text);
            tree.at(Field::parse(field).unwrap().steps()).map(|found| format!("{found:?}"))
        };
        assert_eq!(at(r#"{"p":["a","b"]}"#, "p[]").as_deref(), Some(r#"[Text("a"), Text("b")]"#));
        assert_eq!(at(r#"{"p":"a"}"#, "p[]").as_deref(), Some(r#"[Text("a")]"#));
        assert_eq!(at(r#"{"p":[{"m":"a"},{}]}"#, "p[].m").as_deref(), Some(r#"[Text("a"), Null]"#));
        assert_eq!(at(r#"{"p":["a"]}"#, "p[].m"), None, "an entry of another shape is not skipped");
    }
}
