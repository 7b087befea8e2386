//! GitHub Copilot CLI: a file of our own in its folder of hooks. It has no matchers: both hooks see every tool.

use serde_json::json;

use crate::install::agent::{Agent, Scope};
use crate::install::change::{Change, Mark};
use crate::install::clients::{Context, PATIENCE_SECONDS, Piece, Values, line};
use crate::install::error::InstallError;
use crate::install::json::Dialect;
use crate::install::programs::{FILE_HOOK, SHELL_HOOK};

/// Where the hooks are in the file.
const HOOKS: [&str; 2] = ["hooks", "preToolUse"];

/// The files of an installation.
///
/// # Errors
/// For everybody's sessions: the client reads no such file.
pub(crate) fn pieces(context: &Context<'_>) -> Result<Vec<Piece>, InstallError> {
    if context.scope == Scope::Managed {
        let problem = "the client reads hooks from home folders and repositories only";
        return Err(InstallError::Scope { agent: Agent::Copilot.name(), scope: context.scope.name(), problem });
    }
    let path = context.person.home.join(".copilot/hooks/lobsterpot.json");
    Ok(vec![Piece::Edited { path, dialect: Dialect::Strict, changes }])
}

/// What is to be so in the file.
///
/// # Errors
/// When the file has a shape in which it cannot be.
fn changes(context: &Context<'_>, _values: &Values<'_>) -> Result<Vec<Change>, String> {
    let hook = |program: &str| {
        let command = line(Agent::Copilot, program, context);
        let entry = json!({ "type": "command", "bash": command, "timeoutSec": PATIENCE_SECONDS });
        Change::element(&HOOKS, entry, Mark::Program(program.to_owned()))
    };
    Ok(vec![Change::own(&["version"], json!(1)), hook(FILE_HOOK), hook(SHELL_HOOK)])
}

/// What a person should know.
pub(crate) fn warnings() -> Vec<String> {
    vec![
        "a repository's own hooks run as well (.github/hooks, .claude/settings.json); one that rewrites the command wins".to_owned(),
        "the client lets a call go on when a hook takes longer than its timeout".to_owned(),
    ]
}
