//! Text for terminals: names of files, hosts and tools are chosen by others, and say nothing to a terminal here.

use std::borrow::Cow;

/// `text` on one line, with everything escaped that a terminal would act on, or that makes it read otherwise than it is:
/// control characters, the end of a line too, and marks of direction (`\u{1b}`, `\n`, `\u{202e}`).
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// The same for text of several lines, and of columns: ends of lines and tabulators stay.
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| matches!(character, '\n' | '\t'))
}

/// Escapes what acts on a terminal and is not to be kept.
fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let acts = |character: char| (character.is_control() || turns_text(character)) && !is_kept(character);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut words = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts(character) {
            words.extend(character.escape_default());
        } else {
            words.push(character);
        }
    }
    Cow::Owned(words)
}

/// Whether `character` changes the direction or the lines of the text around it: Unicode's bidirectional algorithm (UAX #9).
fn turns_text(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_lines};

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        assert_eq!(printable("a\u{1b}[2J\u{9b}31m\u{202e}b\r\n"), "a\\u{1b}[2J\\u{9b}31m\\u{202e}b\\r\\n");
        assert_eq!(printable_lines("a\tb\nc\r\u{7}\n"), "a\tb\nc\\r\\u{7}\n");
        assert_eq!(printable("grün – ok"), "grün – ok");
    }
}
