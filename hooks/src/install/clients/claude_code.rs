//! Claude Code: two hooks in `settings.json`, and the user's own rules for shell commands carried over.
//!
//! Exec form (`args`), so that no shell with a repository's `BASH_ENV` starts the hook; `onFailure`, so that a hook that
//! cannot be started stops the call; a `timeout` above the hooks' own deadline.

use std::path::{Path, PathBuf};

use lobsterpot_policy::USER_POLICY;
use serde_json::{Map, Value, json};

use crate::install::agent::{Agent, Scope};
use crate::install::change::{Change, Mark, starts};
use crate::install::clients::{Context, PATIENCE_SECONDS, Piece, Values, arguments};
use crate::install::json::Dialect;
use crate::install::prefix;
use crate::install::programs::{FILE_HOOK, LAUNCHER, SHELL_HOOK};

/// Where the hooks are.
const HOOKS: [&str; 2] = ["hooks", "PreToolUse"];

/// The tools that run shell commands.
const SHELLS: &str = "Bash|Monitor";

/// Every tool: what is no file tool is the policy's to judge.
const EVERYTHING: &str = "*";

/// Variables by which a repository's settings could make the client's own shell run something before the sandbox starts.
const BLANK: [&str; 4] = ["BASH_ENV", "ENV", "LD_PRELOAD", "LD_AUDIT"];

/// The kinds of permission rules.
const RULES: [&str; 3] = ["deny", "ask", "allow"];

/// The kinds that are carried over. A rule that allows cannot be: the client does not let a star before the command allow
/// anything, since options could be slipped in there.
const CARRIED: [&str; 2] = ["deny", "ask"];

/// What stands before a command in the rewritten text: the quote, or the end of the command before it.
const BEGINNINGS: [&str; 4] = ["'", "& ", "; ", "| "];

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
    for kind in CARRIED {
        for rule in carried(values.current, kind, &context.programs.path(LAUNCHER)) {
            changes.push(Change::element(&["permissions", kind], json!(rule), Mark::Same));
        }
    }
    if let Some((link, _)) = shell(context) {
        let link = prefix::named(&link, context.scope, context.person);
        if link.to_string_lossy().contains(char::is_whitespace) {
            return Err("--shell-prefix needs a home folder without spaces in its name".to_owned());
        }
        changes.push(Change::shared(&["env", prefix::VARIABLE], json!(prefix::value(&link))));
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
        "timeout": PATIENCE_SECONDS,
        "onFailure": "block",
    });
    Change::element(&HOOKS, json!({ "matcher": matcher, "hooks": [hook] }), Mark::Program(program.to_owned()))
}

/// The rules of one kind that speak of the original command, in the words of the rewritten one.
///
/// The client applies its rules to the rewritten text alone, so a rule that is not carried over no longer does anything.
/// Seen with 2.1.329: these four forms find the command at its beginning and behind `&&`, `;` and `|`, whether the
/// rewriting keeps the folder or not. They are a little stricter than the original: `rm *` becomes `rm*`.
fn carried(settings: &Value, kind: &str, launcher: &str) -> Vec<String> {
    // Those of an installation from another folder are no rules of the user's, either.
    let own = patterns(settings, kind).filter(|pattern| !pattern.contains(&format!("/{LAUNCHER} ")));
    own.flat_map(|pattern| {
        let quoted = begun(pattern).replace('\'', "'\\''");
        BEGINNINGS.map(|beginning| format!("Bash(*{launcher} *{beginning}{quoted})"))
    })
    .collect()
}

/// What the rules of one kind say of shell commands.
fn patterns<'a>(settings: &'a Value, kind: &str) -> impl Iterator<Item = &'a str> {
    let rules = settings.pointer(&format!("/permissions/{kind}")).and_then(Value::as_array).into_iter().flatten();
    rules.filter_map(|rule| rule.as_str()?.strip_prefix("Bash(")?.strip_suffix(')'))
}

/// A pattern for the beginning of a command. `git:*` is the older way to write `git *`.
fn begun(pattern: &str) -> String {
    let start = pattern.strip_suffix(":*").or_else(|| pattern.strip_suffix(" *")).unwrap_or(pattern);
    if start.ends_with('*') { start.to_owned() } else { format!("{start}*") }
}

