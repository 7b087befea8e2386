//! Claude Code: two hooks in `settings.json`, and the user's own rules for shell commands carried over.
//!
//! Exec form (`args`), so that no shell with a repository's `BASH_ENV` starts the hook; `onFailure`, so that a hook that
//! cannot be started stops the call; a `timeout` above the hooks' own deadline.

use serde_json::{Map, Value, json};

use crate::install::agent::{Agent, Scope};
use crate::install::change::{Change, Mark, starts};
use crate::install::clients::{Context, Piece, Values, arguments};
use crate::install::json::Dialect;
use crate::install::programs::{FILE_HOOK, LAUNCHER, SHELL_HOOK};

/// Where the hooks are.
const HOOKS: [&str; 2] = ["hooks", "PreToolUse"];

/// The tools that run shell commands.
const SHELLS: &str = "Bash|Monitor";

/// Every tool: what is no file tool is the policy's to judge.
const EVERYTHING: &str = "*";

/// Seconds; the hooks' own deadline is 5.
const TIMEOUT: u8 = 10;

/// Variables by which a repository's settings could make the client's own shell run something before the sandbox starts.
const BLANK: [&str; 4] = ["BASH_ENV", "ENV", "LD_PRELOAD", "LD_AUDIT"];

/// The kinds of permission rules.
const RULES: [&str; 3] = ["deny", "ask", "allow"];

/// The files of an installation.
pub(crate) fn pieces(context: &Context<'_>) -> Vec<Piece> {
    let path = match context.scope {
        Scope::User => context.person.home.join(".claude/settings.json"),
        Scope::Managed => context.person.system("/etc/claude-code/managed-settings.json"),
    };
    vec![Piece::Edited { path, dialect: Dialect::Strict, changes }]
}

/// What is to be so in the settings, given what they say now.
///
/// # Errors
/// When the file has a shape in which it cannot be.
fn changes(context: &Context<'_>, values: &Values<'_>) -> Result<Vec<Change>, String> {
    let mut changes = vec![group(context, SHELL_HOOK, SHELLS), group(context, FILE_HOOK, EVERYTHING)];
    for kind in RULES {
        for rule in carried(values.current, kind, &context.programs.path(LAUNCHER)) {
            changes.push(Change::element(&["permissions", kind], json!(rule), Mark::Same));
        }
    }
    if context.scope == Scope::Managed {
        changes.push(Change::shared(&["allowManagedHooksOnly"], json!(true)));
        changes.extend(BLANK.iter().map(|name| Change::shared(&["env", name], json!(""))));
    }
    Ok(changes)
}

/// The group of one hook.
fn group(context: &Context<'_>, program: &str, matcher: &str) -> Change {
    let hook = json!({
        "type": "command",
        "command": context.programs.path(program),
        "args": arguments(Agent::ClaudeCode, program, context.wishes),
        "timeout": TIMEOUT,
        "onFailure": "block",
    });
    Change::element(&HOOKS, json!({ "matcher": matcher, "hooks": [hook] }), Mark::Program(program.to_owned()))
}

/// The rules of one kind that speak of the original command, in the words of the rewritten one.
///
/// The client applies its rules to the rewritten text alone, so a rule that is not carried over no longer does anything.
fn carried(settings: &Value, kind: &str, launcher: &str) -> Vec<String> {
    let Some(Value::Array(rules)) = settings.pointer(&format!("/permissions/{kind}")) else { return Vec::new() };
    let patterns = rules.iter().filter_map(|rule| rule.as_str()?.strip_prefix("Bash(")?.strip_suffix(')'));
    let foreign = patterns.filter(|pattern| !pattern.contains(launcher));
    foreign.map(|pattern| format!("Bash({launcher} * -c '{})", begun(pattern))).collect()
}

/// A pattern for the beginning of a quoted command. `git:*` is the older way to write `git *`.
fn begun(pattern: &str) -> String {
    let pattern = pattern.strip_suffix(":*").map_or_else(|| pattern.to_owned(), |start| format!("{start}*"));
    let quoted = pattern.replace('\'', "'\\''");
    if quoted.ends_with('*') { quoted } else { format!("{quoted}*") }
}

/// What a person should know.
pub(crate) fn warnings(context: &Context<'_>, settings: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    if context.scope == Scope::User {
        warnings.push(
            "a repository's settings can switch these hooks off (disableAllHooks); with `--scope managed`, as root, they cannot".to_owned(),
        );
    }
    warnings.extend(inactive(settings));
    let others = rivals(settings);
    if others > 0 {
        warnings.push(format!(
            "{others} other PreToolUse hooks see shell calls; if one of them rewrites the command, the one that ends last wins"
        ));
    }
    warnings
}

/// Why no hook runs, as far as the settings say.
pub(crate) fn inactive(settings: &Value) -> Vec<String> {
    let off = settings.get("disableAllHooks") == Some(&json!(true));
    off.then(|| "the settings say disableAllHooks: no hook runs until that is gone".to_owned()).into_iter().collect()
}

/// How many hooks of others could rewrite a shell call.
fn rivals(settings: &Value) -> usize {
    let Some(Value::Array(groups)) = settings.pointer("/hooks/PreToolUse") else { return 0 };
    let sees = |group: &&Value| match group.get("matcher").and_then(Value::as_str) {
        None | Some("" | "*") => true,
        Some(matcher) => matcher.contains("Bash") || matcher.contains("Monitor") || matcher.contains(['.', '^', '(']),
    };
    let entries = groups.iter().filter(sees).filter_map(|group| group.get("hooks")?.as_array()).flatten();
    entries.filter(|entry| !starts(entry, SHELL_HOOK) && !starts(entry, FILE_HOOK)).count()
}

/// Whether the client would take the settings; it drops a whole file for one wrong value.
///
/// # Errors
/// Says what it would not take.
pub(crate) fn acceptable(settings: &Value) -> Result<(), String> {
    let none = Map::new();
    let events = match settings.get("hooks") {
        None => &none,
        Some(Value::Object(events)) => events,
        Some(_) => return Err("`hooks` is not an object".to_owned()),
    };
    let lists = events.iter().filter(|(event, _)| event.ends_with("ToolUse"));
    for (event, groups) in lists {
        let groups = groups.as_array().ok_or_else(|| format!("`hooks.{event}` is not a list"))?;
        for entry in groups.iter().filter_map(|group| group.get("hooks")?.as_array()).flatten() {
            if entry.get("timeout").is_some_and(|timeout| timeout.as_f64().is_none_or(|seconds| seconds <= 0.0)) {
                return Err(format!("a hook of {event} has a timeout that is no positive number"));
            }
        }
    }
    let permissions = settings.get("permissions").unwrap_or(&Value::Null);
    match RULES.iter().find(|kind| permissions.get(kind).is_some_and(|rules| !rules.is_array())) {
        Some(kind) => Err(format!("`permissions.{kind}` is not a list")),
        None => Ok(()),
    }
}
