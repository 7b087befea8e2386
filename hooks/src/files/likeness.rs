//! What in the input of an unknown tool looks like a path.
//!
//! Nobody has said what such a tool does with its arguments. So what is written as a path is taken for one, and so is what
//! stands in a field named like one; a text that happens to name something is left to whoever knows what exists. So is what
//! is written as a path within a longer text, such as a command's.

use lobsterpot_policy::{Field, Step};

use super::address::NETWORK;
use super::value::{Value, below};

/// A text that may be a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suspect<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// What makes it one.
    pub(super) sign: Sign,
}

/// Why a text may be a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Its field is named like one.
    Name,
    /// It is written like one.
    Spelling,
    /// It has a slash in it: it is one if it names something.
    Slash,
    /// It stands in a longer text and is written like a path: it is one if it names something.
    Within,
    /// It is a single word: it is one if it names something that may not be touched.
    Word,
}

/// How a text begins that is written as a path.
const BEGINNINGS: [&str; 7] = ["/", "~", "./", "../", "@/", ".\\", "..\\"];

/// Words that end the name of a field that holds a path.
const NAMES: [&str; 20] = [
    "path",
    "paths",
    "file",
    "files",
    "filename",
    "filenames",
    "filepath",
    "filepaths",
    "pathname",
    "dir",
    "dirs",
    "directory",
    "directories",
    "folder",
    "folders",
    "cwd",
    "workdir",
    "pwd",
    "attachment",
    "attachments",
];

/// Words that end the name of a field that holds an address.
const ADDRESS_NAMES: [&str; 7] = ["url", "urls", "uri", "uris", "href", "address", "website"];

/// The longest text that can name something: what the kernel takes as a path.
const LONGEST: usize = 4096;

/// Everything in `value` that may be a path, and whose field is not among `known`.
pub(super) fn suspects<'a>(value: &'a Value, known: &[&str]) -> Vec<Suspect<'a>> {
    let mut found = Vec::new();
    if let Value::Object(members) = value {
        for (name, member) in members.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            gather(member, is_name(name), &[], &mut found);
        }
    }
    found
}

/// Everything in `value` that stands in a field named like a path, and is not exactly what one of `fields` means.
pub(super) fn named_beside<'a>(value: &'a Value, fields: &[&Field]) -> Vec<&'a str> {
    let known: Vec<&[Step]> = fields.iter().map(|field| field.steps()).collect();
    let mut found = Vec::new();
    gather(value, false, &known, &mut found);
    found.into_iter().filter(|suspect| suspect.sign == Sign::Name).map(|suspect| suspect.text).collect()
}

/// Gathers the suspects in one value; `named` says that a field around it is named like a path, and `known` leads from here to
/// what is judged already.
fn gather<'a>(value: &'a Value, named: bool, known: &[&[Step]], found: &mut Vec<Suspect<'a>>) {
    if known.iter().any(|steps| steps.is_empty()) {
        return;
    }
    match value {
        Value::Null | Value::Scalar(_) => {}
        Value::Text(text) => {
            found.extend(sign(text, named).map(|sign| Suspect { text, sign }));
            if !named {
                found.extend(within(text).map(|text| Suspect { text, sign: Sign::Within }));
            }
        }
        Value::List(entries) => entries.iter().for_each(|entry| gather(entry, named, known, found)),
        Value::Object(members) => {
            for (name, member) in members {
                // A member's name can be a path itself, as in a map of files.
                found.extend(
                    sign(name, false).filter(|sign| *sign != Sign::Word).map(|sign| Suspect { text: name, sign }),
                );
                gather(member, named || is_name(name), &below(known, name), found);
            }
        }
    }
}

/// What makes a text a suspect, if anything does.
fn sign(text: &str, named: bool) -> Option<Sign> {
    let start = text.trim_start();
    let is_file = start.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("file:"));
    if named && !text.is_empty() {
        Some(Sign::Name)
    } else if is_file || matches!(start, "." | "..") || BEGINNINGS.iter().any(|beginning| start.starts_with(beginning))
    {
        Some(Sign::Spelling)
    } else if text.len() > LONGEST || text.is_empty() {
        None
    } else if text.contains('/') {
        Some(Sign::Slash)
    } else {
        let word = !text.contains(|c: char| c.is_whitespace() || c.is_control());
        word.then_some(Sign::Word)
    }
}

