//! Private layers over folders that are read: `files.overlay`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use lobsterpot_policy::HomeView;
use rustc_hash::FxHashSet;

use super::{Inputs, Layout, Origin, View};
use crate::host::Kind;
use crate::rules::Resolved;

/// The number of the first private folder in the place of an absent one: scratch folders have the numbers below.
const FIRST_ABSENT: usize = 1 << 16;

impl<'a> Layout<'a> {
    /// Puts a private layer over what `overlay` names of the caller's own folders that `read` shows; where there is none, a private
    /// folder, if it lies among what is private anyway.
    pub(super) fn overlays(&mut self, masks: &FxHashSet<OsString>) {
        let Inputs { policy, host, .. } = self.inputs;
        let literal = |rule: &'a Resolved| rule.pattern.literal();
        let shown: BTreeSet<&Path> = host.rules.read.iter().filter_map(literal).collect();
        let named =
            host.rules.overlay.iter().filter_map(literal).filter(|path| shown.contains(path) && self.is_own(path));
        for (number, path) in named.collect::<Vec<_>>().into_iter().enumerate() {
            match host.fact(path) {
                None if policy.files.home == HomeView::Hide && !masks.contains(path.as_os_str()) => {
                    self.views.insert(path.into(), View::Scratch(FIRST_ABSENT + number));
                }
                Some(fact)
                    if fact.real == path && fact.kind == Kind::Folder && !self.stays_hidden(path, fact, masks) =>
                {
                    let lower = Origin { path: fact.real.clone(), identity: fact.identity };
                    self.views.insert(path.into(), View::Overlay(lower, number));
                }
                // A link, a file: shown as it is, read-only.
                None | Some(_) => {}
            }
        }
    }
}
