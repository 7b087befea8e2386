//! The Rust crate dotenvy (0.15): one scanner finds where a value's last line ends, another reads what is in it, and they do not
//! agree about backslashes in single quotes. Both are followed here; what would be substituted is refused.

use zeroize::Zeroizing;

use super::Assignment;
use super::cursor::{Cursor, Head};
use super::error::{Refused, Why};

/// What dotenvy reads in a text.
///
/// # Errors
/// When a line has no single meaning.
pub(super) fn read(text: &str) -> Result<Vec<Assignment>, Refused> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    while cursor.peek().is_some() {
        let first = cursor.line();
        let (length, content) = logical_line(cursor.rest()).ok_or(cursor.refuse(Why::Unclosed))?;
        let lines = cursor.take(length).trim_end_matches('\n').matches('\n').count();
        let mut inner = Cursor::new(content);
        if let Some((name, value)) = line(&mut inner).map_err(|why| Refused { line: first, why })? {
            found.push(Head::new(first, name)?.assign(first + lines, value.as_str()));
        }
    }
    Ok(found)
}

/// Where the scanner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside of quotes.
    Outside,
    /// After white space, where a comment may begin.
    Space,
    /// After a backslash outside of quotes.
    Escaped,
    /// In quotes of this kind.
    Quoted(char),
    /// After a backslash in quotes of this kind.
    QuotedEscaped(char),
}

/// Where the scanner is after the next character; none at the beginning of a comment.
fn step(state: State, next: char) -> Option<State> {
    Some(match (state, next) {
        (State::Space, '#') => return None,
        (State::Space | State::Outside, '\\') => State::Escaped,
        (State::Space | State::Outside, '\'' | '"') => State::Quoted(next),
        (State::Outside, _) if next.is_whitespace() && !matches!(next, '\n' | '\r') => State::Space,
        (State::Space | State::Outside | State::Escaped, _) => State::Outside,
        (State::Quoted(quote), '\\') => State::QuotedEscaped(quote),
        (State::Quoted(quote), _) if next == quote => State::Outside,
        (State::Quoted(quote) | State::QuotedEscaped(quote), _) => State::Quoted(quote),
    })
}

/// How long the next logical line is, and what of it counts: without its end, and without a comment. None when it does not end.
fn logical_line(text: &str) -> Option<(usize, &str)> {
    let mut state = State::Outside;
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        if length == 0 && line.trim_start().starts_with('#') {
            return Some((line.len(), ""));
        }
        for (at, next) in line.char_indices() {
            match step(state, next) {
                Some(after) => state = after,
                None => return Some((length + line.len(), &text[..length + at])),
            }
        }
        length += line.len();
        if state == State::Outside {
            let content = &text[..length];
            return Some((
                length,
                content.strip_suffix('\n').map_or(content, |line| line.strip_suffix('\r').unwrap_or(line)),
            ));
        }
    }
    None
}

/// Reads a logical line: a name and its value; none when there is nothing in it.
///
/// # Errors
/// When it has no single meaning.
fn line<'a>(cursor: &mut Cursor<'a>) -> Result<Option<(&'a str, Zeroizing<String>)>, Why> {
    *cursor = Cursor::new(cursor.rest().trim_end());
    cursor.take_while(char::is_whitespace);
    if matches!(cursor.peek(), None | Some('#')) {
        return Ok(None);
    }
    let mut name = name(cursor);
    cursor.take_while(char::is_whitespace);
    if name == "export" && cursor.peek() != Some('=') {
        name = self::name(cursor);
        cursor.take_while(char::is_whitespace);
    }
    if !cursor.eat("=") {
        return Err(if cursor.rest().contains('=') { Why::NoName } else { Why::NoEquals });
    }
    cursor.take_while(char::is_whitespace);
    let value = if cursor.peek() == Some('#') { Zeroizing::default() } else { value(cursor)? };
    Ok(Some((name, value)))
}

/// Takes a name; an empty one when none begins here.
fn name<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let is_first = |next: char| next.is_ascii_alphabetic() || next == '_';
    let is_part = |next: char| next.is_ascii_alphanumeric() || matches!(next, '_' | '.');
    if cursor.peek().is_some_and(is_first) { cursor.take_while(is_part) } else { "" }
}

/// Takes a value, with its quotes removed.
///
/// # Errors
/// When dotenvy refuses it, or would substitute something.
fn value(cursor: &mut Cursor<'_>) -> Result<Zeroizing<String>, Why> {
    let mut value = Zeroizing::new(String::new());
    let mut in_double = false;
    while let Some(next) = cursor.bump() {
        match next {
            '\\' => value.push(escaped(cursor.bump())?),
            '$' => return Err(Why::Expands),
            '"' => in_double = !in_double,
            _ if in_double => value.push(next),
            '\'' => {
                value.push_str(cursor.take_while(|next| next != '\''));
                if !cursor.eat("'") {
                    return Err(Why::Unclosed);
                }
            }
            ' ' | '\t' => return end(cursor).map(|()| value),
            _ => value.push(next),
        }
    }
    if in_double { Err(Why::Unclosed) } else { Ok(value) }
}

/// What a backslash and a character stand for. What is not known is refused by dotenvy; a backslash at the end it drops, which is
/// refused here.
///
/// # Errors
/// When dotenvy refuses or drops it.
fn escaped(next: Option<char>) -> Result<char, Why> {
    match next {
        Some(next @ ('\\' | '\'' | '"' | '$' | ' ')) => Ok(next),
        Some('n') => Ok('\n'),
        Some(_) => Err(Why::Invalid),
        None => Err(Why::Trailing),
    }
}

/// Takes what follows a value: blanks, or a comment.
///
/// # Errors
/// When something else follows.
fn end(cursor: &mut Cursor<'_>) -> Result<(), Why> {
    cursor.take_while(|next| matches!(next, ' ' | '\t'));
    if matches!(cursor.peek(), None | Some('#')) { Ok(()) } else { Err(Why::Trailing) }
}
