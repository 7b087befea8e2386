//! `lobsterpot doctor`: everything that a sandbox needs, looked at once, each with what to do. It changes nothing and shows no secret.

mod agents;
mod check;
mod host;
mod log;
mod policy;
mod programs;
mod vault;

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};
use lobsterpot_hooks::install::Question;
use serde_json::json;

use crate::failure::Failure;
use crate::{Status, home, options, say, show_lines};
use check::{Check, State};

/// Its part of the command line.
pub(crate) fn command() -> Command {
    Command::new("doctor")
        .about("Looks at programs, host, policy, hooks, vault and log; ends with 1 when something fails")
        .args(options::folders())
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("For programs"))
}

/// Runs it.
///
/// # Errors
/// When nobody reads the answer.
pub(crate) fn run(matches: &ArgMatches) -> Result<Status, Failure> {
    let folder = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let question = Question { programs: folder("bin-dir"), home: folder("home"), root: folder("root") };
    let checks = examine(&question);
    if matches.get_flag("json") {
        let listed: Vec<_> = checks.iter().map(Check::as_json).collect();
        let ok = checks.iter().all(|check| check.state != State::Fail);
        let text = serde_json::to_string_pretty(&json!({ "version": 1, "ok": ok, "checks": listed }));
        say(&format!("{}\n", text.map_err(|error| Failure::Output { source: error.into() })?))?;
    } else {
        show_lines(&checks.iter().map(Check::line).collect::<String>())?;
    }
    Ok(if checks.iter().any(|check| check.state == State::Fail) { Status::Lacking } else { Status::Done })
}

/// Every check, in the order in which what they are about is needed.
fn examine(question: &Question) -> Vec<Check> {
    let beside = std::env::current_exe().ok().and_then(|own| own.parent().map(Path::to_path_buf));
    let Some(folder) = question.programs.clone().or(beside) else {
        return vec![Check::fail("programs", "their folder is unknown").hint("name it: --bin-dir DIR")];
    };
    let own_home = question.home.clone().unwrap_or_else(home::own);
    let mut checks = programs::checks(&folder);
    checks.extend(host::checks(&folder));
    checks.extend(policy::checks(&own_home, question.root.as_deref()));
    checks.extend(agents::checks(question));
    // Where another home or root is named, the vault that its own program would find is not the one that is meant.
    if question.home.is_none() && question.root.is_none() {
        checks.push(vault::check(&folder));
    }
    checks.push(log::check(question.home.as_ref()));
    checks
}

/// What there is to say of the vault whose program lies in `folder`, as lines of a list of other things.
pub(crate) fn vault(folder: &Path) -> String {
    vault::check(folder).entry()
}
