//! What `sandbox-exec-hook` makes of a call: a shell tool's command goes into the sandbox, and other tools are left to the
//! policy and to the other hook. It judges nothing about a command and parses none.

use std::mem::ManuallyDrop;
use std::path::Path;

use lobsterpot_policy::{Decision, ToolDefault, ToolKind};
use nix::unistd::getuid;

use crate::arguments::Options;
use crate::call::{Call, Lane, Outcome, ShellCall, Start};
use crate::denial::Denial;
use crate::files::Value;
use crate::program;
use crate::rewrite::Rewrite;
use crate::settings::Settings;
use crate::workspace;

/// The shells that may run the command, best first: models write for bash.
const SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];

/// Judges a call. Tools that run no command are another hook's business, but only once the policy says so: without a policy,
/// nothing is known of any tool.
///
/// # Errors
/// Every reason to stop the call.
pub(crate) fn judge(call: &Call, options: &Options) -> Result<Outcome, Denial> {
    let uid = getuid().as_raw();
    // Never dropped: the process ends with its answer, and freeing a policy piece by piece takes time.
    let settings = ManuallyDrop::new(Settings::load(uid, options, workspace::known_beforehand(call, options))?);
    match settings.kind(call.client.name(), &call.tool) {
        ToolKind::Shell => {
            ruled(call, &settings)?;
            confined(call, options, &settings, uid)
        }
        ToolKind::File | ToolKind::Other(ToolDefault::Ignore) => Ok(Outcome::Pass),
        ToolKind::Other(ToolDefault::Ask) => {
            Ok(Outcome::Ask(format!("the policy wants a person to decide on the tool \"{}\"", call.tool)))
        }
        ToolKind::Other(ToolDefault::Deny) => Err(Denial::Tool { tool: call.tool.clone() }),
    }
}

/// Lets the policy's rules speak on a shell call. They can stop it; none of them lifts the sandbox.
///
/// # Errors
/// When a rule denies the call, or wants a person to decide: no client promises to run a rewritten command after a question,
/// and the one that it would run instead is not confined.
fn ruled(call: &Call, settings: &Settings) -> Result<(), Denial> {
    let input = Value::of(&call.input)?;
    let verdict = settings.verdict(call.client.name(), &call.tool, &input);
    match verdict.map(|verdict| (verdict.decision, verdict)) {
        None | Some((Decision::Allow, _)) => Ok(()),
        Some((Decision::Ask, verdict)) => {
            Err(Denial::Unasked { question: verdict.message.trim_end_matches('.').to_owned() })
        }
        Some((Decision::Deny, verdict)) => {
            Err(Denial::Judged { code: verdict.reason.as_str(), message: verdict.message, instead: verdict.instead })
        }
    }
}

/// Puts a shell call into the sandbox.
///
/// # Errors
/// When the workspace is unknown, a program cannot be trusted, or the command cannot be carried.
fn confined(call: &Call, options: &Options, settings: &Settings, uid: u32) -> Result<Outcome, Denial> {
    let shell_call = call.client.dialect().shell(call)?;
    if shell_call.lane == Lane::Confined {
        return Ok(Outcome::Pass);
    }
    let workspace = workspace::of(call, options, settings)?;
    let own = program::own()?;
    let launcher = options.launcher.clone().unwrap_or_else(|| program::launcher_beside(&own));
    // The sandbox shows the workspace where it really lies, and no link on the way to it.
    let directory = call.directory.canonicalize().unwrap_or_else(|_| call.directory.clone());
    let rewrite = Rewrite {
        launcher: &program::trusted(&launcher, &workspace, uid)?,
        hook: &program::trusted(&own, &workspace, uid)?,
        workspace: path_text(&workspace)?,
        directory: match shell_call.start {
            Start::CallDirectory => Some(path_text(&directory)?),
            Start::ClientShell => None,
        },
        options: &options.for_launcher()?,
        shell: shell()?,
        keeps_directory: shell_call.keeps_directory,
    };
    carried(&shell_call, &rewrite)
}

/// What becomes of a shell call whose new text is made by `rewrite`.
///
/// # Errors
/// When the command cannot be carried, or the model has to write it otherwise.
pub(crate) fn carried(call: &ShellCall, rewrite: &Rewrite<'_>) -> Result<Outcome, Denial> {
    let command = with_environment(call);
    match call.lane {
        Lane::Verify if rewrite.could_have_made(&command) => Ok(Outcome::Pass),
        Lane::Verify => Err(Denial::Unwrapped { instead: format!("Run exactly this: {}", rewrite.text(&command)?) }),
        Lane::Rewrite | Lane::Confined => rewrite.text(&command).map(Outcome::Rewrite),
    }
}

/// The command with the model's variables set in front of it. On its first line, so that line numbers stay.
fn with_environment(call: &ShellCall) -> String {
    let assignments: String = call.environment.iter().map(|pair| format!("export {}; ", exported(pair))).collect();
    format!("{assignments}{}", call.command)
}

/// One variable as a shell's `export` reads it.
fn exported(pair: &str) -> String {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    format!("{name}={}", crate::quote::always(value))
}

/// The shell that runs the command.
///
/// # Errors
/// When there is none.
fn shell() -> Result<&'static str, Denial> {
    let missing = || Denial::Program { path: SHELLS[1].into(), problem: "it does not exist".to_owned() };
    best_shell().ok_or_else(missing)
}

/// The best of the shells that are there.
pub(crate) fn best_shell() -> Option<&'static str> {
    SHELLS.into_iter().find(|shell| Path::new(shell).exists())
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
