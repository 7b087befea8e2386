//! The program `fs-guard`: understand the command line, make the guard, confine this process, act, report.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt as _;

use lobsterpot_policy::{Decision, ReasonCode, printable};
use serde_json::Value;

use crate::arguments::{Action, Asked, Format, UsageError, parse};
use crate::confine::{self, ConfineError, Confined, Work};
use crate::exit::Exit;
use crate::guard::{Guard, GuardError, Options, Uses};
use crate::ops::{Checked, FileKind, MAX_BYTES, OpError, Operations};
use crate::serve::{self, ServeError};
use crate::sys::descriptors;

/// Why the program did not do what was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The command line cannot be understood.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// There is no guard.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The process cannot be confined.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// The operation was not carried out.
    #[error("{}: {}", .0.code(), .0)]
    Operation(#[from] OpError),
    /// An access is not allowed.
    #[error("{}: {}", .0.verdict.reason, .0.verdict.message)]
    NotAllowed(Box<Checked>),
    /// The service ended early.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Standard input or output does not work.
    #[error("{doing} failed: {source}")]
    Stream {
        /// The step.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Runs the program with the command line `arguments`; returns the exit status.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> u8 {
    let failure = match carry_out(arguments) {
        Ok(()) => return Exit::Done as u8,
        Err(failure) => failure,
    };
    // Whoever reads the output has had enough: nothing is wrong, and nobody to tell.
    if failure.is_closed_pipe() {
        return Exit::Done as u8;
    }
    let message = format!("{failure} {}", failure.hint());
    let line = format!("fs-guard: {}\n", printable(message.trim_end()));
    let _ = io::stderr().write_all(line.as_bytes());
    failure.exit() as u8
}

/// Understands the command line and does what it says.
///
/// # Errors
/// What went wrong.
fn carry_out(arguments: Vec<OsString>) -> Result<(), Failure> {
    // First of all: what the caller left open is not for this process, and is no way around its confinement.
    descriptors::close_inherited().map_err(|errno| stream("closing what was inherited")(errno.into()))?;
    let here = std::env::current_dir().map_err(stream("looking at the current folder"))?;
    match parse(arguments, here)? {
        Asked::Print(text) => print(text.as_bytes()),
        Asked::Do(options, action @ Action::Check { .. }) => {
            // Never dropped: the process ends with its answer, and freeing a policy piece by piece takes time.
            let guard = ManuallyDrop::new(Guard::load(&Options { uses: Uses::Once, ..*options })?);
            act(&guard, action)
        }
        Asked::Do(options, action) => act(&Guard::load(&options)?, action),
    }
}

/// Does what is asked, in a confined process.
///
/// # Errors
/// What went wrong.
fn act(guard: &Guard, action: Action) -> Result<(), Failure> {
    let files = Operations::new(guard, None);
    // A check opens no file: it is paid for at every call of a tool, and has nothing to be confined from.
    if let Action::Check { path, access, spelling, format } = action {
        return report(files.check(&path, access, spelling), format);
    }
    let moves = matches!(action, Action::Rename { .. } | Action::Serve);
    let confined = confine::confine(guard, if moves { Work::Moves } else { Work::Stays })?;
    match action {
        Action::Check { .. } => Ok(()),
        Action::Read { path, span } => print(&files.read(&path, span)?.data),
        Action::Write { path, options } => Ok(files.write(&path, &input()?, options)?),
        Action::Edit { path } => edit(&files, &path),
        Action::List { path, format } => list(&files, &path, format),
        Action::Stat { path, last, format } => {
            let facts = files.stat(&path, last)?;
            match format {
                Format::Json => print_json(serve::facts(&facts)),
                Format::Text => print(
                    format!(
                        "{} {} bytes, mode {:04o}, changed {} ms after 1970\n",
                        facts.kind.as_str(),
                        facts.size,
                        facts.mode,
                        facts.modified
                    )
                    .as_bytes(),
                ),
            }
        }
        Action::Mkdir { path, parents } => Ok(files.mkdir(&path, parents)?),
        Action::Rename { from, to } => Ok(files.rename(&from, &to)?),
        Action::Remove { path, options } => Ok(files.remove(&path, options)?),
        Action::Serve => serve_streams(guard, confined),
    }
}

/// Answers requests on the standard streams.
///
/// # Errors
/// What ended the service early.
fn serve_streams(guard: &Guard, confined: Confined) -> Result<(), Failure> {
    Ok(serve::serve(guard, &confined.to_string(), io::stdin().lock(), io::stdout().lock())?)
}

/// Reports a verdict: the real path on standard output, or a refusal.
///
/// # Errors
/// When the access is not allowed.
fn report(checked: Checked, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => print_json(serve::checked(&checked))?,
        Format::Text if checked.verdict.decision == Decision::Allow => {
            let path = checked.resolved.clone().unwrap_or_default();
            print(&[shown(path.as_os_str(), io::stdout().is_terminal()).as_ref(), b"\n"].concat())?;
        }
        Format::Text => {}
    }
    match checked.verdict.decision {
        Decision::Allow => Ok(()),
        Decision::Ask | Decision::Deny => Err(Failure::NotAllowed(Box::new(checked))),
    }
}

