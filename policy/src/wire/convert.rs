//! From the sections of a file to one layer of policy.

use std::collections::BTreeMap;

use toml::Spanned;

use super::document::{Document, EnvironmentSection, List};
use super::entry::{AmountEntry, PathEntry};
use super::locate::Locator;
use super::tools;
use super::{examples, hosts};
use crate::error::PolicyError;
use crate::name::{NameError, NamePattern, is_name};
use crate::once;
use crate::origin::Tier;
use crate::overlay::{Overlay, Stated};
use crate::pattern::Pattern;
use crate::rule::Rule;
use crate::units::{Amount, LimitName};

/// Checks and converts a whole file.
///
/// # Errors
/// When a statement is malformed or may not stand in this kind of file.
pub(super) fn overlay(document: Document, at: &Locator<'_>) -> Result<Overlay, PolicyError> {
    check_places(&document, at)?;
    let Document {
        profile,
        extends,
        workspace,
        files,
        network,
        environment,
        limits,
        require,
        syscalls,
        tools: clients,
    } = document;
    let EnvironmentSection { pass, unpass, set } = environment;
    let allow = hosts::list(network.allow, hosts::Effect::Allow, at)?;
    let deny = hosts::list(network.deny, hosts::Effect::Deny, at)?;
    Ok(Overlay {
        profile: profile.map(|profile| stated(profile, at)),
        extends: extends.map(Spanned::into_inner),
        roots: rules(workspace.roots, at)?,
        home: files.home.map(|home| stated(home, at)),
        read: rules(files.read, at)?,
        write: rules(files.write, at)?,
        scratch: rules(files.scratch, at)?,
        overlay: rules(files.overlay, at)?,
        mask: rules(files.mask, at)?,
        protect: rules(files.protect, at)?,
        sockets: rules(files.sockets, at)?,
        unread: rules(files.unread, at)?,
        unmask: rules(files.unmask, at)?,
        network: hosts::mode(network.mode, at)?,
        hosts: allow.rules,
        groups: allow.groups,
        deny: deny.rules,
        deny_groups: deny.groups,
        proxy: network.proxy.map(|offered| stated(offered, at)),
        publish: hosts::published(network.publish, at)?,
        pass: names(pass, at)?,
        unpass: names(unpass, at)?,
        set: set.into_iter().map(|(name, value)| variable(name, value, at)).collect::<Result<_, _>>()?,
        limits: amounts(limits, at)?,
        require: require.into_iter().map(|(layer, requirement)| (layer, stated(requirement, at))).collect(),
        ptrace: syscalls.ptrace.map(|permission| stated(permission, at)),
        user_namespaces: syscalls.user_namespaces.map(|permission| stated(permission, at)),
        tools: clients
            .into_iter()
            .map(|(client, section)| Ok((client, tools::overlay(section, at)?)))
            .collect::<Result<_, PolicyError>>()?,
    })
}

/// Refuses keys that only other kinds of file may have.
///
/// # Errors
/// When such a key is there.
fn check_places(document: &Document, at: &Locator<'_>) -> Result<(), PolicyError> {
    let misplaced = |span, key, advice| Err(PolicyError::Misplaced { at: at.position(&span), key, advice });
    match (at.source().tier, &document.profile, &document.extends) {
        (Tier::BuiltIn(_), Some(profile), _) => misplaced(profile.span(), "profile", "write `extends`"),
        (Tier::Workspace, Some(profile), _) => {
            misplaced(profile.span(), "profile", "remove it; the user chooses the profile, not the workspace")
        }
        (Tier::System | Tier::User | Tier::Explicit | Tier::Flags | Tier::Workspace, _, Some(extends)) => {
            misplaced(extends.span(), "extends", "write `profile` to choose a built-in profile to build on")
        }
        _ => Ok(()),
    }
}

/// Adds where a value stands to the value.
pub(super) fn stated<T>(value: Spanned<T>, at: &Locator<'_>) -> Stated<T> {
    let origin = at.origin(&value.span());
    Stated { value: value.into_inner(), origin }
}

/// Converts a list of path rules, each pattern once.
///
/// # Errors
/// When a pattern is malformed or does not fit its examples.
fn rules(entries: List<PathEntry>, at: &Locator<'_>) -> Result<Vec<Rule>, PolicyError> {
    let mut rules = entries.into_iter().map(|entry| rule(entry, at)).collect::<Result<Vec<Rule>, _>>()?;
    once::keep_first(&mut rules, |one, other| one.pattern.cmp(&other.pattern));
    Ok(rules)
}

/// Converts one path rule.
///
/// # Errors
/// When the pattern is malformed or does not fit its examples.
fn rule(entry: Spanned<PathEntry>, at: &Locator<'_>) -> Result<Rule, PolicyError> {
    let span = entry.span();
    let PathEntry { path, notes } = entry.into_inner();
    let pattern = Pattern::parse(&path).map_err(|source| PolicyError::Pattern { at: at.position(&span), source })?;
    examples::check_path(&pattern, &notes, || at.position(&span))?;
    Ok(Rule { pattern, reason: notes.reason, origin: at.origin(&span) })
}

/// Converts a list of variable names.
///
/// # Errors
/// When a name is malformed.
fn names(entries: List<String>, at: &Locator<'_>) -> Result<Vec<Stated<NamePattern>>, PolicyError> {
    let name = |entry: Spanned<String>| {
        let span = entry.span();
        let value = NamePattern::parse(entry.get_ref())
            .map_err(|source| PolicyError::Name { at: at.position(&span), source })?;
        Ok(Stated { value, origin: at.origin(&span) })
    };
    entries.into_iter().map(name).collect()
}

/// Converts one variable with its value.
///
/// # Errors
/// When the name or the value cannot be in an environment.
fn variable(name: String, value: Spanned<String>, at: &Locator<'_>) -> Result<(String, Stated<String>), PolicyError> {
    if is_name(&name) && !value.get_ref().contains('\0') {
        return Ok((name, stated(value, at)));
    }
    let source = NameError::BadCharacter { text: name.escape_debug().to_string() };
    Err(PolicyError::Name { at: at.position(&value.span()), source })
}

/// Converts the limits.
///
/// # Errors
/// When an amount is malformed.
fn amounts(
    entries: BTreeMap<LimitName, Spanned<AmountEntry>>,
    at: &Locator<'_>,
) -> Result<BTreeMap<LimitName, Stated<Amount>>, PolicyError> {
    let amount = |(limit, entry): (LimitName, Spanned<AmountEntry>)| {
        let span = entry.span();
        let value =
            limit.amount(&entry.get_ref().0).map_err(|source| PolicyError::Unit { at: at.position(&span), source })?;
        Ok((limit, Stated { value, origin: at.origin(&span) }))
    };
    entries.into_iter().map(amount).collect()
}
