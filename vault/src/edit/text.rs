//! Secrets as a text that people edit: TOML, one line `NAME = "value"` for each.
//!
//! Values of several lines stand in `"""`. What is not text, or not for a person's eyes, is named in a comment and kept as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use thiserror::Error;
use toml::Spanned;
use zeroize::Zeroizing;

use crate::document::{Consumer, Document, Entry, LONGEST_VALUE};
use crate::name::Name;
use crate::secret::Secret;

/// How lines begin that tell what was wrong with the text; they are taken out when it is read again.
const MISTAKE: &str = "#! ";

/// The longest text that is read, in bytes.
pub const LONGEST: u64 = 64 << 20;

/// What is wrong with a text, by line; never what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TextError {
    /// It is not UTF-8.
    #[error("line {line}: this is not UTF-8")]
    Encoding {
        /// The line, from 1.
        line: usize,
    },
    /// It is not TOML, or a name is there twice.
    #[error(
        "line {line}: this is not `NAME = \"value\"`, or the name is there twice; quotes and backslashes in a value need a backslash"
    )]
    Syntax {
        /// The line, from 1.
        line: usize,
    },
    /// A name that no secret can have.
    #[error(
        "line {line}: this is no name; names have letters, digits, and _ . : / # -, and are quoted when they have others than _ and -"
    )]
    Name {
        /// The line, from 1.
        line: usize,
    },
    /// A value that is not in quotes.
    #[error("line {line}: put the value in double quotes")]
    Value {
        /// The line, from 1.
        line: usize,
    },
    /// A value that is too long.
    #[error("line {line}: the value is longer than {LONGEST_VALUE} bytes")]
    Long {
        /// The line, from 1.
        line: usize,
    },
    /// A name that is in the vault and not in the text, for it cannot be edited.
    #[error("line {line}: a secret of this name is there and cannot be edited")]
    Kept {
        /// The line, from 1.
        line: usize,
    },
    /// A name that loads code, and is new.
    #[error("line {line}: a variable of this name makes programs load code; put it in with `set --allow-code`")]
    Code {
        /// The line, from 1.
        line: usize,
    },
}

/// The value as text, when a person may see it and it is text that an editor keeps as it is.
#[must_use]
pub fn editable(entry: &Entry) -> Option<&str> {
    let text = entry.value.as_text().filter(|_| entry.consumers.allow(&Consumer::Get))?;
    let is_plain = |next: char| !next.is_control() || next == '\n' || next == '\t';
    text.chars().all(is_plain).then_some(text)
}

/// The text of a document.
#[must_use]
pub fn write(document: &Document) -> Secret {
    let mut text = Zeroizing::new(String::from(
        "# The secrets of this vault. Change values, add lines, or remove lines to remove secrets.\n\
         # The format is TOML: NAME = \"value\", and names with other characters than letters, digits, _ and - in quotes.\n\
         # Leave without a change, or with an error of the editor (in vim :cq), to keep everything as it is.\n\n",
    ));
    for (name, entry) in &document.secrets {
        match editable(entry) {
            Some(value) => {
                let _ = writeln!(text, "{} = {}", *key(name), *string(value));
            }
            None => {
                let why = if entry.consumers.allow(&Consumer::Get) { "is not plain text" } else { "is not for `get`" };
                let _ = writeln!(text, "# {name} {why} ({} bytes), and stays as it is.", entry.value.len());
            }
        }
    }
    Secret::from(text.as_bytes())
}

/// A name as a TOML key.
fn key(name: &Name) -> Zeroizing<String> {
    let is_bare = name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    // No name has a character that TOML escapes.
    Zeroizing::new(if is_bare { name.to_string() } else { format!("\"{name}\"") })
}

/// A value as a TOML string.
fn string(value: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(value.len() + 8));
    let has_lines = value.contains('\n');
    text.push_str(if has_lines { "\"\"\"\n" } else { "\"" });
    for next in value.chars() {
        match next {
            '"' | '\\' => text.extend(['\\', next]),
            '\t' => text.push_str("\\t"),
            _ => text.push(next),
        }
    }
    text.push_str(if has_lines { "\"\"\"" } else { "\"" });
    text
}

/// Reads a text. `document` is what it was made from: names that it keeps back cannot be in it.
///
/// # Errors
/// The first line that cannot be understood, or says what cannot be.
pub fn read(text: &[u8], document: &Document) -> Result<BTreeMap<Name, Secret>, TextError> {
    let line_at = |offset: usize| text.iter().take(offset).filter(|&&byte| byte == b'\n').count() + 1;
    let utf8 = std::str::from_utf8(text).map_err(|error| TextError::Encoding { line: line_at(error.valid_up_to()) })?;
    type Pairs = BTreeMap<Spanned<String>, Spanned<toml::Value>>;
    let pairs: Pairs = toml::from_str(utf8).map_err(|error| {
        // The message repeats the line: it is not shown.
        TextError::Syntax { line: error.span().map_or(1, |span| line_at(span.start)) }
    })?;
    let mut found = BTreeMap::new();
    for (key, value) in pairs {
        let line = line_at(key.span().start);
        let name = Name::parse(key.get_ref()).map_err(|_| TextError::Name { line })?;
        let toml::Value::String(value) = value.into_inner() else { return Err(TextError::Value { line }) };
        let value = Secret::from(value);
        if value.len() > LONGEST_VALUE {
            return Err(TextError::Long { line });
        }
        match document.secrets.get(&name) {
            Some(entry) if editable(entry).is_none() => return Err(TextError::Kept { line }),
            None if name.loads_code() => return Err(TextError::Code { line }),
            Some(_) | None => {}
        }
        found.insert(name, value);
    }
    Ok(found)
}

