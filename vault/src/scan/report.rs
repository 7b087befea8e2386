//! What a scan says: where which secret is, and what was not looked at. No value, and nothing that stands around one, gets in here.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::index::Index;
use super::search::{Seen, Writing, search};
use super::worth::Unsearched;
use crate::exit::Exit;
use crate::name::Name;

/// How many places of a kind are listed for people; programs are told of all.
const LISTED: usize = 20;

/// How many bytes of a name are shown.
const LONGEST_SHOWN: usize = 4096;

/// A value where it should not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which secret it is.
    pub name: Name,
    /// How it is written down.
    pub writing: Writing,
    /// Where it is.
    pub place: Place,
}

/// Where a value was found. Texts are shown as [`Index::shown`] makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a file.
    File {
        /// Its path.
        path: String,
        /// Where in it.
        spot: Spot,
    },
    /// In the name of a file or folder.
    FileName {
        /// The path, which the value is taken out of.
        path: String,
    },
    /// In what a symbolic link leads to.
    Link {
        /// Its path.
        path: String,
    },
    /// In the environment of a process.
    Environment {
        /// The process.
        pid: u32,
        /// The name of its program.
        program: String,
        /// The variable.
        variable: String,
    },
    /// In the command line of a process.
    Arguments {
        /// The process.
        pid: u32,
        /// The name of its program.
        program: String,
    },
    /// In an object of git.
    Object {
        /// The repository.
        repository: String,
        /// What kind of object it is: `blob`, `commit`, `tag` or `tree`.
        kind: &'static str,
        /// Its id.
        id: String,
        /// Where in it.
        spot: Spot,
        /// For a file's content, where it was a file: some of the commits that put it there.
        origins: Vec<Origin>,
    },
}

/// Where in a file a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// How many bytes come before the first one.
    pub offset: u64,
    /// Its line, from 1; none in files that are not text.
    pub line: Option<u64>,
    /// How often it is there.
    pub count: u64,
}

impl Spot {
    /// The place of what was seen in something that is text, or is not.
    pub(super) fn of(seen: &Seen, is_text: bool) -> Self {
        Self { offset: seen.offset, line: is_text.then_some(seen.line), count: seen.count }
    }
}

/// A file that an object of git was the content of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The commit that put it there; none for the index.
    pub commit: Option<String>,
    /// The file's path.
    pub path: String,
}

/// Why a place was not looked at, though nothing kept the scan from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Passed {
    /// It is compressed: its bytes were searched, what they unpack to was not.
    Compressed,
    /// It is the history of a repository, and was not asked for.
    History,
    /// It is a pipe, a socket or a device.
    Special,
    /// It is made up by the kernel as it is read.
    Kernel,
    /// It is on another file system, and the scan was to stay on one.
    OtherFileSystem,
    /// It is the folder that secrets are unlocked to.
    Unlocked,
}

impl Passed {
    /// As programs read it.
    const fn word(self) -> &'static str {
        match self {
            Self::Compressed => "compressed",
            Self::History => "history",
            Self::Special => "special",
            Self::Kernel => "kernel",
            Self::OtherFileSystem => "other-file-system",
            Self::Unlocked => "unlocked",
        }
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compressed => "compressed, so what it unpacks to was not searched",
            Self::History => "a git history, which --git looks into",
            Self::Special => "a pipe, a socket or a device",
            Self::Kernel => "made up by the kernel",
            Self::OtherFileSystem => "on another file system",
            Self::Unlocked => "the folder that secrets are unlocked to; name it to have it searched",
        })
    }
}

/// A place that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The place.
    pub place: String,
    /// Why.
    pub reason: String,
}

/// What one scan found, and what it looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The values that were found.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// What was passed by.
    pub passed: Vec<(Passed, String)>,
    /// The secrets that were not searched for.
    pub unsearched: Vec<(Name, Unsearched)>,
    /// How many secrets were searched for.
    pub searched: usize,
    /// How many files were read.
    pub files: u64,
    /// How many processes were looked at.
    pub processes: u64,
    /// How many objects of git were read.
    pub objects: u64,
    /// How many bytes were read.
    pub bytes: u64,
}

