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

/// One reason to refuse or supervise calls, from `seccomp/rules.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// What happens.
    pub(crate) action: Action,
    /// For which arguments, in words; empty if for all.
    pub(crate) arguments: &'static str,
    /// Why.
    pub(crate) reason: &'static str,
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
