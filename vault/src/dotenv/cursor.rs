//! A place in a text that knows its line.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::Assignment;
use super::error::{Refused, Why};
use crate::name::Name;
use crate::secret::Secret;

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    /// The text that is left.
    rest: &'a str,
    /// The line of its first character, from 1.
    line: usize,
}

impl<'a> Cursor<'a> {
    /// The beginning of a text.
    pub(super) const fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }

    /// The line, from 1.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// The text that is left.
    pub(super) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next character, which stays.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes as many bytes as these; the whole rest where it is shorter.
    pub(super) fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
        taken
    }

    /// Takes the next character.
    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.take(next.len_utf8());
        Some(next)
    }

    /// Takes a text when it comes next, and says whether it did.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest.starts_with(text);
        if is_next {
            self.take(text.len());
        }
        is_next
    }

    /// Takes what stands in single quotes, as shells read them: everything is as it is. The first of them comes next.
    ///
    /// # Errors
    /// When they are not closed.
    pub(super) fn single_quoted(&mut self) -> Result<&'a str, Refused> {
        let unclosed = self.refuse(Why::Unclosed);
        self.take(1);
        let value = self.take_while(|next| next != '\'');
        if self.eat("'") { Ok(value) } else { Err(unclosed) }
    }

    /// Takes characters as long as `wanted` holds.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|next| !wanted(next)).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// Takes what is left of the line, without its end.
    pub(super) fn take_line(&mut self) -> &'a str {
        self.take_while(|next| next != '\n')
    }

    /// Whether the line, or the text, ends here.
    pub(super) fn is_line_end(&self) -> bool {
        matches!(self.peek(), None | Some('\n'))
    }

    /// A refusal of the line here.
    pub(super) const fn refuse(&self, why: Why) -> Refused {
        Refused { line: self.line, why }
    }

    /// Takes what may follow a value that has ended: blanks, a comment, the line's end.
    ///
    /// # Errors
    /// When something else follows.
    pub(super) fn end_line(&mut self, is_blank: impl Fn(char) -> bool) -> Result<(), Refused> {
        self.take_while(is_blank);
        if self.peek() == Some('#') {
            self.take_line();
        }
        if !self.is_line_end() {
            return Err(self.refuse(Why::Trailing));
        }
        self.bump();
        Ok(())
    }
}

/// A blank or a tab.
pub(super) const fn is_blank(next: char) -> bool {
    matches!(next, ' ' | '\t')
}

/// The name before a `=`, when it is one of a secret and of a variable, and where an assignment begins.
#[derive(Debug)]
pub(super) struct Head {
    /// The line that the assignment begins on.
    line: usize,
    /// The name.
    name: Name,
}

impl Head {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn new(line: usize, text: &str) -> Result<Self, Refused> {
        match Name::parse(text) {
            Ok(name) => Ok(Self { line, name }),
            Err(_) => Err(Refused { line, why: Why::NoName }),
        }
    }

    /// Refuses a name that `is_taken`.
    ///
    /// # Errors
    /// When it is taken.
    pub(super) fn unless(self, why: Why, is_taken: impl Fn(&Name) -> bool) -> Result<Self, Refused> {
        if is_taken(&self.name) { Err(Refused { line: self.line, why }) } else { Ok(self) }
    }

    /// The assignment, when its value ends at `last`.
    pub(super) fn assign(self, last: usize, value: impl Into<Secret>) -> Assignment {
        Assignment { line: self.line, last, name: self.name, value: value.into() }
    }
}

/// The text with `\r\n` made `\n`, for dialects that do so; they disagree about every other carriage return.
///
/// # Errors
/// When there is another carriage return.
pub(super) fn without_returns(text: &str) -> Result<Cow<'_, str>, Refused> {
    if !text.contains('\r') {
        return Ok(Cow::Borrowed(text));
    }
    let plain = text.replace("\r\n", "\n");
    match plain.split('\n').position(|line| line.contains('\r')) {
        Some(index) => {
            drop(Zeroizing::new(plain));
            Err(Refused { line: index + 1, why: Why::CarriageReturn })
        }
        None => Ok(Cow::Owned(plain)),
    }
}

/// Takes blank lines, comments, and the blanks before anything else; whether there is anything else.
pub(super) fn skip(cursor: &mut Cursor<'_>, is_blank: impl Fn(char) -> bool + Copy) -> bool {
    loop {
        cursor.take_while(is_blank);
        match cursor.peek() {
            None => return false,
            Some('\n') => drop(cursor.bump()),
            Some('#') => drop(cursor.take_line()),
            Some(_) => return true,
        }
    }
}

/// Takes the beginning of an assignment as the dialects of scripting languages write it: `export NAME =`.
///
/// # Errors
/// When a line is no assignment.
pub(super) fn head(
    cursor: &mut Cursor<'_>,
    is_blank: impl Fn(char) -> bool + Copy,
    is_export: impl Fn(&str) -> bool,
) -> Result<Head, Refused> {
    let line = cursor.line();
    let is_part = |next: char| next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '-');
    let mut name = cursor.take_while(is_part);
    let blanks = cursor.take_while(is_blank);
    // Some of them see a name in the first word of `export =`, some see none.
    if name == "export" && !blanks.is_empty() && is_export(blanks) {
        name = cursor.take_while(is_part);
        cursor.take_while(is_blank);
    }
    if !cursor.eat("=") {
        let why = if cursor.take_line().contains('=') { Why::NoName } else { Why::NoEquals };
        return Err(Refused { line, why });
    }
    Head::new(line, name)
}
