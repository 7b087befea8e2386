//! Edits TOML in place, as [`super::json`] does JSON: only members of tables, which is all that is needed.

use std::cell::RefCell;

use serde_json::{Map, Value};
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike};

/// A text that is being edited.
#[derive(Debug)]
pub(crate) struct TomlDocument {
    /// The tree, with every space and comment.
    tree: RefCell<DocumentMut>,
    /// Whether lines end as on other systems.
    returns: bool,
}

impl TomlDocument {
    /// Reads a text.
    ///
    /// # Errors
    /// Says what cannot be understood, or could not be written again as it was.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let returns = text.contains("\r\n");
        let plain = text.replace("\r\n", "\n");
        let tree: DocumentMut = plain.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
        let document = Self { tree: RefCell::new(tree), returns };
        let again = document.text();
        // A last line without an end gets one.
        let same = again == text || again.strip_suffix('\n').is_some_and(|again| again.trim_end_matches('\r') == text);
        if same { Ok(document) } else { Err("its line ends are of several kinds".to_owned()) }
    }

    /// The text as it stands.
    pub(crate) fn text(&self) -> String {
        let text = self.tree.borrow().to_string();
        if self.returns { text.replace('\n', "\r\n") } else { text }
    }

    /// What the text means.
    pub(crate) fn value(&self) -> Value {
        table(self.tree.borrow().as_table())
    }

    /// Gives the member at `path` this value, making the tables on the way.
    ///
    /// # Errors
    /// When something else than a table is on the way, or TOML has no such value.
    pub(crate) fn set(&self, path: &[&str], value: &Value) -> Result<(), String> {
        let (key, parents) = path.split_last().ok_or("an empty path names nothing")?;
        let value = match value {
            Value::String(text) => toml_edit::value(text),
            Value::Bool(truth) => toml_edit::value(*truth),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err("only texts and truths are written here".to_owned());
            }
        };
        let mut tree = self.tree.borrow_mut();
        let mut parent: &mut dyn TableLike = tree.as_table_mut();
        let mut in_line = false;
        for (depth, key) in parents.iter().enumerate() {
            if parent.get(key).is_none() {
                let leads = depth + 1 < parents.len();
                parent.insert(key, if in_line { inline() } else { header(leads) });
            }
            let further = parent.get_mut(key);
            in_line = further.as_ref().is_some_and(|item| item.is_inline_table());
            let further = further.and_then(Item::as_table_like_mut);
            parent = further.ok_or_else(|| format!("\"{}\" is not a table", path[..=depth].join(".")))?;
        }
        parent.insert(key, value);
        Ok(())
    }

    /// Takes the member at `path` out, if it is there.
    pub(crate) fn remove(&self, path: &[&str]) {
        let Some((key, parents)) = path.split_last() else { return };
        let mut tree = self.tree.borrow_mut();
        let mut parent: &mut dyn TableLike = tree.as_table_mut();
        for key in parents {
            match parent.get_mut(key).and_then(Item::as_table_like_mut) {
                Some(further) => parent = further,
                None => return,
            }
        }
        parent.remove(key);
    }
}

/// An empty table in its parent's line.
fn inline() -> Item {
    toml_edit::value(InlineTable::new())
}

/// An empty table with a header of its own; one that only leads to others shows none.
fn header(leads: bool) -> Item {
    let mut table = Table::new();
    table.set_implicit(leads);
    Item::Table(table)
}

/// What a table means.
fn table(table: &dyn TableLike) -> Value {
    Value::Object(table.iter().map(|(key, item)| (key.to_owned(), meaning(item))).collect::<Map<_, _>>())
}

/// What an item means. Values that JSON does not have are kept as they are written.
fn meaning(item: &Item) -> Value {
    if let Some(members) = item.as_table_like() {
        return table(members);
    }
    if let Some(tables) = item.as_array_of_tables() {
        return Value::Array(tables.iter().map(|members| table(members)).collect());
    }
    if let Some(elements) = item.as_array() {
        return Value::Array(elements.iter().map(|value| meaning(&Item::Value(value.clone()))).collect());
    }
    match (item.as_str(), item.as_bool(), item.as_integer()) {
        (Some(text), _, _) => text.into(),
        (_, Some(truth), _) => truth.into(),
        (_, _, Some(number)) => number.into(),
        _ => format!("value {}", item.to_string().trim()).into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::TomlDocument;

    #[test]
    fn tables_are_made_where_they_are_missing_and_everything_else_stays() {
        for (text, expected) in [
            ("", "[a.b.\"c:0\"]\nhash = \"x\"\n"),
            ("m = 1 # mine\n", "m = 1 # mine\n\n[a.b.\"c:0\"]\nhash = \"x\"\n"),
            ("a = { b = { } }\r\n", "a = { b = { \"c:0\" = { hash = \"x\" }  } }\r\n"),
            ("[a]\nq = 1\n[z]\n", "[a]\nq = 1\n\n[a.b.\"c:0\"]\nhash = \"x\"\n[z]\n"),
        ] {
            let document = TomlDocument::parse(text).unwrap();
            document.set(&["a", "b", "c:0", "hash"], &json!("x")).unwrap();
            assert_eq!(document.text(), expected);
            assert_eq!(document.value()["a"]["b"]["c:0"]["hash"], "x");
        }
    }

    #[test]
    fn what_is_no_table_is_not_overwritten() {
        for text in ["a = 7", "a = []", "[[a]]\nb = 1\n"] {
            let document = TomlDocument::parse(text).unwrap();
            assert!(document.set(&["a", "b"], &json!("x")).is_err(), "{text}");
        }
        for text in ["a = ", "a = 1\na = 2\n", "a = 1\r\nb = 2\n"] {
            assert!(TomlDocument::parse(text).is_err(), "{text}");
        }
    }
}
