//! Node.js itself (`--env-file`, `util.parseEnv`; `src/node_dotenv.cc`, releases 20.6 to 24): like the npm package, and not quite. No
//! backslash protects a quote, and only the blank counts as one.

use zeroize::Zeroizing;

use super::Assignment;
use super::cursor::{Cursor, Head, head, without_returns};
use super::error::{Refused, Why};
use super::npm::PROTOTYPE;

/// What Node.js reads in a text.
///
/// # Errors
/// When a line has no single meaning.
pub(super) fn read(text: &str) -> Result<Vec<Assignment>, Refused> {
    let text = without_returns(text)?;
    let text = Zeroizing::new(text.into_owned());
    let mut cursor = Cursor::new(&text);
    let mut found = Vec::new();
    while begins(&mut cursor)? {
        // After `export` one blank is taken away; what more blanks do depends on the release.
        let head = head(&mut cursor, is_space, |blanks| blanks == " ")?;
        found.push(assignment(&mut cursor, head)?);
    }
    Ok(found)
}

/// The blank. What releases do with tabs differs.
const fn is_space(next: char) -> bool {
    next == ' '
}

/// Takes empty lines, comments, and the blanks before anything else; whether there is anything else.
///
/// # Errors
/// When there are blanks on an empty line or before a comment: they hide the line's end, which becomes part of the next name.
fn begins(cursor: &mut Cursor<'_>) -> Result<bool, Refused> {
    loop {
        let blanks = cursor.take_while(is_space);
        match cursor.peek() {
            None => return Ok(false),
            Some('\n' | '#') if !blanks.is_empty() => return Err(cursor.refuse(Why::Unstable)),
            Some('\n') => drop(cursor.bump()),
            Some('#') => drop(cursor.take_line()),
            Some(_) => return Ok(true),
        }
    }
}

/// Takes the value, and the line's end.
///
/// # Errors
/// When it has no single meaning.
fn assignment(cursor: &mut Cursor<'_>, head: Head) -> Result<Assignment, Refused> {
    let head = head.unless(Why::OwnName, |name| name.as_str() == PROTOTYPE)?;
    let blanks = cursor.take_while(is_space);
    match cursor.peek() {
        Some(quote @ ('\'' | '"' | '`')) => quoted(cursor, head, quote),
        // Some releases go on to the next line.
        None | Some('\n') if !blanks.is_empty() => Err(cursor.refuse(Why::Unstable)),
        _ => bare(cursor, head),
    }
}

/// Takes a value in quotes: up to the next of them. In double quotes `\n` becomes a line's end.
///
/// # Errors
/// When the quotes are not closed, or releases differ about them.
fn quoted(cursor: &mut Cursor<'_>, head: Head, quote: char) -> Result<Assignment, Refused> {
    let unclosed = cursor.refuse(Why::Unclosed);
    cursor.take(1);
    let raw = cursor.take_while(|next| next != quote);
    if cursor.bump().is_none() {
        return Err(unclosed);
    }
    if raw.ends_with('\\') {
        return Err(Refused { why: Why::Unstable, ..unclosed });
    }
    let value = if quote == '"' { raw.replace("\\n", "\n") } else { raw.to_owned() };
    let assignment = head.assign(cursor.line(), value);
    cursor.end_line(is_space)?;
    Ok(assignment)
}

/// Takes a value without quotes: up to a `#` or the line's end, blanks around it taken away.
///
/// # Errors
/// When releases differ about it.
fn bare(cursor: &mut Cursor<'_>, head: Head) -> Result<Assignment, Refused> {
    let value = cursor.take_while(|next| next != '\n' && next != '#').trim_matches(is_space);
    if value.starts_with('\t') || value.ends_with('\t') {
        return Err(cursor.refuse(Why::Unstable));
    }
    let assignment = head.assign(cursor.line(), value);
    cursor.end_line(is_space)?;
    Ok(assignment)
}
