//! What a run's report says about the network, when there is something to say.

use serde_json::{Value, json};

use super::words::harmless;
use crate::args::{Format, Mode};
use crate::way_out::{Asked, Learned, Summary};

/// How many refusals are named.
const NAMED: usize = 5;
/// What to know about names that could not be resolved.
const UNRESOLVED: &str =
    "hint: the policy allows it: check the spelling, and outside of the sandbox what `getent ahosts NAME` says";
/// How many refusals a report for programs names.
const LISTED: usize = 200;

/// The report, empty when there is nothing to say.
pub(super) fn text(summary: &Summary, asked_for: (Mode, Format)) -> String {
    match asked_for {
        (Mode::Explain, Format::Json) => format!("{}\n", json(summary)),
        (Mode::Run | Mode::Explain | Mode::DryRun, _) => words(summary),
    }
}

/// The report for a person.
fn words(summary: &Summary) -> String {
    let mut lines = Vec::new();
    let mut hints: Vec<&str> = Vec::new();
    for (asked, hint) in summary.refused.iter().take(NAMED) {
        lines.push(format!("sandbox-exec: network: refused {asked} ({}){}", asked.reason, times(asked)));
        if let Some(hint) = hint.as_deref().filter(|hint| !hints.contains(hint)) {
            lines.push(format!("hint: {hint}"));
            hints.push(hint);
        }
    }
    for asked in summary.unresolved.iter().take(NAMED) {
        lines.push(format!("sandbox-exec: network: {asked} could not be resolved ({}){}", asked.reason, times(asked)));
    }
    if !summary.unresolved.is_empty() {
        lines.push(UNRESOLVED.to_owned());
    }
    let unnamed = summary.refused.len().saturating_sub(NAMED) + summary.unresolved.len().saturating_sub(NAMED);
    let more = u64::try_from(unnamed).unwrap_or(u64::MAX).saturating_add(summary.others);
    if more > 0 {
        lines.push(format!("sandbox-exec: network: … and {more} more: lobsterpot log"));
    }
    if summary.unreadable > 0 {
        let count = summary.unreadable;
        lines.push(format!("sandbox-exec: network: lobsterpot-egress told {count} things that make no sense"));
    }
    if let Some(learned) = &summary.learned {
        lines.extend(rules(learned));
    }
    // The hosts were asked for inside: nothing of them may drive a terminal.
    lines.iter().map(|line| format!("{}\n", harmless(line))).collect()
}

/// How often, when more than once.
fn times(asked: &Asked) -> String {
    if asked.times > 1 { format!(", {} times", asked.times) } else { String::new() }
}

/// The rules that would have allowed what was asked for, as a policy file has them.
fn rules(learned: &Learned) -> Vec<String> {
    if learned.rules.is_empty() && learned.looked_up.is_empty() {
        return vec!["sandbox-exec: network: nothing was asked for, so there is nothing to learn".to_owned()];
    }
    let mut lines = vec![
        "sandbox-exec: network: these rules would have allowed what was asked for:".to_owned(),
        "[network]".to_owned(),
        "allow = [".to_owned(),
    ];
    lines.extend(learned.rules.iter().map(|rule| format!("  \"{rule}\",")));
    lines.extend(learned.looked_up.iter().map(|name| format!("  # {name} was looked up and not connected to")));
    lines.push("]".to_owned());
    lines
}

/// The report for a program.
fn json(summary: &Summary) -> Value {
    let refused = summary.refused.iter().take(LISTED).map(|(asked, hint)| {
        json!({
            "host": asked.host,
            "port": asked.port,
            "protocol": asked.protocol,
            "reason": asked.reason.to_string(),
            "times": asked.times,
            "hint": hint,
        })
    });
    let unnamed = u64::try_from(summary.refused.len().saturating_sub(LISTED)).unwrap_or(u64::MAX);
    json!({
        "version": super::json::VERSION,
        "network": {
            "refused": refused.collect::<Vec<_>>(),
            "unresolved": summary.unresolved.iter().take(LISTED).map(|asked| {
                json!({ "host": asked.host, "port": asked.port, "times": asked.times })
            }).collect::<Vec<_>>(),
            "more": summary.others.saturating_add(unnamed),
            "ended": summary.ended,
            "unreadable": summary.unreadable,
            "learned": summary.learned.as_ref().map(|learned| &learned.rules),
        },
    })
}

#[cfg(test)]
mod tests {
    use lobsterpot_policy::ReasonCode;

    use super::*;

    fn refused(host: &str, times: u64, hint: Option<&str>) -> (Asked, Option<String>) {
        let reason = ReasonCode::HostNotAllowed;
        (Asked { host: host.to_owned(), port: 443, protocol: "tls", reason, times }, hint.map(str::to_owned))
    }

    #[test]
    fn five_refusals_are_named_and_the_others_counted() {
        let mut summary = Summary { others: 4, ..Summary::default() };
        for number in 0..7 {
            summary.refused.push(refused(&format!("host{number}.example"), number + 1, Some("add it")));
        }
        let text = text(&summary, (Mode::Run, Format::Text));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "sandbox-exec: network: refused host0.example:443 (net.host-not-allowed)",
                "hint: add it",
                "sandbox-exec: network: refused host1.example:443 (net.host-not-allowed), 2 times",
                "sandbox-exec: network: refused host2.example:443 (net.host-not-allowed), 3 times",
                "sandbox-exec: network: refused host3.example:443 (net.host-not-allowed), 4 times",
                "sandbox-exec: network: refused host4.example:443 (net.host-not-allowed), 5 times",
                "sandbox-exec: network: … and 6 more: lobsterpot log",
            ]
        );
    }

    #[test]
    fn what_could_not_be_resolved_is_not_called_refused() {
        let asked = Asked {
            host: "typo.example".to_owned(),
            port: 443,
            protocol: "tcp",
            reason: ReasonCode::Unresolved,
            times: 2,
        };
        let summary = Summary { unresolved: vec![asked], ..Summary::default() };
        let text = text(&summary, (Mode::Run, Format::Text));
        assert!(
            text.starts_with(
                "sandbox-exec: network: typo.example:443 could not be resolved (net.unresolved), 2 times\nhint: "
            ),
            "{text}"
        );
        assert!(!text.contains("refused"), "{text}");
    }

    #[test]
    fn a_quiet_run_says_nothing_to_a_person_and_one_line_to_a_program() {
        assert_eq!(text(&Summary::default(), (Mode::Run, Format::Text)), "");
        assert_eq!(text(&Summary::default(), (Mode::Explain, Format::Text)), "");
        let line = text(&Summary::default(), (Mode::Explain, Format::Json));
        assert_eq!(line.lines().count(), 1);
        assert!(line.contains("\"refused\":[]"), "{line}");
    }

    #[test]
    fn learned_rules_can_be_pasted_into_a_policy() {
        let learned =
            Learned { rules: vec!["example.com:80,443".to_owned()], looked_up: vec!["only.example".to_owned()] };
        let text = text(&Summary { learned: Some(learned), ..Summary::default() }, (Mode::Run, Format::Text));
        let (_, block) = text.split_once('\n').expect("a heading");
        let parsed: toml::Table = block.parse().expect("TOML");
        assert_eq!(parsed["network"]["allow"][0].as_str(), Some("example.com:80,443"));
        assert_eq!(parsed["network"]["allow"].as_array().map(Vec::len), Some(1));
    }
}
