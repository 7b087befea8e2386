//! One value where it should not be: which secret, and where. No value, and nothing that stands around one, gets in here.

use std::fmt;

use serde_json::{Value, json};

use super::Layer;
use super::search::{Seen, Writing};
use crate::name::Name;

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

/// Where a value was found. Texts are shown as [`Index::shown`](super::Index::shown) makes them.
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

impl Finding {
    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let mut all = self.place.to_json();
        if let Value::Object(fields) = &mut all {
            fields.insert("name".to_owned(), json!(self.name.as_str()));
            fields.insert("form".to_owned(), json!(self.writing.form.word()));
            let layers: Vec<&str> = self.writing.layers().map(Layer::word).collect();
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
