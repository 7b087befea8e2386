//! Private layers over folders that are read: `files.overlay`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use lobsterpot_policy::HomeView;
use rustc_hash::FxHashSet;

use super::{Layout, Origin, View};
use crate::host::Kind;
use crate::rules::Resolved;

/// The number of the first private folder in the place of an absent one: scratch folders have the numbers below.
const FIRST_ABSENT: usize = 1 << 16;

impl<'a> Layout<'a> {
    /// Puts a private layer over what `overlay` names of the caller's own folders that `read` shows. To be called before these are
    /// granted: what has a layer is not bound as well.
    pub(super) fn overlays(&mut self, masks: &FxHashSet<OsString>) {
        for (number, path) in self.named_overlays() {
            let Some(fact) = self.inputs.host.fact(path) else { continue };
            // A link, a file: shown as it is, read-only.
            if fact.real == path && fact.kind == Kind::Folder && !self.stays_hidden(path, fact, masks) {
                let lower = Origin { path: fact.real.clone(), identity: fact.identity };
                self.views.insert(path.into(), View::Overlay(lower, number));
            }
        }
    }

    /// Puts a private folder where what `overlay` names is absent, if it lies among what is private anyway. To be called once everything
    /// is granted: in a folder of the host's, as where the home lies below one that is shown, there is no place to mount it.
    pub(super) fn absent_overlays(&mut self, masks: &FxHashSet<OsString>) {
        if self.inputs.policy.files.home != HomeView::Hide {
            return;
        }
        for (number, path) in self.named_overlays() {
            let is_absent = self.inputs.host.fact(path).is_none() && !masks.contains(path.as_os_str());
            if is_absent && !self.shows_host(path) {
                self.views.insert(path.into(), View::Scratch(FIRST_ABSENT + number));
            }
        }
    }

    /// The folders that are meant, each with its number.
    fn named_overlays(&self) -> Vec<(usize, &'a Path)> {
        let rules = &self.inputs.host.rules;
        let literal = |rule: &'a Resolved| rule.pattern.literal();
        // As bytes: comparing hundreds of paths name by name would be a tenth of planning.
        let shown: FxHashSet<&OsStr> = rules.read.iter().filter_map(literal).map(Path::as_os_str).collect();
        let is_shown = |path: &&Path| shown.contains(path.as_os_str());
        let named = rules.overlay.iter().filter_map(literal).filter(|path| is_shown(path) && self.is_own(path));
        named.enumerate().collect()
    }
}
