//! Writes `.env` files. What is written is read again by the dialect's own reader, and what does not come back exactly is refused:
//! the reader alone decides what a dialect can say.

use zeroize::Zeroizing;

use super::{Dialect, Meaning, WriteError, read};
use crate::name::Name;
use crate::secret::Secret;

/// Writes secrets as a file that is read as `meaning` says, in the order in which they are given.
///
/// # Errors
/// Names the first secret that cannot be said.
pub fn write<'a>(
    secrets: impl IntoIterator<Item = (&'a Name, &'a Secret)>,
    meaning: Meaning,
) -> Result<Secret, WriteError> {
    let mut file = Zeroizing::new(String::new());
    let mut meant = Vec::new();
    for (name, value) in secrets {
        let line = line(name, value, meaning)?;
        file.push_str(&line);
        meant.push((name, value));
    }
    let is_meant = read(file.as_bytes(), meaning).is_ok_and(|reading| {
        reading.assignments.len() == meant.len()
            && reading
                .assignments
                .iter()
                .zip(meant)
                .all(|(found, (name, value))| found.name == *name && found.value == *value)
    });
    if is_meant { Ok(Secret::from(file.as_bytes())) } else { Err(WriteError::Whole { meaning }) }
}

/// One assignment, with its line's end.
///
/// # Errors
/// When it has no single meaning.
fn line(name: &Name, value: &Secret, meaning: Meaning) -> Result<Zeroizing<String>, WriteError> {
    let says = |quoted: &str, wanted: &Secret| {
        let line = Zeroizing::new(format!("{name}={quoted}\n"));
        let is_said = read(line.as_bytes(), meaning)
            .is_ok_and(|found| matches!(&found.assignments[..], [one] if one.name == *name && one.value == *wanted));
        is_said.then_some(line)
    };
    if !name.is_variable() || says("x", &Secret::from("x")).is_none() {
        return Err(WriteError::Name { name: name.clone(), meaning });
    }
    let text = value.as_text().ok_or_else(|| WriteError::Value { name: name.clone(), meaning })?;
    styles(text, meaning)
        .iter()
        .find_map(|style| says(&style.quote(text), value))
        .ok_or_else(|| WriteError::Value { name: name.clone(), meaning })
}

/// A way to write a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As it is.
    Bare,
    /// In quotes of a kind, as it is.
    Quoted(char),
    /// In double quotes, these characters with a backslash before them.
    Escaped(&'static [(char, &'static str)]),
    /// For shells: in single quotes, which are left for each single quote.
    Shell,
}

/// What a backslash protects in double quotes of systemd and bash.
const SHELL_ESCAPES: &[(char, &str)] = &[('\\', "\\\\"), ('"', "\\\""), ('$', "\\$"), ('`', "\\`")];

/// What python-dotenv knows in double quotes.
const PYTHON_ESCAPES: &[(char, &str)] = &[('\\', "\\\\"), ('"', "\\\""), ('\n', "\\n"), ('\r', "\\r")];

/// What dotenvy knows in double quotes.
const DOTENVY_ESCAPES: &[(char, &str)] = &[('\\', "\\\\"), ('"', "\\\""), ('$', "\\$"), ('\n', "\\n")];

/// What Node.js and the npm package know in double quotes.
const SCRIPT_ESCAPES: &[(char, &str)] = &[('\n', "\\n"), ('\r', "\\r")];

/// Whether every dialect reads a text without quotes, and people see at once where it ends.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-+=./:,@%^".contains(&byte))
}

/// The ways to write a text for a dialect, the best first.
fn styles(text: &str, meaning: Meaning) -> Vec<Style> {
    let mut styles = match meaning {
        Meaning::Strict | Meaning::Of(Dialect::Docker) => return vec![Style::Bare],
        Meaning::Of(Dialect::Bash) => return vec![if is_plain(text) { Style::Bare } else { Style::Shell }],
        Meaning::Of(Dialect::Systemd) => vec![Style::Quoted('\''), Style::Escaped(SHELL_ESCAPES)],
        Meaning::Of(Dialect::Dotenv | Dialect::Node) => {
            vec![Style::Quoted('\''), Style::Quoted('"'), Style::Quoted('`'), Style::Escaped(SCRIPT_ESCAPES)]
        }
        Meaning::Of(Dialect::Python) => vec![Style::Quoted('\''), Style::Quoted('"'), Style::Escaped(PYTHON_ESCAPES)],
        Meaning::Of(Dialect::Dotenvy) => vec![Style::Quoted('\''), Style::Escaped(DOTENVY_ESCAPES)],
    };
    // Without quotes first where that is plain, and last where it is not: some values can be said in no other way.
    styles.insert(if is_plain(text) { 0 } else { styles.len() }, Style::Bare);
    styles
}

impl Style {
    /// A text in this style; whether it says what it should is for the reader to judge.
    fn quote(self, text: &str) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Bare => text.to_owned(),
            Self::Quoted(quote) => format!("{quote}{text}{quote}"),
            Self::Shell => format!("'{}'", text.replace('\'', "'\\''")),
            Self::Escaped(escapes) => {
                let mut quoted = String::from("\"");
                for next in text.chars() {
                    match escapes.iter().find(|(plain, _)| *plain == next) {
                        Some((_, escape)) => quoted.push_str(escape),
                        None => quoted.push(next),
                    }
                }
                quoted.push('"');
                quoted
            }
        })
    }
}
