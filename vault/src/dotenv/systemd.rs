//! `EnvironmentFile=` (systemd.exec(5); `src/basic/env-file.c` of systemd): quotes may begin a value and be followed by more of it,
//! a backslash takes the next character as it is, lines can be continued.

use zeroize::Zeroizing;

use super::Assignment;
use super::cursor::{Cursor, Head};
use super::error::{Refused, Why};

/// What a backslash in double quotes takes the meaning from; before others it stays.
const ESCAPED: &[char] = &['"', '\\', '`', '$'];

/// What systemd reads in a text. It passes over lines without `=` and names that are no variables, and takes an unclosed quote to
/// the end of the file: all that is refused.
///
/// # Errors
/// When a line has no single meaning.
pub(super) fn read(text: &str) -> Result<Vec<Assignment>, Refused> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    loop {
        cursor.take_while(is_space);
        match cursor.peek() {
            None => return Ok(found),
            Some('#' | ';') => comment(&mut cursor)?,
            Some(_) => found.push(assignment(&mut cursor)?),
        }
    }
}

/// What systemd passes over: blanks and line ends.
const fn is_space(next: char) -> bool {
    matches!(next, ' ' | '\t' | '\n' | '\r')
}

/// Either end of a line.
const fn is_end(next: char) -> bool {
    matches!(next, '\n' | '\r')
}

/// Takes a comment. A backslash at its end continued it before release 254.
///
/// # Errors
/// When it ends in a backslash.
fn comment(cursor: &mut Cursor<'_>) -> Result<(), Refused> {
    if cursor.take_while(|next| !is_end(next)).ends_with('\\') {
        return Err(cursor.refuse(Why::Unstable));
    }
    Ok(())
}

/// Takes one assignment.
///
/// # Errors
/// When it has no single meaning.
fn assignment(cursor: &mut Cursor<'_>) -> Result<Assignment, Refused> {
    let name = cursor.take_while(|next| next != '=' && !is_end(next)).trim_end_matches(is_space);
    if cursor.peek() != Some('=') {
        return Err(cursor.refuse(Why::NoEquals));
    }
    let head = Head::new(cursor.line(), name)?.unless(Why::NoName, |name| !name.is_variable())?;
    cursor.take(1);
    let mut value = Zeroizing::new(String::new());
    value_into(cursor, &mut value)?;
    if value.chars().any(is_refused) {
        return Err(cursor.refuse(Why::Character));
    }
    let assignment = head.assign(cursor.line(), value.as_str());
    cursor.bump();
    Ok(assignment)
}

/// Control characters, which releases before 248 do not take into the environment, and what systemd counts as no character.
fn is_refused(next: char) -> bool {
    let code = u32::from(next);
    let is_none = matches!(code, 0xfdd0..=0xfdef) || code & 0xfffe == 0xfffe;
    is_none || next.is_ascii_control() && !matches!(next, '\t' | '\n')
}

/// Takes the value, up to the line's end.
///
/// # Errors
/// When it is not closed or not finished.
fn value_into(cursor: &mut Cursor<'_>, value: &mut String) -> Result<(), Refused> {
    loop {
        cursor.take_while(|next| is_space(next) && !is_end(next));
        match cursor.peek() {
            None => return Ok(()),
            Some(next) if is_end(next) => return Ok(()),
            Some('\'') => value.push_str(cursor.single_quoted()?),
            Some('"') => double(cursor, value)?,
            Some(_) => return bare(cursor, value),
        }
    }
}

/// Takes what stands in double quotes.
///
/// # Errors
/// When they are not closed.
fn double(cursor: &mut Cursor<'_>, value: &mut String) -> Result<(), Refused> {
    let unclosed = cursor.refuse(Why::Unclosed);
    cursor.take(1);
    loop {
        value.push_str(cursor.take_while(|next| !matches!(next, '"' | '\\')));
        if cursor.eat("\"") {
            return Ok(());
        }
        cursor.take(1);
        match cursor.bump() {
            None => return Err(unclosed),
            Some('\n') => {}
            Some(next) if ESCAPED.contains(&next) => value.push(next),
            Some(next) => value.extend(['\\', next]),
        }
    }
}

/// Takes what stands without quotes, to the line's end. Quotes in it mean nothing; blanks at its end are not part of it.
///
/// # Errors
/// When releases differ about it.
fn bare(cursor: &mut Cursor<'_>, value: &mut String) -> Result<(), Refused> {
    let mut kept = value.len();
    loop {
        value.push_str(cursor.take_while(|next| !is_end(next) && next != '\\'));
        kept = kept.max(value.trim_end_matches(is_space).len());
        if !cursor.eat("\\") {
            value.truncate(kept);
            return Ok(());
        }
        match cursor.bump() {
            None => return Err(cursor.refuse(Why::Trailing)),
            Some(next) if is_end(next) => {}
            Some(next) => value.push(next),
        }
        // What was escaped stays, and so does everything before it.
        kept = value.len();
    }
}