impl Report {
    /// How the program ends: 1 when a value was found; when none was, but not everything could be read, that is an error.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        if !self.findings.is_empty() {
            Exit::Lacking
        } else if self.unread.is_empty() {
            Exit::Done
        } else {
            Exit::Io
        }
    }

    /// Notes a place that could not be read.
    pub(super) fn unread(&mut self, place: impl Into<String>, reason: impl fmt::Display) {
        self.unread.push(Unread { place: place.into(), reason: reason.to_string() });
    }

    /// The findings, a line each.
    #[must_use]
    pub fn lines(&self) -> String {
        self.findings.iter().fold(String::new(), |mut text, finding| {
            let _ = writeln!(text, "{finding}");
            text
        })
    }

    /// What people should know besides: what was searched, and what was not.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![format!(
            "searched {} files, {} processes, {} git objects, {} bytes for {} secrets: {} places",
            self.files,
            self.processes,
            self.objects,
            self.bytes,
            self.searched,
            self.findings.len()
        )];
        remarks.extend(self.unsearched.iter().map(|(name, why)| format!("not searched for: {name}: {why}")));
        let unread: Vec<String> =
            self.unread.iter().map(|Unread { place, reason }| format!("{place}: {reason}")).collect();
        list(&mut remarks, "could not be read", &unread);
        let mut kinds: Vec<Passed> = self.passed.iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let places: Vec<String> = self
                .passed
                .iter()
                .filter(|(found, _)| *found == kind)
                .map(|(_, place)| format!("{place}: {kind}"))
                .collect();
            list(&mut remarks, "not looked into", &places);
        }
        remarks
    }

    /// All of it, for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "unread": self.unread.iter().map(|Unread { place, reason }| json!({"place": place, "reason": reason})).collect::<Vec<_>>(),
            "passed": self.passed.iter().map(|(kind, place)| json!({"place": place, "reason": kind.word()})).collect::<Vec<_>>(),
            "unsearched": self.unsearched.iter().map(|(name, why)| json!({"name": name.as_str(), "reason": why.word()})).collect::<Vec<_>>(),
            "searched": self.searched,
            "files": self.files,
            "processes": self.processes,
            "objects": self.objects,
            "bytes": self.bytes,
        })
    }
}

/// Adds a heading with the number of places, and the first of them.
fn list(remarks: &mut Vec<String>, heading: &str, places: &[String]) {
    if places.is_empty() {
        return;
    }
    remarks.push(format!("{heading}: {} places", places.len()));
    remarks.extend(places.iter().take(LISTED).map(|place| format!("  {place}")));
    if places.len() > LISTED {
        remarks.push(format!("  and {} more, which --json lists", places.len() - LISTED));
    }
}

impl Finding {
    /// For programs.
    fn to_json(&self) -> Value {
        let mut all = self.place.to_json();
        if let Value::Object(fields) = &mut all {
            fields.insert("name".to_owned(), json!(self.name.as_str()));
            fields.insert("form".to_owned(), json!(self.writing.form.word()));
            let layers: Vec<&str> = self.writing.layers().map(super::Layer::word).collect();
            fields.insert("layers".to_owned(), json!(layers));
        }
        all
    }
}

impl Place {
    /// For programs.
    fn to_json(&self) -> Value {
        match self {
            Self::File { path, spot } => {
                json!({"place": "file", "path": path, "offset": spot.offset, "line": spot.line, "count": spot.count})
            }
            Self::FileName { path } => json!({"place": "file-name", "path": path}),
            Self::Link { path } => json!({"place": "link", "path": path}),
            Self::Environment { pid, program, variable } => {
                json!({"place": "environment", "pid": pid, "program": program, "variable": variable})
            }
            Self::Arguments { pid, program } => json!({"place": "arguments", "pid": pid, "program": program}),
            Self::Object { repository, kind, id, spot, origins } => json!({
                "place": "git", "repository": repository, "kind": kind, "id": id,
                "offset": spot.offset, "line": spot.line, "count": spot.count,
                "origins": origins.iter().map(|origin| json!({"commit": origin.commit, "path": origin.path})).collect::<Vec<_>>(),
            }),
        }
    }
}

