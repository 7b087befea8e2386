//! Requests as they are written: every field is known, belongs to the operation, and is there when it must be.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::guard::{LastLink, Spelling};
use crate::ops::{CheckFor, Edit, RemoveOptions, Span, WriteOptions};

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    /// The folder that relative paths start from.
    pub(super) directory: Option<PathBuf>,
    /// What is to be done.
    pub(super) call: Call,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Call {
    /// Say who answers.
    Hello,
    /// Judge an access.
    Check { path: OsString, access: CheckFor, spelling: Spelling },
    /// Read a part of a file.
    Read { path: OsString, span: Span },
    /// Write a whole file.
    Write { path: OsString, data: Vec<u8>, options: WriteOptions },
    /// Replace pieces of text.
    Edit { path: OsString, edits: Vec<Edit> },
    /// List a folder.
    List { path: OsString },
    /// Say what is known about a file.
    Stat { path: OsString, last: LastLink },
    /// Make a folder.
    Mkdir { path: OsString, parents: bool },
    /// Give a file another name.
    Rename { from: OsString, to: OsString },
    /// Remove a file or folder.
    Remove { path: OsString, options: RemoveOptions },
}

/// Why a request is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// It is not JSON, or has a field that no request has.
    #[error("The request cannot be understood: {source}.")]
    Json {
        /// What is wrong.
        #[from]
        source: serde_json::Error,
    },
    /// There is no such operation.
    #[error("There is no operation \"{}\".", op.escape_debug())]
    Operation {
        /// What was asked for.
        op: String,
    },
    /// A field is missing.
    #[error("The field \"{field}\" is missing.")]
    Missing {
        /// Which.
        field: &'static str,
    },
    /// A field does not belong to the operation, or stands beside one that means the same.
    #[error("The request has a field that does not belong to \"{op}\".")]
    Superfluous {
        /// The operation.
        op: &'static str,
    },
    /// A field's value is none of those that it can have.
    #[error("The field \"{field}\" has a value that it cannot have.")]
    Value {
        /// Which.
        field: &'static str,
    },
}

/// What all requests have.
#[derive(Debug, Deserialize)]
struct Envelope {
    /// The number that the answer carries.
    #[serde(default)]
    id: Option<u64>,
}

/// Every field that any request may have.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    /// The number that the answer carries.
    id: Option<u64>,
    /// The operation.
    #[serde(borrow)]
    op: Cow<'a, str>,
    /// The path.
    path: Option<String>,
    /// The same as bytes.
    path_base64: Option<String>,
    /// The old path.
    from: Option<String>,
    /// The same as bytes.
    from_base64: Option<String>,
    /// The new path.
    to: Option<String>,
    /// The same as bytes.
    to_base64: Option<String>,
    /// The folder that relative paths start from.
    directory: Option<String>,
    /// The same as bytes.
    directory_base64: Option<String>,
    /// What a path is to be used for.
    r#for: Option<String>,
    /// Whether the path is spelled as agents do.
    client_spelling: Option<bool>,
    /// How many bytes are skipped.
    offset: Option<u64>,
    /// How many bytes are read at most.
    limit: Option<u64>,
    /// Content as base64.
    data: Option<String>,
    /// Content as text.
    text: Option<String>,
    /// Whether missing folders are made.
    parents: Option<bool>,
    /// Whether the file must be new.
    exclusive: Option<bool>,
    /// Permissions.
    mode: Option<u32>,
    /// Replacements.
    edits: Option<Vec<EditFields>>,
    /// Whether a link at the end is followed.
    follow: Option<bool>,
    /// Whether a folder goes with what is in it.
    recursive: Option<bool>,
    /// Whether it is no error when nothing is there.
    force: Option<bool>,
}

/// One replacement.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct EditFields {
    /// The text as it stands in the file.
    old: String,
    /// The text to put there.
    new: String,
    /// Whether it is replaced wherever it stands.
    #[serde(default)]
    all: bool,
}

/// The number of a request, whatever else is wrong with it.
pub(super) fn id(frame: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Envelope>(frame).ok().and_then(|envelope| envelope.id)
}

/// Understands a request; also returns its number.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(frame: &[u8]) -> Result<(Option<u64>, Request), RequestError> {
    let mut fields: Fields<'_> = serde_json::from_slice(frame)?;
    let id = fields.id.take();
    let op = std::mem::take(&mut fields.op);
    let directory = fields.directory()?;
    let (op, call) = fields.call(&op)?;
    if fields != Fields::default() {
        return Err(RequestError::Superfluous { op });
    }
    Ok((id, Request { directory, call }))
}

/// Understands replacements as the command line takes them: a JSON array.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn edits(json: &[u8]) -> Result<Vec<Edit>, serde_json::Error> {
    Ok(serde_json::from_slice::<Vec<EditFields>>(json)?.into_iter().map(Edit::from).collect())
}

impl From<EditFields> for Edit {
    fn from(EditFields { old, new, all }: EditFields) -> Self {
        Self { old, new, all }
    }
}

