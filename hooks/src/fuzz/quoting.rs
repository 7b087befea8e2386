//! Quoting for a shell: what is quoted is one word, and comes back as it was, by every reader of it.

use std::cell::RefCell;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::quote::{always, undone, when_needed};
use crate::rewrite::Rewrite;

/// How many texts are put to a real shell at once.
const BATCH: usize = 2000;

thread_local! {
    /// The texts that are yet to be put to a real shell.
    static WAITING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A rewrite with paths that need quoting.
const REWRITE: Rewrite<'_> = Rewrite {
    launcher: "/opt/a pot/sandbox-exec",
    hook: "/opt/a pot/sandbox-exec-hook",
    workspace: "/w/it's",
    directory: None,
    options: "",
    shell: "/bin/bash",
    keeps_directory: false,
};

/// Any text, once quoted, is one word to our own reader, to a POSIX shell's rules, to fish's, and (in batches) to the real `sh`.
/// What is undone is exactly what quoting makes.
pub fn quoting(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(inner) = undone(&text) {
        assert_eq!(always(&inner), text, "undone, but not made by us");
    }
    let nul = text.contains('\0');
    assert_eq!(REWRITE.text(&text).is_err(), nul || text.len() > 8 * 1024, "{text:?}");
    if nul {
        return;
    }
    let (quoted, short) = (always(&text), when_needed(&text));
    assert_eq!(undone(&quoted).as_deref(), Some(&*text));
    for reader in [Reader::Posix, Reader::Fish] {
        for word in [&*quoted, &*short] {
            assert_eq!(reader.words(word).as_deref(), Some(&[text.to_string()][..]), "{reader:?} on {word}");
        }
    }
    if let Ok(rewritten) = REWRITE.text(&text) {
        assert!(REWRITE.could_have_made(&rewritten), "{rewritten}");
        let words = Reader::Posix.words(&rewritten).unwrap_or_default();
        assert_eq!(words.last().map(String::as_str), Some(&*text), "{rewritten}");
        assert_eq!(words.len(), 7, "{rewritten}");
    }
    let waits = WAITING.with_borrow_mut(|waiting| {
        waiting.push(text.into_owned());
        waiting.len()
    });
    if waits >= BATCH {
        put_to_sh();
    }
}

/// Puts the texts that wait to the real `sh`.
pub(super) fn put_to_sh() {
    really(&WAITING.take());
}

/// Puts texts to the real `sh`, which must see one word for each.
fn really(texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    // A word may be longer than an argument can be, so the script comes as a file.
    let words: Vec<String> = texts.iter().flat_map(|text| [always(text), when_needed(text).into_owned()]).collect();
    let script = format!("printf '%s\\0' {}", words.join(" "));
    // Several tests of one process may be here at once.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!("lobsterpot-fuzz-{}-{number}.sh", std::process::id()));
    let written = std::fs::write(&file, script);
    let said = written.and_then(|()| Command::new("/bin/sh").arg(&file).env_clear().output());
    let _ = std::fs::remove_file(&file);
    let Ok(said) = said else { panic!("no shell: {said:?}") };
    let expected: Vec<u8> =
        texts.iter().flat_map(|text| [text.as_str(), "\0", text, "\0"]).flat_map(str::bytes).collect();
    if said.stdout != expected {
        let ends =
            said.stdout.split(|byte| *byte == 0).zip(words.iter().zip(texts.iter().flat_map(|text| [text, text])));
        let wrong = ends.into_iter().find(|(end, (_, text))| *end != text.as_bytes());
        panic!("sh read {wrong:?}; {}", String::from_utf8_lossy(&said.stderr));
    }
}

/// A shell's rules for quotes, written down a second time and in another way than the code that quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// POSIX, 2.2.
    Posix,
    /// fish: within single quotes a backslash counts before a quote or another backslash.
    Fish,
}

impl Reader {
    /// The words of a command; `None` when a character outside of quotes could mean something else than itself.
    fn words(self, text: &str) -> Option<Vec<String>> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            match (quote, next) {
                (None, ' ') => words.extend(word.take()),
                (None, '\'' | '"') => {
                    quote = Some(next);
                    word.get_or_insert_default();
                }
                (Some(open), _) if next == open => quote = None,
                (None | Some('"'), '\\') => match rest.next()? {
                    escaped @ ('\\' | '\'' | '"') => word.get_or_insert_default().push(escaped),
                    _ => return None,
                },
                (Some('\''), '\\') if self == Self::Fish && matches!(rest.peek(), Some('\'' | '\\')) => {
                    word.get_or_insert_default().extend(rest.next());
                }
                (Some('"'), '$' | '`' | '!') => return None,
                (Some(_), _) => word.get_or_insert_default().push(next),
                (None, _) if next.is_ascii_alphanumeric() || "/._-+".contains(next) => {
                    word.get_or_insert_default().push(next);
                }
                (None, _) => return None,
            }
        }
        words.extend(word.take());
        quote.is_none().then_some(words)
    }
}