/// What is written as a path within a longer text: from a slash, a tilde, two dots or `file:` at a word's beginning to the word's
/// end. What a text begins with is left to [`sign`]; escapes and variables are not undone.
fn within(text: &str) -> impl Iterator<Item = &str> {
    let start = text.len() - text.trim_start().len();
    let places = text.char_indices().filter(move |(at, c)| *at > start && matches!(c, '/' | '~' | '.' | 'f' | 'F'));
    places.filter_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        if !before.ends_with(is_boundary) || belongs_elsewhere(before, rest) {
            return None;
        }
        let word = rest.split(is_boundary).next()?;
        // The colon that ends the scheme ends a word too; after another colon the address has been seen already.
        if word.eq_ignore_ascii_case("file") && !before.ends_with(':') {
            let address = rest.split(|c| c != ':' && is_boundary(c)).next()?;
            return (address.len() > "file:".len()).then_some(address);
        }
        is_written_as_path(word).then_some(word)
    })
}

/// Whether a word of a longer text is written as a path that leads away from where a tool stands.
fn is_written_as_path(word: &str) -> bool {
    let home = word
        .strip_prefix('~')
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(user, _)| user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    let rooted = word.starts_with('/') && word.contains(|c| c != '/');
    (home || rooted || word.starts_with("../")) && word.len() <= LONGEST
}

/// Whether a character stands between words: white space, and what shells, assignments and quotes put beside a path.
fn is_boundary(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`=<>()[]{},;:|&".contains(c)
}

/// Whether `rest`, with `before` before it, belongs to an address, as in `https://x`, or closes an element of markup, as in `</p>`.
fn belongs_elsewhere(before: &str, rest: &str) -> bool {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let closes = || rest.strip_prefix('/').is_some_and(|rest| rest.trim_start_matches(name).starts_with(['>', ':']));
    (before.ends_with(':') && rest.starts_with("//")) || (before.ends_with('<') && closes())
}

/// Whether a field of a web tool holds addresses and no paths: it is called `url`, or that of a page.
pub(super) fn is_of_addresses(field: &Field) -> bool {
    let last = field.steps().last().map(|step| step.name.to_ascii_lowercase());
    last.is_some_and(|name| ["url", "urls", "uri", "targeturl", "pageurl", "href"].contains(&name.as_str()))
}

/// The addresses of the network in fields that are named like one: `url`, `targetUrl`, `uris`.
pub(super) fn addresses(value: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    gather_addresses(value, false, &mut found);
    found
}

/// Gathers the addresses in one value; `named` says that a field around it is named like one.
fn gather_addresses<'a>(value: &'a Value, named: bool, found: &mut Vec<&'a str>) {
    match value {
        Value::Null | Value::Scalar(_) => {}
        Value::Text(text) => {
            let is_network = |scheme: &str| NETWORK.iter().any(|known| scheme.trim().eq_ignore_ascii_case(known));
            found.extend(text.split_once(':').filter(|(scheme, _)| named && is_network(scheme)).map(|_| text.as_str()));
        }
        Value::List(entries) => entries.iter().for_each(|entry| gather_addresses(entry, named, found)),
        Value::Object(members) => {
            for (name, member) in members {
                gather_addresses(member, named || ADDRESS_NAMES.contains(&last_word(name).as_str()), found);
            }
        }
    }
}

/// Whether a field's name says that it holds a path: its last word does.
pub(super) fn is_name(name: &str) -> bool {
    NAMES.contains(&last_word(name).as_str())
}

