//! `list`: what the vault holds, never a value.

use std::fmt::Write as _;
use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use crate::document::{Document, Entry};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::name::Name;
use crate::session::Session;

/// What the columns are called.
const TITLES: [&str; 7] = ["NAME", "LENGTH", "DIGEST", "ROTATED", "EXPIRES", "CONSUMERS", "NOTE"];

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("list")
        .about("Lists the secrets: names, lengths, digests, dates; never a value")
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
}

/// Carries it out.
///
/// # Errors
/// When the vault cannot be opened.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let vault = session.open()?;
    let now = session.now();
    let text = if matches.get_flag("json") { json(&vault.document, now)? } else { table(&vault.document, now) };
    session.write(text.as_bytes())?;
    Ok(Exit::Done)
}

/// One secret in the JSON output.
#[derive(Serialize)]
struct Shown<'a> {
    /// The name.
    name: &'a str,
    /// How many bytes the value has.
    length: usize,
    /// The digest of the value under the vault's key.
    digest: String,
    /// When the name came into the vault.
    created: String,
    /// When the value was last changed.
    rotated: String,
    /// From when on it must not be used.
    expires: Option<String>,
    /// Whether that is past.
    expired: bool,
    /// Who may have it; null for everybody.
    consumers: Option<Vec<String>>,
    /// The note.
    note: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// An entry as it may be seen.
    fn of(document: &Document, name: &'a Name, entry: &'a Entry, now: SystemTime) -> Self {
        Self {
            name: name.as_str(),
            length: entry.value.len(),
            digest: document.digest(&entry.value),
            created: time(entry.created),
            rotated: time(entry.rotated),
            expires: entry.expires.map(time),
            expired: entry.is_expired(now),
            consumers: entry.consumers.named().map(|named| named.iter().map(ToString::to_string).collect()),
            note: entry.note.as_deref(),
        }
    }

    /// The columns of the table.
    fn columns(self) -> [String; 7] {
        let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
        let expires = self.expires.as_deref().map_or_else(|| "-".to_owned(), day);
        let consumers =
            self.consumers.map(|named| if named.is_empty() { "nobody".to_owned() } else { named.join(",") });
        [
            self.name.to_owned(),
            self.length.to_string(),
            self.digest,
            day(&self.rotated),
            if self.expired { format!("{expires} (past)") } else { expires },
            plain(&consumers.unwrap_or_else(|| "any".to_owned())),
            plain(self.note.unwrap_or("-")),
        ]
    }
}

/// A moment in RFC 3339.
fn time(moment: SystemTime) -> String {
    humantime::format_rfc3339_seconds(moment).to_string()
}

/// Text that cannot move the cursor, colour a terminal or break a line.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// All secrets as a JSON array, one to a line.
///
/// # Errors
/// Never: every field has a JSON form.
fn json(document: &Document, now: SystemTime) -> Result<String, Failure> {
    let mut text = String::from("[");
    for (number, (name, entry)) in document.secrets.iter().enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        let line = serde_json::to_string(&Shown::of(document, name, entry, now));
        text.push_str(&line.map_err(|_| Failure::new(Exit::Data, "a secret has no JSON form", "report this"))?);
    }
    text.push_str(if document.secrets.is_empty() { "]\n" } else { "\n]\n" });
    Ok(text)
}

/// All secrets as a table.
fn table(document: &Document, now: SystemTime) -> String {
    let titles = TITLES.map(str::to_owned);
    let entries = document.secrets.iter().map(|(name, entry)| Shown::of(document, name, entry, now).columns());
    let rows: Vec<[String; 7]> = std::iter::once(titles).chain(entries).collect();
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{json, table};
    use crate::document::{Document, Entry};
    use crate::name::Name;
    use crate::secret::Secret;

    #[test]
    fn neither_form_shows_a_value_and_a_note_cannot_fool_a_terminal() {
        let now = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        let mut document = Document::new(vec![]).unwrap();
        let entry = Entry {
            note: Some("a\u{1b}[31m\nb".to_owned()),
            expires: Some(now),
            ..Entry::new(Secret::from("hunter2"), now)
        };
        document.secrets.insert(Name::parse("A").unwrap(), entry);
        let (json, table) = (json(&document, now).unwrap(), table(&document, now));
        assert!(!json.contains("hunter2") && !table.contains("hunter2"));
        assert!(!table.contains('\u{1b}') && table.lines().count() == 2, "{table}");
        assert!(table.contains("2026-09-21 (past)"), "{table}");
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read[0]["expired"], true);
        assert_eq!(read[0]["note"], "a\u{1b}[31m\nb");
        assert_eq!(super::json(&Document::new(vec![]).unwrap(), now).unwrap(), "[]\n");
    }
}