/// The text with what is wrong with it in its first line. Line numbers count from that line on.
#[must_use]
pub fn with_mistake(text: &Secret, error: TextError) -> Secret {
    let mistake = error.to_string();
    let after = mistake.split_once(": ").map_or("", |(_, what)| what);
    let head = format!("{MISTAKE}line {}: {after}\n", line(error) + 1);
    Secret::from([head.as_bytes(), text.as_bytes()].concat())
}

/// The text without the lines of [`with_mistake`].
#[must_use]
pub fn without_mistake(text: &Secret) -> Secret {
    let mut rest = text.as_bytes();
    while rest.starts_with(MISTAKE.as_bytes()) {
        rest = rest.iter().position(|&byte| byte == b'\n').map_or(&[][..], |end| &rest[end + 1..]);
    }
    Secret::from(rest)
}

/// Which line an error is about.
const fn line(error: TextError) -> usize {
    match error {
        TextError::Encoding { line }
        | TextError::Syntax { line }
        | TextError::Name { line }
        | TextError::Value { line }
        | TextError::Long { line }
        | TextError::Kept { line }
        | TextError::Code { line } => line,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{TextError, editable, read, with_mistake, without_mistake, write};
    use crate::document::{Consumer, Consumers, Document, Entry};
    use crate::name::Name;
    use crate::secret::Secret;

    /// A document of these secrets.
    fn document(secrets: &[(&str, &[u8])]) -> Document {
        let mut document = Document::new(Vec::new()).unwrap();
        for &(name, value) in secrets {
            document.secrets.insert(Name::parse(name).unwrap(), Entry::new(Secret::from(value), UNIX_EPOCH));
        }
        document
    }

    /// The text of what `write` makes.
    fn text(document: &Document) -> String {
        String::from_utf8(write(document).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn people_see_names_and_values() {
        let text = text(&document(&[
            ("A", b"x\"\\\t"),
            ("a/b#c", b""),
            ("PEM", b"-1-\n\n2\n"),
            ("BYTES", b"\xff"),
            ("CR", b"\r"),
        ]));
        assert!(text.ends_with(concat!(
            "A = \"x\\\"\\\\\\t\"\n",
            "# BYTES is not plain text (1 bytes), and stays as it is.\n",
            "# CR is not plain text (1 bytes), and stays as it is.\n",
            "PEM = \"\"\"\n-1-\n\n2\n\"\"\"\n",
            "\"a/b#c\" = \"\"\n",
        )));
    }

    #[test]
    fn what_is_not_for_a_person_is_not_shown() {
        let mut document = document(&[("A", b"hunter2")]);
        let name = Name::parse("A").unwrap();
        document.secrets.get_mut(&name).unwrap().consumers = Consumers::only([Consumer::OpenClaw]);
        assert!(!text(&document).contains("hunter2"));
        assert_eq!(read(b"# x\nA = \"1\"\n", &document), Err(TextError::Kept { line: 2 }));
    }

    proptest! {
        #[test]
        fn a_text_that_nobody_touched_says_what_it_was_made_from(values in proptest::collection::vec(any::<String>(), 1..6)) {
            let names = ["A", "b/c", "D-1", "e.f", "G:h", "9"];
            let secrets: Vec<(&str, &[u8])> = names.into_iter().zip(values.iter().map(String::as_bytes)).collect();
            let document = document(&secrets);
            let read = read(write(&document).as_bytes(), &document).unwrap();
            let expected = document.secrets.iter().filter(|(_, entry)| editable(entry).is_some());
            prop_assert_eq!(read, expected.map(|(name, entry)| (name.clone(), entry.value.clone())).collect());
        }

        #[test]
        fn no_text_makes_the_reader_fail_but_by_an_error(text in any::<Vec<u8>>()) {
            let _ = read(&text, &document(&[]));
        }
    }

    #[test]
    fn mistakes_are_told_by_line_and_never_repeat_it() {
        let document = document(&[("BYTES", b"\xff")]);
        let error = |text: &[u8]| read(text, &document).unwrap_err();
        assert_eq!(error(b"\nA = hunter2\n"), TextError::Syntax { line: 2 });
        assert_eq!(error(b"A = \"1\"\nA = \"2\"\n"), TextError::Syntax { line: 2 });
        assert_eq!(error(b"A = \"1\n"), TextError::Syntax { line: 1 });
        assert_eq!(error(b"\n\nA = 1\n"), TextError::Value { line: 3 });
        assert_eq!(error(b"[A]\nB = \"1\"\n"), TextError::Value { line: 1 });
        assert_eq!(error(b"A.B = \"1\"\n"), TextError::Value { line: 1 });
        assert_eq!(error("\n\"ä\" = \"1\"\n".as_bytes()), TextError::Name { line: 2 });
        assert_eq!(error(b"A = \"\n\xff"), TextError::Encoding { line: 2 });
        assert_eq!(error(b"LD_PRELOAD = \"/x\"\n"), TextError::Code { line: 1 });
        assert_eq!(error(b"BYTES = \"1\"\n"), TextError::Kept { line: 1 });
        assert!(!error(b"A = hunter2").to_string().contains("hunter2"));
    }

    #[test]
    fn the_line_of_a_mistake_counts_itself_and_goes_away_again() {
        let text = Secret::from("A = 1\n");
        let once = with_mistake(&text, TextError::Value { line: 1 });
        assert_eq!(once.as_text(), Some("#! line 2: put the value in double quotes\nA = 1\n"));
        assert_eq!(without_mistake(&once), text);
        assert_eq!(without_mistake(&with_mistake(&once, TextError::Value { line: 2 })), text);
        assert!(without_mistake(&Secret::from("#! ")).is_empty());
    }
}
