//! Verdicts about which folder may be a workspace.

use std::path::Path;

use super::path::{bad_path, is_plain};
use super::verdict::{Decision, ReasonCode, Verdict};
use super::{Judge, Resolved, covering};

impl Judge {
    /// Judges whether the folder `path` may be a workspace.
    ///
    /// [`Decision::Allow`]: `workspace.roots` lists it. [`Decision::Ask`]: only if a person names it, as on the command line.
    /// [`Decision::Deny`]: never, because it is or holds a home folder, a secret store or a system folder.
    pub fn workspace(&self, path: &Path) -> Verdict {
        if !is_plain(path) {
            return bad_path(path);
        }
        if self.homes.iter().any(|home| home.starts_with(path)) || path.parent().is_none() {
            return refuse(path, None, "it is or holds a home folder");
        }
        if let Some(mask) = self.mask.iter().find(|mask| mask.is_builtin_place() && is_held(path, mask)) {
            return refuse(path, Some(mask), "it is or holds a place for secrets");
        }
        // Also what a layer does without: it is no less the system's for that.
        let mut relied_upon = self.read.iter().chain(self.scratch.iter()).chain(self.unread.iter());
        if let Some(rule) = relied_upon.find(|rule| rule.is_builtin_place() && is_held(path, rule)) {
            return refuse(path, Some(rule), "it is or holds a folder that everything else relies on");
        }
        if let Some(root) = covering(&self.roots, path) {
            return Verdict::allow(Some(root.label()), format!("{} is listed as a workspace.", path.display()));
        }
        let mask = self.mask.iter().find(|mask| mask.paths.covers(path));
        let why = if mask.is_some() { "it lies in a hidden folder" } else { "the policy does not list it" };
        let ask = refuse(path, mask, why);
        Verdict {
            decision: Decision::Ask,
            instead: "Name it with --workspace, or list it in workspace.roots.".to_owned(),
            ..ask
        }
    }
}

/// Whether the rule's place is `path` or below it.
fn is_held(path: &Path, rule: &Resolved) -> bool {
    rule.paths.prefix().starts_with(path) || rule.paths.matches(path)
}

/// The verdict for a folder that cannot be a workspace.
fn refuse(path: &Path, rule: Option<&Resolved>, why: &str) -> Verdict {
    Verdict::deny(
        ReasonCode::BadWorkspace,
        rule.map(Resolved::label),
        format!("{} cannot be a workspace: {why}.", path.display()),
        "Name a project's own folder, such as one made for this purpose in the home folder.",
    )
}
