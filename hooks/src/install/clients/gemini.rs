//! Gemini CLI: two hooks in `settings.json`, as lines for a shell. Times are milliseconds here: `10` would end every hook at
//! once, and let the call go on.

use serde_json::{Value, json};

use crate::install::agent::{Agent, Scope};
use crate::install::change::{Change, Mark};
use crate::install::clients::{Context, PATIENCE_SECONDS, Piece, Values, line};
use crate::install::json::Dialect;
use crate::install::programs::{FILE_HOOK, SHELL_HOOK};

/// Where the hooks are.
const HOOKS: [&str; 2] = ["hooks", "BeforeTool"];

/// The same wait as for other clients, in milliseconds.
const TIMEOUT: u32 = PATIENCE_SECONDS * 1000;

/// The files of an installation.
pub(crate) fn pieces(context: &Context<'_>) -> Vec<Piece> {
    let path = match context.scope {
        Scope::User => context.person.home.join(".gemini/settings.json"),
        Scope::Managed => context.person.system("/etc/gemini-cli/settings.json"),
    };
    vec![Piece::Edited { path, dialect: Dialect::Commented, changes }]
}

/// What is to be so in the settings.
///
/// # Errors
/// When the file has a shape in which it cannot be.
fn changes(context: &Context<'_>, _values: &Values<'_>) -> Result<Vec<Change>, String> {
    Ok(vec![
        group(context, SHELL_HOOK, "^run_shell_command$", "lobsterpot-shell"),
        group(context, FILE_HOOK, ".*", "lobsterpot-files"),
    ])
}

/// The group of one hook.
fn group(context: &Context<'_>, program: &str, matcher: &str, name: &str) -> Change {
    let command = line(Agent::Gemini, program, context);
    let hook = json!({ "type": "command", "name": name, "command": command, "timeout": TIMEOUT });
    Change::element(&HOOKS, json!({ "matcher": matcher, "hooks": [hook] }), Mark::Program(program.to_owned()))
}

/// What a person should know.
pub(crate) fn warnings(context: &Context<'_>, settings: &Value) -> Vec<String> {
    let mut warnings = inactive(settings);
    if context.scope == Scope::User {
        warnings.push(
            "the settings of a repository in a trusted folder can switch these hooks off (hooksConfig)".to_owned(),
        );
    }
    warnings
}

/// Why the hooks do not run, as far as the settings say.
pub(crate) fn inactive(settings: &Value) -> Vec<String> {
    let mut reasons = Vec::new();
    if settings.pointer("/hooksConfig/enabled") == Some(&json!(false)) {
        reasons.push("the settings say hooksConfig.enabled = false: no hook runs until that is gone".to_owned());
    }
    let disabled = settings.pointer("/hooksConfig/disabled").and_then(Value::as_array);
    if disabled.is_some_and(|names| names.iter().filter_map(Value::as_str).any(|name| name.starts_with("lobsterpot-")))
    {
        reasons.push("hooksConfig.disabled names these hooks: they do not run until that is gone".to_owned());
    }
    reasons
}
