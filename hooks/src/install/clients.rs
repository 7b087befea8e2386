//! What is written for each client: one file per client, data only.

mod assets;
mod claude_code;
mod codex;
mod copilot;
mod gemini;
mod openclaw;
mod opencode;

use std::ffi::OsString;
use std::path::PathBuf;

use semver::Version;
use serde_json::Value;

use crate::install::agent::{Agent, Scope};
use crate::install::change::Change;
use crate::install::edit::Edit;
use crate::install::error::InstallError;
use crate::install::json::Dialect;
use crate::install::person::Person;
use crate::install::programs::{EGRESS, FILE_GUARD, FILE_HOOK, LAUNCHER, Programs, SHELL_HOOK};
use crate::install::verify::{Start, Starts};
use crate::install::version::Installed;
use crate::install::wishes::{ShellPrefix, Wishes};
use crate::quote;

/// How long a client is told to wait for a hook. Its own deadline is 5 seconds, and it denies then; but where the client stops waiting,
/// most of them make the call all the same, and what runs in the background of an agent can take the processor away from a hook.
const PATIENCE_SECONDS: u32 = 600;

/// What an installation is made from.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// For whom.
    pub(crate) person: &'a Person,
    /// Whose sessions.
    pub(crate) scope: Scope,
    /// The programs that clients are to start.
    pub(crate) programs: &'a Programs,
    /// What was asked for.
    pub(crate) wishes: &'a Wishes,
    /// Whether the client's own shell starts in the sandbox as well.
    pub(crate) prefixed: bool,
}

/// What the files of an installation mean while it is worked out.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    /// The file itself, as it is.
    pub(crate) current: &'a Value,
    /// The files before it, as they will be.
    pub(crate) before: &'a [Value],
}

/// One file of an installation.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A file of the client's, in which something is changed.
    Edited {
        /// Where it is.
        path: PathBuf,
        /// How the client spells it.
        dialect: Dialect,
        /// What is to be so, given what is in it.
        changes: fn(&Context<'_>, &Values<'_>) -> Result<Vec<Change>, String>,
    },
    /// A file that is ours alone.
    Whole {
        /// Where it is.
        path: PathBuf,
        /// What is in it.
        text: String,
    },
}

impl Piece {
    /// Where the file is, before links are followed.
    pub(crate) fn path(&self) -> &PathBuf {
        match self {
            Self::Edited { path, .. } | Self::Whole { path, .. } => path,
        }
    }
}

/// The files of an installation, in the order in which they are written.
///
/// # Errors
/// When the client has no such scope.
pub(crate) fn pieces(agent: Agent, context: &Context<'_>) -> Result<Vec<Piece>, InstallError> {
    if context.wishes.approve && !matches!(agent, Agent::ClaudeCode | Agent::Copilot) {
        let problem = "only Claude Code and Copilot take it".to_owned();
        return Err(InstallError::Option { option: "--approve", problem });
    }
    if context.wishes.shell_prefix != ShellPrefix::AsNeeded && agent != Agent::ClaudeCode {
        let problem = "only Claude Code has such a setting".to_owned();
        return Err(InstallError::Option { option: "--shell-prefix, --no-shell-prefix", problem });
    }
    match agent {
        Agent::ClaudeCode => Ok(claude_code::pieces(context)),
        Agent::Gemini => Ok(gemini::pieces(context)),
        Agent::Copilot => copilot::pieces(context),
        Agent::Codex => codex::pieces(context),
        Agent::OpenClaw => openclaw::pieces(context),
        Agent::OpenCode => opencode::pieces(context),
    }
}

/// What a person should know about an installation: `values` is what its files will mean.
pub(crate) fn warnings(agent: Agent, context: &Context<'_>, values: &[Value]) -> Vec<String> {
    let last = values.last().unwrap_or(&Value::Null);
    match agent {
        Agent::ClaudeCode => claude_code::warnings(context, last),
        Agent::Gemini => gemini::warnings(context, last),
        Agent::Copilot => copilot::warnings(),
        Agent::Codex => codex::warnings(context, last),
        Agent::OpenClaw => openclaw::warnings(context, last),
        Agent::OpenCode => opencode::warnings(),
    }
}

/// The programs that a guarded client starts, one way or another.
pub(crate) fn needed(agent: Agent) -> Vec<&'static str> {
    let mut needed = vec![LAUNCHER, EGRESS, SHELL_HOOK, FILE_HOOK];
    if agent == Agent::OpenClaw {
        needed.push(FILE_GUARD);
    }
    needed
}

/// Why hooks that are configured do not run, or do not decide, as far as the files say.
pub(crate) fn inactive(agent: Agent, values: &[Value]) -> Vec<String> {
    let last = values.last().unwrap_or(&Value::Null);
    match agent {
        Agent::ClaudeCode => claude_code::inactive(last).into_iter().chain(claude_code::outrun(last)).collect(),
        Agent::Gemini => gemini::inactive(last),
        Agent::OpenClaw => openclaw::refuse_holes(last).err().into_iter().collect(),
        Agent::Codex | Agent::Copilot | Agent::OpenCode => Vec::new(),
    }
}

