//! The npm package dotenv (`parse`, releases 15 to 18): one regular expression over the whole text. Read here is what it matches
//! without going back: the rest is refused.

use zeroize::Zeroizing;

use super::Assignment;
use super::cursor::{Cursor, Head, head, is_blank, skip, without_returns};
use super::error::{Refused, Why};

/// A name that an object of JavaScript does not keep.
pub(super) const PROTOTYPE: &str = "__proto__";

/// What dotenv reads in a text.
///
/// # Errors
/// When a line has no single meaning.
pub(super) fn read(text: &str) -> Result<Vec<Assignment>, Refused> {
    let text = without_returns(text)?;
    let text = Zeroizing::new(text.into_owned());
    let mut cursor = Cursor::new(&text);
    let mut found = Vec::new();
    while skip(&mut cursor, is_blank) {
        let head = head(&mut cursor, is_blank, |_| true)?;
        found.push(assignment(&mut cursor, head)?);
    }
    // JavaScript ends a line at these too.
    match text.split('\n').position(|line| line.contains(['\u{2028}', '\u{2029}'])) {
        Some(index) => Err(Refused { line: index + 1, why: Why::Character }),
        None => Ok(found),
    }
}

/// What `\s` matches in JavaScript, and `trim` takes away.
pub(super) const fn is_script_space(next: char) -> bool {
    matches!(
        next,
        '\t'..='\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}'
            | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

/// Takes the value, and the line's end.
///
/// # Errors
/// When it has no single meaning.
fn assignment(cursor: &mut Cursor<'_>, head: Head) -> Result<Assignment, Refused> {
    let head = head.unless(Why::OwnName, |name| name.as_str() == PROTOTYPE)?;
    cursor.take_while(is_blank);
    match cursor.peek() {
        Some(quote @ ('\'' | '"' | '`')) => quoted(cursor, head, quote),
        Some(next) if next != '\n' && is_script_space(next) => Err(cursor.refuse(Why::Character)),
        _ => bare(cursor, head),
    }
}

/// Takes a value in quotes: up to the first of them without a backslash before it. The backslashes stay; in double quotes `\n` and
/// `\r` become what they stand for.
///
/// # Errors
/// When the quotes are not closed, or releases differ about them.
fn quoted(cursor: &mut Cursor<'_>, head: Head, quote: char) -> Result<Assignment, Refused> {
    let unclosed = cursor.refuse(Why::Unclosed);
    cursor.take(1);
    let is_close = |(at, _): &(usize, &str)| !cursor.rest().as_bytes()[..*at].ends_with(b"\\");
    let Some((close, _)) = cursor.rest().match_indices(quote).find(is_close) else { return Err(unclosed) };
    let mut value = Zeroizing::new(cursor.take(close).to_owned());
    cursor.take(1);
    if quote == '"' {
        value = Zeroizing::new(value.replace("\\n", "\n"));
        value = Zeroizing::new(value.replace("\\r", "\r"));
    }
    let assignment = head.assign(cursor.line(), value.as_str());
    cursor.end_line(is_blank)?;
    Ok(assignment)
}

/// Takes a value without quotes: up to a `#` or the line's end, blanks around it taken away.
///
/// # Errors
/// When releases differ about it.
fn bare(cursor: &mut Cursor<'_>, head: Head) -> Result<Assignment, Refused> {
    let value = cursor.take_while(|next| next != '\n' && next != '#').trim_matches(is_script_space);
    let assignment = head.assign(cursor.line(), value);
    cursor.end_line(is_blank)?;
    // The expression looks for a quote across the line's end.
    let is_taken = |next: char| matches!(next, '\'' | '"' | '`');
    if value.is_empty() && cursor.rest().trim_start_matches(is_script_space).starts_with(is_taken) {
        return Err(Refused { line: assignment.line, why: Why::Unclosed });
    }
    Ok(assignment)
}
