//! One tool call, whichever client announced it.

use std::path::PathBuf;

use crate::wire::Fields;

/// A tool call that is about to happen.
#[derive(Debug)]
pub(crate) struct Call {
    /// The tool's name, as the client calls it.
    pub(crate) tool: String,
    /// The tool's input, as the client wrote it.
    pub(crate) input: Fields,
    /// The session's current folder. The model chooses it, so it says where to run and never what is writable.
    pub(crate) directory: PathBuf,
    /// The session's first folder, as far as the client tells it. The model cannot choose this one.
    pub(crate) origin: Option<Origin>,
}

/// What a client tells of the folder in which its session began.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The folder's path with every character but letters and digits replaced by a dash.
    pub(crate) slug: String,
}