/// The clients that OpenClaw starts, given its configuration.
pub(crate) fn backends(configuration: &Value) -> Vec<(&'static str, Option<Agent>)> {
    openclaw::backends(configuration)
}

/// Other names for programs that an installation needs: where the link is, and what it leads to.
pub(crate) fn links(agent: Agent, context: &Context<'_>) -> Vec<(PathBuf, PathBuf)> {
    match agent {
        Agent::OpenClaw => vec![openclaw::shell(context)],
        Agent::ClaudeCode => claude_code::shell(context).into_iter().collect(),
        Agent::Codex | Agent::Gemini | Agent::Copilot | Agent::OpenCode => Vec::new(),
    }
}

/// How the client will start the hooks, given what its files will mean. Plugins of ours start them directly.
///
/// # Errors
/// When no file starts them.
pub(crate) fn starts(agent: Agent, context: &Context<'_>, values: &[Value]) -> Result<Starts, InstallError> {
    match agent {
        Agent::OpenClaw | Agent::OpenCode => {
            let direct = |program: &str| {
                let words =
                    std::iter::once(context.programs.path(program)).chain(arguments(agent, program, context.wishes));
                Start::Direct(words.map(OsString::from).collect())
            };
            Ok(Starts { shell: direct(SHELL_HOOK), files: direct(FILE_HOOK) })
        }
        Agent::ClaudeCode | Agent::Codex | Agent::Gemini | Agent::Copilot => Starts::of(values),
    }
}

/// Tries, beyond the hooks, what only this client has; `values` is what its files will mean.
///
/// # Errors
/// When it does not do what it must.
pub(crate) fn try_more(
    agent: Agent,
    context: &Context<'_>,
    installed: Option<&Installed>,
    edits: &[Edit],
) -> Result<Vec<String>, InstallError> {
    match (agent, installed) {
        (Agent::OpenClaw, Some(installed)) => openclaw::try_loading(context, installed, edits).map(|seen| vec![seen]),
        (Agent::Codex, Some(installed)) => codex::try_trust(installed, edits).map(|seen| vec![seen]),
        _ => Ok(Vec::new()),
    }
}

/// What a person should know about the version that is there.
pub(crate) fn outdated(agent: Agent, installed: &Installed) -> Option<String> {
    let (first, reason) = match agent {
        Agent::ClaudeCode => {
            (Version::new(2, 1, 295), "it ignores onFailure, so a hook that cannot be started lets the call go on")
        }
        Agent::OpenClaw | Agent::Codex | Agent::Gemini | Agent::Copilot | Agent::OpenCode => return None,
    };
    let version = installed.version.as_ref().filter(|version| **version < first)?;
    Some(format!("{} is version {version}; before {first}, {reason}", installed.path.display()))
}

/// What in the caller's environment would make the client read other files than those that are edited. It is only told: the
/// environment decides nothing.
pub(crate) fn elsewhere(agent: Agent, person: &Person, named: Option<&PathBuf>) -> Vec<String> {
    let mut warnings = Vec::new();
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|_| named.is_none());
    if let Some(home) = home.filter(|home| home.canonicalize().ok().as_ref() != Some(&person.home)) {
        warnings.push(format!(
            "$HOME is \"{}\", but the files in \"{}\" are meant",
            home.display(),
            person.home.display()
        ));
    }
    let set = agent.variables().iter().filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    warnings.extend(set.map(|name| {
        format!("${name} is set here: started with it, {agent} reads other files than those that are edited")
    }));
    warnings
}

/// Whether the client would take a configuration that means `value`.
///
/// # Errors
/// Says what it would not take.
pub(crate) fn acceptable(agent: Agent, value: &Value) -> Result<(), String> {
    match agent {
        Agent::ClaudeCode => claude_code::acceptable(value),
        Agent::OpenClaw | Agent::Codex | Agent::Gemini | Agent::Copilot | Agent::OpenCode => Ok(()),
    }
}

/// The line with which a shell starts a hook. Clients let a call go on when a hook cannot be started or is killed, so the
/// shell outlives it and says no.
pub(crate) fn line(agent: Agent, program: &str, context: &Context<'_>) -> String {
    let words = std::iter::once(context.programs.path(program)).chain(arguments(agent, program, context.wishes));
    let call = words.map(|word| quote::when_needed(&word).into_owned()).collect::<Vec<_>>().join(" ");
    format!("{call} || {{ echo 'the Lobsterpot hook stopped this call' >&2; exit 2; }}")
}

/// The arguments of a hook.
pub(crate) fn arguments(agent: Agent, program: &str, wishes: &Wishes) -> Vec<String> {
    let mut arguments = vec!["--client".to_owned(), agent.protocol().to_owned()];
    if let Some(workspace) = &wishes.workspace {
        arguments.extend(["--workspace".to_owned(), workspace.to_string_lossy().into_owned()]);
    }
    if wishes.approve && program == SHELL_HOOK {
        arguments.push("--approve".to_owned());
    }
    arguments
}