/// One line: place, name, form.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({}", self.place, self.name, self.writing.form)?;
        for layer in self.writing.layers() {
            write!(f, ", {layer}")?;
        }
        match self.place.count() {
            1 => f.write_str(")"),
            count => write!(f, "; {count} times)"),
        }
    }
}

impl Place {
    /// How often the value is there.
    const fn count(&self) -> u64 {
        match self {
            Self::File { spot, .. } | Self::Object { spot, .. } => spot.count,
            Self::FileName { .. } | Self::Link { .. } | Self::Environment { .. } | Self::Arguments { .. } => 1,
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{line}"),
            None => write!(f, "byte {}", self.offset),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, spot } => write!(f, "{path}:{spot}"),
            Self::FileName { path } => write!(f, "{path}: its name"),
            Self::Link { path } => write!(f, "{path}: what it links to"),
            Self::Environment { pid, program, variable } => write!(f, "process {pid} ({program}): variable {variable}"),
            Self::Arguments { pid, program } => write!(f, "process {pid} ({program}): its command line"),
            Self::Object { repository, kind, id, spot, origins } => {
                write!(f, "{repository}: git {kind} {id}:{spot}")?;
                for (at, Origin { commit, path }) in origins.iter().enumerate() {
                    f.write_str(if at == 0 { " = " } else { ", " })?;
                    match commit {
                        Some(commit) => write!(f, "{path} in commit {commit}")?,
                        None => write!(f, "{path} in the index")?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl Index {
    /// A name from outside, fit to be shown: values in it replaced by their names, other than printable characters escaped.
    #[must_use]
    pub fn shown(&self, text: &[u8]) -> String {
        let mut found = Vec::new();
        // All of it, for what is cut off may be the rest of a value.
        search(self, text, &mut |place, _| found.push((place.start, place.start + place.length, place.secret)));
        found.sort_unstable();
        let (mut shown, mut taken) = (String::new(), 0);
        let limit = text.len().min(LONGEST_SHOWN);
        for (start, end, secret) in found.into_iter().filter(|(start, ..)| *start < limit) {
            if start >= taken {
                shown.push_str(&plain(&text[taken..start]));
                let _ = write!(shown, "[{}]", self.name(secret));
            }
            taken = taken.max(end);
        }
        shown.push_str(&plain(&text[taken..limit.max(taken)]));
        shown
    }
}

/// Text without control characters.
fn plain(text: &[u8]) -> String {
    crate::session::shown(&String::from_utf8_lossy(text))
}

#[cfg(test)]
mod tests {
    use super::super::tests::index;

    #[test]
    fn names_are_shown_without_values_and_control_characters() {
        let index = index(&[("KEY", b"x9K2mQ4z8Lp0"), ("LONG", b"x9K2mQ4z8Lp0-and-more")]);
        assert_eq!(index.shown(b"a/x9K2mQ4z8Lp0.txt\n\x1b[2J\xff"), "a/[KEY].txt\\n\\u{1b}[2J\u{fffd}");
        assert_eq!(index.shown(b"x9K2mQ4z8Lp0-and-more!"), "[KEY]!");
        assert_eq!(index.shown(b"eDlLMm1RNHo4THAw.b64"), "[KEY].b64");
    }

    #[test]
    fn a_long_name_is_not_cut_within_a_value() {
        let index = index(&[("KEY", b"x9K2mQ4z8Lp0")]);
        for before in super::LONGEST_SHOWN - 14..=super::LONGEST_SHOWN {
            let shown = index.shown(&[&vec![b'-'; before][..], b"x9K2mQ4z8Lp0", &[b'-'; 99]].concat());
            assert!(!shown.contains('x'), "{before}");
            assert!(shown.len() <= super::LONGEST_SHOWN + "[KEY]".len(), "{before}");
        }
    }
}