impl Fields<'_> {
    /// The operation's own name, and the call with the fields that belong to it, which are taken.
    ///
    /// # Errors
    /// When the operation is unknown, or a field is missing or has an impossible value.
    fn call(&mut self, op: &str) -> Result<(&'static str, Call), RequestError> {
        Ok(match op {
            "hello" => ("hello", Call::Hello),
            "check" => {
                let (access, spelling) = (self.access()?, spelling(self.client_spelling.take()));
                ("check", Call::Check { path: self.path()?, access, spelling })
            }
            "read" => {
                let span = Span { offset: self.offset.take().unwrap_or(0), limit: self.limit.take() };
                ("read", Call::Read { path: self.path()?, span })
            }
            "write" => {
                let options = WriteOptions {
                    parents: flag(&mut self.parents),
                    exclusive: flag(&mut self.exclusive),
                    mode: self.mode.take(),
                };
                ("write", Call::Write { path: self.path()?, data: self.data()?, options })
            }
            "edit" => {
                let edits = self.edits.take().ok_or(RequestError::Missing { field: "edits" })?;
                ("edit", Call::Edit { path: self.path()?, edits: edits.into_iter().map(Edit::from).collect() })
            }
            "list" => ("list", Call::List { path: self.path()? }),
            "stat" => {
                let follows = self.follow.take().unwrap_or(true);
                let last = if follows { LastLink::Follow } else { LastLink::Keep };
                ("stat", Call::Stat { path: self.path()?, last })
            }
            "mkdir" => ("mkdir", Call::Mkdir { path: self.path()?, parents: flag(&mut self.parents) }),
            "rename" => {
                let from = path("from", self.from.take(), self.from_base64.take())?;
                ("rename", Call::Rename { from, to: path("to", self.to.take(), self.to_base64.take())? })
            }
            "remove" => {
                let options = RemoveOptions { recursive: flag(&mut self.recursive), force: flag(&mut self.force) };
                ("remove", Call::Remove { path: self.path()?, options })
            }
            unknown => return Err(RequestError::Operation { op: unknown.to_owned() }),
        })
    }

    /// The path.
    ///
    /// # Errors
    /// When there is none, or two, or its bytes are not base64.
    fn path(&mut self) -> Result<OsString, RequestError> {
        path("path", self.path.take(), self.path_base64.take())
    }

    /// The folder that relative paths start from.
    ///
    /// # Errors
    /// When it is not absolute, stated twice, or its bytes are not base64.
    fn directory(&mut self) -> Result<Option<PathBuf>, RequestError> {
        let (text, bytes) = (self.directory.take(), self.directory_base64.take());
        if text.is_none() && bytes.is_none() {
            return Ok(None);
        }
        let folder = PathBuf::from(path("directory", text, bytes)?);
        if folder.is_absolute() { Ok(Some(folder)) } else { Err(RequestError::Value { field: "directory" }) }
    }

    /// What the path is to be used for.
    ///
    /// # Errors
    /// When it is missing or unknown.
    fn access(&mut self) -> Result<CheckFor, RequestError> {
        let word = self.r#for.take().ok_or(RequestError::Missing { field: "for" })?;
        access(OsStr::new(&word)).ok_or(RequestError::Value { field: "for" })
    }

    /// The content.
    ///
    /// # Errors
    /// When it is missing, stated twice, or not base64.
    fn data(&mut self) -> Result<Vec<u8>, RequestError> {
        match (self.data.take(), self.text.take()) {
            (Some(data), None) => STANDARD.decode(data).map_err(|_| RequestError::Value { field: "data" }),
            (None, Some(text)) => Ok(text.into_bytes()),
            (None, None) => Err(RequestError::Missing { field: "data" }),
            (Some(_), Some(_)) => Err(RequestError::Superfluous { op: "write" }),
        }
    }
}

/// The access that a word of requests and of the command line stands for.
pub(crate) fn access(word: &OsStr) -> Option<CheckFor> {
    match word.to_str()? {
        "read" => Some(CheckFor::Read),
        "write" => Some(CheckFor::Write),
        "list" => Some(CheckFor::List),
        "execute" => Some(CheckFor::Execute),
        _ => None,
    }
}

/// How paths are spelled.
fn spelling(is_client: Option<bool>) -> Spelling {
    if is_client.unwrap_or(false) { Spelling::Client } else { Spelling::Literal }
}

/// A switch that is off unless it is stated.
fn flag(field: &mut Option<bool>) -> bool {
    field.take().unwrap_or(false)
}

/// A path that is stated as text or as bytes.
///
/// # Errors
/// When it is stated in no way or both, or its bytes are not base64.
fn path(field: &'static str, text: Option<String>, bytes: Option<String>) -> Result<OsString, RequestError> {
    match (text, bytes) {
        (Some(text), None) => Ok(text.into()),
        (None, Some(bytes)) => {
            STANDARD.decode(bytes).map(OsString::from_vec).map_err(|_| RequestError::Value { field })
        }
        (None, None) => Err(RequestError::Missing { field }),
        (Some(_), Some(_)) => Err(RequestError::Value { field }),
    }
}
