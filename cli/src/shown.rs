//! Text of others, as it may be shown to a person.

/// `text` without anything that a terminal would act on.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| match character {
            ' '..='~' => vec![character],
            _ => character.escape_default().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_cannot_drive_the_terminal_of_who_reads_the_log() {
        assert_eq!(printable("a\u{1b}[2J\u{202e}b\n"), "a\\u{1b}[2J\\u{202e}b\\n");
    }
}
