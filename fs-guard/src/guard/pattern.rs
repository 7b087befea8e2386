//! What a search can reach: the patterns of glob and grep tools.
//!
//! A pattern is cut at its first wildcard. What comes before is a path, and is judged as one, for every alternative that braces
//! make. What comes after is taken to match everything below, except that a last component such as `*.rs` or `Makefile` tells which
//! files are meant. A search that *reads* what it finds is refused when hidden files lie below, with their names: the tool would
//! read them, while a search by shell command runs in the sandbox, where they are hidden. A search for names is not: the sandbox
//! shows the names too.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::handle::{Kind, kind_of};
use super::index::List;
use super::{Guard, LastLink, Objects, Refusal, Request, Target};

/// How many alternatives the braces of one pattern may make.
const ALTERNATIVES: usize = 256;

/// What follows the first wildcard.
#[derive(Debug)]
struct Tail {
    /// The components.
    names: Vec<OsString>,
}

impl Guard {
    /// Judges a search for `pattern` in the folder `base`, by default the request's own.
    ///
    /// With [`Objects::Any`] only names are found; with [`Objects::Content`] everything that matches is read as well. A link that
    /// is named is followed, whatever the request says, for searching tools do that; links that they find are not. The pattern for
    /// a whole folder is `**`.
    ///
    /// # Errors
    /// What the search would reach and may not; or that the folder does not exist.
    pub fn pattern(&self, pattern: &OsStr, base: Option<&OsStr>, request: &Request) -> Result<(), Refusal> {
        let request = Request { last: LastLink::Follow, ..request.clone() };
        if let Some(base) = base {
            let found = self.resolve(base, &request.clone().of_any_kind())?;
            if found.facts.as_ref().is_some_and(|facts| kind_of(facts) != Kind::Folder) {
                return self.resolve(base, &request).map(drop);
            }
        }
        for alternative in alternatives(pattern)? {
            self.alternative(&alternative, base, &request)?;
        }
        Ok(())
    }

    /// Judges one alternative of a pattern.
    ///
    /// # Errors
    /// What it would reach and may not.
    fn alternative(&self, pattern: &OsStr, base: Option<&OsStr>, request: &Request) -> Result<(), Refusal> {
        let (prefix, tail) = cut(pattern);
        if tail.names.iter().any(|name| climbs(name)) {
            return Err(Refusal::climbing(pattern));
        }
        let is_anchored = [&b"/"[..], b"~", b"file:"].iter().any(|anchor| prefix.as_bytes().starts_with(anchor));
        let path = match base.filter(|_| !is_anchored) {
            Some(base) => OsString::from_vec([base.as_bytes(), b"/", prefix.as_bytes()].concat()),
            None if prefix.is_empty() => OsString::from("."),
            None => prefix,
        };
        let is_fixed = tail.names.is_empty();
        let objects = if is_fixed { request.objects } else { Objects::Any };
        let found = match self.resolve(&path, &Request { objects, ..request.clone() }) {
            Ok(found) => found,
            // Nothing is found there.
            Err(refusal) if refusal.is_missing() => return Ok(()),
            Err(refusal) => return Err(refusal),
        };
        let is_folder = found.facts.as_ref().is_some_and(|facts| kind_of(facts) == Kind::Folder);
        if request.objects == Objects::Any || !is_folder || is_fixed {
            return Ok(());
        }
        self.contents(&found, &tail)
    }

    /// Refuses to read what `tail` matches below `folder` when something hidden is among it.
    ///
    /// # Errors
    /// What is.
    fn contents(&self, folder: &Target, tail: &Tail) -> Result<(), Refusal> {
        let below = self.sight().restricted_below(&folder.shown, List::Mask);
        if below.is_cut {
            return Err(Refusal::unsearched(&folder.path));
        }
        let masked = below.paths.iter().map(|(path, _)| path);
        let reached: Vec<&PathBuf> = masked.filter(|path| tail.reaches(&folder.shown, path)).collect();
        if reached.is_empty() { Ok(()) } else { Err(Refusal::too_wide(&folder.path, &reached)) }
    }
}

impl Tail {
    /// Whether a search that begins in `folder` comes upon `path`.
    fn reaches(&self, folder: &Path, path: &Path) -> bool {
        let Ok(rest) = path.strip_prefix(folder) else { return false };
        let depth = rest.iter().count();
        let is_deep = self.names.iter().any(|name| name.as_bytes().windows(2).any(|part| part == b"**"));
        if !is_deep && depth > self.names.len() {
            return false;
        }
        // What is in a folder may be anything; a file has a name.
        let may_hold = std::fs::metadata(path).map_or(true, |metadata| metadata.is_dir());
        may_hold || path.file_name().is_none_or(|name| self.may_match(name))
    }

