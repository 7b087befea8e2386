//! Composition: layers on top of each other, the lowest first.
//!
//! Lists grow and keep each entry once, single values are replaced, and `unread`, `unmask` and `unpass` take away what lower
//! layers gave. Composing the same layer twice is the same as composing it once.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::PolicyError;
use crate::group::Group;
use crate::host::{Denied, HostRule};
use crate::name::NamePattern;
use crate::once;
use crate::origin::{Origin, SourceId};
use crate::overlay::{Overlay, Stated, ToolsOverlay};
use crate::pattern::Pattern;
use crate::policy::{
    ClientTools, Environment, Files, HomeView, Limits, Network, NetworkMode, Permission, Policy, Requirements,
    Syscalls, ToolDefault, Workspace,
};
use crate::publish::{Publish, PublishError};
use crate::rule::Rule;
use crate::suggest;
use crate::units::{Amount, LimitName};

/// Layers composed so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Composition {
    /// Everything stated so far.
    pub(crate) stated: Overlay,
    /// Patterns that a layer has taken out of `read`.
    unread: BTreeSet<Pattern>,
    /// The rules that they were.
    no_longer_read: Vec<Rule>,
    /// Patterns that a layer has taken out of `mask`.
    unmasked: BTreeSet<Pattern>,
    /// Names that a layer has taken out of `pass`.
    unpassed: BTreeSet<NamePattern>,
    /// Where it all comes from.
    sources: Vec<SourceId>,
}

impl Composition {
    /// A built-in profile that extends nothing, as the lowest layer: as [`Composition::apply`] to nothing, which a test compares it with,
    /// without looking for what stands there twice.
    pub(crate) fn of_profile(layer: Overlay, source: SourceId) -> Self {
        Self { stated: layer, sources: vec![source], ..Self::default() }
    }

    /// Puts a layer on top.
    ///
    /// # Errors
    /// When the layer takes away what is not there, or both adds and takes away the same entry.
    pub(crate) fn apply(&mut self, layer: Overlay, source: &SourceId) -> Result<(), PolicyError> {
        let taken = remove_rules("files.unread", &mut self.stated.read, &mut self.unread, &layer.unread, &layer.read)?;
        self.no_longer_read.extend(taken);
        remove_rules("files.unmask", &mut self.stated.mask, &mut self.unmasked, &layer.unmask, &layer.mask)?;
        self.remove_names(&layer.unpass, &layer.pass)?;
        let stated = &mut self.stated;
        append(&mut stated.roots, layer.roots);
        append(&mut stated.read, layer.read);
        append(&mut stated.write, layer.write);
        append(&mut stated.scratch, layer.scratch);
        append(&mut stated.overlay, layer.overlay);
        append(&mut stated.mask, layer.mask);
        append(&mut stated.protect, layer.protect);
        append(&mut stated.sockets, layer.sockets);
        let denied = Denied::new(stated.deny.iter().chain(&layer.deny));
        layer.hosts.iter().try_for_each(|rule| not_denied(rule, &denied))?;
        replace(&mut stated.hosts, layer.hosts);
        replace(&mut stated.deny, layer.deny);
        add_once(&mut stated.groups, layer.groups, |one, other| one.value.cmp(&other.value));
        add_once(&mut stated.deny_groups, layer.deny_groups, |one, other| one.value.cmp(&other.value));
        stated.proxy = layer.proxy.or(stated.proxy.take());
        add_published(&mut stated.publish, layer.publish)?;
        add_once(&mut stated.pass, layer.pass, |one, other| one.value.cmp(&other.value));
        stated.profile = layer.profile.or(stated.profile.take());
        stated.home = layer.home.or(stated.home.take());
        stated.network = layer.network.or(stated.network.take());
        stated.ptrace = layer.ptrace.or(stated.ptrace.take());
        stated.user_namespaces = layer.user_namespaces.or(stated.user_namespaces.take());
        stated.set.extend(layer.set);
        stated.limits.extend(layer.limits);
        stated.require.extend(layer.require);
        for (client, Stated { value, origin }) in layer.tools {
            let known = stated.tools.entry(client).or_insert_with(|| Stated { value: Default::default(), origin });
            add_tools(&mut known.value, value);
        }
        if !self.sources.contains(source) {
            self.sources.push(source.clone());
        }
        Ok(())
    }

