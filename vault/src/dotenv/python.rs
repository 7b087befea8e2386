//! The Python package python-dotenv (`dotenv_values`, releases 1.0 to 1.2, of a file). It would expand `${NAME}` wherever it stands,
//! in single quotes too: that is refused.

use zeroize::Zeroizing;

use super::Assignment;
use super::cursor::{Cursor, Head, head, is_blank, skip, without_returns};
use super::error::{Refused, Why};

/// What python-dotenv reads in a text.
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
    Ok(found)
}

/// What `\s` matches in Python, and `rstrip` takes away.
const fn is_python_space(next: char) -> bool {
    matches!(
        next,
        '\t'..='\r' | '\u{1c}'..=' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}'
            | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Takes the value, and the line's end.
///
/// # Errors
/// When it has no single meaning.
fn assignment(cursor: &mut Cursor<'_>, head: Head) -> Result<Assignment, Refused> {
    let line = cursor.line();
    let blanks = cursor.take_while(is_blank);
    let assignment = match cursor.peek() {
        Some(quote @ ('\'' | '"')) => quoted(cursor, head, quote)?,
        // Whether this is a comment or a value depends on the release.
        Some('#') if !blanks.is_empty() => return Err(cursor.refuse(Why::Unstable)),
        Some(next) if next != '\n' && is_python_space(next) => return Err(cursor.refuse(Why::Character)),
        _ => bare(cursor, head),
    };
    if assignment.value.as_text().is_some_and(|value| value.contains("${")) {
        return Err(Refused { line, why: Why::Expands });
    }
    Ok(assignment)
}

/// Takes a value in quotes.
///
/// # Errors
/// When the quotes are not closed, or releases differ about them.
fn quoted(cursor: &mut Cursor<'_>, head: Head, quote: char) -> Result<Assignment, Refused> {
    let unclosed = cursor.refuse(Why::Unclosed);
    let mut value = Zeroizing::new(String::new());
    cursor.take(1);
    loop {
        value.push_str(cursor.take_while(|next| next != quote && next != '\\'));
        match cursor.bump() {
            None => return Err(unclosed),
            Some('\\') => {
                let next = cursor.bump().ok_or(unclosed)?;
                // Releases before 1.2 see a backslash and a quote here, whatever is before them.
                if next == '\\' && cursor.peek() == Some(quote) {
                    return Err(Refused { why: Why::Unstable, ..unclosed });
                }
                match decoded(next, quote) {
                    Some(meant) => value.push(meant),
                    None => value.extend(['\\', next]),
                }
            }
            Some(_) => break,
        }
    }
    let assignment = head.assign(cursor.line(), value.as_str());
    cursor.end_line(is_blank)?;
    Ok(assignment)
}

/// What a backslash and a character stand for in quotes of a kind; none when they stand for themselves.
const fn decoded(next: char, quote: char) -> Option<char> {
    match (next, quote) {
        ('\\' | '\'', _) | ('"', '"') => Some(next),
        ('a', '"') => Some('\u{7}'),
        ('b', '"') => Some('\u{8}'),
        ('f', '"') => Some('\u{c}'),
        ('n', '"') => Some('\n'),
        ('r', '"') => Some('\r'),
        ('t', '"') => Some('\t'),
        ('v', '"') => Some('\u{b}'),
        _ => None,
    }
}

/// Takes a value without quotes: up to a `#` with white space before it, or the line's end.
fn bare(cursor: &mut Cursor<'_>, head: Head) -> Assignment {
    let line = cursor.take_line();
    let is_comment = |(at, _): &(usize, &str)| line[..*at].ends_with(is_python_space);
    let end = line.match_indices('#').find(is_comment).map_or(line.len(), |(at, _)| at);
    let assignment = head.assign(cursor.line(), line[..end].trim_end_matches(is_python_space));
    cursor.bump();
    assignment
}