/// The launcher's other name, with which the client starts its own shell: where it is, and what it leads to.
pub(crate) fn shell(context: &Context<'_>) -> Option<(PathBuf, PathBuf)> {
    context.prefixed.then(|| prefix::link(context, &context.programs.path(LAUNCHER)))
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
    if !context.wishes.approve && patterns(settings, "allow").any(|pattern| !pattern.contains(LAUNCHER)) {
        warnings.push("your rules that allow shell commands no longer match the rewritten ones, so you will be asked; with --approve, what runs in the sandbox is allowed".to_owned());
    }
    if patterns(settings, "deny").chain(patterns(settings, "ask")).next().is_some() {
        warnings.push("your rules that deny or ask about shell commands are carried over when this is run: run it again after changing them".to_owned());
    }
    warnings.extend(about_the_prefix(context));
    warnings.extend(outrun(settings));
    warnings
}

/// What a person should know of the client's own shell.
fn about_the_prefix(context: &Context<'_>) -> Vec<String> {
    if !context.prefixed {
        let left_out = "OpenClaw is here, and what it runs by Claude Code (claude-cli) is not guarded without the prefix of the shell: its own answer to a call may win over the hook's".to_owned();
        return prefix::has_openclaw(context.scope, context.person).then_some(left_out).into_iter().collect();
    }
    let line = match &context.wishes.workspace {
        Some(workspace) => format!("for this one, the policy must say: {}", prefix::policy_line(workspace)),
        None => {
            format!("to name one, the policy says, for example: {}", prefix::policy_line(Path::new("~/code/project")))
        }
    };
    let policy = context.person.home.join(USER_POLICY);
    vec![
        format!("{}; {line} (\"{}\")", prefix::ELSEWHERE, policy.display()),
        "behind the prefix of the shell every command starts in the session's folder: a `cd` ends with its command"
            .to_owned(),
    ]
}

/// Why another hook may decide what a shell call runs, as far as the settings say.
pub(crate) fn outrun(settings: &Value) -> Option<String> {
    let others = rivals(settings);
    (others > 0 && prefix::of(settings).is_none()).then(|| {
        format!(
            "{others} other PreToolUse hooks see shell calls; if one of them rewrites the command, the one that ends last wins: take --shell-prefix, which holds in any case"
        )
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{acceptable, carried, rivals};

    #[test]
    fn a_rule_that_denies_is_carried_over_to_every_place_of_the_command() {
        let settings = json!({ "permissions": { "deny": ["Read", "Bash(rm *)", "Bash(it's:*)", "Bash(*/l/sandbox-exec *'rm*)"] } });
        let rules = carried(&settings, "deny", "/l/sandbox-exec");
        assert_eq!(
            rules,
            [
                "Bash(*/l/sandbox-exec *'rm*)",
                "Bash(*/l/sandbox-exec *& rm*)",
                "Bash(*/l/sandbox-exec *; rm*)",
                "Bash(*/l/sandbox-exec *| rm*)",
                r"Bash(*/l/sandbox-exec *'it'\''s*)",
                r"Bash(*/l/sandbox-exec *& it'\''s*)",
                r"Bash(*/l/sandbox-exec *; it'\''s*)",
                r"Bash(*/l/sandbox-exec *| it'\''s*)",
            ]
        );
        assert!(carried(&settings, "ask", "/l/sandbox-exec").is_empty());
    }

    #[test]
    fn what_makes_the_client_drop_the_whole_file_is_refused() {
        let hook = |timeout| json!({ "hooks": { "PreToolUse": [{ "hooks": [{ "timeout": timeout }] }] } });
        for wrong in [
            hook(json!(0)),
            hook(json!(-1)),
            hook(json!("10")),
            json!({ "hooks": [] }),
            json!({ "permissions": { "allow": "all" } }),
        ] {
            assert!(acceptable(&wrong).is_err(), "{wrong}");
        }
        for right in [hook(json!(0.5)), hook(json!(10)), json!({})] {
            assert_eq!(acceptable(&right), Ok(()), "{right}");
        }
    }

    #[test]
    fn hooks_that_could_put_the_old_command_back_are_counted() {
        let group = |matcher: &str| json!({ "matcher": matcher, "hooks": [{ "command": "/their/hook" }] });
        let ours = json!({ "matcher": "Bash", "hooks": [{ "command": "/x/sandbox-exec-hook" }] });
        let settings =
            json!({ "hooks": { "PreToolUse": [group("Bash"), group("Read"), group("B.*"), group("*"), ours] } });
        assert_eq!(rivals(&settings), 3);
    }
}