/// The last word of a field's name, in lower case.
fn last_word(name: &str) -> String {
    let mut words: Vec<String> = vec![String::new()];
    let mut previous_is_lower = false;
    for c in name.chars() {
        let boundary = !c.is_alphanumeric() || (c.is_uppercase() && previous_is_lower);
        if boundary {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        previous_is_lower = c.is_lowercase();
    }
    words.into_iter().rev().find(|word| !word.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The suspects of an input, by their signs.
    fn signs(text: &str) -> Vec<Sign> {
        let value: Value = serde_json::from_str(text).unwrap();
        suspects(&value, &[]).into_iter().map(|suspect| suspect.sign).collect()
    }

    #[test]
    fn what_is_written_as_a_path_is_taken_for_one_wherever_it_stands() {
        for text in [
            "/etc/passwd",
            "~",
            "~/x",
            "~root/x",
            "./x",
            "../x",
            "..",
            "@/x",
            "file:///x",
            "FILE:x",
            " /x",
            "\n/x",
            "/a b\nc",
        ] {
            let quoted = serde_json::to_string(text).unwrap();
            for input in [
                format!(r#"{{"q":{quoted}}}"#),
                format!(r#"{{"a":[[{quoted}]]}}"#),
                format!(r#"{{"a":{{"b":{quoted}}}}}"#),
            ] {
                assert_eq!(signs(&input), [Sign::Spelling], "{input}");
            }
            assert_eq!(signs(&format!(r#"{{"written":{{{quoted}:"content of it"}}}}"#)), [Sign::Spelling], "{text}");
        }
    }

    #[test]
    fn a_field_named_like_a_path_holds_one() {
        for name in [
            "path",
            "PATH",
            "filePath",
            "file_path",
            "target-dir",
            "destFolder",
            "cwd",
            "attachments",
            "paths[]",
            "xPath",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in ["content", "pathology", "profile", "file_text", "filePathologist", "direction", "query", ""] {
            assert!(!is_name(name), "{name}");
        }
        assert_eq!(signs(r#"{"outputFile":"report"}"#), [Sign::Name]);
        assert_eq!(signs(r#"{"paths":[["a","b"]]}"#), [Sign::Name, Sign::Name]);
    }

    #[test]
    fn an_address_in_a_field_named_like_one_is_found_however_deep() {
        let input = r#"{"URL":"https://a","pageUrl":" HTTP://b","x":{"uris":["wss://c",{"y":"http://d"}]},"text":"https://e",
            "url_2":"https://f","url":"notes.md"}"#;
        let value: Value = serde_json::from_str(input).unwrap();
        assert_eq!(addresses(&value), ["https://a", " HTTP://b", "wss://c", "http://d"]);
    }

    #[test]
    fn prose_is_no_path_and_a_word_only_may_be_one() {
        assert_eq!(signs(r#"{"q":"what is new","n":7,"b":true,"x":null,"e":""}"#), []);
        assert_eq!(signs(r#"{"q":"and/or"}"#), [Sign::Slash]);
        assert_eq!(signs(r#"{"q":".env"}"#), [Sign::Word]);
    }

    #[test]
    fn a_path_within_a_command_or_a_sentence_is_looked_at() {
        for (text, path) in [
            ("cat ~/.ssh/id_ed25519", "~/.ssh/id_ed25519"),
            ("cat ~root/.profile; id", "~root/.profile"),
            ("cat '/etc/shadow'", "/etc/shadow"),
            ("cat \"/etc/shadow\"", "/etc/shadow"),
            ("cat</etc/shadow", "/etc/shadow"),
            ("tar --file=/etc/shadow", "/etc/shadow"),
            ("echo $(cat /etc/shadow)", "/etc/shadow"),
            ("see file:///etc/shadow, please", "file:///etc/shadow"),
            ("see FILE:/etc/shadow", "FILE:/etc/shadow"),
            ("read:/etc/shadow", "/etc/shadow"),
            ("cat ../../.ssh/id", "../../.ssh/id"),
            ("what\u{a0}/etc/shadow", "/etc/shadow"),
            ("caf\u{e9} //etc/shadow", "//etc/shadow"),
        ] {
            let input = serde_json::json!({ "cmd": text }).to_string();
            let value: Value = serde_json::from_str(&input).unwrap();
            let found = suspects(&value, &[]);
            assert!(found.contains(&Suspect { text: path, sign: Sign::Within }), "{text}: {found:?}");
        }
        assert_eq!(signs(r#"{"cmd":"/bin/cat /etc/shadow"}"#), [Sign::Spelling, Sign::Within]);
    }

    #[test]
    fn addresses_markup_and_sums_hold_no_path() {
        for text in [
            "<p>a</p>",
            "1 / 2",
            "// a comment",
            "~5 of them",
            "and/or",
            "a ~ b",
            "file: the report",
            "a/b c/d",
            "<br />",
            "see https://example.com/a/b?c",
            "<svg:g></svg:g>",
        ] {
            assert_eq!(within(text).collect::<Vec<_>>(), Vec::<&str>::new(), "{text}");
        }
    }
}
