//! Checks on the data that need the kernel's tables: every call has a verdict, every name and every rule has a use.

use std::collections::BTreeSet;

use crate::Outcome;
use crate::data::{Policy, Rule};
use crate::table::Table;
use crate::variant::Variant;

/// Refuses names that no architecture's table has: they are misspelt.
pub(crate) fn names(policy: &Policy, tables: &[Table]) -> Outcome<()> {
    let known: BTreeSet<&String> = tables.iter().flat_map(|table| table.names.values()).collect();
    let used = policy.allowed.iter().chain(policy.rules.iter().flat_map(|rule| &rule.calls));
    let unknown: Vec<&str> = used.filter(|name| !known.contains(name)).map(String::as_str).collect();
    complain("the filter names calls that no kernel has (misspelt?)", &unknown)
}

/// Refuses calls that fall through every rule without being allowed, and data that never decides anything.
pub(crate) fn verdicts(policy: &Policy, table: &Table) -> Outcome<()> {
    let mut open = Vec::new();
    let mut idle = Vec::new();
    for name in table.names.values() {
        let falls_through = Variant::all().any(|variant| !is_decided(&active(policy, name, variant)));
        match (falls_through, policy.allowed.contains(name)) {
            (true, false) => open.push(name.as_str()),
            (false, true) => idle.push(name.as_str()),
            (true, true) | (false, false) => {}
        }
    }
    complain("calls that are neither in allowed.toml nor refused in every variant by rules.toml", &open)?;
    complain("calls in allowed.toml that rules.toml refuses in every variant", &idle)?;
    complain("rules that an earlier rule shadows in every variant", &shadowed(policy))
}

/// The rules for `name` that exist in `variant`, in order.
fn active<'a>(policy: &'a Policy, name: &str, variant: Variant) -> Vec<&'a Rule> {
    policy.rules.iter().filter(|rule| rule.is_active(variant) && rule.calls.iter().any(|call| call == name)).collect()
}

/// Whether some rule applies whatever the arguments.
fn is_decided(rules: &[&Rule]) -> bool {
    rules.iter().any(|rule| rule.is_unconditional())
}

/// Names of calls in rules that come after an unconditional one wherever they exist.
fn shadowed(policy: &Policy) -> Vec<&str> {
    let reached = |rule: &Rule, name: &str, variant| {
        let rules = active(policy, name, variant);
        let before: Vec<&Rule> = rules.iter().copied().take_while(|other| !std::ptr::eq(*other, rule)).collect();
        before.len() < rules.len() && !is_decided(&before)
    };
    let uses = policy.rules.iter().flat_map(|rule| rule.calls.iter().map(move |name| (rule, name.as_str())));
    uses.filter(|(rule, name)| !Variant::all().any(|variant| reached(rule, name, variant)))
        .map(|(_, name)| name)
        .collect()
}

/// Turns a list of offenders into an error.
fn complain(what: &str, names: &[&str]) -> Outcome<()> {
    if names.is_empty() { Ok(()) } else { Err(format!("seccomp: {what}: {}", names.join(", ")).into()) }
}
