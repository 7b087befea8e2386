//! One list of rules, resolved for one host when somebody first asks about it: most answers need few of the lists.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::origin::Tier;
use crate::pattern::{Places, Purpose, ResolvedPattern};
use crate::policy::Policy;
use crate::rule::Rule;

/// What rules are resolved from.
#[derive(Debug)]
pub(super) struct Ground {
    /// The policy.
    pub(super) policy: Arc<Policy>,
    /// The host.
    pub(super) places: Places,
}

/// One of the policy's lists.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// Where the rules are.
    ground: Arc<Ground>,
    /// Which they are.
    pick: fn(&Policy) -> &[Rule],
    /// What they are for.
    purpose: Purpose,
    /// What they mean, once that has been asked.
    resolved: OnceLock<Vec<Resolved>>,
}

/// One path that a rule stands for.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    /// The path or its wildcards.
    pub(super) paths: ResolvedPattern,
    /// The rule as written, and where.
    pub(super) rule: Arc<Rule>,
}

impl List {
    /// The rules that `pick` finds in the policy.
    pub(super) fn new(ground: &Arc<Ground>, purpose: Purpose, pick: fn(&Policy) -> &[Rule]) -> Self {
        Self { ground: Arc::clone(ground), pick, purpose, resolved: OnceLock::new() }
    }

    /// Every path that the rules stand for.
    fn resolve(&self) -> Vec<Resolved> {
        let bases = self.ground.places.all_bases(self.purpose);
        let rules = (self.pick)(&self.ground.policy);
        let mut resolved = Vec::with_capacity(rules.len() * 2);
        for rule in rules {
            let rule = Arc::new(rule.clone());
            rule.pattern.resolve_in(&bases, &mut |paths| resolved.push(Resolved { paths, rule: Arc::clone(&rule) }));
        }
        resolved
    }
}

impl Deref for List {
    type Target = [Resolved];

    fn deref(&self) -> &[Resolved] {
        self.resolved.get_or_init(|| self.resolve())
    }
}

impl Resolved {
    /// The rule for a verdict: its text, and where it was written.
    pub(super) fn label(&self) -> String {
        self.rule.label()
    }

    /// Whether the rule comes with the program and is not about workspaces.
    pub(super) fn is_builtin_place(&self) -> bool {
        matches!(self.rule.origin.tier, Tier::BuiltIn(_)) && !self.rule.pattern.is_relative()
    }
}

/// The first rule that covers `path`.
pub(super) fn covering<'a>(rules: &'a [Resolved], path: &Path) -> Option<&'a Resolved> {
    rules.iter().find(|rule| rule.paths.covers(path))
}
