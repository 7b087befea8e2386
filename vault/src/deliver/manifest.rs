//! Which files in a folder are ours to remove: a list beside them. It names files, never values.

use std::collections::BTreeSet;

/// The file's name; no secret can have it, for no name begins with a dot.
pub(super) const FILE: &str = ".lobsterpot-vault";

/// The first line: what the file is, and its version.
const HEAD: &str = "lobsterpot-vault files 1";

/// The longest list that is read, in bytes: over 100,000 names.
pub(super) const LONGEST: u64 = 16 << 20;

/// The list as it is written.
pub(super) fn write<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<u8> {
    let mut text = format!("{HEAD}\n");
    for name in names {
        text.push_str(name);
        text.push('\n');
    }
    text.into_bytes()
}

/// The names in a list; none when it is no such list, or names something other than a file beside it.
pub(super) fn read(bytes: &[u8]) -> Option<BTreeSet<String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next() != Some(HEAD) {
        return None;
    }
    lines.map(|line| is_file_name(line).then(|| line.to_owned())).collect()
}

/// Whether this can be the name of a file that we made: one component, and not the list itself.
pub(crate) fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | ".." | FILE) && !name.contains(['/', '\0', '\n']) && name.len() <= 255
}

#[cfg(test)]
mod tests {
    use super::{FILE, read, write};

    #[test]
    fn what_was_written_is_read_again() {
        let names = ["A".to_owned(), "b%2Fc".to_owned()];
        assert_eq!(read(&write(&names)), Some(names.into_iter().collect()));
        assert_eq!(read(&write([])), Some([].into()));
    }

    #[test]
    fn a_list_that_leads_elsewhere_is_none() {
        let head = "lobsterpot-vault files 1\n";
        for bad in ["..\n", "a/b\n", "/etc/passwd\n", "\n", "a", &format!("{FILE}\n"), "a\0b\n"] {
            assert_eq!(read(format!("{head}{bad}").as_bytes()), None, "{bad:?}");
        }
        for bad in ["", "A\n", "lobsterpot-vault files 2\nA\n"] {
            assert_eq!(read(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
