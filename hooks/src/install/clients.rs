//! What is written for each client: one file per client, data only.

mod claude_code;
mod copilot;
mod gemini;

use std::path::PathBuf;

use semver::Version;
use serde_json::Value;

use crate::install::agent::{Agent, Scope};
use crate::install::change::Change;
use crate::install::error::InstallError;
use crate::install::json::Dialect;
use crate::install::person::Person;
use crate::install::programs::Programs;
use crate::install::version::Installed;
use crate::quote;

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
}

/// What the person who installs can choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Shell calls that run in the sandbox need nobody's approval.
    pub approve: bool,
    /// The workspace of every call, whatever the session says.
    pub workspace: Option<PathBuf>,
    /// The client's own shell is started through the sandbox as well.
    pub shell_prefix: bool,
}

/// One file of an installation.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A JSON file of the client's, in which something is changed.
    Json {
        /// Where it is.
        path: PathBuf,
        /// How the client spells it.
        dialect: Dialect,
        /// What is to be so, given what is in it.
        changes: fn(&Context<'_>, &Value) -> Vec<Change>,
    },
    /// A file that is ours alone.
    #[expect(dead_code, reason = "no client of this list has one")]
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
            Self::Json { path, .. } | Self::Whole { path, .. } => path,
        }
    }
}

/// The files of an installation, in the order in which they are written.
///
/// # Errors
/// When the client has no such scope.
pub(crate) fn pieces(agent: Agent, context: &Context<'_>) -> Result<Vec<Piece>, InstallError> {
    match agent {
        Agent::ClaudeCode => Ok(claude_code::pieces(context)),
        Agent::Gemini => Ok(gemini::pieces(context)),
        Agent::Copilot => copilot::pieces(context),
        Agent::OpenClaw | Agent::Codex | Agent::OpenCode => Err(InstallError::Scope {
            agent: agent.name(),
            scope: context.scope.name(),
            problem: "it is not known yet",
        }),
    }
}

/// What a person should know about an installation: `value` is what a file will mean.
pub(crate) fn warnings(agent: Agent, context: &Context<'_>, value: &Value) -> Vec<String> {
    match agent {
        Agent::ClaudeCode => claude_code::warnings(context, value),
        Agent::Gemini => gemini::warnings(context, value),
        Agent::Copilot => copilot::warnings(),
        Agent::OpenClaw | Agent::Codex | Agent::OpenCode => Vec::new(),
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

/// The line with which a shell starts a hook.
pub(crate) fn line(agent: Agent, program: &str, context: &Context<'_>) -> String {
    let words = std::iter::once(context.programs.path(program)).chain(arguments(agent, program, context.wishes));
    words.map(|word| quote::when_needed(&word).into_owned()).collect::<Vec<_>>().join(" ")
}

/// The arguments of a hook.
pub(crate) fn arguments(agent: Agent, program: &str, wishes: &Wishes) -> Vec<String> {
    let mut arguments = vec!["--client".to_owned(), agent.protocol().to_owned()];
    if let Some(workspace) = &wishes.workspace {
        arguments.extend(["--workspace".to_owned(), workspace.to_string_lossy().into_owned()]);
    }
    if wishes.approve && program == crate::install::programs::SHELL_HOOK {
        arguments.push("--approve".to_owned());
    }
    arguments
}
