//! `sandbox-exec check`: what this host offers, layer by layer, found out by trying it.
//!
//! `trial` tries and looks, `judge` says what that means (and touches nothing), this module prints.

mod judge;
mod observe;
#[cfg(test)]
mod tests;
mod trial;

use serde_json::{Value, json};

use crate::args::Format;
use crate::exit::Exit;
use crate::report::print;
use crate::report::words::{Lines, harmless};
use judge::{Finding, State};
use observe::Observed;

/// The version of the JSON format.
const VERSION: u32 = 1;

/// Prints the report. The status says whether the default policy can run here.
pub(crate) fn run(format: Format) -> Exit {
    let observed = Observed::now();
    let findings = judge::findings(&observed);
    print(&match format {
        Format::Text => text(&observed.kernel, &findings),
        Format::Json => json(&observed.kernel, &findings),
    });
    if missing(&findings).is_empty() { Exit::Success } else { Exit::Unsupported }
}

/// The names of what the default policy needs and this host lacks.
fn missing(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().filter(|finding| finding.stops_default_policy()).map(|finding| finding.name).collect()
}

/// The report for a person.
fn text(kernel: &str, findings: &[Finding]) -> String {
    let mut lines = Lines::default();
    lines.plain(&format!("Linux {}", harmless(kernel)));
    lines.gap();
    lines.plain(&format!("{:20}{:9}{:7}{}", "layer", "state", "since", "what"));
    for Finding { name, state, since, detail, remedy, .. } in findings {
        lines.plain(&format!("{name:20}{:9}{:7}{}", state.word(), since.unwrap_or("–"), harmless(detail)));
        for line in remedy.iter().flat_map(|remedy| remedy.lines()) {
            lines.plain(&format!("{:20}→ {}", "", harmless(line)));
        }
    }
    lines.gap();
    let missing = missing(findings);
    lines.plain(&match missing.as_slice() {
        [] => "The default policy can run here.".to_owned(),
        names => format!("The default policy cannot run here: it requires {}.", names.join(", ")),
    });
    lines.into_text()
}

/// The report for a program. Keys are stable: a change that breaks a reader changes `version`.
fn json(kernel: &str, findings: &[Finding]) -> String {
    let layer = |finding: &Finding| {
        json!({
            "name": finding.name,
            "state": finding.state.word(),
            "required": finding.required,
            "since": finding.since,
            "detail": finding.detail,
            "remedy": finding.remedy,
        })
    };
    let report = json!({
        "version": VERSION,
        "kernel": kernel,
        "can_run": missing(findings).is_empty(),
        "layers": findings.iter().map(layer).collect::<Vec<Value>>(),
    });
    format!("{report}\n")
}

impl State {
    /// The state in one word.
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Missing => "missing",
        }
    }
}
