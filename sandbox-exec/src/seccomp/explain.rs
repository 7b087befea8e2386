//! Words for reports: the name of a call, and what a filter does to it and why.

use super::generated::{RULES, SYSCALLS};
use super::variant::Variant;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It goes through.
    Allow,
    /// It fails with this errno.
    Errno(u16),
    /// The supervisor decides.
    Notify,
}

/// A field of [`Variant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Flag {
    /// The flag's value in `variant`.
    const fn is_set(self, variant: Variant) -> bool {
        match self {
            Self::Ptrace => variant.ptrace,
            Self::UserNamespaces => variant.user_namespaces,
            Self::Supervised => variant.supervised,
            Self::Offline => variant.offline,
            Self::Watched => variant.watched,
        }
    }
}

/// The low 32 bits of an argument, cut to a mask, are one of some values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// Which argument, from 0.
    pub(super) argument: usize,
    /// Bits that are looked at.
    pub(super) mask: u32,
    /// Values that hold.
    pub(super) is: &'static [u32],
}

impl Condition {
    /// Whether it holds for a call with these arguments.
    fn holds(&self, arguments: &[u64; 6]) -> bool {
        let low = arguments.get(self.argument).map(|argument| argument & u64::from(self.mask));
        low.is_some_and(|low| self.is.iter().any(|value| u64::from(*value) == low))
    }
}

/// One reason to refuse or supervise calls, from `seccomp/rules.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// What happens.
    pub(crate) action: Action,
    /// Applies only if all of these hold.
    pub(super) when: &'static [Condition],
    /// Does not apply if all of these hold; without effect when empty.
    pub(super) unless: &'static [Condition],
    /// For which arguments, in words; empty if for all.
    pub(crate) arguments: &'static str,
    /// Why.
    pub(crate) reason: &'static str,
    /// What to do instead. Empty when the refusal is not reported; with it, the supervisor gives the errno.
    pub(crate) hint: &'static str,
    /// Variants that grant this do not have the rule.
    pub(crate) lifted_by: Option<Flag>,
    /// Only variants with this have the rule.
    pub(crate) only_with: Option<Flag>,
}

impl Rule {
    /// Whether the rule exists in `variant`.
    fn is_active(&self, variant: Variant) -> bool {
        !self.lifted_by.is_some_and(|flag| flag.is_set(variant))
            && self.only_with.is_none_or(|flag| flag.is_set(variant))
    }

    /// Whether the rule is about a call with these arguments.
    fn applies(&self, arguments: &[u64; 6]) -> bool {
        let excepted = !self.unless.is_empty() && self.unless.iter().all(|condition| condition.holds(arguments));
        !excepted && self.when.iter().all(|condition| condition.holds(arguments))
    }
}

/// A call that is refused in any case, and reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// The call's name.
    pub(crate) call: &'static str,
    /// The errno that the caller sees.
    pub(crate) errno: u16,
    /// The rule, which says why and what to do instead.
    pub(crate) rule: &'static Rule,
}

/// The rule by which a call is refused and reported; `None` for all other calls. The rules with a hint exclude one another, so
/// that the variant does not matter: what it grants does not come to the supervisor.
pub(crate) fn reported(number: u32, arguments: &[u64; 6]) -> Option<Refusal> {
    let call = find(number)?;
    let rules = call.rules.iter().filter_map(|place| RULES.get(*place));
    rules.filter(|rule| !rule.hint.is_empty() && rule.applies(arguments)).find_map(|rule| match rule.action {
        Action::Errno(errno) => Some(Refusal { call: call.name, errno, rule }),
        Action::Allow | Action::Notify => None,
    })
}

/// A call of the kernel's table.
#[derive(Debug)]
pub(super) struct Syscall {
    /// Its number on this architecture.
    pub(super) number: u32,
    /// Its name.
    pub(super) name: &'static str,
    /// Places in [`RULES`].
    pub(super) rules: &'static [usize],
}

/// What a filter does to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// The call's name.
    pub(crate) name: &'static str,
    /// What happens whatever the arguments; [`Action::Allow`] if that depends on them, with the exceptions in `rules`.
    pub(crate) action: Action,
    /// The rules that exist in the variant, in the order in which they are tried. Empty for a call that is simply allowed.
    pub(crate) rules: Vec<&'static Rule>,
}

impl Explanation {
    #[cfg(test)]
    /// Why, in one line: the reasons of all rules, each with the arguments that it is about.
    pub(crate) fn reason(&self) -> String {
        let words = |rule: &&Rule| match rule.arguments {
            "" => rule.reason.to_owned(),
            arguments => format!("{} ({arguments})", rule.reason),
        };
        self.rules.iter().map(words).collect::<Vec<_>>().join("; ")
    }
}

/// What the filter of `variant` does to the call with this number; `None` for a number that this version does not know, which
/// answers `ENOSYS`.
pub(crate) fn explain(number: u32, variant: Variant) -> Option<Explanation> {
    let call = find(number)?;
    let rules: Vec<&'static Rule> =
        call.rules.iter().map(|place| &RULES[*place]).filter(|rule| rule.is_active(variant)).collect();
    let action = rules.iter().find(|rule| rule.arguments.is_empty()).map_or(Action::Allow, |rule| rule.action);
    Some(Explanation { name: call.name, action, rules })
}

#[cfg(test)]
/// The name of a call on this architecture.
pub(crate) fn syscall_name(number: u32) -> Option<&'static str> {
    find(number).map(|call| call.name)
}

/// The table's line for a number.
fn find(number: u32) -> Option<&'static Syscall> {
    SYSCALLS.binary_search_by_key(&number, |call| call.number).ok().map(|place| &SYSCALLS[place])
}
