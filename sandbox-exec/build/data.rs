//! The filter as data: `seccomp/allowed.toml` and `seccomp/rules.toml`, parsed into domain types.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::Outcome;
use crate::variant::Variant;

/// All that the data says.
pub(crate) struct Policy {
    /// Names that every filter lets through where no rule applies.
    pub(crate) allowed: BTreeSet<String>,
    /// In the order in which they are tried.
    pub(crate) rules: Vec<Rule>,
}

/// One purpose for which calls are refused or supervised.
pub(crate) struct Rule {
    /// The names concerned.
    pub(crate) calls: Vec<String>,
    /// What happens to them.
    pub(crate) action: Action,
    /// Applies only if all of these hold.
    pub(crate) when: Vec<Condition>,
    /// Does not apply if all of these hold; without effect when empty.
    pub(crate) unless: Vec<Condition>,
    /// Variants without this rule.
    pub(crate) lifted_by: Option<Flag>,
    /// The only variants with this rule.
    pub(crate) only_with: Option<Flag>,
    /// Why.
    pub(crate) reason: String,
    /// What to do instead; the refusal is reported then. Empty otherwise.
    pub(crate) hint: String,
}

/// What a rule does to a call.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    /// The caller sees this errno.
    Errno(u16),
    /// The supervisor decides.
    Notify,
}

/// A field of [`Variant`].
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flag {
    /// [`Variant::ptrace`]
    Ptrace,
    /// [`Variant::user_namespaces`]
    UserNamespaces,
    /// [`Variant::supervised`]
    Supervised,
    /// [`Variant::offline`]
    Offline,
    /// [`Variant::watched`]
    Watched,
}

/// The low 32 bits of an argument, cut to a mask, are one of some values.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// Which argument, from 0.
    pub(crate) argument: u8,
    /// Bits that are looked at; all when absent.
    pub(crate) mask: Option<u32>,
    /// Values that hold.
    pub(crate) is: Vec<u32>,
}

/// The wire form of `rules.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    /// `[[rule]]`
    rule: Vec<WireRule>,
}

/// The wire form of one rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRule {
    /// Names.
    calls: Vec<String>,
    /// `notify` or the name of an errno.
    action: String,
    /// Conditions that must hold.
    #[serde(default)]
    when: Vec<Condition>,
    /// Conditions that must not hold together.
    #[serde(default)]
    unless: Vec<Condition>,
    /// Variant flag.
    lifted_by: Option<Flag>,
    /// Variant flag.
    only_with: Option<Flag>,
    /// Mandatory.
    reason: String,
    /// Only with an errno.
    #[serde(default)]
    hint: String,
}

impl Rule {
    /// Whether the rule exists in `variant`.
    pub(crate) fn is_active(&self, variant: Variant) -> bool {
        !self.lifted_by.is_some_and(|flag| flag.is_set(variant))
            && self.only_with.is_none_or(|flag| flag.is_set(variant))
    }

    /// What a filter of `variant` does with a call that the rule decides: what is to be reported passes through the supervisor's hands.
    pub(crate) fn action_in(&self, variant: Variant) -> Action {
        if variant.supervised && !self.hint.is_empty() { Action::Notify } else { self.action }
    }

    /// Whether the rule decides every call, whatever the arguments.
    pub(crate) fn is_unconditional(&self) -> bool {
        self.when.is_empty() && self.unless.is_empty()
    }
}

impl Flag {
    /// The flag's value in `variant`.
    pub(crate) fn is_set(self, variant: Variant) -> bool {
        match self {
            Self::Ptrace => variant.ptrace,
            Self::UserNamespaces => variant.user_namespaces,
            Self::Supervised => variant.supervised,
            Self::Offline => variant.offline,
            Self::Watched => variant.watched,
        }
    }
}

impl TryFrom<WireRule> for Rule {
    type Error = Box<dyn std::error::Error>;

    fn try_from(wire: WireRule) -> Outcome<Self> {
        let subject = wire.calls.join(", ");
        if wire.calls.is_empty() || wire.reason.trim().is_empty() {
            return Err(format!("rule for [{subject}]: `calls` and `reason` must not be empty").into());
        }
        for condition in wire.when.iter().chain(&wire.unless) {
            let mask = condition.mask.unwrap_or(u32::MAX);
            if condition.argument > 5 || condition.is.is_empty() || condition.is.iter().any(|value| value & !mask != 0)
            {
                return Err(format!("rule for [{subject}]: a condition that cannot hold").into());
            }
        }
        let action = action(&wire.action).ok_or_else(|| {
            format!(
                "rule for [{subject}]: unknown action `{}`: write notify, or an errno listed in build/data.rs",
                wire.action
            )
        })?;
        if matches!(action, Action::Notify) && !wire.hint.is_empty() {
            return Err(format!("rule for [{subject}]: a `hint` is for what is refused in any case").into());
        }
        let WireRule { calls, when, unless, lifted_by, only_with, reason, hint, .. } = wire;
        Ok(Self { calls, action, when, unless, lifted_by, only_with, reason, hint })
    }
}

/// The meaning of an action's name. These errno values are the same on every architecture that filters are built for.
fn action(name: &str) -> Option<Action> {
    Some(match name {
        "notify" => Action::Notify,
        "EPERM" => Action::Errno(1),
        "EACCES" => Action::Errno(13),
        "ENOSYS" => Action::Errno(ENOSYS),
        "EPROTONOSUPPORT" => Action::Errno(93),
        "EOPNOTSUPP" => Action::Errno(95),
        "EAFNOSUPPORT" => Action::Errno(97),
        _ => return None,
    })
}

/// The answer to numbers that the table does not know.
pub(crate) const ENOSYS: u16 = 38;

/// Reads both files from `folder`.
pub(crate) fn read(folder: &Path) -> Outcome<Policy> {
    let groups: BTreeMap<String, Vec<String>> = parse(&folder.join("allowed.toml"))?;
    let rules: RuleFile = parse(&folder.join("rules.toml"))?;
    let mut allowed = BTreeSet::new();
    for name in groups.into_values().flatten() {
        if let Some(double) = allowed.replace(name) {
            return Err(format!("allowed.toml lists `{double}` twice").into());
        }
    }
    let rules = rules.rule.into_iter().map(Rule::try_from).collect::<Outcome<_>>()?;
    Ok(Policy { allowed, rules })
}

/// Parses one TOML file; errors name it.
fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Outcome<T> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}
