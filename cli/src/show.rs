//! How a run of the installer is shown to a person.

use lobsterpot_hooks::install::{Agent, Outcome, Report};

/// The whole report. `verb` is what was to be done, as in "installed".
pub(crate) fn report(agent: Agent, verb: &str, report: &Report) -> String {
    let mut text = String::new();
    for file in &report.files {
        text.push_str(&file.difference);
        if let Some(backup) = &file.backup {
            text.push_str(&format!("the old file is kept as {}\n", backup.display()));
        }
    }
    for check in &report.checks {
        text.push_str(&format!("tried: {check}\n"));
    }
    for warning in &report.warnings {
        text.push_str(&format!("note: {warning}\n"));
    }
    text.push_str(&match report.outcome {
        Outcome::Unchanged => format!("{agent}: nothing to change\n"),
        Outcome::Planned => format!("{agent}: nothing was changed (--dry-run)\n"),
        Outcome::Changed => format!("{agent}: {verb}\n"),
    });
    text
}
