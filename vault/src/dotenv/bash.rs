//! What bash(1) would assign when it reads a file with `set -a; . FILE`, as long as it would do nothing else. Whatever bash would
//! expand, substitute, match or carry out is refused, and so are variables that bash itself gives a meaning to.

use zeroize::Zeroizing;

use super::Assignment;
use super::cursor::{Cursor, Head, is_blank};
use super::error::{Refused, Why};
use crate::name::Name;

/// Variables that do not keep what is assigned to them, or change how bash reads on (bash(1), "Shell Variables").
const OWN: &[&str] = &[
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "IFS",
    "LINENO",
    "OPTIND",
    "PIPESTATUS",
    "POSIXLY_CORRECT",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
    "_",
];

/// Characters that end a word, or make one more than text.
const META: &[char] = &['$', '`', ';', '&', '|', '<', '>', '(', ')'];

/// Characters that mean something in an argument of `export` and nothing in an assignment.
const IN_ARGUMENT: &[char] = &['*', '?', '[', '{', '}'];

/// What bash assigns.
///
/// # Errors
/// When a line has no single meaning.
pub(super) fn read(text: &str) -> Result<Vec<Assignment>, Refused> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    loop {
        cursor.take_while(is_blank);
        match cursor.peek() {
            None => return Ok(found),
            Some('\n') => drop(cursor.bump()),
            Some('#') => drop(cursor.take_line()),
            Some(_) => found.push(assignment(&mut cursor)?),
        }
    }
}

/// Whether a name is bash's own.
fn is_own(name: &Name) -> bool {
    name.as_str().starts_with("BASH") || OWN.contains(&name.as_str())
}

/// Whether bash would read what follows in an encoding that may be another one: it takes locale variables at their word at once.
fn changes_encoding(name: &Name, value: &str) -> bool {
    let is_locale = name.as_str().starts_with("LC_") || name.as_str() == "LANG";
    is_locale && !matches!(value, "" | "C" | "POSIX") && !value.ends_with(".UTF-8") && !value.ends_with(".utf8")
}

/// Takes one assignment, and the line's end.
///
/// # Errors
/// When it has no single meaning.
fn assignment(cursor: &mut Cursor<'_>) -> Result<Assignment, Refused> {
    let is_part = |next: char| next.is_ascii_alphanumeric() || next == '_';
    let line = cursor.line();
    let mut name = cursor.take_while(is_part);
    let is_export = name == "export" && !cursor.take_while(is_blank).is_empty();
    if is_export {
        name = cursor.take_while(is_part);
    }
    if !cursor.eat("=") {
        let why = if cursor.take_line().contains('=') { Why::NoName } else { Why::NoEquals };
        return Err(Refused { line, why });
    }
    let head = Head::new(line, name)?.unless(Why::NoName, |name| !name.is_variable())?.unless(Why::OwnName, is_own)?;
    let mut value = Zeroizing::new(String::new());
    word(cursor, is_export, &mut value)?;
    let head = head.unless(Why::OwnName, |name| changes_encoding(name, &value))?;
    let assignment = head.assign(cursor.line(), value.as_str());
    end(cursor)?;
    Ok(assignment)
}

/// Takes the rest of the line after a word. A comment needs a blank before it.
///
/// # Errors
/// When something else follows.
fn end(cursor: &mut Cursor<'_>) -> Result<(), Refused> {
    if cursor.take_while(is_blank).is_empty() && !cursor.is_line_end() {
        return Err(cursor.refuse(Why::Trailing));
    }
    cursor.end_line(is_blank)
}

/// Takes a word, with its quotes removed.
///
/// # Errors
/// When it has more in it than text.
fn word(cursor: &mut Cursor<'_>, is_argument: bool, value: &mut String) -> Result<(), Refused> {
    // A tilde is expanded where a word begins, and after : and =.
    let mut may_expand = true;
    loop {
        let Some(next) = cursor.peek() else { return Ok(()) };
        let is_plain = !matches!(next, '\'' | '"' | '\\');
        match next {
            '\n' | ' ' | '\t' => return Ok(()),
            '\'' => value.push_str(cursor.single_quoted()?),
            '"' => double(cursor, value)?,
            '\\' => escape(cursor, value)?,
            '~' if may_expand => return Err(cursor.refuse(Why::Expands)),
            _ if META.contains(&next) => return Err(cursor.refuse(Why::Expands)),
            _ if is_argument && IN_ARGUMENT.contains(&next) => return Err(cursor.refuse(Why::Expands)),
            _ => {
                value.push(next);
                cursor.take(next.len_utf8());
            }
        }
        may_expand = !is_plain || matches!(next, ':' | '=');
    }
}

/// Takes a backslash and what it takes the meaning from; a line's end vanishes.
///
/// # Errors
/// When nothing follows.
fn escape(cursor: &mut Cursor<'_>, value: &mut String) -> Result<(), Refused> {
    let unfinished = cursor.refuse(Why::Trailing);
    cursor.take(1);
    match cursor.bump() {
        None => return Err(unfinished),
        Some('\n') => {}
        Some(next) => value.push(next),
    }
    Ok(())
}

/// Takes what stands in double quotes.
///
/// # Errors
/// When they are not closed, or bash would expand something in them.
fn double(cursor: &mut Cursor<'_>, value: &mut String) -> Result<(), Refused> {
    let unclosed = cursor.refuse(Why::Unclosed);
    cursor.take(1);
    loop {
        value.push_str(cursor.take_while(|next| !matches!(next, '"' | '\\' | '$' | '`')));
        match cursor.bump() {
            None => return Err(unclosed),
            Some('"') => return Ok(()),
            Some('\\') => match cursor.bump() {
                None => return Err(unclosed),
                Some('\n') => {}
                Some(next @ ('"' | '\\' | '$' | '`')) => value.push(next),
                Some(next) => value.extend(['\\', next]),
            },
            Some(_) => return Err(Refused { why: Why::Expands, ..unclosed }),
        }
    }
}