    /// Whether the last component may match `name`. Only the plainest ones are understood; all others may match anything.
    fn may_match(&self, name: &OsStr) -> bool {
        let Some(last) = self.names.last().map(|last| last.as_bytes()) else { return true };
        let is_plain = |part: &[u8]| !part.is_empty() && !part.iter().any(|byte| is_wild(*byte));
        // Some tools fold case.
        match last.strip_prefix(b"*") {
            Some(suffix) if is_plain(suffix) => {
                let end = name.as_bytes().len().checked_sub(suffix.len());
                end.and_then(|end| name.as_bytes().get(end..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
            None if is_plain(last) => name.as_bytes().eq_ignore_ascii_case(last),
            Some(_) | None => true,
        }
    }
}

/// Whether a byte means more than itself in some tool's patterns.
const fn is_wild(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b']' | b'{' | b'}' | b'(' | b')' | b'|' | b'!' | b'+' | b'\\')
}

/// Whether a component may mean the folder above: two dots and nothing else but signs of classes, groups and escapes. So may one
/// in which a class is cut by a slash, or a slash is escaped: for some tools that is no end of a component.
fn climbs(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let count = |wanted: u8| bytes.iter().filter(|byte| **byte == wanted).count();
    let is_dotted = bytes.iter().all(|byte| b".[]()@+!|\\".contains(byte)) && count(b'.') >= 2;
    let is_triple = bytes.iter().all(|byte| *byte == b'.') && bytes.len() > 2;
    is_dotted && !is_triple || count(b'[') > count(b']') || bytes.ends_with(b"\\")
}

/// Cuts a pattern before its first component with a wildcard.
fn cut(pattern: &OsStr) -> (OsString, Tail) {
    let bytes = pattern.as_bytes();
    let mut start = 0;
    for component in bytes.split(|&byte| byte == b'/') {
        if component.iter().any(|byte| is_wild(*byte)) {
            break;
        }
        start = (start + component.len() + 1).min(bytes.len());
    }
    let (prefix, rest) = bytes.split_at(start);
    let names = rest.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
    (
        OsStr::from_bytes(prefix).to_owned(),
        Tail { names: names.map(|name| OsStr::from_bytes(name).to_owned()).collect() },
    )
}

/// Every pattern that the braces of `pattern` stand for.
///
/// # Errors
/// When there are too many.
fn alternatives(pattern: &OsStr) -> Result<Vec<OsString>, Refusal> {
    let (mut open, mut done) = (vec![pattern.as_bytes().to_vec()], Vec::new());
    while let Some(next) = open.pop() {
        match split_braces(&next) {
            None => done.push(OsString::from_vec(next)),
            Some(choices) => open.extend(choices),
        }
        if open.len() + done.len() > ALTERNATIVES {
            return Err(Refusal::of_spelling(pattern, "its braces stand for too many paths"));
        }
    }
    Ok(done)
}

/// `pattern` with its first list in braces replaced by each of its members; `None` when there is none.
fn split_braces(pattern: &[u8]) -> Option<Vec<Vec<u8>>> {
    let starts = (0..pattern.len()).filter(|at| pattern.get(*at) == Some(&b'{'));
    starts.filter_map(|start| members_at(pattern, start)).find(|choices| choices.len() > 1)
}

/// `pattern` with the list that begins at `start` replaced by each of its members.
fn members_at(pattern: &[u8], start: usize) -> Option<Vec<Vec<u8>>> {
    let (mut depth, mut from, mut members) = (0_usize, start + 1, Vec::new());
    for (at, byte) in pattern.iter().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b',' if depth == 1 => {
                members.push(pattern.get(from..at)?);
                from = at + 1;
            }
            b'}' if depth == 1 => {
                members.push(pattern.get(from..at)?);
                let (head, rest) = (pattern.get(..start)?, pattern.get(at + 1..)?);
                return Some(members.into_iter().map(|member| [head, member, rest].concat()).collect());
            }
            b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The alternatives of `pattern`, sorted.
    fn expand(pattern: &str) -> Vec<String> {
        let mut all: Vec<String> =
            alternatives(OsStr::new(pattern)).unwrap().into_iter().map(|one| one.into_string().unwrap()).collect();
        all.sort();
        all
    }

    #[test]
    fn every_alternative_of_braces_is_seen() {
        assert_eq!(expand("a{b,c{d,e}}f"), ["abf", "acdf", "acef"]);
        assert_eq!(expand("{src,../../etc}/*"), ["../../etc/*", "src/*"]);
        assert_eq!(expand("{a}/{b,c}"), ["{a}/b", "{a}/c"]);
        assert_eq!(expand("a{b"), ["a{b"]);
        assert!(alternatives(OsStr::new(&"{a,b}".repeat(9))).is_err());
    }

    #[test]
    fn a_pattern_is_cut_before_its_first_wildcard() {
        for (pattern, prefix, names) in [
            ("src/**/*.rs", "src/", 2),
            ("/etc/*", "/etc/", 1),
            ("*.rs", "", 1),
            ("src/main.rs", "src/main.rs", 0),
            ("../../etc/pass?d", "../../etc/", 1),
            ("a/[b]/c", "a/", 2),
            ("/", "/", 0),
        ] {
            let (found, tail) = cut(OsStr::new(pattern));
            assert_eq!((found.to_str().unwrap(), tail.names.len()), (prefix, names), "{pattern}");
        }
    }

    #[test]
    fn dots_behind_a_backslash_climb_too() {
        assert!(climbs(OsStr::new("..")) && climbs(OsStr::new("\\.\\.")) && climbs(OsStr::new(".\\.")));
        assert!(!climbs(OsStr::new("...")) && !climbs(OsStr::new(".*")));
        for name in [".[.]", "[.][.]", "@(..)", "[", "\\"] {
            assert!(climbs(OsStr::new(name)), "{name}");
        }
        for name in ["[ab].rs", "*.[ch]", "v1.2.3", ".[a-z]*"] {
            assert!(!climbs(OsStr::new(name)), "{name}");
        }
    }
}
