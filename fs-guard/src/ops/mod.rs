//! File operations that keep to the verdict: each works on descriptors beneath what was resolved and judged, and no path is
//! looked up a second time.
//!
//! What is found changed between the judgement and the use is judged anew, a bounded number of times.

mod beneath;
mod edit;
mod error;
mod folder;
mod list;
mod metadata;
mod open;
mod read;
mod remove;
mod rename;
mod stat;
mod temporary;
mod write;

use std::ffi::OsStr;
use std::path::PathBuf;

use lobsterpot_policy::{Access, Verdict};

use crate::guard::{Guard, LastLink, Refusal, Request, Spelling, Target};

pub use edit::Edit;
pub use error::{Kind, OpError};
pub use list::{Entry, Listing};
pub use open::FileKind;
pub use read::{Content, Span};
pub use remove::RemoveOptions;
pub use stat::Facts;
pub use write::WriteOptions;

/// The most bytes that are read or written at once.
pub const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// How often an operation is begun anew because somebody else changed what it is about.
const ATTEMPTS: u32 = 32;

/// File operations under one guard.
#[derive(Clone, Debug)]
pub struct Operations<'a> {
    /// Who judges.
    guard: &'a Guard,
    /// Where relative paths begin; `None` for the guard's own folder.
    directory: Option<PathBuf>,
}

/// What somebody wants to do with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckFor {
    /// Read it.
    Read,
    /// Create, change, replace or remove it.
    Write,
    /// List it, which only folders can be.
    List,
    /// Run it.
    Execute,
}

/// What is allowed, and what path is really meant.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// The real path, where it could be found.
    pub resolved: Option<PathBuf>,
}

impl<'a> Operations<'a> {
    /// Operations with relative paths taken from `directory`, or from the guard's own folder.
    #[must_use]
    pub const fn new(guard: &'a Guard, directory: Option<PathBuf>) -> Self {
        Self { guard, directory }
    }

    /// Judges an access, and does nothing.
    pub fn check(&self, path: &OsStr, wish: CheckFor, spelling: Spelling) -> Checked {
        let access = match wish {
            CheckFor::Read | CheckFor::List => Access::Read,
            CheckFor::Write => Access::Write,
            CheckFor::Execute => Access::Execute,
        };
        let request = Request { spelling, ..self.content(access) };
        let mut path = path.to_owned();
        if wish == CheckFor::List && !path.is_empty() {
            // To the kernel, too, a path with a slash at its end is that of a folder.
            path.push("/");
        }
        match self.guard.resolve(&path, &request) {
            Ok(target) => Checked { resolved: Some(folder::whole(&target)), verdict: target.verdict },
            Err(Refusal { path, verdict }) => Checked { verdict, resolved: path },
        }
    }

    /// Reads a part of a regular file.
    ///
    /// # Errors
    /// When it is refused, is no regular file, cannot be read, or is larger than is read at once.
    pub fn read(&self, path: &OsStr, span: Span) -> Result<Content, OpError> {
        self.attempt(path, &self.content(Access::Read), |target| read::read(target, span))
    }

    /// Makes `data` the whole content of a file.
    ///
    /// # Errors
    /// When it is refused, or cannot be written; the old content is still there then.
    pub fn write(&self, path: &OsStr, data: &[u8], options: WriteOptions) -> Result<(), OpError> {
        self.attempt(path, &self.content(Access::Write), |target| write::write(target, data, options))
    }

    /// Replaces exact pieces of text, all or none; returns how many.
    ///
    /// # Errors
    /// When it is refused, or an old text is not found exactly once; nothing has changed then.
    pub fn edit(&self, path: &OsStr, edits: &[Edit]) -> Result<usize, OpError> {
        self.attempt(path, &self.content(Access::Write), |target| edit::edit(target, edits))
    }

    /// Lists a folder.
    ///
    /// # Errors
    /// When it is refused, or is no folder.
    pub fn list(&self, path: &OsStr) -> Result<Listing, OpError> {
        self.attempt(path, &self.content(Access::Read).of_any_kind(), |target| list::list(self.guard, target))
    }

    /// What is known about a file.
    ///
    /// # Errors
    /// When it is refused, or nothing is there.
    pub fn stat(&self, path: &OsStr, last: LastLink) -> Result<Facts, OpError> {
        let request = Request { last, ..self.content(Access::Read).of_any_kind() };
        self.attempt(path, &request, stat::stat)
    }

    /// Makes a folder; with `parents` also those above it, and then one that is there already is fine.
    ///
    /// # Errors
    /// When it is refused, or something is there already.
    pub fn mkdir(&self, path: &OsStr, parents: bool) -> Result<(), OpError> {
        self.attempt(path, &self.content(Access::Write).of_any_kind(), |target| folder::make(target, parents))
    }

    /// Gives `from` the name `to`; what is there is replaced.
    ///
    /// # Errors
    /// When one of the two is refused, or something in a folder must not be moved there.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), OpError> {
        let request = self.content(Access::Write).about_name();
        self.attempt(from, &request, |from| rename::rename(self.guard, from, to, &request))
    }

    /// Removes a file, a link, or a folder.
    ///
    /// # Errors
    /// When it is refused, or something in a folder must stay.
    pub fn remove(&self, path: &OsStr, options: RemoveOptions) -> Result<(), OpError> {
        let request = self.content(Access::Write).about_name();
        let removed = self.attempt(path, &request, |target| remove::remove(self.guard, target, options.recursive));
        match removed {
            Err(error) if options.force && error.kind() == Kind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Resolves `path` and does something with it; anew when it was changed meanwhile.
    ///
    /// # Errors
    /// The refusal, or what `action` returns.
    fn attempt<T>(
        &self,
        path: &OsStr,
        request: &Request,
        action: impl Fn(&Target) -> Result<T, OpError>,
    ) -> Result<T, OpError> {
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            match self.guard.resolve(path, request).map_err(OpError::from).and_then(|target| action(&target)) {
                Err(OpError::Changed { .. }) if attempts > 0 => std::thread::yield_now(),
                other => return other,
            }
        }
    }

    /// The request for the content of a file or folder.
    fn content(&self, access: Access) -> Request {
        Request::new(access).from(self.directory.clone())
    }
}
