//! Names that must not come into being: protected ones that do not exist yet, for which there is nothing to mount on.

use std::path::{Path, PathBuf};

use super::Inputs;
use crate::bytes;
use crate::rules::Resolved;

/// One guarded name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Guard {
    /// The writable root, inside and outside.
    pub(crate) root: PathBuf,
    /// The name, relative to the root.
    pub(crate) name: PathBuf,
    /// Whether it was there when the run was planned.
    pub(crate) presence: Presence,
}

/// Whether something exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    /// It does, and is a mount point where there are mounts.
    Present,
    /// It does not.
    Absent,
}

/// The guarded names of every writable root: all protected names, and masked ones that were asked for by their full path.
///
/// A wildcard stands for the folders that exist: what it means in one that the command makes is the command's own.
///
/// Existing ones are listed too: they are mount points already, and stay guarded should they vanish outside meanwhile.
pub(crate) fn guards(inputs: Inputs<'_>) -> Vec<Guard> {
    let Inputs { policy, host, .. } = inputs;
    let absolute = |rule: &&Resolved| policy.files.mask.get(rule.rule).is_some_and(|rule| !rule.pattern.is_relative());
    let rules = host.rules.protect.iter().chain(host.rules.mask.iter().filter(absolute));
    let mut guards: Vec<Guard> = rules
        .filter_map(|rule| rule.pattern.literal())
        .chain(host.rules.unborn.iter().map(PathBuf::as_path))
        .filter_map(|path| {
            let around = host.rules.roots.iter().filter(|root| bytes::lies_in(path, root));
            let root = around.max_by_key(|root| root.as_os_str().len())?;
            let name = path.strip_prefix(root).ok()?.to_owned();
            let presence = if host.fact(path).is_some() { Presence::Present } else { Presence::Absent };
            (!inside_new_repository(&name, root, host)).then(|| Guard { root: root.clone(), name, presence })
        })
        .collect();
    guards.sort();
    guards.dedup();
    guards
}

/// Whether the name lies in a `.git` that does not exist yet: `git init` must be able to make it whole.
fn inside_new_repository(name: &Path, root: &Path, host: &crate::host::Host) -> bool {
    name.starts_with(".git") && name != Path::new(".git") && host.fact(&root.join(".git")).is_none()
}
