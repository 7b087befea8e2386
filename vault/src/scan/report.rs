//! What a scan says as a whole: what it found and looked at, and what it did not look at.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::finding::Finding;
use super::worth::Unsearched;
use crate::exit::Exit;
use crate::name::Name;

/// How many places of a kind are listed for people; programs are told of all.
const LISTED: usize = 20;

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
