//! Methods and paths of plain HTTP requests (RFC 9110, RFC 3986).
//!
//! A path is judged only when every server understands it alike: with dot segments, doubled slashes, encoded slashes or bytes that
//! have no place in a path it is refused before it is compared with anything.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::HostError;

/// The longest path that is judged, in bytes.
const LONGEST_PATH: usize = 8192;
/// The longest method that is judged, in bytes.
const LONGEST_METHOD: usize = 32;

/// Which requests a rule means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requests {
    /// Methods; empty means every method.
    methods: BTreeSet<String>,
    /// Paths, each cut into its segments; empty means every path.
    paths: Vec<Vec<String>>,
}

/// Why a request is not meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// Another method.
    Method,
    /// Another path.
    Path,
    /// The path could be understood in more than one way.
    Ambiguous(&'static str),
}

impl Requests {
    /// Checks the methods and paths of a rule.
    ///
    /// # Errors
    /// When a method or path is malformed.
    pub(super) fn new(methods: &[String], paths: &[String]) -> Result<Self, HostError> {
        let method = |text: &String| {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
            let wrong = || HostError::Method { text: text.escape_debug().to_string() };
            if plain && text.len() <= LONGEST_METHOD && text != "CONNECT" { Ok(text.clone()) } else { Err(wrong()) }
        };
        let path = |text: &String| {
            let wrong = |why| HostError::Path { text: text.escape_debug().to_string(), why };
            if text.contains('?') {
                return Err(wrong("a query is not part of the path"));
            }
            let segments = segments(text).map_err(wrong)?;
            let odd = segments.iter().any(|segment| segment.contains("**") && segment != "**");
            if odd { Err(wrong("`**` stands for whole segments only")) } else { Ok(segments) }
        };
        Ok(Self {
            methods: methods.iter().map(method).collect::<Result<_, _>>()?,
            paths: paths.iter().map(path).collect::<Result<_, _>>()?,
        })
    }

    /// Whether a request is meant.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn judge(&self, method: &str, path: &str) -> Result<(), Mismatch> {
        if !self.methods.is_empty() && !self.methods.contains(method) {
            return Err(Mismatch::Method);
        }
        if self.paths.is_empty() {
            return Ok(());
        }
        let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
        let segments = segments(bare).map_err(Mismatch::Ambiguous)?;
        let meant = self.paths.iter().any(|pattern| matches(pattern, &segments));
        if meant { Ok(()) } else { Err(Mismatch::Path) }
    }

    /// The methods and paths, for people.
    pub(super) fn describe(&self) -> String {
        let methods = self.methods.iter().cloned().collect::<Vec<_>>().join(", ");
        let paths: Vec<String> = self.paths.iter().map(|segments| format!("/{}", segments.join("/"))).collect();
        match (methods.as_str(), paths.join(", ").as_str()) {
            ("", "") => "every request".to_owned(),
            ("", paths) => paths.to_owned(),
            (methods, "") => methods.to_owned(),
            (methods, paths) => format!("{methods} of {paths}"),
        }
    }
}

/// Cuts a path into segments, with the encoding of characters that need none undone.
///
/// # Errors
/// When servers could understand the path in different ways.
fn segments(path: &str) -> Result<Vec<String>, &'static str> {
    if path.len() > LONGEST_PATH {
        return Err("it is too long");
    }
    let rest = path.strip_prefix('/').ok_or("it does not begin with `/`")?;
    let segments: Vec<String> = rest.split('/').map(decoded).collect::<Result<_, _>>()?;
    let last = segments.len().saturating_sub(1);
    for (index, segment) in segments.iter().enumerate() {
        if segment.is_empty() && index < last {
            return Err("it has two slashes in a row");
        }
        // Some servers drop `;` and what follows it before they look at dots.
        let name = segment.split(';').next().unwrap_or_default();
        if matches!(name, "." | "..") || (name.is_empty() && !segment.is_empty()) {
            return Err("it has a `.` or `..` segment");
        }
    }
    Ok(segments)
}

/// One segment with its unreserved characters plain (RFC 3986, section 6.2.2.2) and other escapes in capital letters.
///
/// # Errors
/// When it has a character that may not be there, or an escape that servers understand in different ways.
fn decoded(segment: &str) -> Result<String, &'static str> {
    let mut plain = String::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits =
                    [bytes.next(), bytes.next()].map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
                let [Some(high), Some(low)] = digits else { return Err("it has a broken `%` escape") };
                let value = u8::try_from(high * 16 + low).unwrap_or(0);
                match value {
                    b'/' | b'\\' | b'%' | 0..=0x1f | 0x7f => {
                        return Err("it has an escaped slash, percent or control character");
                    }
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        plain.push(char::from(value))
                    }
                    _ => plain.push_str(&format!("%{value:02X}")),
                }
            }
            b'\\' => return Err("it has a backslash"),
            b'#' => return Err("it has a fragment"),
            b'!'..=b'~' => plain.push(char::from(byte)),
            _ => return Err("it has a character that must be escaped"),
        }
    }
    Ok(plain)
}

/// Whether the segments of a path fit those of a pattern. `**` stands for any number of segments, but for at least one at the end.
fn matches(pattern: &[String], path: &[String]) -> bool {
    // reachable[i]: the pattern's first part fits the first i segments of the path.
    let mut reachable = vec![false; path.len() + 1];
    if let Some(start) = reachable.first_mut() {
        *start = true;
    }
    for (index, part) in pattern.iter().enumerate() {
        let last = index + 1 == pattern.len();
        let mut next = Vec::with_capacity(reachable.len());
        let mut before = false;
        for (length, here) in reachable.iter().enumerate() {
            let segment = length.checked_sub(1).and_then(|index| path.get(index));
            let fits = match (part.as_str(), segment) {
                ("**", _) if !last => *here || next.last().copied().unwrap_or(false),
                ("**", Some(_)) => before || next.last().copied().unwrap_or(false),
                (_, Some(segment)) => before && star_matches(part, segment),
                (_, None) => false,
            };
            next.push(fits);
            before = *here;
        }
        reachable = next;
    }
    reachable.last().copied().unwrap_or(false)
}

/// Whether a segment fits a pattern in which `*` stands for any characters. Takes at most the product of both lengths.
fn star_matches(pattern: &str, segment: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|head| segment.strip_prefix(head)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(tail) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(tail)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
