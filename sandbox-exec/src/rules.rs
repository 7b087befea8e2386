//! The policy's file rules on this host: every pattern resolved once, with the existing paths that it means.

use std::path::{Path, PathBuf};

use lobsterpot_policy::{Files, HomeView, Places, Purpose, ResolvedPattern, Rule};

use crate::bytes;
use crate::host::Caller;
use crate::probe::Probe;

/// One rule's pattern for one place.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The pattern.
    pub(crate) pattern: ResolvedPattern,
    /// The existing paths that it matches.
    pub(crate) found: Vec<PathBuf>,
    /// The rule's number in its list.
    pub(crate) rule: usize,
}

impl Resolved {
    /// The path of a pattern without wildcards, and what one with wildcards matched.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let literal = self.pattern.literal();
        let found = if literal.is_some() { [].as_slice() } else { self.found.as_slice() };
        literal.into_iter().chain(found.iter().map(PathBuf::as_path))
    }
}

/// The file rules, list by list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// What may be read.
    pub(crate) read: Vec<Resolved>,
    /// What may be written.
    pub(crate) write: Vec<Resolved>,
    /// What is private and discarded.
    pub(crate) scratch: Vec<Resolved>,
    /// What is hidden.
    pub(crate) mask: Vec<Resolved>,
    /// What may not be changed inside writable roots.
    pub(crate) protect: Vec<Resolved>,
    /// Sockets outside that may be connected to.
    pub(crate) sockets: Vec<Resolved>,
}

impl Rules {
    /// Resolves the rules of `files` and looks at everything that they name.
    pub(crate) fn look(probe: &mut Probe, files: &Files, places: &Places, caller: &Caller) -> Self {
        for home in &caller.homes {
            probe.know(home);
        }
        let read = resolve(&files.read, places, Purpose::Grant, probe, |_| true);
        let write = resolve(&files.write, places, Purpose::Grant, probe, |_| true);
        let mut seen: Vec<PathBuf> = places.workspaces.clone();
        seen.extend(caller.homes.iter().cloned());
        for path in read.iter().chain(&write).flat_map(|rule| &rule.found) {
            seen.extend(probe.facts.get(path.as_os_str()).map(|fact| fact.real.clone()));
            seen.push(path.clone());
        }
        // What lies neither in nor around anything that is shown need not be looked at to stay hidden.
        let matters = |pattern: &ResolvedPattern| {
            let prefix = pattern.prefix();
            let is_around = |seen: &Path| match pattern.literal() {
                Some(path) => bytes::lies_in(seen, path),
                None => bytes::lies_in(seen, prefix) && pattern.covers(seen),
            };
            seen.iter().any(|seen| bytes::lies_in(prefix, seen) || is_around(seen))
        };
        let rules = Self {
            scratch: resolve(&files.scratch, places, Purpose::Grant, probe, |_| false),
            mask: resolve(&files.mask, places, Purpose::Restrict, probe, matters),
            protect: resolve(&files.protect, places, Purpose::Restrict, probe, |_| true),
            sockets: resolve(&files.sockets, places, Purpose::Grant, probe, |_| true),
            read,
            write,
        };
        if files.home == HomeView::ReadOnly {
            probe.look(&caller.home);
        }
        for workspace in &places.workspaces {
            probe.look(workspace);
            look_around_protected(probe, &rules.protect, workspace);
        }
        rules
    }
}

/// Resolves `rules` and looks at what those that matter name.
fn resolve(
    rules: &[Rule],
    places: &Places,
    purpose: Purpose,
    probe: &mut Probe,
    matters: impl Fn(&ResolvedPattern) -> bool,
) -> Vec<Resolved> {
    let mut resolved = Vec::with_capacity(rules.len());
    for (rule, one) in rules.iter().enumerate() {
        // Most of what a policy names in a home folder is not there; such a rule can neither show nor hide anything.
        if purpose == Purpose::Restrict && probe.homes_lack(one.pattern.text()) {
            continue;
        }
        for pattern in one.pattern.resolve(places, purpose) {
            let found = if matters(&pattern) { probe.expand(&pattern) } else { Vec::new() };
            resolved.push(Resolved { pattern, found, rule });
        }
    }
    resolved
}

/// Looks at the folders between `workspace` and its protected names: they become mount points too.
fn look_around_protected(probe: &mut Probe, protect: &[Resolved], workspace: &Path) {
    for path in protect.iter().flat_map(|rule| rule.found.iter()) {
        let Some(fact) = probe.look(path) else { continue };
        let real = fact.real.clone();
        for path in [path, &real] {
            let between = path.ancestors().take_while(|folder| *folder != workspace && folder.starts_with(workspace));
            for folder in between {
                probe.look(folder);
            }
        }
    }
}