/// Carries out the replacements on standard input.
///
/// # Errors
/// What went wrong.
fn edit(files: &Operations<'_>, path: &OsStr) -> Result<(), Failure> {
    let edits = serve::edits(&input()?).map_err(|error| OpError::Request {
        message: format!("The edits on standard input cannot be understood: {error}."),
        hint: "Write [{\"old\": \"…\", \"new\": \"…\"}].",
    })?;
    files.edit(path, &edits)?;
    Ok(())
}

/// Prints what a folder holds: a name on each line, folders with a slash.
///
/// # Errors
/// What went wrong.
fn list(files: &Operations<'_>, path: &OsStr, format: Format) -> Result<(), Failure> {
    let listing = files.list(path)?;
    if format == Format::Json {
        return print_json(serve::listing(&listing));
    }
    let mut lines = Vec::new();
    let for_a_person = io::stdout().is_terminal();
    for entry in &listing.entries {
        lines.extend_from_slice(&shown(&entry.name, for_a_person));
        lines.extend_from_slice(if entry.kind == FileKind::Folder { b"/\n" } else { b"\n" });
    }
    print(&lines)
}

/// A name as a program gets it, or as a terminal may show it to a person.
fn shown(name: &OsStr, for_a_person: bool) -> Cow<'_, [u8]> {
    if for_a_person {
        Cow::Owned(printable(&name.to_string_lossy()).into_owned().into_bytes())
    } else {
        Cow::Borrowed(name.as_bytes())
    }
}

/// All of standard input, which must not be more than is written at once.
///
/// # Errors
/// When it is, or cannot be read.
fn input() -> Result<Vec<u8>, Failure> {
    let mut data = Vec::new();
    let bound = MAX_BYTES.saturating_add(1);
    io::stdin().lock().take(bound).read_to_end(&mut data).map_err(stream("reading standard input"))?;
    if u64::try_from(data.len()).unwrap_or(u64::MAX) < bound {
        return Ok(data);
    }
    let path = "standard input".into();
    Err(OpError::TooLarge { path, size: bound, limit: MAX_BYTES, unit: "bytes" }.into())
}

/// Prints an answer as one line of JSON.
///
/// # Errors
/// When standard output does not work.
fn print_json(fields: serde_json::Map<String, Value>) -> Result<(), Failure> {
    print(format!("{}\n", Value::from(fields)).as_bytes())
}

/// Writes to standard output.
///
/// # Errors
/// When that does not work.
fn print(data: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(data).and_then(|()| output.flush()).map_err(stream("writing to standard output"))
}

/// What to make of an error in the step `doing`.
fn stream(doing: &'static str) -> impl Fn(io::Error) -> Failure {
    move |source| Failure::Stream { doing, source }
}

impl Failure {
    /// Whether whoever reads the output has closed it.
    fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Stream { source, .. } | Self::Serve(ServeError::Write { source }) => {
                source.kind() == io::ErrorKind::BrokenPipe
            }
            Self::Usage(_)
            | Self::Guard(_)
            | Self::Confine(_)
            | Self::Operation(_)
            | Self::NotAllowed(_)
            | Self::Serve(ServeError::Frame { .. }) => false,
        }
    }

    /// What to do about it.
    fn hint(&self) -> String {
        match self {
            Self::Usage(error) => format!("({})", error.hint()),
            Self::Guard(error) => format!("({})", error.hint()),
            Self::Confine(error) => format!("({})", error.hint()),
            Self::Operation(error) => error.hint().to_owned(),
            Self::NotAllowed(checked) => checked.verdict.instead.clone(),
            Self::Serve(_) | Self::Stream { .. } => String::new(),
        }
    }

    /// The exit status.
    const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Serve(ServeError::Frame { .. }) => Exit::Usage,
            Self::Guard(error) => of_guard(error),
            Self::Operation(error) => Exit::of(error),
            Self::NotAllowed(checked) if matches!(checked.verdict.reason, ReasonCode::NotFound) => Exit::NotFound,
            Self::NotAllowed(_) => Exit::Denied,
            Self::Confine(_) | Self::Serve(ServeError::Write { .. }) | Self::Stream { .. } => Exit::Failed,
        }
    }
}

/// The exit status when there is no guard.
const fn of_guard(error: &GuardError) -> Exit {
    match error {
        GuardError::Policy { .. } => Exit::Policy,
        GuardError::Path { .. } | GuardError::Workspace { .. } | GuardError::LedAstray { .. } => Exit::NotFound,
        GuardError::Flag { .. } => Exit::Usage,
        GuardError::Look { .. } => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_nothing_to_a_terminal_and_comes_whole_to_a_program() {
        let name = OsStr::from_bytes(b"a\x1b]0;x\x07\xff");
        assert_eq!(shown(name, true).as_ref(), "a\\u{1b}]0;x\\u{7}\u{fffd}".as_bytes());
        assert_eq!(shown(name, false).as_ref(), name.as_bytes());
    }
}
