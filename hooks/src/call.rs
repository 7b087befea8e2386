//! One tool call, whichever client announced it, and what becomes of it.

use std::path::PathBuf;

use crate::client::Client;
use crate::wire::Fields;

/// A tool call that is about to happen.
#[derive(Debug)]
pub(crate) struct Call {
    /// Who announced it.
    pub(crate) client: Client,
    /// The client's event. A client with several wants each answered in its own way.
    pub(crate) event: Event,
    /// The tool's name, as the client calls it.
    pub(crate) tool: String,
    /// The tool's input, as the client wrote it.
    pub(crate) input: Fields,
    /// The session's current folder. The model may have chosen it, so it says where to run and never what is writable.
    pub(crate) directory: PathBuf,
    /// The folders in which the session began, as far as the client tells them. The model cannot choose these.
    pub(crate) origin: Option<Origin>,
    /// The session's name, as far as the client tells it.
    pub(crate) session: Option<String>,
    /// The session's transcript, as far as the client tells it.
    pub(crate) transcript: Option<PathBuf>,
    /// What only OpenClaw says.
    pub(crate) openclaw: Option<OpenClawFacts>,
}

impl Call {
    /// A call announced by the client's general event, of which the client tells no more than this.
    pub(crate) fn of(client: Client, tool: String, input: Fields, directory: PathBuf) -> Self {
        Self {
            client,
            event: Event::Tool,
            tool,
            input,
            directory,
            origin: None,
            session: None,
            transcript: None,
            openclaw: None,
        }
    }
}

/// The events that announce a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The client has one event for all tools, or this is its general one.
    Tool,
    /// The general event under the name, and in the form, that Claude Code gave it (Copilot CLI).
    ClaudeShaped,
    /// A shell command as it will run, after every rewrite (Cursor).
    ShellCommand,
    /// A file that is about to be read (Cursor).
    FileRead,
    /// A call of an MCP server's tool (Cursor).
    McpCall,
}

/// What a client tells of the folders in which its session began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The folder's path with every character but letters and digits replaced by a dash.
    Slug(String),
    /// The folders themselves, absolute.
    Folders(Vec<PathBuf>),
}

/// What our OpenClaw plugin adds to a call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenClawFacts {
    /// OpenClaw's `toolKind`: `code_mode_exec` for the outer call of code mode.
    pub(crate) kind: Option<String>,
    /// The absolute paths that OpenClaw itself took from the input (`apply_patch`).
    pub(crate) derived_paths: Vec<PathBuf>,
    /// Whether the session runs in our sandbox backend.
    pub(crate) backend: bool,
}

/// A shell tool's call, as far as its command is concerned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ShellCall {
    /// The command.
    pub(crate) command: String,
    /// Where it starts.
    pub(crate) start: Start,
    /// Whether the client's shell lives on, so that a `cd` in the command must reach it.
    pub(crate) keeps_directory: bool,
    /// Variables of the model's, for inside the sandbox only: `NAME=VALUE`.
    pub(crate) environment: Vec<String>,
    /// Whether the client takes another command in the place of this one.
    pub(crate) lane: Lane,
}

/// Where a rewritten command starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// In the call's folder.
    CallDirectory,
    /// Where the client's own shell stands: the client knows better than the payload.
    ClientShell,
}

/// What a client lets its hook do to a shell call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The hook may put another command in its place.
    Rewrite,
    /// The hook may only stop it: a command passes when it is one that this hook could have written.
    Verify,
    /// It is confined by other means already.
    Confined,
}

/// What becomes of a call that is not stopped.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It goes ahead as it is.
    Pass,
    /// It goes ahead with this command.
    Rewrite(String),
    /// A person decides, for this reason.
    Ask(String),
}
