//! Quoting text for a POSIX shell, so that it is one word and only data.

use std::borrow::Cow;

/// Quotes `text` so that bash, dash, zsh and every other POSIX shell reads it back as one word.
///
/// Inside single quotes a shell gives no character a meaning, so the only one that needs care is the quote itself:
/// the quotes are closed, an escaped one is written, and they are opened again. No byte sequence can end the word.
/// A NUL cannot stand in an argument at all; callers refuse it beforehand.
pub(crate) fn always(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for part in text.split_inclusive('\'') {
        match part.strip_suffix('\'') {
            Some(before) => {
                quoted.push_str(before);
                quoted.push_str("'\\''");
            }
            None => quoted.push_str(part),
        }
    }
    quoted.push('\'');
    quoted
}

/// Quotes `text` only when a shell could read it otherwise than as itself.
///
/// Paths left bare keep the rewritten command readable: a client shows it to the person whom it asks.
pub(crate) fn when_needed(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'+');
    if !text.is_empty() && text.bytes().all(plain) { Cow::Borrowed(text) } else { Cow::Owned(always(text)) }
}

#[cfg(test)]
mod tests {
    use super::{always, when_needed};

    #[test]
    fn a_quote_cannot_end_the_word() {
        assert_eq!(always("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
        assert_eq!(always("'"), r"''\'''");
        assert_eq!(always(""), "''");
    }

    #[test]
    fn only_harmless_paths_stay_bare() {
        assert_eq!(when_needed("/opt/pot/sandbox-exec"), "/opt/pot/sandbox-exec");
        for odd in ["", "/a b", "/a~", "/a$b", "/a*b", "=ls", "~/x", "/a\nb", "/é", "/a{b,c}", "/a#b", "/a!b"] {
            assert!(when_needed(odd).starts_with('\''), "{odd:?} was left bare");
        }
    }
}
