//! The generated Rust source: programs, rules and names as constants.

use std::fmt::Write;

use crate::data::{Action, Condition, Flag, Policy, Rule};
use crate::graph::Instruction;
use crate::table::Table;

/// Renders everything that `src/seccomp/generated.rs` includes.
pub(crate) fn render(policy: &Policy, table: &Table, programs: &[Vec<Instruction>]) -> String {
    let rules: Vec<String> = policy.rules.iter().map(rule).collect();
    let calls: Vec<String> = table.names.iter().map(|(number, name)| call(policy, *number, name)).collect();
    let programs: Vec<String> = programs.iter().map(|instructions| program(instructions)).collect();
    [
        list("Every rule, in the order in which they are tried.", "RULES: &[Rule]", "&", &rules),
        list("Every call of the kernel's table, by number.", "SYSCALLS: &[Syscall]", "&", &calls),
        list("One program per variant.", "PROGRAMS: [&[Instruction]; Variant::COUNT]", "", &programs),
    ]
    .concat()
}

/// A documented static with one item per line.
fn list(documentation: &str, declaration: &str, sigil: &str, items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("    {item},\n")).collect();
    format!("/// {documentation}\npub(super) static {declaration} = {sigil}[\n{items}];\n")
}

/// A rule as an expression.
fn rule(rule: &Rule) -> String {
    let action = match rule.action {
        Action::Errno(errno) => format!("Action::Errno({errno})"),
        Action::Notify => "Action::Notify".to_owned(),
    };
    let (arguments, reason, hint) = (arguments(rule), &rule.reason, &rule.hint);
    let (lifted_by, only_with) = (flag(rule.lifted_by), flag(rule.only_with));
    let (when, unless) = (conditions(&rule.when), conditions(&rule.unless));
    format!(
        "Rule {{ action: {action}, when: {when}, unless: {unless}, arguments: {arguments:?}, reason: {reason:?}, hint: {hint:?}, lifted_by: {lifted_by}, only_with: {only_with} }}"
    )
}

/// Conditions as an expression.
fn conditions(conditions: &[Condition]) -> String {
    let one = |Condition { argument, mask, is }: &Condition| {
        let mask = mask.unwrap_or(u32::MAX);
        format!("Condition {{ argument: {argument}, mask: {mask:#x}, is: &{is:?} }}")
    };
    let all: Vec<String> = conditions.iter().map(one).collect();
    format!("&[{}]", all.join(", "))
}

/// A flag as an expression.
fn flag(flag: Option<Flag>) -> &'static str {
    match flag {
        None => "None",
        Some(Flag::Ptrace) => "Some(Flag::Ptrace)",
        Some(Flag::UserNamespaces) => "Some(Flag::UserNamespaces)",
        Some(Flag::Supervised) => "Some(Flag::Supervised)",
        Some(Flag::Offline) => "Some(Flag::Offline)",
        Some(Flag::Watched) => "Some(Flag::Watched)",
    }
}

/// For which arguments a rule applies, in words; empty if for all.
fn arguments(rule: &Rule) -> String {
    let mut words = String::new();
    for (keyword, conditions) in [("if", &rule.when), ("unless", &rule.unless)] {
        if conditions.is_empty() {
            continue;
        }
        let separator = if words.is_empty() { "" } else { ", " };
        let all: Vec<String> = conditions.iter().map(condition).collect();
        words.extend([separator, keyword, " ", &all.join(" and ")]);
    }
    words
}

/// A condition in words.
fn condition(condition: &Condition) -> String {
    let mut words = format!("argument {}", condition.argument);
    if let Some(mask) = condition.mask {
        // Writing to a string cannot fail.
        let _ = write!(words, " & {mask:#x}");
    }
    let values: Vec<String> = condition.is.iter().map(|value| format!("{value:#x}")).collect();
    words + " is " + &values.join(" or ")
}

/// A call and the places of its rules, as an expression.
fn call(policy: &Policy, number: u32, name: &str) -> String {
    let concerns = |rule: &Rule| rule.calls.iter().any(|call| call == name);
    let rules: Vec<usize> = (0..policy.rules.len()).filter(|place| concerns(&policy.rules[*place])).collect();
    format!("Syscall {{ number: {number}, name: {name:?}, rules: &{rules:?} }}")
}

/// A program as an expression.
fn program(instructions: &[Instruction]) -> String {
    let items: String = instructions
        .iter()
        .map(|Instruction { code, jt, jf, k }| format!("Instruction {{ code: {code}, jt: {jt}, jf: {jf}, k: {k} }}, "))
        .collect();
    format!("&[{items}]")
}
