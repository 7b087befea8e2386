//! Checks that a rule matches what it says it matches.

use std::path::PathBuf;

use super::entry::Notes;
use crate::error::{PolicyError, Position};
use crate::host::HostRule;
use crate::pattern::{Pattern, Places, Purpose};

/// Checks the examples of a path rule.
///
/// # Errors
/// When an example is malformed or does not fit.
pub(super) fn check_path(pattern: &Pattern, notes: &Notes, at: impl Fn() -> Position) -> Result<(), PolicyError> {
    if notes.examples.is_empty() && notes.counter_examples.is_empty() {
        return Ok(());
    }
    let places = imaginary_places();
    let rules = pattern.resolve(&places, Purpose::Restrict);
    let matched = |example: &str| -> Result<bool, PolicyError> {
        let example = Pattern::parse(example).map_err(|source| PolicyError::Pattern { at: at(), source })?;
        let paths = example.resolve(&places, Purpose::Grant);
        Ok(paths.iter().all(|path| path.literal().is_some_and(|path| rules.iter().any(|rule| rule.covers(path)))))
    };
    judge(pattern.text(), notes, &at, matched)
}

/// Checks the examples of a host rule.
///
/// # Errors
/// When an example is malformed or does not fit.
pub(super) fn check_host(rule: &HostRule, notes: &Notes, at: impl Fn() -> Position) -> Result<(), PolicyError> {
    let matched = |example: &str| -> Result<bool, PolicyError> {
        let target =
            HostRule::parse(example, rule.origin.clone()).map_err(|source| PolicyError::Host { at: at(), source })?;
        Ok(target.single().is_some_and(|(name, port)| rule.matches(&name, port)))
    };
    judge(&rule.to_string(), notes, &at, matched)
}

/// Compares every example with what the rule does.
///
/// # Errors
/// When an example is malformed or does not fit.
fn judge(
    rule: &str,
    notes: &Notes,
    at: impl Fn() -> Position,
    matched: impl Fn(&str) -> Result<bool, PolicyError>,
) -> Result<(), PolicyError> {
    for example in &notes.examples {
        if !matched(example)? {
            return Err(PolicyError::Example { at: at(), rule: rule.to_owned(), example: example.clone() });
        }
    }
    for example in &notes.counter_examples {
        if matched(example)? {
            return Err(PolicyError::CounterExample { at: at(), rule: rule.to_owned(), example: example.clone() });
        }
    }
    Ok(())
}

/// A host where every kind of folder is somewhere else, so that examples mean the same everywhere.
fn imaginary_places() -> Places {
    Places { home: PathBuf::from("/~"), workspaces: vec![PathBuf::from("/~workspace")], ..Places::default() }
}
