//! The hook's own command line. The installer or the administrator writes it; a model cannot.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::denial::Denial;
use crate::wire::claude_code;

/// What a start of the program is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Answer one hook call.
    Answer(Options),
    /// Check the folder that a sandboxed shell reports: part of a rewritten command, never called by a client.
    Directory {
        /// The folder that it must lie in.
        within: PathBuf,
    },
}

/// How to answer a hook call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The launcher; `None` for the one beside the hook.
    pub(crate) launcher: Option<PathBuf>,
    /// The workspace; `None` to find it.
    pub(crate) workspace: Option<PathBuf>,
    /// What is said of a person's approval.
    pub(crate) approval: Approval,
}

/// Whether a shell call that will run in the sandbox still needs the approval of a person or a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Approval {
    /// The hook says nothing: the client's rules decide.
    #[default]
    Leave,
    /// The hook approves: whoever installed it takes the sandbox for enough.
    Give,
}

/// The options of a command line, each given at most once.
#[derive(Default)]
struct Given {
    /// `--client`.
    client: Option<OsString>,
    /// `--sandbox-exec`.
    launcher: Option<OsString>,
    /// `--workspace`.
    workspace: Option<OsString>,
    /// `--directory-within`.
    within: Option<OsString>,
    /// `--approve`.
    approval: Approval,
}

/// Reads the command line, without the program's name.
///
/// # Errors
/// When it is not exactly one of the two forms. `--help` is an error, too: a hook that only printed help would let the
/// call go ahead.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Job, Denial> {
    match collect(arguments)? {
        Given { within: Some(within), client: None, launcher: None, workspace: None, approval: Approval::Leave } => {
            Ok(Job::Directory { within: PathBuf::from(within) })
        }
        Given { within: Some(_), .. } => Err(wrong("--directory-within stands alone")),
        Given { client: None, .. } => Err(wrong("--client is missing")),
        Given { client: Some(name), .. } if name != claude_code::CLIENT => {
            Err(Denial::UnknownClient { name: name.to_string_lossy().into_owned() })
        }
        Given { launcher, workspace, approval, .. } => Ok(Job::Answer(Options {
            launcher: absolute("--sandbox-exec", launcher)?,
            workspace: absolute("--workspace", workspace)?,
            approval,
        })),
    }
}

/// Takes the options apart, both `--name value` and `--name=value`.
///
/// # Errors
/// When an option is unknown, given twice, or without a value.
fn collect(mut arguments: impl Iterator<Item = OsString>) -> Result<Given, Denial> {
    let mut given = Given::default();
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else { return Err(wrong("an option is not UTF-8")) };
        if text == "--approve" {
            given.approval = Approval::Give;
            continue;
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text, None),
        };
        let slot = match name {
            "--client" => &mut given.client,
            "--sandbox-exec" => &mut given.launcher,
            "--workspace" => &mut given.workspace,
            "--directory-within" => &mut given.within,
            _ => return Err(wrong(&format!("\"{name}\" is no option of it"))),
        };
        let value = value.or_else(|| arguments.next()).ok_or_else(|| wrong(&format!("{name} needs a value")))?;
        if slot.replace(value).is_some() {
            return Err(wrong(&format!("{name} is given twice")));
        }
    }
    Ok(given)
}

/// The value of an option that names an absolute path.
///
/// # Errors
/// When the path is relative.
fn absolute(name: &str, value: Option<OsString>) -> Result<Option<PathBuf>, Denial> {
    let path = value.map(PathBuf::from);
    match &path {
        Some(path) if !path.is_absolute() => Err(wrong(&format!("{name} needs an absolute path"))),
        _ => Ok(path),
    }
}

/// The denial for a wrong command line.
fn wrong(problem: &str) -> Denial {
    Denial::Arguments { problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::{Approval, Job, Options, parse};
    use crate::denial::Denial;

    /// Parses words.
    ///
    /// # Errors
    /// As [`parse`].
    fn words(words: &[&str]) -> Result<Job, Denial> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn both_spellings_of_a_value_are_read() {
        let expected = Job::Answer(Options {
            launcher: Some(PathBuf::from("/s")),
            workspace: Some(PathBuf::from("/w")),
            approval: Approval::Leave,
        });
        let split = words(&["--client", "claude-code", "--sandbox-exec", "/s", "--workspace", "/w"]);
        assert_eq!(split.unwrap(), expected);
        assert_eq!(words(&["--workspace=/w", "--sandbox-exec=/s", "--client=claude-code"]).unwrap(), expected);
    }

    #[test]
    fn anything_else_is_denied() {
        let wrong: [&[&str]; 13] = [
            &[],
            &["--help"],
            &["--version"],
            &["claude-code"],
            &["--client"],
            &["--client", "claude-code", "--client", "claude-code"],
            &["--client", "claude-code", "--policy", "/tmp/p"],
            &["--client", "claude-code", "--workspace", "proj"],
            &["--client", "claude-code", "--sandbox-exec", "sandbox-exec"],
            &["--client", "claude-code", "--directory-within", "/w"],
            &["--client", "claude-code", "--approve=no"],
            &["--approve", "--client"],
            &["--approve", "--directory-within", "/w"],
        ];
        for arguments in wrong {
            assert!(matches!(words(arguments), Err(Denial::Arguments { .. })), "{arguments:?}");
        }
        assert!(matches!(words(&["--client", "codex"]), Err(Denial::UnknownClient { .. })));
        assert!(matches!(words(&["--client", "Claude-Code"]), Err(Denial::UnknownClient { .. })));
    }
}
