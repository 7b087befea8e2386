//! The policy's file rules on this host: every pattern resolved once, with the existing paths that it means.

use std::path::{Path, PathBuf};

use lobsterpot_policy::{Files, HomeView, Places, Purpose, ResolvedPattern, Rule};

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
        let mut look = |rules: &[Rule], purpose| {
            let resolve = |(rule, one): (usize, &Rule)| {
                one.pattern.resolve(places, purpose).into_iter().map(move |pattern| (rule, pattern))
            };
            let patterns = rules.iter().enumerate().flat_map(resolve);
            let looked_at = patterns.map(|(rule, pattern)| Resolved { found: probe.expand(&pattern), pattern, rule });
            looked_at.collect::<Vec<_>>()
        };
        let rules = Self {
            read: look(&files.read, Purpose::Grant),
            write: look(&files.write, Purpose::Grant),
            scratch: look(&files.scratch, Purpose::Grant),
            mask: look(&files.mask, Purpose::Restrict),
            protect: look(&files.protect, Purpose::Restrict),
            sockets: look(&files.sockets, Purpose::Grant),
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
