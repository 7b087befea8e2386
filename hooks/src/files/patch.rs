//! The files that a patch of the `*** Begin Patch` form names.
//!
//! Clients differ in how strictly they read such a patch: some trim lines and names, and what they trim differs too; some
//! split lines at more than line feeds; some take a patch within a heredoc. So a patch is judged only if all of them read the
//! same in it: every header is exactly one, and no other line becomes one when it is trimmed.

use std::fmt;

/// Why a patch cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It names no file.
    NoFile,
    /// A line could be taken for a header and is not exactly one.
    Header(String),
    /// Something stands before or after what the markers enclose, or a marker is missing.
    Frame(String),
    /// Some headers end in a carriage return and some do not.
    LineEnds,
}

/// The headers that name a file, with the one space before its name.
const HEADERS: [&str; 4] = ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "];

/// The line that a patch begins with.
const BEGIN: &str = "*** Begin Patch";

/// The line that it ends with.
const END: &str = "*** End Patch";

/// A line that names no file and may stand in between.
const END_OF_FILE: &str = "*** End of File";

/// What lines that are no content begin with.
const MARK: &str = "***";

/// What a header or marker says, in small letters and without what is between the words. What selects another machine is here
/// too: its files cannot be judged.
const WORDS: [&str; 8] =
    ["addfile", "updatefile", "deletefile", "moveto", "beginpatch", "endpatch", "endoffile", "environmentid"];

/// Lines that open a heredoc with a patch in it, after the program's name or without it.
const HEREDOCS: [&str; 3] = ["<<EOF", "<<'EOF'", "<<\"EOF\""];

/// The line that closes a heredoc.
const HEREDOC_END: &str = "EOF";

/// The files that `patch` names, in its order, as they are spelled.
///
/// # Errors
/// When it names none, or clients could read it differently.
pub(super) fn files(patch: &str) -> Result<Vec<String>, Unreadable> {
    let mut files = Vec::new();
    let mut returns = Vec::new();
    for line in enclosed(patch, &mut returns)? {
        let Some(header) = header(line)? else { continue };
        let (header, returned) = without_return(header);
        returns.push(returned);
        match HEADERS.iter().find_map(|name| header.strip_prefix(name)) {
            Some(name) if is_plain(name) => files.push(name.to_owned()),
            None if header == END_OF_FILE => {}
            Some(_) | None => return Err(Unreadable::Header(shortened(line))),
        }
    }
    match returns.first() {
        Some(first) if returns.iter().any(|returned| returned != first) => Err(Unreadable::LineEnds),
        _ if files.is_empty() => Err(Unreadable::NoFile),
        Some(_) | None => Ok(files),
    }
}

/// The lines between the markers; whether those end in a carriage return goes to `returns`.
///
/// # Errors
/// When there is more around them than white space and a heredoc.
fn enclosed<'a>(patch: &'a str, returns: &mut Vec<bool>) -> Result<Vec<&'a str>, Unreadable> {
    let mut lines = patch.split('\n');
    let mut heredoc = false;
    loop {
        let line = lines.next().ok_or(Unreadable::NoFile)?;
        let (bare, returned) = without_return(line);
        if bare == BEGIN {
            returns.push(returned);
            break;
        }
        let opens = HEREDOCS.contains(&bare.strip_prefix("apply_patch ").unwrap_or(bare));
        if !(bare.trim().is_empty() || (opens && !heredoc)) {
            return Err(Unreadable::Frame(shortened(line)));
        }
        heredoc |= opens;
    }
    let mut within = Vec::new();
    loop {
        let line = lines.next().ok_or_else(|| Unreadable::Frame(shortened(within.last().copied().unwrap_or(BEGIN))))?;
        let (bare, returned) = without_return(line);
        if bare == END {
            returns.push(returned);
            break;
        }
        within.push(line);
    }
    for line in lines.filter(|line| !line.trim().is_empty()) {
        if !heredoc || line != HEREDOC_END {
            return Err(Unreadable::Frame(shortened(line)));
        }
        heredoc = false;
    }
    Ok(within)
}

