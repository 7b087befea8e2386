//! Edits JSON, JSON with comments and JSON5 in place: what is not edited stays as it was written, byte for byte.
//!
//! A file with a key twice is refused: which of the two counts is the reader's taste, and the client may have another.

use std::collections::BTreeSet;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use serde_json::{Map, Value};

/// The mark that some editors put before the text.
const MARK: char = '\u{feff}';

/// What stands before the name of an array's element in a path.
pub(crate) const CHOICE: &str = "id=";

/// Which spelling of JSON a client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Not JSON at all: TOML 1.1.
    Toml,
    /// RFC 8259.
    Strict,
    /// With comments, but no trailing commas.
    Commented,
    /// With comments and trailing commas.
    Relaxed,
    /// JSON5: also single quotes, bare names, more numbers.
    Five,
}

impl Dialect {
    /// What the parser lets pass.
    fn options(self) -> ParseOptions {
        let five = self == Self::Five;
        ParseOptions {
            allow_comments: !matches!(self, Self::Strict | Self::Toml),
            allow_trailing_commas: five || self == Self::Relaxed,
            allow_loose_object_property_names: five,
            allow_missing_commas: false,
            allow_single_quoted_strings: five,
            allow_hexadecimal_numbers: five,
            allow_unary_plus_numbers: five,
            allow_bare_decimal_point_numbers: five,
            allow_non_finite_numbers: five,
            allow_extended_string_escapes: five,
        }
    }
}

/// A text that is being edited.
#[derive(Debug)]
pub(crate) struct JsonDocument {
    /// The tree, with every space and comment.
    root: CstRootNode,
    /// Whether the text began with a byte order mark.
    marked: bool,
}

impl JsonDocument {
    /// Reads a text whose top is an object. A text of nothing but spaces is an empty object.
    ///
    /// # Errors
    /// Says what cannot be understood.
    pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        let marked = text.starts_with(MARK);
        let body = text.strip_prefix(MARK).unwrap_or(text);
        if dialect == Dialect::Strict && !body.trim().is_empty() {
            // The editor's own parser lets a comment pass here and there, whatever it is told.
            serde_json::from_str::<serde::de::IgnoredAny>(body).map_err(|error| error.to_string())?;
        }
        let root = CstRootNode::parse(body, &dialect.options()).map_err(|error| error.to_string())?;
        if root.value().is_none() {
            if root.children().iter().any(CstNode::is_comment) {
                return Err("it holds comments but no value".to_owned());
            }
            let root = CstRootNode::parse("{}\n", &dialect.options()).map_err(|error| error.to_string())?;
            return Ok(Self { root, marked });
        }
        if root.object_value().is_none() {
            return Err("its top is not an object".to_owned());
        }
        let document = Self { root, marked };
        document.value()?;
        Ok(document)
    }

    /// What the text means.
    ///
    /// # Errors
    /// When a key is there twice, or a string cannot be decoded.
    pub(crate) fn value(&self) -> Result<Value, String> {
        self.root.value().map_or(Ok(Value::Null), |node| meaning(&node))
    }

    /// The text as it stands.
    pub(crate) fn text(&self) -> String {
        let mark = if self.marked { MARK.to_string() } else { String::new() };
        format!("{mark}{}", self.root)
    }

    /// Gives the member at `path` this value, making the objects on the way.
    ///
    /// # Errors
    /// When something else than an object is on the way.
    pub(crate) fn set(&self, path: &[&str], value: &Value) -> Result<(), String> {
        let (key, parents) = split(path)?;
        let parent = self.objects(parents)?;
        match parent.get(key) {
            Some(member) => member.set_value(written(value)),
            None => {
                parent.append(key, written(value));
            }
        }
        Ok(())
    }

    /// Appends `value` to the array at `path`, making what is missing on the way.
    ///
    /// # Errors
    /// When something else than objects and an array is there.
    pub(crate) fn push(&self, path: &[&str], value: &Value) -> Result<(), String> {
        let (key, parents) = split(path)?;
        let parent = self.objects(parents)?;
        if parent.get(key).is_none() {
            parent.append(key, CstInputValue::Array(Vec::new()));
        }
        let array = parent.array_value(key).ok_or_else(|| format!("\"{}\" is not an array", path.join(".")))?;
        array.append(written(value));
        Ok(())
    }

    /// Puts `value` in the place of the element `index` of the array at `path`; `None` takes the element out.
    ///
    /// # Errors
    /// When there is no such element.
    pub(crate) fn replace(&self, path: &[&str], index: usize, value: Option<&Value>) -> Result<(), String> {
        let missing = || format!("\"{}\" has no element {index}", path.join("."));
        let element = self.array(path).and_then(|array| array.elements().into_iter().nth(index)).ok_or_else(missing)?;
        match value {
            None => element.remove(),
            Some(value) => overwrite(element, written(value)),
        }
        Ok(())
    }

    /// Takes the member at `path` out, if it is there.
    pub(crate) fn remove(&self, path: &[&str]) {
        if let Some(member) = self.member(path) {
            member.remove();
        }
    }

    /// The elements of the array at `path`; none when there is no array.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub(crate) fn elements(&self, path: &[&str]) -> Result<Vec<Value>, String> {
        self.array(path).map_or(Ok(Vec::new()), |array| array.elements().iter().map(meaning).collect())
    }

    /// The object at `path`, made with everything on the way.
    ///
    /// # Errors
    /// When something else is there.
    fn objects(&self, path: &[&str]) -> Result<CstObject, String> {
        let mut object = self.root.object_value().ok_or("its top is not an object")?;
        let mut way = path.iter().enumerate();
        while let Some((depth, key)) = way.next() {
            let wrong = || format!("\"{}\" is not an object", path[..=depth].join("."));
            if object.get(key).is_none() {
                object.append(key, CstInputValue::Object(Vec::new()));
            }
            object = match object.array_value(key) {
                Some(array) => way.next().and_then(|(_, chosen)| named(&array, chosen)).ok_or_else(wrong)?,
                None => object.object_value(key).ok_or_else(wrong)?,
            };
        }
        Ok(object)
    }

    /// The member at `path`.
    fn member(&self, path: &[&str]) -> Option<CstObjectProp> {
        let (key, parents) = path.split_last()?;
        let mut object = self.root.object_value()?;
        let mut way = parents.iter();
        while let Some(key) = way.next() {
            object = match object.array_value(key) {
                Some(array) => named(&array, way.next()?)?,
                None => object.object_value(key)?,
            };
        }
        object.get(key)
    }

    /// The array at `path`.
    fn array(&self, path: &[&str]) -> Option<CstArray> {
        self.member(path)?.array_value()
    }
}

