//! Granting a folder without a part of it. Landlock only adds rights, so the folder's children are granted one by one, and what is
//! left out is never among them, whether it exists by then or not.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::Tier as Layer;

use crate::bytes;
use crate::plan::Plan;
use crate::survey::Survey;

/// Keeps masked paths that do not exist yet, in parts of the host that are shown read-only, from being read once they do.
///
/// There is nothing to mount a mask on, and only the outside can create them. Only masks that a person wrote are looked at: the
/// built-in ones name files that, when they come into being, only their owners may read.
pub(crate) fn leave_out_absent(plan: &mut Plan, survey: &Survey) {
    let masks: BTreeSet<PathBuf> = absent(survey).filter(|path| is_shown(plan, path)).collect();
    let Some(ruleset) = plan.landlock.as_mut().filter(|_| !masks.is_empty()) else { return };
    let carve = Carve { masks, is_root: false };
    ruleset.readable.clear();
    for mount in plan.sealed.iter().chain(&plan.open) {
        if carve.masks.iter().any(|mask| bytes::lies_in(mask, &mount.target)) {
            carve.carve(&mount.target, &mut ruleset.readable, &mut ruleset.listable);
        } else {
            ruleset.readable.push(mount.target.clone());
        }
    }
    ruleset.readable.push(PathBuf::from("/").join(crate::plan::MARKER));
    ruleset.listable.push(PathBuf::from("/"));
}

/// Masks of files and flags, without wildcards, that nothing lies at.
pub(crate) fn absent(survey: &Survey) -> impl Iterator<Item = PathBuf> {
    survey.host.rules.mask.iter().filter_map(|resolved| {
        let rule = survey.policy.files.mask.get(resolved.rule)?;
        let path = resolved.pattern.literal()?;
        let by_person = !matches!(rule.origin.tier, Layer::BuiltIn(_));
        (by_person && survey.host.fact(path).is_none()).then(|| path.to_owned())
    })
}

/// Whether `path` lies in a part of the host that is shown read-only.
fn is_shown(plan: &Plan, path: &Path) -> bool {
    plan.sealed.iter().any(|mount| !mount.mask && bytes::lies_in(path, &mount.target))
}

/// What is left out of a grant.
pub(crate) struct Carve {
    /// Masks as they really lie.
    pub(crate) masks: BTreeSet<PathBuf>,
    /// The caller is root: it keeps its owner here, and with it the right to read files that nobody else may; in system folders
    /// those are secrets, so they are left out too.
    pub(crate) is_root: bool,
}

impl Carve {
    /// Adds to `whole` what may be granted with all that is below it, and to `partly` the folders of which only a part may.
    pub(crate) fn carve(&self, path: &Path, whole: &mut Vec<PathBuf>, partly: &mut Vec<PathBuf>) {
        let Ok(metadata) = path.symlink_metadata() else { return };
        // What a symlink leads to is judged where it lies.
        if metadata.is_symlink() || self.masks.contains(path) {
            return;
        }
        let system = self.is_root && path.starts_with("/etc");
        if metadata.is_dir() && (system || self.masks.iter().any(|mask| mask.starts_with(path))) {
            partly.push(path.to_owned());
            for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                self.carve(&entry.path(), whole, partly);
            }
        } else if !system || metadata.mode() & 0o004 != 0 {
            whole.push(path.to_owned());
        }
    }
}
