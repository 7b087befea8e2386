//! Words for reports: text that does nothing to a terminal, amounts as people read them, and aligned lines.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// `text` so that it can be printed and read back: control characters, direction marks and bytes that are no text become
/// `\xNN`, and a backslash becomes two.
pub(crate) fn escaped(text: impl AsRef<OsStr>) -> String {
    let mut words = String::new();
    for chunk in text.as_ref().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => words.push_str("\\\\"),
                character => push_harmless(&mut words, character),
            }
        }
        push_bytes(&mut words, chunk.invalid());
    }
    words
}

/// `text` on one line, and without anything that a terminal would act on.
pub(crate) fn harmless(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for character in text.chars() {
        push_harmless(&mut words, character);
    }
    words
}

/// Adds `character`, or its bytes when a terminal would act on it.
fn push_harmless(words: &mut String, character: char) {
    if character.is_control() || turns_text(character) {
        push_bytes(words, character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        words.push(character);
    }
}

/// Adds `bytes` as `\xNN`.
fn push_bytes(words: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(words, "\\x{byte:02x}");
    }
}

/// Whether `character` changes the direction or the lines of the text around it, so that what is read is not what is there.
fn turns_text(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A word of a command as a shell would read it back.
pub(crate) fn shell_word(word: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./=:,+@%".contains(byte);
    if !word.is_empty() && word.as_bytes().iter().all(plain) {
        return escaped(word);
    }
    let quoted: Vec<u8> = word
        .as_bytes()
        .iter()
        .flat_map(|byte| if *byte == b'\'' { b"'\\''".as_slice() } else { std::slice::from_ref(byte) })
        .copied()
        .collect();
    let text = String::from_utf8_lossy(&quoted);
    // Only a word that is text without control characters can be shown as it is; others in the shell's own escapes.
    if text.as_bytes() == quoted && harmless(&text) == text {
        return format!("'{text}'");
    }
    format!("$'{}'", escaped(word).replace('\'', "\\'"))
}

/// A number of bytes in the largest unit that divides it.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let whole = UNITS.iter().find(|(_, shift)| bytes != 0 && bytes.trailing_zeros() >= *shift);
    whole.map_or_else(|| format!("{bytes} bytes"), |(unit, shift)| format!("{} {unit}", bytes >> shift))
}

/// A duration in milliseconds or seconds.
pub(crate) fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{} ms", duration.as_millis());
    }
    format!("{} s", duration.as_secs_f64())
}

/// Columns of a report's left side.
const LABEL: usize = 14;
/// Where lines are broken.
const WIDTH: usize = 110;

/// A report for a person in the making.
#[derive(Debug, Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// One line with a label.
    pub(crate) fn line(&mut self, label: &str, text: &str) {
        let _ = writeln!(self.0, "{}", format!("{label:LABEL$}{text}").trim_end());
    }

    /// A line with a label, and `words` behind and below it.
    pub(crate) fn wrapped(&mut self, label: &str, words: &[String]) {
        for (number, line) in broken(words, WIDTH - LABEL).iter().enumerate() {
            self.line(if number == 0 { label } else { "" }, line);
        }
    }

    /// A heading with how many things follow, and each of `rows` below it, broken between its words.
    pub(crate) fn list(&mut self, heading: &str, count: usize, rows: &[Vec<String>]) {
        let _ = writeln!(self.0, "\n{heading}: {count}");
        for row in rows {
            for (number, line) in broken(row, WIDTH - 6).iter().enumerate() {
                let _ = writeln!(self.0, "{}{line}", if number == 0 { "  " } else { "      " });
            }
        }
    }

    /// One line without a label.
    pub(crate) fn plain(&mut self, text: &str) {
        let _ = writeln!(self.0, "{}", text.trim_end());
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.0.push('\n');
    }

    /// The report.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// `words` on lines of at most `width` columns; a longer word has a line of its own.
fn broken(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.clone()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_drive_the_terminal_or_pretend_to_be_a_line() {
        let path = OsStr::from_bytes(b"/w\x1b[2J\n hint: \xff\\x1b\xe2\x80\xae");
        assert_eq!(escaped(path), "/w\\x1b[2J\\x0a hint: \\xff\\\\x1b\\xe2\\x80\\xae");
        assert_eq!(harmless("a\u{9b}31m\rb"), "a\\xc2\\x9b31m\\x0db");
    }

    #[test]
    fn words_of_a_command_can_be_pasted_into_a_shell() {
        let word = |bytes| shell_word(OsStr::from_bytes(bytes));
        assert_eq!(word(b"make"), "make");
        assert_eq!(word(b""), "''");
        assert_eq!(word(b"it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(word(b"a\n\xff'\\"), "$'a\\x0a\\xff\\'\\\\'");
    }

    #[test]
    fn amounts_are_not_rounded() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(8 << 30), "8 GiB");
        assert_eq!(size((8 << 30) + 1), "8589934593 bytes");
        assert_eq!(size(1536 << 20), "1536 MiB");
        assert_eq!(duration(Duration::from_millis(250)), "250 ms");
        assert_eq!(duration(Duration::from_millis(1500)), "1.5 s");
    }
}
