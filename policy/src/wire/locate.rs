//! From byte offsets to lines, and from the parser's words to advice.

use std::ops::Range;

use crate::error::{PolicyError, Position};
use crate::origin::{Origin, SourceId};
use crate::suggest;

/// Knows where the lines of one source begin.
pub(super) struct Locator<'a> {
    /// The text.
    text: &'a str,
    /// Where it comes from.
    source: &'a SourceId,
    /// The offset after each newline.
    starts: Vec<usize>,
}

impl<'a> Locator<'a> {
    /// Finds the lines of `text`.
    pub(super) fn new(text: &'a str, source: &'a SourceId) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1).collect();
        Self { text, source, starts }
    }

    /// The source.
    pub(super) const fn source(&self) -> &SourceId {
        self.source
    }

    /// The origin of what stands at `span`.
    pub(super) fn origin(&self, span: &Range<usize>) -> Origin {
        self.source.at(self.line(span.start))
    }

    /// The position of what stands at `span`.
    pub(super) fn position(&self, span: &Range<usize>) -> Position {
        let line = self.line(span.start);
        let start = match line {
            0 | 1 => 0,
            later => self.starts.get(later as usize - 2).copied().unwrap_or(0),
        };
        let column = self.text.get(start..span.start).map_or(0, |before| before.chars().count() + 1);
        Position { source: self.source.to_string(), line, column: u32::try_from(column).unwrap_or(0) }
    }

    /// The line, from 1, that the byte at `offset` is on.
    fn line(&self, offset: usize) -> u32 {
        let before = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(before).map_or(u32::MAX, |before| before.saturating_add(1))
    }
}

/// Turns the parser's error into ours.
pub(super) fn syntax(error: &toml::de::Error, locator: &Locator<'_>) -> PolicyError {
    let message = error.message().lines().collect::<Vec<_>>().join("; ");
    let at = locator.position(&error.span().unwrap_or(0..0));
    let advice = advice(&message);
    PolicyError::Syntax { at, message, advice }
}

/// What to write instead, judging by what the parser says.
fn advice(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match quoted.next() {
        Some(word) if unknown => {
            let known: Vec<&str> = quoted.collect();
            match suggest::nearest(word, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("remove `{word}`"),
                None => format!("write one of: {}", known.join(", ")),
            }
        }
        _ if message.starts_with("invalid type") || message.starts_with("invalid value") => {
            "write the kind of value that is expected; docs/policy.md has an example of every key".to_owned()
        }
        _ if message.starts_with("missing field") => "add the missing key".to_owned(),
        _ => "correct the TOML; texts need quotes, lists need brackets, sections begin with [name]".to_owned(),
    }
}