/// The element of an array whose `id` a path's key names, as in `id=main`.
fn named(array: &CstArray, key: &str) -> Option<CstObject> {
    let wanted = key.strip_prefix(CHOICE)?;
    let has = |object: &CstObject| {
        object
            .get("id")
            .and_then(|member| member.value()?.as_string_lit()?.decoded_value().ok())
            .is_some_and(|id| id == wanted)
    };
    array.elements().iter().filter_map(CstNode::as_object).find(has)
}

/// The last key of a path, and those before it.
///
/// # Errors
/// When the path is empty.
fn split<'a, 'b>(path: &'a [&'b str]) -> Result<(&'b str, &'a [&'b str]), String> {
    path.split_last().map(|(key, parents)| (*key, parents)).ok_or_else(|| "an empty path names nothing".to_owned())
}

/// Puts a value in the place of a node.
fn overwrite(node: CstNode, value: CstInputValue) {
    if let Some(object) = node.as_object() {
        object.replace_with(value);
    } else if let Some(array) = node.as_array() {
        array.replace_with(value);
    } else if let Some(text) = node.as_string_lit() {
        text.replace_with(value);
    } else if let Some(number) = node.as_number_lit() {
        number.replace_with(value);
    } else if let Some(truth) = node.as_boolean_lit() {
        truth.replace_with(value);
    } else if let Some(nothing) = node.as_null_keyword() {
        nothing.replace_with(value);
    }
}

/// What a node means. A number that JSON cannot carry is kept as the text that was written.
///
/// # Errors
/// When a key is there twice, or a string cannot be decoded.
fn meaning(node: &CstNode) -> Result<Value, String> {
    if let Some(object) = node.as_object() {
        return members(&object);
    }
    if let Some(array) = node.as_array() {
        return array.elements().iter().map(meaning).collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    if let Some(text) = node.as_string_lit() {
        return text.decoded_value().map(Value::String).map_err(|error| format!("{}: {error}", text.raw_value()));
    }
    let raw = node.to_string();
    Ok(serde_json::from_str(&raw).unwrap_or(Value::String(format!("number {raw}"))))
}

/// What an object means.
///
/// # Errors
/// As [`meaning`].
fn members(object: &CstObject) -> Result<Value, String> {
    let mut seen = BTreeSet::new();
    let mut map = Map::new();
    for member in object.properties() {
        let name = member.decoded_name().ok_or("a key cannot be decoded")?;
        let value = member.value().ok_or_else(|| format!("the key \"{name}\" has no value"))?;
        if !seen.insert(name.clone()) {
            return Err(format!("the key \"{name}\" is there twice"));
        }
        map.insert(name, meaning(&value)?);
    }
    Ok(Value::Object(map))
}

/// A value as the editor takes it.
fn written(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(truth) => CstInputValue::Bool(*truth),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(elements) => CstInputValue::Array(elements.iter().map(written).collect()),
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().map(|(key, value)| (key.clone(), written(value))).collect();
            members.sort_by_key(|(key, _)| place(key));
            CstInputValue::Object(members)
        }
    }
}

/// Keys that people expect at the beginning, in the order in which clients document them.
const FIRST: [&str; 7] = ["version", "matcher", "type", "name", "command", "args", "timeout"];

/// Where a key stands among its neighbours.
fn place(key: &str) -> usize {
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}
