//! The files that a patch of the `*** Begin Patch` form names.
//!
//! Clients differ in how strictly they read such a patch: some trim lines, some take a patch within a heredoc. So every line
//! that any of them could take for a header counts, wherever it stands, except where the form says that it is content.

use std::fmt;

/// Why a patch cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It names no file.
    NoFile,
    /// A header names nothing.
    Empty,
    /// A line begins as a header does, and is none that is known.
    Unknown(String),
}

/// The headers that name a file.
const HEADERS: [&str; 4] = ["Add File:", "Update File:", "Delete File:", "Move to:"];

/// The markers that name none.
const MARKERS: [&str; 3] = ["Begin Patch", "End Patch", "End of File"];

/// What a line that is no content begins with, once it is trimmed.
const MARK: &str = "***";

/// The files that `patch` names, in its order, as they are spelled.
///
/// # Errors
/// When it names none, or has a header that is not understood.
pub(super) fn files(patch: &str) -> Result<Vec<String>, Unreadable> {
    let mut files = Vec::new();
    for line in patch.split('\n') {
        // Added, removed and context lines begin with one of these; a client that trims them anyway is not known.
        if line.starts_with(['+', '-']) {
            continue;
        }
        let trimmed = line.trim();
        let Some(header) = trimmed.strip_prefix(MARK) else { continue };
        let header = header.trim_start();
        match HEADERS.iter().find_map(|name| header.strip_prefix(name)).map(str::trim) {
            Some("") => return Err(Unreadable::Empty),
            // Where a client splits lines differently, it reads another path.
            Some(path) if path.contains(char::is_control) => return Err(unknown(trimmed)),
            Some(path) => files.push(path.to_owned()),
            None if MARKERS.iter().any(|marker| header.starts_with(marker)) => {}
            // A context line may begin with a space and hold anything.
            None if line.starts_with(' ') => {}
            None => return Err(unknown(trimmed)),
        }
    }
    if files.is_empty() { Err(Unreadable::NoFile) } else { Ok(files) }
}

/// The error for a header that is not understood.
fn unknown(line: &str) -> Unreadable {
    Unreadable::Unknown(line.chars().take(80).collect())
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile => f.write_str("the patch names no file"),
            Self::Empty => f.write_str("a header of the patch names no file"),
            Self::Unknown(line) => write!(f, "the patch has a header that is not known: \"{}\"", line.escape_debug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_header_of_a_patch_with_several_files_is_found() {
        let patch = "*** Begin Patch\n*** Add File: a/b.txt\n+x\n*** Update File: c d\n*** Move to: ../e\n@@\n-old\n+new\n\
                     *** Delete File: /etc/f\n*** End Patch\n";
        assert_eq!(files(patch).unwrap(), ["a/b.txt", "c d", "../e", "/etc/f"]);
    }

    #[test]
    fn a_header_that_a_lenient_client_would_take_is_found() {
        for patch in [
            "<<'EOF'\n*** Begin Patch\n*** Delete File: /etc/f\n*** End Patch\nEOF",
            "*** Begin Patch\n   *** Delete File: /etc/f   \n*** End Patch",
            "*** Begin Patch\r\n*** Delete File: /etc/f\r\n*** End Patch\r\n",
            "*** Begin Patch\n***  Delete File:/etc/f\n*** End Patch",
            "*** Delete File: /etc/f",
            "*** Begin Patch\n\t*** Delete File: /etc/f\n*** End Patch",
        ] {
            assert_eq!(files(patch).unwrap(), ["/etc/f"], "{patch:?}");
        }
    }

    #[test]
    fn what_is_added_to_a_file_names_no_file() {
        let patch = "*** Begin Patch\n*** Add File: notes\n+*** Delete File: /etc/f\n+*** a rule\n*** End Patch";
        assert_eq!(files(patch).unwrap(), ["notes"]);
    }

    #[test]
    fn a_patch_that_is_not_understood_is_refused() {
        for patch in [
            "",
            "text",
            "*** Begin Patch\n*** End Patch",
            "*** Begin Patch\n*** Add File:\n*** End Patch",
            "*** Begin Patch\n*** Copy File: /etc/f\n*** Add File: a\n*** End Patch",
            "*** Begin Patch\n*** Add File: ok\r/../../../etc/f\n*** End Patch",
            "*** Begin Patch\n*** Add File: ok\u{b}x\n*** End Patch",
            "*** Begin Patch\n*** add file: /etc/f\n*** Add File: a\n*** End Patch",
        ] {
            assert!(files(patch).is_err(), "{patch:?}");
        }
    }

    proptest! {
        #[test]
        fn no_patch_hides_a_header(before in "[a-z +\\-@*\\n]{0,40}", path in "[a-z/.~]{1,20}", after in "\\PC{0,40}") {
            let patch = format!("{before}\n*** Update File: {path}\n{after}");
            if let Ok(files) = files(&patch) {
                prop_assert!(files.contains(&path), "{patch:?}");
            }
        }
    }
}
