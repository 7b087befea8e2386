//! The entries of `[network]`.

use toml::Spanned;

use super::convert::stated;
use super::document::List;
use super::entry::{AmountEntry, HostEntry, PublishEntry};
use super::examples;
use super::locate::Locator;
use crate::error::PolicyError;
use crate::group::Group;
use crate::host::{Bounds, HostError, HostRule, Ports};
use crate::overlay::Stated;
use crate::policy::NetworkMode;
use crate::publish::Publish;
use crate::units::LimitName;

/// What a list of hosts is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// They may be reached.
    Allow,
    /// They may not be reached.
    Deny,
}

/// Converts the mode.
///
/// # Errors
/// When it is one that files cannot choose.
pub(super) fn mode(
    mode: Option<Spanned<NetworkMode>>,
    at: &Locator<'_>,
) -> Result<Option<Stated<NetworkMode>>, PolicyError> {
    match mode {
        Some(mode) if *mode.get_ref() == NetworkMode::Learn => Err(PolicyError::Misplaced {
            at: at.position(&mode.span()),
            key: "mode = \"learn\"",
            advice: "choose it for one run: `sandbox-exec --net learn -- COMMAND`",
        }),
        mode => Ok(mode.map(|mode| stated(mode, at))),
    }
}

/// What a list of hosts says.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// Its rules.
    pub(super) rules: Vec<HostRule>,
    /// The groups that it names.
    pub(super) groups: Vec<Stated<Group>>,
}

/// Converts a list of hosts and groups.
///
/// # Errors
/// When an entry is malformed or does not fit its examples.
pub(super) fn list(entries: List<HostEntry>, effect: Effect, at: &Locator<'_>) -> Result<Hosts, PolicyError> {
    let mut hosts = Hosts::default();
    for entry in entries {
        if entry.get_ref().host.starts_with('@') {
            hosts.groups.push(group(&entry, at)?);
        } else {
            hosts.rules.push(rule(entry, effect, at)?);
        }
    }
    Ok(hosts)
}

/// Converts the name of a group.
///
/// # Errors
/// When there is no such group, or when something is said beside its name.
fn group(entry: &Spanned<HostEntry>, at: &Locator<'_>) -> Result<Stated<Group>, PolicyError> {
    let HostEntry { host, ports, methods, paths, max_bytes, rate, notes } = entry.get_ref();
    let position = || at.position(&entry.span());
    let bare = ports.is_empty() && methods.is_empty() && paths.is_empty() && max_bytes.is_none() && rate.is_none();
    if !bare || !notes.examples.is_empty() || !notes.counter_examples.is_empty() {
        return Err(PolicyError::Misplaced {
            at: position(),
            key: "ports, methods, paths, max_bytes, rate or examples",
            advice: "write the name of the group alone; its lines have ports of their own",
        });
    }
    let value =
        Group::parse(host).ok_or_else(|| PolicyError::Host { at: position(), source: HostError::no_group(host) })?;
    Ok(Stated { value, origin: at.origin(&entry.span()) })
}

/// Converts one host rule.
///
/// # Errors
/// When the host, a port, a path or a bound is malformed, or the rule does not fit its examples.
fn rule(entry: Spanned<HostEntry>, effect: Effect, at: &Locator<'_>) -> Result<HostRule, PolicyError> {
    let span = entry.span();
    let HostEntry { host, ports, methods, paths, max_bytes, rate, notes } = entry.into_inner();
    let wrong = |source| PolicyError::Host { at: at.position(&span), source };
    let size = |amount: Option<AmountEntry>| {
        let read = |amount: AmountEntry| LimitName::size(&amount.0);
        amount.map(read).transpose().map_err(|source| PolicyError::Unit { at: at.position(&span), source })
    };
    let bounds = Bounds { max_bytes: size(max_bytes)?, rate: size(rate)? };
    let narrowed = !methods.is_empty() || !paths.is_empty() || bounds != Bounds::default();
    if narrowed && effect == Effect::Deny {
        return Err(PolicyError::Misplaced {
            at: at.position(&span),
            key: "methods, paths, max_bytes or rate",
            advice: "remove them: a host is denied as a whole, or at some of its ports",
        });
    }
    let ports = if ports.is_empty() { None } else { Some(Ports::listed(ports).map_err(wrong)?) };
    let mut rule = match effect {
        Effect::Allow => HostRule::parse_with(&host, ports, at.origin(&span)),
        Effect::Deny => HostRule::parse_deny_with(&host, ports, at.origin(&span)),
    }
    .map_err(wrong)?;
    rule = rule.with_requests(&methods, &paths).and_then(|rule| rule.with_bounds(bounds)).map_err(wrong)?;
    examples::check_host(&rule, &notes, || at.position(&span))?;
    rule.reason = notes.reason;
    Ok(rule)
}

/// Converts the ports to publish.
///
/// # Errors
/// When one is malformed.
pub(super) fn published(entries: List<PublishEntry>, at: &Locator<'_>) -> Result<Vec<Stated<Publish>>, PolicyError> {
    let publish = |entry: Spanned<PublishEntry>| {
        let span = entry.span();
        let value = Publish::parse(&entry.get_ref().0)
            .map_err(|source| PolicyError::Publish { at: at.position(&span), source })?;
        Ok(Stated { value, origin: at.origin(&span) })
    };
    entries.into_iter().map(publish).collect()
}
