//! One hook call from beginning to end: read, understand, classify, find the workspace, rewrite.

use std::io::{self, Read};
use std::path::Path;

use lobsterpot_policy::{ToolDefault, ToolKind};
use nix::unistd::getuid;

use crate::answer::Answer;
use crate::arguments::Options;
use crate::call::Call;
use crate::denial::Denial;
use crate::program;
use crate::rewrite::Rewrite;
use crate::settings::Settings;
use crate::wire::claude_code;
use crate::workspace::{self, Sources};

/// The longest payload that is read.
const LONGEST_PAYLOAD: u64 = 8 * 1024 * 1024;

/// The shells that may run the command, best first: the client itself uses bash or zsh, and models write for bash.
const SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];

/// Answers one call.
pub(crate) fn answer(options: &Options) -> Answer {
    judge(options).unwrap_or_else(|denial| denied(&denial))
}

/// The answer that stops a call.
pub(crate) fn denied(denial: &Denial) -> Answer {
    Answer::denied(denial, claude_code::denied)
}

/// The pipeline. Tools that run no command are another hook's business, but only once the policy says so: without a
/// policy, nothing is known of any tool.
///
/// # Errors
/// Every reason to stop the call.
fn judge(options: &Options) -> Result<Answer, Denial> {
    let call = claude_code::read(&payload(io::stdin().lock())?)?;
    let uid = getuid().as_raw();
    let known = workspace::known_beforehand(&call, options.workspace.as_deref());
    let settings = Settings::load(uid, known)?;
    match settings.kind(claude_code::CLIENT, &call.tool) {
        ToolKind::Shell => rewritten(call, options, &settings, uid),
        ToolKind::File | ToolKind::Other(ToolDefault::Ignore) => Ok(Answer::silence()),
        ToolKind::Other(ToolDefault::Ask) => {
            let reason = format!("the policy wants a person to decide on the tool \"{}\"", call.tool);
            claude_code::asked(&reason).map(Answer::document)
        }
        ToolKind::Other(ToolDefault::Deny) => Err(Denial::Tool { tool: call.tool }),
    }
}

/// Reads the payload, up to a bound.
///
/// # Errors
/// When there is none, it is too long, or cannot be read.
fn payload(input: impl Read) -> Result<Vec<u8>, Denial> {
    let mut bytes = Vec::new();
    input
        .take(LONGEST_PAYLOAD + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Denial::Payload { problem: format!("failed to read it: {error}") })?;
    match u64::try_from(bytes.len()) {
        Ok(0) => Err(Denial::Payload { problem: "it is empty".to_owned() }),
        Ok(length) if length <= LONGEST_PAYLOAD => Ok(bytes),
        _ => Err(Denial::Oversize { limit: LONGEST_PAYLOAD }),
    }
}

/// The answer that runs a shell call in the sandbox.
///
/// # Errors
/// When the workspace is unknown, a program cannot be trusted, or the command cannot be carried.
fn rewritten(call: Call, options: &Options, settings: &Settings, uid: u32) -> Result<Answer, Denial> {
    let command = claude_code::command(&call)?;
    let is_root = |folder: &Path| settings.is_root(folder);
    let sources = Sources { explicit: options.workspace.as_deref(), is_root: &is_root, origin: call.origin.as_ref() };
    let workspace = workspace::find(&call.directory, &sources)?;
    let own = program::own()?;
    let launcher = options.launcher.clone().unwrap_or_else(|| program::launcher_beside(&own));
    let rewrite = Rewrite {
        launcher: &program::trusted(&launcher, &workspace, uid)?,
        hook: &program::trusted(&own, &workspace, uid)?,
        workspace: path_text(&workspace)?,
        directory: path_text(&call.directory)?,
        shell: shell()?,
        keeps_directory: claude_code::keeps_directory(&call),
    };
    let text = rewrite.text(&command)?;
    claude_code::rewritten(call, &text, options.approval).map(Answer::document)
}

/// The shell that runs the command.
///
/// # Errors
/// When there is none.
fn shell() -> Result<&'static str, Denial> {
    let missing = || Denial::Program { path: SHELLS[1].into(), problem: "it does not exist".to_owned() };
    SHELLS.into_iter().find(|shell| Path::new(shell).exists()).ok_or_else(missing)
}

/// A path as text that can stand in a command.
///
/// # Errors
/// When it is not UTF-8, or holds a NUL.
fn path_text(path: &Path) -> Result<&str, Denial> {
    match path.to_str() {
        Some(text) if !text.contains('\0') => Ok(text),
        _ => Err(Denial::Workspace {
            directory: path.to_path_buf(),
            problem: "the path is not UTF-8, or holds a NUL character".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{LONGEST_PAYLOAD, payload};
    use crate::denial::Denial;

    #[test]
    fn an_endless_payload_is_denied_after_the_bound() {
        assert!(matches!(payload(io::repeat(b' ')), Err(Denial::Oversize { limit: LONGEST_PAYLOAD })));
        assert!(matches!(payload(io::empty()), Err(Denial::Payload { .. })));
    }
}
