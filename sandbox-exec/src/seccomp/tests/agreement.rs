//! Every program says exactly what the data says, for every number and for arguments around every value that matters.

use std::collections::BTreeSet;

use super::data::{Data, Rule};
use super::machine::{self, Call};
use super::{ALLOW, NOTIFY, PLAIN, SYSCALLS, Variant, errno, number, oracle, select};
use crate::seccomp::reported;

#[test]
fn every_program_means_what_the_data_says() {
    let data = Data::read();
    for variant in Variant::all() {
        for call in SYSCALLS {
            for arguments in interesting(&data.rules_for(variant, call.name)) {
                let found = machine::run(select(variant).instructions(), &Call::native(call.number, &arguments));
                let expected = data.verdict(variant, call.name, &arguments);
                assert_eq!(found, expected, "{}{arguments:#x?} under {variant:?}", call.name);
            }
        }
    }
}

#[test]
fn every_program_agrees_with_the_plain_compilation_of_each_rule() {
    let data = Data::read();
    for variant in Variant::all() {
        for call in SYSCALLS {
            let rules = data.rules_for(variant, call.name);
            let filters: Vec<_> = rules.iter().map(|rule| oracle::filter(rule, variant, call.number)).collect();
            for arguments in interesting(&rules) {
                let request = Call::native(call.number, &arguments);
                let found = machine::run(select(variant).instructions(), &request);
                assert_eq!(found, oracle::answer(&filters, &request), "{}{arguments:#x?} under {variant:?}", call.name);
            }
        }
    }
}

#[test]
fn the_supervisor_refuses_what_is_reported_with_the_errno_of_its_rule_and_nothing_else() {
    let data = Data::read();
    let mut seen = 0;
    for call in SYSCALLS {
        let concerned = |rule: &&Rule| rule.is_reported() && rule.calls().iter().any(|name| name == call.name);
        if !data.rules.iter().any(|rule| concerned(&rule)) {
            assert!(reported(call.number, &[0; 6]).is_none(), "{}", call.name);
            continue;
        }
        for variant in Variant::all().filter(|variant| variant.supervised) {
            for arguments in interesting(&data.rules_for(variant, call.name)) {
                if data.verdict(variant, call.name, &arguments) == NOTIFY {
                    let refused = data.verdict(Variant { supervised: false, ..variant }, call.name, &arguments);
                    let found = reported(call.number, &arguments).map(|refusal| errno(refusal.errno.into()));
                    assert_eq!(found, Some(refused), "{}{arguments:#x?} under {variant:?}", call.name);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 1000, "{seen}");
}

#[test]
fn unknown_numbers_are_unknown_to_the_plain_compilation_too() {
    let known = oracle::known(SYSCALLS.iter().map(|call| call.number));
    for number in 0..1200 {
        let call = Call::native(number, &[]);
        let plain = machine::run(&known, &call);
        for variant in Variant::all() {
            let found = machine::run(select(variant).instructions(), &call);
            assert!(plain == ALLOW || found == plain, "{number} under {variant:?}: {found:#x}");
        }
    }
}

#[test]
fn every_call_of_the_kernels_table_is_allowed_or_has_a_rule() {
    let data = Data::read();
    for call in SYSCALLS {
        let ruled = data.rules.iter().any(|rule| rule.calls().iter().any(|name| name == call.name));
        assert!(ruled || data.allowed.contains(call.name), "{} is not listed", call.name);
    }
}

#[test]
fn no_rule_is_dead() {
    let data = Data::read();
    for (place, rule) in data.rules.iter().enumerate() {
        assert!(!rule.reason().trim().is_empty(), "rule {place} has no reason");
        for name in rule.calls() {
            let Some(number) = number(&name) else { continue };
            let decides = Variant::all().any(|variant| {
                let rules = data.rules_for(variant, &name);
                let others: Vec<&Rule> = rules.iter().copied().filter(|other| !std::ptr::eq(*other, rule)).collect();
                let without: Vec<_> = others.iter().map(|rule| oracle::filter(rule, variant, number)).collect();
                interesting(&rules).iter().any(|arguments| {
                    let call = Call::native(number, arguments);
                    machine::run(select(variant).instructions(), &call) != oracle::answer(&without, &call)
                })
            });
            assert!(decides, "rule {place} ({}) never decides about {name}", rule.reason());
        }
    }
}

#[test]
fn no_program_returns_an_action_that_the_data_does_not_know() {
    let data = Data::read();
    let mut known: BTreeSet<u32> = data.rules.iter().map(Rule::answer).collect();
    known.extend([ALLOW, super::KILL, errno(libc::ENOSYS)]);
    for variant in Variant::all() {
        let program = select(variant).instructions();
        let returned: BTreeSet<u32> = program.iter().filter(|line| line.code == 0x06).map(|line| line.k).collect();
        assert!(returned.is_subset(&known), "{returned:#x?}");
        assert_eq!(
            returned.contains(&NOTIFY),
            variant.supervised || variant.watched,
            "a notification without a supervisor, or none with one"
        );
    }
}

#[test]
fn finding_an_answer_takes_few_steps_so_that_loading_stays_cheap() {
    let steps = |number| machine::count(select(PLAIN).instructions(), &Call::native(number, &[])).1;
    let total: usize = (0..500).map(steps).sum();
    assert!(total < 500 * 14, "{total} steps for 500 numbers");
}

/// Arguments on both sides of every value that a rule looks at, with and without high bits, in all combinations.
fn interesting(rules: &[&Rule]) -> Vec<[u64; 6]> {
    let mut values: [BTreeSet<u64>; 6] = Default::default();
    for (argument, mask, is) in
        rules.iter().flat_map(|rule| [rule.conditions("when"), rule.conditions("unless")].concat())
    {
        for value in is {
            let outside = !mask.unwrap_or(0xffff_ffff) & 0xffff_ffff;
            values[argument].extend([value, value ^ 1 << 32, value ^ 1 << 63]);
            values[argument].extend([value ^ 1, value.wrapping_add(1), value.wrapping_sub(1), value | outside]);
        }
        let bits = (0..32).map(|bit| 1_u64 << bit).filter(|bit| mask.is_some_and(|mask| mask & bit != 0));
        values[argument].extend(bits);
        values[argument].extend([0, u64::MAX]);
    }
    values.iter().enumerate().fold(vec![[0; 6]], |combined, (argument, values)| {
        let with = |arguments: &[u64; 6], value: u64| {
            let mut arguments = *arguments;
            arguments[argument] = value;
            arguments
        };
        let extend = |arguments: &[u64; 6]| values.iter().map(|value| with(arguments, *value)).collect::<Vec<_>>();
        if values.is_empty() { combined } else { combined.iter().flat_map(extend).collect() }
    })
}
