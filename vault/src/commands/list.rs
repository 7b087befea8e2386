//! `list`: what the vault holds, never a value.

use std::borrow::Cow;
use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use crate::document::{Digests, Document, Entry};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::name::Name;
use crate::session::{Session, acts_on_terminal};

/// How many columns the table has.
const COLUMNS: usize = 7;

/// More blanks than there are between most cells.
const BLANKS: &str = "                                                                ";

/// What the columns are called.
const TITLES: [&str; COLUMNS] = ["NAME", "LENGTH", "DIGEST", "ROTATED", "EXPIRES", "CONSUMERS", "NOTE"];

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
}

/// A moment in RFC 3339.
fn time(moment: SystemTime) -> String {
    humantime::format_rfc3339_seconds(moment).to_string()
}

/// Text that cannot move the cursor, colour a terminal or break a line.
fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(acts_on_terminal) { text.replace(acts_on_terminal, "\u{fffd}").into() } else { text.into() }
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

/// The days of moments in UTC. Secrets often have the day of the one before.
#[derive(Default)]
struct Days {
    /// The last one that was asked for, counted from the beginning of 1970.
    number: Option<u64>,
    /// The same as text.
    text: String,
}

impl Days {
    /// The day of a moment, as `2027-01-31`.
    fn of(&mut self, moment: SystemTime) -> &str {
        let number = moment.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |passed| passed.as_secs() / 86_400);
        if self.number != Some(number) {
            self.number = Some(number);
            self.text = time(moment);
            self.text.truncate(10);
        }
        &self.text
    }
}

/// Cells of a table, in one text: long lists have many.
struct Cells {
    /// All of them, one after the other.
    text: String,
    /// Where each of a row's ends.
    rows: Vec<[usize; COLUMNS]>,
    /// The row that is being made.
    row: [usize; COLUMNS],
    /// How many cells it has.
    filled: usize,
}

impl Cells {
    /// Room for so many rows.
    fn with_capacity(rows: usize) -> Self {
        Self { text: String::with_capacity(rows * 64), rows: Vec::with_capacity(rows), row: [0; COLUMNS], filled: 0 }
    }

    /// Adds a cell, which `write` adds to the text.
    fn cell(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        if let Some(end) = self.row.get_mut(self.filled) {
            *end = self.text.len();
        }
        self.filled += 1;
        if self.filled == COLUMNS {
            self.filled = 0;
            self.rows.push(self.row);
        }
    }

    /// The rows, each as its cells.
    fn rows(&self) -> impl Iterator<Item = [&str; COLUMNS]> {
        let mut from = 0;
        self.rows.iter().map(move |ends| {
            ends.map(|end| {
                let cell = self.text.get(from..end).unwrap_or_default();
                from = end;
                cell
            })
        })
    }
}

/// How many columns of a terminal a cell takes, if every character takes one.
fn wide(cell: &str) -> usize {
    if cell.is_ascii() { cell.len() } else { cell.chars().count() }
}

/// Adds the row of a secret.
fn add(cells: &mut Cells, (name, entry): (&Name, &Entry), digests: &Digests, days: &mut Days, now: SystemTime) {
    cells.cell(|text| text.push_str(name.as_str()));
    cells.cell(|text| text.push_str(&entry.value.len().to_string()));
    cells.cell(|text| digests.write(&entry.value, text));
    cells.cell(|text| text.push_str(days.of(entry.rotated)));
    cells.cell(|text| match entry.expires {
        None => text.push('-'),
        Some(end) => {
            text.push_str(days.of(end));
            text.push_str(if end <= now { " (past)" } else { "" });
        }
    });
    cells.cell(|text| match entry.consumers.named() {
        None => text.push_str("any"),
        Some(named) if named.is_empty() => text.push_str("nobody"),
        Some(named) => text.push_str(&plain(&named.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))),
    });
    cells.cell(|text| text.push_str(&entry.note.as_deref().map_or("-".into(), plain)));
}

/// All secrets as a table.
fn table(document: &Document, now: SystemTime) -> String {
    let mut cells = Cells::with_capacity(document.secrets.len() + 1);
    for title in TITLES {
        cells.cell(|text| text.push_str(title));
    }
    let (digests, mut days) = (document.digests(), Days::default());
    for secret in &document.secrets {
        add(&mut cells, secret, &digests, &mut days, now);
    }
    let mut widths = [0; COLUMNS];
    for row in cells.rows() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = wide(cell).max(*width);
        }
    }
    let mut text = String::with_capacity(cells.rows.len() * (widths.iter().sum::<usize>() + 2 * COLUMNS));
    for row in cells.rows() {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(cell);
            let blanks = width - wide(cell) + 2;
            text.push_str(BLANKS.get(..blanks).map_or_else(|| " ".repeat(blanks).into(), Cow::Borrowed).as_ref());
        }
        text.truncate(text.trim_end_matches(' ').len());
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
