//! What a workspace's own file may say: only what takes something away.
//!
//! The agent works in the workspace, so its file is believed when it asks for less and refused when it asks for more.

use crate::compose::Composition;
use crate::error::PolicyError;
use crate::origin::Origin;
use crate::overlay::{Overlay, Stated, ToolsOverlay};
use crate::policy::ToolDefault;
use crate::tools::{ToolOutcome, ToolRule};
use crate::units::{Amount, LimitName};

/// Refuses a layer that would allow anything that `below` does not.
///
/// # Errors
/// When a statement grants something, or is looser than what is below it.
pub(crate) fn check(layer: &Overlay, below: &Composition) -> Result<(), PolicyError> {
    check_additions(layer)?;
    let stated = &below.stated;
    no_looser("files.home", layer.home.as_ref(), stated.home.as_ref())?;
    no_looser("network.mode", layer.network.as_ref(), stated.network.as_ref())?;
    let offered = stated.proxy.as_ref().is_some_and(|offered| offered.value);
    if let Some(proxy) = layer.proxy.as_ref().filter(|proxy| proxy.value && !offered) {
        return Err(widens("network.proxy".to_owned(), &proxy.origin));
    }
    no_looser("syscalls.ptrace", layer.ptrace.as_ref(), stated.ptrace.as_ref())?;
    no_looser("syscalls.user_namespaces", layer.user_namespaces.as_ref(), stated.user_namespaces.as_ref())?;
    for (name, requirement) in &layer.require {
        no_looser(&format!("require.{}", name.name()), Some(requirement), stated.require.get(name))?;
    }
    for (client, tools) in &layer.tools {
        check_tools(client, tools, stated.tools.get(client))?;
    }
    layer.limits.iter().try_for_each(|(name, limit)| no_higher(*name, limit, stated.limits.get(name)))
}

/// Refuses lists that grant something.
///
/// # Errors
/// When a list has an entry.
fn check_additions(layer: &Overlay) -> Result<(), PolicyError> {
    let lists = [
        ("workspace.roots", &layer.roots),
        ("files.read", &layer.read),
        ("files.write", &layer.write),
        ("files.scratch", &layer.scratch),
        ("files.overlay", &layer.overlay),
        ("files.sockets", &layer.sockets),
        ("files.unmask", &layer.unmask),
    ];
    let rules = lists.into_iter().find_map(|(key, rules)| rules.first().map(|rule| (key.to_owned(), &rule.origin)));
    let host = || layer.hosts.first().map(|host| ("network.allow".to_owned(), &host.origin));
    let group = || layer.groups.first().map(|group| ("network.allow".to_owned(), &group.origin));
    let publish = || layer.publish.first().map(|published| ("network.publish".to_owned(), &published.origin));
    let pass = || layer.pass.first().map(|name| ("environment.pass".to_owned(), &name.origin));
    let set = || layer.set.iter().next().map(|(name, value)| (format!("environment.set.{name}"), &value.origin));
    match rules.or_else(host).or_else(group).or_else(publish).or_else(pass).or_else(set) {
        Some((key, origin)) => Err(widens(key, origin)),
        None => Ok(()),
    }
}

/// Refuses what would make more of one client's tools possible: lists, rules that do not ask or deny, looser defaults.
///
/// # Errors
/// When there is such a statement.
fn check_tools(
    client: &str,
    new: &Stated<ToolsOverlay>,
    below: Option<&Stated<ToolsOverlay>>,
) -> Result<(), PolicyError> {
    let Stated { value: new, origin } = new;
    let widening =
        |rule: &&ToolRule| rule.names_files() || !matches!(rule.outcome, Some(ToolOutcome::Ask | ToolOutcome::Deny));
    if let Some(rule) = new.narrowing.iter().find(widening) {
        return Err(widens(format!("tools.{client}.rules"), &rule.origin));
    }
    if !new.shell.is_empty() || !new.file.is_empty() || !new.rules.is_empty() {
        return Err(widens(format!("tools.{client}"), origin));
    }
    let below = below.map(|below| &below.value);
    let other = below.and_then(|below| below.other).unwrap_or(ToolDefault::Deny);
    let with_path = below.and_then(|below| below.other_with_path).unwrap_or_else(|| other.with_path());
    if new.other.is_some_and(|new| new < other) {
        return Err(widens(format!("tools.{client}.other"), origin));
    }
    if new.other_with_path.is_some_and(|new| new < with_path) {
        return Err(widens(format!("tools.{client}.other_with_path"), origin));
    }
    Ok(())
}

/// Refuses a value that comes before the one below it in strictness. What is not stated below is as strict as can be.
///
/// # Errors
/// When the value is looser.
fn no_looser<T: Ord + Strictest>(
    key: &str,
    new: Option<&Stated<T>>,
    below: Option<&Stated<T>>,
) -> Result<(), PolicyError> {
    let strictest = T::STRICTEST;
    match new {
        Some(new) if new.value < *below.map_or(&strictest, |below| &below.value) => {
            Err(widens(key.to_owned(), &new.origin))
        }
        _ => Ok(()),
    }
}

/// Refuses a limit above the one below it.
///
/// # Errors
/// When the limit is higher, or switched off.
fn no_higher(name: LimitName, new: &Stated<Amount>, below: Option<&Stated<Amount>>) -> Result<(), PolicyError> {
    let fits = match (new.value, below.map_or(Amount::Off, |below| below.value)) {
        (_, Amount::Off) => true,
        (Amount::Number(new), Amount::Number(below)) => new <= below,
        (Amount::Time(new), Amount::Time(below)) => new <= below,
        _ => false,
    };
    if fits { Ok(()) } else { Err(widens(format!("limits.{}", name.name()), &new.origin)) }
}

/// A setting whose values are ordered from loose to strict.
trait Strictest {
    /// The strictest value, which holds when nobody states one.
    const STRICTEST: Self;
}

impl Strictest for crate::policy::HomeView {
    const STRICTEST: Self = Self::Hide;
}

impl Strictest for crate::policy::NetworkMode {
    const STRICTEST: Self = Self::None;
}

impl Strictest for crate::policy::Permission {
    const STRICTEST: Self = Self::Deny;
}

impl Strictest for crate::policy::Requirement {
    const STRICTEST: Self = Self::Require;
}

/// The error for a statement that would widen.
fn widens(key: String, origin: &Origin) -> PolicyError {
    PolicyError::Widens { at: origin.into(), key }
}