/// The line, when it is to be read as a header; `None` for what is content to every client.
///
/// # Errors
/// When only some clients would read a header in it.
fn header(line: &str) -> Result<Option<&str>, Unreadable> {
    let odd = || Err(Unreadable::Header(shortened(line)));
    // Some split lines at these too, so that a header may hide behind what looks like content.
    if line.split(is_line_end).skip(1).any(|piece| trimmed(piece).starts_with(MARK)) {
        return odd();
    }
    // Added and removed lines are content, whatever they hold.
    if line.starts_with(['+', '-']) {
        return Ok(None);
    }
    let bare = trimmed(line);
    if !bare.starts_with(MARK) {
        return Ok(None);
    }
    if line.starts_with(MARK) {
        return Ok(Some(line));
    }
    // A context line begins with a space and may hold a rule or bold text, but nothing that says what a header says.
    let said: String = bare.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if line.starts_with(' ') && !WORDS.iter().any(|words| said.starts_with(words)) { Ok(None) } else { odd() }
}

/// A line without the carriage return that it may end in, and whether it did.
fn without_return(line: &str) -> (&str, bool) {
    line.strip_suffix('\r').map_or((line, false), |line| (line, true))
}

/// Whether every client reads the same name in this one.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && trimmed(name) == name && !name.contains(|c: char| c.is_control() || is_line_end(c))
}

/// A text without anything that any client may take off its ends.
fn trimmed(text: &str) -> &str {
    text.trim_matches(is_edge)
}

/// Whether some client may take this off the ends of a line or a name, or show nothing for it.
pub(super) fn is_edge(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{180e}')
}