    /// Takes variable names away.
    ///
    /// # Errors
    /// When a name is not there to be taken away, or is added by the same layer.
    fn remove_names(
        &mut self,
        entries: &[Stated<NamePattern>],
        added: &[Stated<NamePattern>],
    ) -> Result<(), PolicyError> {
        const LIST: &str = "environment.unpass";
        for entry in entries {
            let text = entry.value.to_string();
            if added.iter().any(|name| name.value == entry.value) {
                return Err(contradiction(LIST, text, &entry.origin));
            }
            let before = self.stated.pass.len();
            self.stated.pass.retain(|name| name.value != entry.value);
            if self.stated.pass.len() == before && !self.unpassed.contains(&entry.value) {
                let known: Vec<String> = self.stated.pass.iter().map(|name| name.value.to_string()).collect();
                return Err(removes_nothing(LIST, text, &entry.origin, known.iter().map(String::as_str)));
            }
            self.unpassed.insert(entry.value.clone());
        }
        Ok(())
    }

    /// The groups that `network.allow` and `network.deny` name.
    pub(crate) fn groups(&self) -> (BTreeSet<Group>, BTreeSet<Group>) {
        let values = |groups: &[Stated<Group>]| groups.iter().map(|group| group.value).collect();
        (values(&self.stated.groups), values(&self.stated.deny_groups))
    }

    /// The policy that all layers together make, without the hosts of groups. What nobody stated is the strictest that there is.
    pub(crate) fn finish(self, profile: &str) -> Policy {
        let limits = self.limits();
        let stated = self.stated;
        Policy {
            profile: profile.to_owned(),
            workspace: Workspace { roots: stated.roots },
            files: Files {
                home: stated.home.map_or(HomeView::Hide, |home| home.value),
                read: stated.read,
                write: stated.write,
                scratch: stated.scratch,
                overlay: stated.overlay,
                mask: stated.mask,
                protect: stated.protect,
                sockets: stated.sockets,
                unread: self.no_longer_read,
            },
            network: Network {
                mode: stated.network.map_or(NetworkMode::None, |mode| mode.value),
                rules: stated.hosts,
                deny: stated.deny,
                proxy: stated.proxy.is_some_and(|offered| offered.value),
                publish: stated.publish.into_iter().map(|published| published.value).collect(),
            },
            environment: Environment {
                pass: stated.pass.into_iter().map(|name| name.value).collect(),
                set: stated.set.into_iter().map(|(name, value)| (name, value.value)).collect(),
            },
            limits,
            requirements: Requirements {
                stated: stated.require.into_iter().map(|(layer, requirement)| (layer, requirement.value)).collect(),
            },
            syscalls: Syscalls {
                ptrace: stated.ptrace.map_or(Permission::Deny, |permission| permission.value),
                user_namespaces: stated.user_namespaces.map_or(Permission::Deny, |permission| permission.value),
            },
            tools: Arc::new(
                stated.tools.into_iter().map(|(client, tools)| (client, client_tools(tools.value))).collect(),
            ),
            sources: self.sources,
        }
    }

    /// The limits stated so far.
    fn limits(&self) -> Limits {
        let number = |name| match self.stated.limits.get(&name).map(|limit| limit.value) {
            Some(Amount::Number(number)) => Some(number),
            _ => None,
        };
        let time = |name| match self.stated.limits.get(&name).map(|limit| limit.value) {
            Some(Amount::Time(time)) => Some(time),
            _ => None,
        };
        Limits {
            processes: number(LimitName::Processes),
            memory: number(LimitName::Memory),
            file_size: number(LimitName::FileSize),
            open_files: number(LimitName::OpenFiles),
            core: number(LimitName::Core),
            tmpfs: number(LimitName::Tmpfs),
            wall_clock: time(LimitName::WallClock),
            grace: time(LimitName::Grace).unwrap_or_default(),
        }
    }
}

/// Puts what a layer says about one client's tools on top. Its rules come first, in their order.
fn add_tools(known: &mut ToolsOverlay, new: ToolsOverlay) {
    known.shell.extend(new.shell);
    known.file.extend(new.file);
    known.other = new.other.or(known.other);
    known.other_with_path = new.other_with_path.or(known.other_with_path);
    for (known, new) in [(&mut known.rules, new.rules), (&mut known.narrowing, new.narrowing)] {
        known.retain(|old| !new.iter().any(|rule| rule.same(old)));
        known.splice(0..0, new);
    }
}

