//! The data files read once more, without the build script's help, and what they mean for a call.

use std::collections::BTreeSet;

use toml::Table;

use super::{ALLOW, NOTIFY, errno};
use crate::seccomp::Variant;

/// Both files.
pub(super) struct Data {
    /// Every name in `allowed.toml`.
    pub(super) allowed: BTreeSet<String>,
    /// `rules.toml`, in order.
    pub(super) rules: Vec<Rule>,
}

/// A rule, as its table.
pub(super) struct Rule(Table);

/// A condition: argument, mask, values.
pub(super) type Condition = (usize, Option<u64>, Vec<u64>);

impl Data {
    /// Parses both files.
    pub(super) fn read() -> Self {
        let allowed: Table = toml::from_str(include_str!("../../../seccomp/allowed.toml")).unwrap();
        let rules: Table = toml::from_str(include_str!("../../../seccomp/rules.toml")).unwrap();
        let rules = rules["rule"].as_array().unwrap().iter().map(|rule| Rule(rule.as_table().unwrap().clone()));
        Self { allowed: allowed.values().flat_map(strings).collect(), rules: rules.collect() }
    }

    /// The rules for a call that exist in `variant`.
    pub(super) fn rules_for(&self, variant: Variant, name: &str) -> Vec<&Rule> {
        self.rules
            .iter()
            .filter(|rule| rule.is_active(variant) && rule.calls().iter().any(|call| call == name))
            .collect()
    }

    /// What the files say about a call.
    pub(super) fn verdict(&self, variant: Variant, name: &str, arguments: &[u64; 6]) -> u32 {
        let applies = |rule: &&Rule| {
            let when = rule.conditions("when");
            let unless = rule.conditions("unless");
            when.iter().all(|condition| holds(condition, arguments))
                && (unless.is_empty() || !unless.iter().all(|condition| holds(condition, arguments)))
        };
        match self.rules_for(variant, name).into_iter().find(applies) {
            Some(rule) => rule.answer_in(variant),
            None if self.allowed.contains(name) => ALLOW,
            None => errno(libc::ENOSYS),
        }
    }
}

impl Rule {
    /// The names concerned.
    pub(super) fn calls(&self) -> Vec<String> {
        strings(&self.0["calls"])
    }

    /// The action as the filter's return value.
    pub(super) fn answer(&self) -> u32 {
        match self.text("action").unwrap() {
            "notify" => NOTIFY,
            "EPERM" => errno(libc::EPERM),
            "EACCES" => errno(libc::EACCES),
            "ENOSYS" => errno(libc::ENOSYS),
            "EPROTONOSUPPORT" => errno(libc::EPROTONOSUPPORT),
            "EOPNOTSUPP" => errno(libc::EOPNOTSUPP),
            "EAFNOSUPPORT" => errno(libc::EAFNOSUPPORT),
            other => panic!("unknown action {other}"),
        }
    }

    /// What the filter of `variant` returns: the supervisor has to hear of what it is to report.
    pub(super) fn answer_in(&self, variant: Variant) -> u32 {
        if variant.supervised && self.is_reported() { NOTIFY } else { self.answer() }
    }

    /// Whether the refusal is reported.
    pub(super) fn is_reported(&self) -> bool {
        self.text("hint").is_some()
    }

    /// Why.
    pub(super) fn reason(&self) -> &str {
        self.text("reason").unwrap()
    }

    /// Whether the rule exists in `variant`.
    fn is_active(&self, variant: Variant) -> bool {
        let lifted = match self.text("lifted_by") {
            Some("ptrace") => variant.ptrace,
            Some("user_namespaces") => variant.user_namespaces,
            Some(other) => panic!("unknown flag {other}"),
            None => false,
        };
        let wanted = match self.text("only_with") {
            Some("supervised") => variant.supervised,
            Some("offline") => variant.offline,
            Some("watched") => variant.watched,
            Some(other) => panic!("unknown flag {other}"),
            None => true,
        };
        wanted && !lifted
    }

    /// The conditions under a key.
    pub(super) fn conditions(&self, key: &str) -> Vec<Condition> {
        let condition = |value: &toml::Value| {
            let integer = |value: &toml::Value| u64::try_from(value.as_integer().unwrap()).unwrap();
            let values = value["is"].as_array().unwrap().iter().map(integer).collect();
            (usize::try_from(integer(&value["argument"])).unwrap(), value.get("mask").map(integer), values)
        };
        self.0.get(key).map_or_else(Vec::new, |list| list.as_array().unwrap().iter().map(condition).collect())
    }

    /// A text field.
    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.as_str().unwrap())
    }
}

/// Whether a condition holds for the low half of its argument.
fn holds((argument, mask, values): &Condition, arguments: &[u64; 6]) -> bool {
    values.contains(&(arguments[*argument] & 0xffff_ffff & mask.unwrap_or(u64::MAX)))
}

/// A list of strings.
fn strings(value: &toml::Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}
