//! The same rules compiled plainly by seccompiler, one filter per rule, as a second opinion on our compiler.
//!
//! seccompiler knows no negated masks and one action per filter, so a rule becomes either "refuse these arguments" or "let
//! only these through".

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::data::{Condition, Rule};
use super::machine::{self, Call};
use super::{ALLOW, NOTIFY, Variant};
use crate::seccomp::Instruction;

/// The architecture that the tests run on.
fn arch() -> TargetArch {
    std::env::consts::ARCH.try_into().unwrap()
}

/// seccompiler's filter for one rule, in a variant, and one call; other numbers must not be asked about.
pub(super) fn filter(rule: &Rule, variant: Variant, number: u32) -> Vec<Instruction> {
    let (when, unless) = (rule.conditions("when"), rule.conditions("unless"));
    let mut chain = products(if unless.is_empty() { &when } else { &unless });
    let action = match rule.answer_in(variant) {
        NOTIFY => SeccompAction::Trace(0),
        refusal => SeccompAction::Errno(refusal & 0xffff),
    };
    let (matches, else_) =
        if unless.is_empty() { (action, SeccompAction::Allow) } else { (SeccompAction::Allow, action) };
    if !unless.is_empty() {
        chain.extend(when.iter().map(misses));
    }
    compile(BTreeMap::from([(i64::from(number), chain)]), else_, matches)
}

/// seccompiler's filter that lets known numbers through.
pub(super) fn known(numbers: impl Iterator<Item = u32>) -> Vec<Instruction> {
    let numbers = numbers.map(|number| (i64::from(number), Vec::new())).collect();
    compile(numbers, SeccompAction::Errno(38), SeccompAction::Allow)
}

/// What a stack of filters answers: the first that does not allow decides.
pub(super) fn answer(filters: &[Vec<Instruction>], call: &Call) -> u32 {
    let trace = u32::from(SeccompAction::Trace(0));
    let answers = filters.iter().map(|filter| machine::run(filter, call));
    answers.map(|answer| if answer == trace { NOTIFY } else { answer }).find(|answer| *answer != ALLOW).unwrap_or(ALLOW)
}

/// Compiles one filter.
fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, else_: SeccompAction, matches: SeccompAction) -> Vec<Instruction> {
    let program = BpfProgram::try_from(SeccompFilter::new(rules, else_, matches, arch()).unwrap()).unwrap();
    program.iter().map(|line| Instruction { code: line.code, jt: line.jt, jf: line.jf, k: line.k }).collect()
}

/// One comparison of an argument's low half.
fn compare(argument: usize, operator: SeccompCmpOp, value: u64) -> SeccompCondition {
    SeccompCondition::new(u8::try_from(argument).unwrap(), SeccompCmpArgLen::Dword, operator, value).unwrap()
}

/// One rule for each combination of values that makes all conditions hold.
fn products(conditions: &[Condition]) -> Vec<SeccompRule> {
    let mut rules: Vec<Vec<SeccompCondition>> = vec![Vec::new()];
    for (argument, mask, values) in conditions {
        let mut longer = Vec::new();
        for rule in &rules {
            for value in values {
                let operator = mask.map_or(SeccompCmpOp::Eq, SeccompCmpOp::MaskedEq);
                longer.push([rule.as_slice(), &[compare(*argument, operator, *value)]].concat());
            }
        }
        rules = longer;
    }
    rules.into_iter().filter(|rule| !rule.is_empty()).map(|rule| SeccompRule::new(rule).unwrap()).collect()
}

/// The rule that matches when an unmasked condition does not hold.
fn misses((argument, mask, values): &Condition) -> SeccompRule {
    assert!(mask.is_none(), "seccompiler cannot negate a masked comparison");
    SeccompRule::new(values.iter().map(|value| compare(*argument, SeccompCmpOp::Ne, *value)).collect()).unwrap()
}
