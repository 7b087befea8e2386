//! A tool's input as a tree, read so that every reader sees the same: an object that names a member twice is refused.

use std::collections::BTreeSet;
use std::fmt;

use lobsterpot_policy::{Field, FieldValue, Step, ToolInput, folded_field, is_same_field};
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

    /// The member that an agent may take for `name`, as [`is_same_field`] says; `None` also when there are several.
    fn meant(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return self.member(name) };
        let mut found = members.iter().filter(|(known, _)| is_same_field(known, name)).map(|(_, value)| value);
        let first = found.next().unwrap_or(&ABSENT);
        found.next().is_none().then_some(first)
    }

    /// Whether nothing stands in it but what these steps lead to.
    fn closed(&self, known: &[&[Step]]) -> bool {
        match self {
            Self::Null => true,
            Self::Text(_) | Self::Scalar(_) => known.iter().any(|steps| steps.is_empty()),
            Self::List(_) => false,
            Self::Object(members) => {
                known.iter().any(|steps| !steps.is_empty())
                    && members.iter().all(|(name, member)| {
                        let below = below(known, name);
                        let each = known
                            .iter()
                            .filter_map(|steps| steps.first())
                            .any(|step| step.each && is_same_field(&step.name, name));
                        match member {
                            Self::List(entries) if each => entries.iter().all(|entry| entry.closed(&below)),
                            Self::Null | Self::Scalar(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => {
                                !below.is_empty() && member.closed(&below)
                            }
                        }
                    })
            }
        }
    }

    /// The values that a field means; `None` when the way there leads through something of another shape, or is ambiguous.
    pub(crate) fn at(&self, steps: &[Step]) -> Option<Vec<&Self>> {
        let Some((step, rest)) = steps.split_first() else { return Some(vec![self]) };
        let member = self.meant(&step.name)?;
        match member {
            Self::List(entries) if step.each => {
                let found: Option<Vec<Vec<&Self>>> = entries.iter().map(|entry| entry.at(rest)).collect();
                found.map(|found| found.concat())
            }
            Self::Null | Self::Scalar(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => member.at(rest),
        }
    }

    /// As [`Self::at`], with members in every case counted: what some client would take for the field.
    pub(crate) fn at_in_any_case(&self, steps: &[Step]) -> Option<Vec<&Self>> {
        let Some((step, rest)) = steps.split_first() else { return Some(vec![self]) };
        let members = match self {
            Self::Object(members) => members.as_slice(),
            Self::Null => &[],
            Self::Scalar(_) | Self::Text(_) | Self::List(_) => return None,
        };
        let meant = members.iter().filter(|(name, _)| is_same_field(name, &step.name));
        let found: Option<Vec<Vec<&Self>>> = meant
            .flat_map(|(_, member)| match member {
                Self::List(entries) if step.each => entries.iter().collect(),
                Self::Null | Self::Scalar(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => vec![member],
            })
            .map(|value| value.at_in_any_case(rest))
            .collect();
        found.map(|found| found.concat())
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

    fn holds_only(&self, fields: &[Field]) -> bool {
        self.closed(&fields.iter().map(Field::steps).collect::<Vec<_>>())
    }

    fn ambiguous(&self) -> Option<&str> {
        match self {
            Self::Null | Self::Scalar(_) | Self::Text(_) => None,
            Self::List(entries) => entries.iter().find_map(Self::ambiguous),
            Self::Object(members) => {
                let mut spellings = BTreeSet::new();
                let again = members.iter().find(|(name, _)| !spellings.insert(folded_field(name)));
                again
                    .map(|(name, _)| name.as_str())
                    .or_else(|| members.iter().find_map(|(_, member)| member.ambiguous()))
            }
        }
    }
}

/// What is left of the ways that begin with the member `name`.
pub(super) fn below<'a>(known: &[&'a [Step]], name: &str) -> Vec<&'a [Step]> {
    let after = |steps: &&'a [Step]| {
        let (step, rest) = steps.split_first()?;
        is_same_field(&step.name, name).then_some(rest)
    };
    known.iter().filter_map(after).collect()
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
    fn another_spelling_of_a_field_is_found_and_two_are_refused() {
        assert_eq!(seen(r#"{"gateway_url":"x"}"#, "gatewayUrl"), r#"Text("x")"#);
        assert_eq!(seen(r#"{"Job":{"EVERY_MS":1}}"#, "job.everyMs"), r#"Text("1")"#);
        assert_eq!(seen(r#"{"gateway_url":"","gatewayUrl":"x"}"#, "gatewayUrl"), "Compound");
        for text in [r#"{"a_b":1,"aB":2}"#, r#"{"x":[{"y":{"a_b":1,"AB":2}}]}"#] {
            assert!(value(text).ambiguous().is_some(), "{text}");
        }
        assert_eq!(value(r#"{"a":{"b":1},"c":[{"b":1},{"b":2}]}"#).ambiguous(), None);
    }

    #[test]
    fn a_closed_object_holds_nothing_that_is_not_listed() {
        let fields: Vec<Field> = ["action", "job.name", "job.schedule.kind", "job.tags[]"]
            .iter()
            .map(|text| Field::parse(text).unwrap())
            .collect();
        let closed = |text: &str| value(text).holds_only(&fields);
        for text in [
            "{}",
            r#"{"action":"add"}"#,
            r#"{"action":"add","job":{"name":"x","schedule":{"kind":"at"},"tags":["a","b"]}}"#,
            r#"{"job":{"NAME":"x","schedule":null}}"#,
        ] {
            assert!(closed(text), "{text}");
        }
        for text in [
            r#"{"action":"add","kind":"stream"}"#,
            r#"{"action":{}}"#,
            r#"{"action":["add"]}"#,
            r#"{"action":{"x":1}}"#,
            r#"{"job":"{}"}"#,
            r#"{"job":[{"name":"x"}]}"#,
            r#"{"job":{"kind":"stream"}}"#,
            r#"{"job":{"schedule ":{"kind":"at"}}}"#,
            r#"{"job":{"data":{"schedule":{"kind":"at"}}}}"#,
            r#"{"job":{"schedule":{"kind":"at","command":["id"]}}}"#,
            r#"{"job":{"tags":[{"command":"id"}]}}"#,
            r#"{"job":{"tags":[["id"]]}}"#,
            r#"{"x":null}"#,
        ] {
            assert!(!closed(text), "{text}");
        }
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

    #[test]
    fn an_address_is_not_hidden_by_the_case_of_its_field() {
        let at = |text: &str, field: &str| {
            let tree = value(text);
            tree.at_in_any_case(Field::parse(field).unwrap().steps()).map(|found| format!("{found:?}"))
        };
        assert_eq!(at(r#"{"url":"a","URL":"b"}"#, "url").as_deref(), Some(r#"[Text("a"), Text("b")]"#));
        assert_eq!(at(r#"{"R":{"Url":"a"}}"#, "r.url").as_deref(), Some(r#"[Text("a")]"#));
        assert_eq!(at(r#"{"P":[{"M":"a"},{}]}"#, "p[].m").as_deref(), Some(r#"[Text("a")]"#));
        assert_eq!(at(r#"{"P":["a"]}"#, "p[].m"), None, "an entry of another shape is not skipped");
        assert_eq!(at("{}", "url").as_deref(), Some("[]"));
    }
}