/// Whether some client may end a line here.
const fn is_line_end(c: char) -> bool {
    matches!(c, '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The beginning of a line, for messages.
fn shortened(line: &str) -> String {
    line.chars().take(80).collect()
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile => f.write_str("the patch names no file"),
            Self::Header(line) => write!(
                f,
                "the patch has a line that could be taken for a header and is not exactly one: \"{}\"; a header is \
                 \"*** Add File: NAME\", \"*** Update File: NAME\", \"*** Delete File: NAME\" or \"*** Move to: NAME\" at \
                 the line's beginning, with one space before the name and no white space or invisible character around it",
                line.escape_debug()
            ),
            Self::Frame(line) => write!(
                f,
                "the patch must begin with the line \"{BEGIN}\" and end with the line \"{END}\", with nothing around \
                 them; see \"{}\"",
                line.escape_debug()
            ),
            Self::LineEnds => f.write_str("some headers of the patch end in a carriage return and some do not"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A patch with these lines between its markers.
    fn patch(lines: &str) -> String {
        format!("*** Begin Patch\n{lines}\n*** End Patch")
    }

    /// Characters that clients trim differently.
    const EDGES: [&str; 12] = [
        " ", "\t", "\r", "\u{b}", "\u{85}", "\u{a0}", "\u{feff}", "\u{200b}", "\u{200f}", "\u{2060}", "\u{180e}",
        "\u{3000}",
    ];

    #[test]
    fn every_header_of_a_patch_with_several_files_is_found() {
        let patch = "*** Begin Patch\n*** Add File: a/b.txt\n+x\n*** Update File: c d\n*** Move to: ../e\n@@\n-old\n+new\n\
                     *** End of File\n*** Delete File: /etc/f\n*** End Patch\n";
        assert_eq!(files(patch).unwrap(), ["a/b.txt", "c d", "../e", "/etc/f"]);
    }

    #[test]
    fn a_plain_heredoc_or_carriage_returns_throughout_change_nothing() {
        for patch in [
            "<<'EOF'\n*** Begin Patch\n*** Delete File: /etc/f\n*** End Patch\nEOF",
            "apply_patch <<'EOF'\n*** Begin Patch\n*** Delete File: /etc/f\n*** End Patch\nEOF\n",
            "<<EOF\n*** Begin Patch\n*** Delete File: /etc/f\n*** End Patch\nEOF",
            "*** Begin Patch\r\n*** Delete File: /etc/f\r\n*** End Patch\r\n",
            "\n \n*** Begin Patch\n*** Delete File: /etc/f\n*** End Patch\n \n",
        ] {
            assert_eq!(files(patch).unwrap(), ["/etc/f"], "{patch:?}");
        }
    }

    #[test]
    fn a_name_that_some_clients_trim_and_others_do_not_is_refused() {
        for header in HEADERS {
            for edge in EDGES {
                for line in [format!("{header}{edge}x"), format!("{header}x{edge}"), format!("{header}{edge}")] {
                    // A carriage return at the end of this line alone is refused for another reason.
                    assert!(files(&patch(&line)).is_err(), "{line:?}");
                }
            }
            assert!(files(&patch(header)).is_err(), "{header}");
            assert!(files(&patch(header.trim_end())).is_err(), "{header}");
            assert_eq!(files(&patch(&format!("{header}a b"))).unwrap(), ["a b"]);
        }
    }

    #[test]
    fn a_header_that_only_a_trimming_client_sees_is_refused() {
        for header in HEADERS {
            for edge in EDGES {
                let line = format!("*** Update File: a\n@@\n{edge}{header}/etc/f");
                assert!(matches!(files(&patch(&line)), Err(Unreadable::Header(_))), "{line:?}");
            }
        }
        for line in ["   ***  MOVE  TO: y", " *** End Patch", "\t*** End Patch", "*** End Patch ", " *** Begin Patch"] {
            assert!(files(&patch(&format!("*** Add File: a\n{line}"))).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_header_behind_an_odd_line_end_in_content_is_refused() {
        for end in ["\r", "\u{b}", "\u{c}", "\u{1c}", "\u{85}", "\u{2028}", "\u{2029}"] {
            for start in ["+", "-", " ", "@@", "+ok"] {
                let line = format!("*** Add File: a\n{start}{end}*** Delete File: /etc/f");
                assert!(matches!(files(&patch(&line)), Err(Unreadable::Header(_))), "{line:?}");
            }
        }
        assert_eq!(files(&patch("*** Add File: a\n+x\r")).unwrap(), ["a"], "content may end as it likes");
    }

    #[test]
    fn what_is_added_to_a_file_names_no_file() {
        let lines = "*** Add File: notes\n+*** Delete File: /etc/f\n+*** a rule\n-*** Move to: x";
        assert_eq!(files(&patch(lines)).unwrap(), ["notes"]);
    }

    #[test]
    fn rules_and_bold_text_may_stand_in_context() {
        for line in [" ***", " *** note ***", " ***bold***", " text *** Add File: x", "@@ *** Add File: x"] {
            assert_eq!(files(&patch(&format!("*** Update File: a\n@@\n{line}\n+y"))).unwrap(), ["a"], "{line}");
        }
    }

    #[test]
    fn a_patch_that_is_not_understood_is_refused() {
        for lines in [
            "",
            "*** Add File:",
            "***  Delete File: /etc/f",
            "*** Delete File:/etc/f",
            "*** Environment ID: x\n*** Add File: a",
            "*** Copy File: /etc/f\n*** Add File: a",
            "*** Add File: ok\r/../../../etc/f",
            "*** Add File: ok\u{b}x",
            "*** Add File: ok\u{2028}x",
            "*** add file: /etc/f\n*** Add File: a",
            "*** Add File: a\n***",
            "*** Begin Patch\n*** Add File: a",
            "*** Add File: a\r\n+x",
        ] {
            assert!(files(&patch(lines)).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn anything_around_a_patch_is_refused() {
        let plain = patch("*** Add File: a");
        for around in [
            String::new(),
            "text".to_owned(),
            "*** Delete File: /etc/f".to_owned(),
            "*** Begin Patch\n*** Add File: a".to_owned(),
            format!("cd /etc && apply_patch <<'EOF'\n{plain}\nEOF"),
            format!("apply_patch <<'END'\n{plain}\nEND"),
            format!("<<EOF\n<<EOF\n{plain}\nEOF"),
            format!("\u{feff}{plain}"),
            format!(" {plain}"),
            format!("{plain}\nEOF"),
            format!("<<EOF\n{plain}\nEOF\nEOF"),
            format!("<<EOF\n{plain}\nEOF\nrm x"),
            format!("{plain}\n{}", patch("*** Add File: /etc/f")),
            format!("{plain}\n*** Add File: /etc/f"),
            format!("{plain}\n+x"),
            format!("+x\n{plain}"),
        ] {
            assert!(files(&around).is_err(), "{around:?}");
        }
    }

    proptest! {
        #[test]
        fn no_patch_hides_a_header(before in "[a-z +\\-@*\\n]{0,40}", path in "[a-z/.~]{1,20}", after in "\\PC{0,40}") {
            let patch = format!("*** Begin Patch\n{before}\n*** Update File: {path}\n{after}\n*** End Patch");
            if let Ok(files) = files(&patch) {
                prop_assert!(files.contains(&path), "{patch:?}");
            }
        }
    }
}
