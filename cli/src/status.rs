//! `lobsterpot status`: which clients are here, and which of them are guarded.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};
use lobsterpot_hooks::install::{ClientStatus, Question, status};

use crate::failure::Failure;
use crate::{Status, doctor, options, say, show_lines};

/// Its part of the command line.
pub(crate) fn command() -> Command {
    Command::new("status")
        .about("Shows which clients are here and guarded; ends with 1 when one is not")
        .args(options::folders())
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("For programs"))
}

/// Runs it.
///
/// # Errors
/// When it cannot look.
pub(crate) fn run(matches: &ArgMatches) -> Result<Status, Failure> {
    let folder = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let question = Question { programs: folder("bin-dir"), home: folder("home"), root: folder("root") };
    let found = status(&question)?;
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&found).map_err(|error| Failure::Output { source: error.into() })?;
        say(&format!("{text}\n"))?;
    } else {
        let mut text: String = found.clients.iter().map(shown).collect();
        if text.is_empty() {
            text.push_str("no client was found\n");
        }
        if question.home.is_none() && question.root.is_none() {
            text.push_str(&vault());
        }
        show_lines(&text)?;
    }
    Ok(if found.is_covered() { Status::Done } else { Status::Lacking })
}

/// The vault, for a person.
fn vault() -> String {
    let own = std::env::current_exe().ok();
    let vault = own.and_then(|own| own.parent().map(doctor::vault));
    vault.unwrap_or_default()
}

/// One client, for a person.
fn shown(client: &ClientStatus) -> String {
    let word = if client.covered { "guarded" } else { "NOT guarded" };
    let version = client.program_version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let mut text = format!("{}{version}: {word}\n", client.client);
    if client.scopes.is_empty() {
        text.push_str(&format!("  nothing is installed: `lobsterpot install {}`\n", client.client));
    }
    for scope in &client.scopes {
        text.push_str(&format!(
            "  scope {}: {}\n",
            scope.scope.name(),
            if scope.active { "active" } else { "not active" }
        ));
        for problem in &scope.problems {
            text.push_str(&format!("    {problem}\n"));
        }
    }
    for backend in &client.backends {
        let word = if backend.covered { "guarded" } else { "NOT guarded" };
        text.push_str(&format!("  backend {}: {word}: {}\n", backend.name, backend.reason));
    }
    text
}