/// What all layers together say about one client's tools.
fn client_tools(stated: ToolsOverlay) -> ClientTools {
    let other = stated.other.unwrap_or(ToolDefault::Deny);
    ClientTools {
        shell: stated.shell,
        file: stated.file,
        other,
        other_with_path: stated.other_with_path.unwrap_or_else(|| other.with_path()),
        rules: stated.rules,
        narrowing: stated.narrowing,
    }
}

/// Adds rules whose pattern is not there yet.
fn append(known: &mut Vec<Rule>, new: Vec<Rule>) {
    add_once(known, new, |one, other| one.pattern.cmp(&other.pattern));
}

/// Adds what is not there yet.
fn add_once<T>(known: &mut Vec<T>, mut new: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    if !new.is_empty() {
        known.append(&mut new);
        once::keep_first(known, compare);
    }
}

/// Refuses a rule that what is denied below it, or beside it, leaves nothing of.
///
/// # Errors
/// When one entry of `denied` covers it.
fn not_denied(rule: &HostRule, denied: &Denied<'_>) -> Result<(), PolicyError> {
    let by = |denied: &HostRule| format!("\"{denied}\" ({})", denied.origin);
    match denied.covering(rule) {
        Some(denied) => Err(PolicyError::Covered { at: (&rule.origin).into(), rule: rule.to_string(), by: by(denied) }),
        None => Ok(()),
    }
}

/// Adds rules about hosts; one about the same hosts and ports as a rule below takes its place.
fn replace(known: &mut Vec<HostRule>, new: Vec<HostRule>) {
    if !new.is_empty() {
        known.extend(new);
        once::keep_last(known, HostRule::compare_targets);
    }
}

/// Adds ports to publish.
///
/// # Errors
/// When a port of the host would lead to two servers.
fn add_published(known: &mut Vec<Stated<Publish>>, new: Vec<Stated<Publish>>) -> Result<(), PolicyError> {
    for published in new {
        match known.iter().find(|old| old.value.host == published.value.host) {
            Some(old) if old.value == published.value => {}
            Some(old) => {
                let source = PublishError::Taken { port: old.value.host };
                return Err(PolicyError::Publish { at: (&published.origin).into(), source });
            }
            None => known.push(published),
        }
    }
    Ok(())
}

/// Takes rules away by their exact pattern, and returns them.
///
/// # Errors
/// When a pattern is not there to be taken away, or is added by the same layer.
fn remove_rules(
    list: &'static str,
    known: &mut Vec<Rule>,
    removed: &mut BTreeSet<Pattern>,
    entries: &[Rule],
    added: &[Rule],
) -> Result<Vec<Rule>, PolicyError> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let patterns = |rules: &[Rule]| rules.iter().map(|rule| rule.pattern.clone()).collect::<BTreeSet<_>>();
    let (added, there, gone) = (patterns(added), patterns(known), patterns(entries));
    for entry in entries {
        let text = || entry.pattern.text().to_owned();
        if added.contains(&entry.pattern) {
            return Err(contradiction(list, text(), &entry.origin));
        }
        if !there.contains(&entry.pattern) && !removed.contains(&entry.pattern) {
            return Err(removes_nothing(list, text(), &entry.origin, known.iter().map(|rule| rule.pattern.text())));
        }
    }
    let taken = known.extract_if(.., |rule| gone.contains(&rule.pattern)).collect();
    removed.extend(gone);
    Ok(taken)
}

/// The error for an entry both added and taken away.
fn contradiction(list: &'static str, entry: String, origin: &Origin) -> PolicyError {
    PolicyError::Contradiction { at: origin.into(), list, entry }
}

/// The error for an entry that takes away what is not there.
fn removes_nothing<'a>(
    list: &'static str,
    entry: String,
    origin: &Origin,
    known: impl Iterator<Item = &'a str>,
) -> PolicyError {
    let nearest = suggest::nearest(&entry, known).map(str::to_owned);
    PolicyError::RemovesNothing { at: origin.into(), list, entry, nearest }
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
