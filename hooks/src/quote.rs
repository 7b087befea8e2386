//! Quoting text for a shell, so that it is one word and only data.

use std::borrow::Cow;

/// A single quote within single quotes.
const QUOTE: &str = r"'\''";

/// A backslash that some shell would read within single quotes.
const BACKSLASH: &str = r#"'"\\"'"#;

/// Quotes `text` so that bash, dash, zsh, fish and every other POSIX shell reads it back as one word.
///
/// Inside single quotes a POSIX shell gives no character a meaning, so the only one that needs care is the quote itself: the
/// quotes are closed, an escaped one is written, and they are opened again. fish also reads a backslash before a quote or
/// another backslash; such a backslash stands between double quotes, where all of them agree. No byte sequence can end the
/// word. A NUL cannot stand in an argument at all; callers refuse it beforehand.
pub(crate) fn always(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    let mut rest = text;
    while let Some((plain, mark, after)) = next_mark(rest) {
        quoted.push_str(plain);
        quoted.push_str(match mark {
            '\'' => QUOTE,
            _ if after.is_empty() || after.starts_with(['\'', '\\']) => BACKSLASH,
            _ => "\\",
        });
        rest = after;
    }
    quoted.push_str(rest);
    quoted.push('\'');
    quoted
}

/// The first quote or backslash of `text`, with what is before and after it.
fn next_mark(text: &str) -> Option<(&str, char, &str)> {
    let (at, mark) = text.char_indices().find(|(_, letter)| matches!(letter, '\'' | '\\'))?;
    Some((text.get(..at)?, mark, text.get(at + mark.len_utf8()..)?))
}

/// The text that [`always`] made into `quoted`; `None` when it made no such word.
pub(crate) fn undone(quoted: &str) -> Option<String> {
    let mut rest = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\'') {
        let (plain, mark) = rest.split_at(at);
        text.push_str(plain);
        rest = if let Some(after) = mark.strip_prefix(QUOTE) {
            text.push('\'');
            after
        } else {
            text.push('\\');
            mark.strip_prefix(BACKSLASH)?
        };
    }
    text.push_str(rest);
    // Whatever came out of a word that is quoted in another way: it is not what `always` makes.
    (always(&text) == quoted).then_some(text)
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
    use super::{always, undone, when_needed};

    #[test]
    fn a_quote_cannot_end_the_word() {
        assert_eq!(always("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
        assert_eq!(always("'"), r"''\'''");
        assert_eq!(always(""), "''");
    }

    #[test]
    fn a_backslash_that_fish_would_read_stands_apart() {
        assert_eq!(always(r"a\|b\n"), r"'a\|b\n'");
        assert_eq!(always(r"\'"), r#"''"\\"''\'''"#);
        assert_eq!(always(r"x\"), r#"'x'"\\"''"#);
        assert_eq!(always(r"\\n"), r#"''"\\"'\n'"#);
    }

    #[test]
    fn only_a_word_of_this_making_is_undone() {
        for text in ["", "ls -l", "it's", r"\'", r"\\\", r"'\''", r#"'"\\"'"#, "a\n'b\"", r"é'\\'"] {
            assert_eq!(undone(&always(text)).as_deref(), Some(text), "{text}");
        }
        for word in
            ["", "'", "''; id", "'a'; id '", "'a' 'b'", "a", r"'a\'", r"'a\\'", r"'a\''", "$(id)", r#"'a'"b"'c'"#]
        {
            assert_eq!(undone(word), None, "{word}");
        }
    }

    #[test]
    fn only_harmless_paths_stay_bare() {
        assert_eq!(when_needed("/opt/pot/sandbox-exec"), "/opt/pot/sandbox-exec");
        for odd in ["", "/a b", "/a~", "/a$b", "/a*b", "=ls", "~/x", "/a\nb", "/é", "/a{b,c}", "/a#b", "/a!b"] {
            assert!(when_needed(odd).starts_with('\''), "{odd:?} was left bare");
        }
    }
}
