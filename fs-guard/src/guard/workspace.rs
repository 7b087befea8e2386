//! Which folders are the workspace, and which must never be: the launcher's rules.

use std::path::{Path, PathBuf};

use lobsterpot_policy::enforcers::objection_to_workspace;
use lobsterpot_policy::{Places, Policy, Purpose};

use super::error::GuardError;
use super::expand::{self, Found};
use super::facts::may_be_there;
use super::index::{Entry, Index, List, ancestors, lies_in};

/// The workspaces: those that were named; else the policy's root around `directory`; else `directory`.
pub(super) fn choose(named: Vec<PathBuf>, policy: &Policy, places: &Places, directory: &Path) -> Vec<PathBuf> {
    if !named.is_empty() {
        return named;
    }
    let homes = Places { xdg: std::collections::BTreeMap::new(), workspaces: Vec::new(), ..places.clone() };
    let roots = policy.workspace.roots.iter().flat_map(|rule| rule.pattern.resolve(&homes, Purpose::Grant));
    let roots: Vec<_> = roots.collect();
    let root = directory.ancestors().find(|ancestor| roots.iter().any(|root| root.matches(ancestor)));
    vec![root.unwrap_or(directory).to_owned()]
}

/// Refuses workspaces that would make the guard pointless.
///
/// # Errors
/// The first that cannot be one, and why.
pub(super) fn verify(policy: &Policy, places: &Places, index: &Index) -> Result<(), GuardError> {
    for workspace in &places.workspaces {
        if let Some((why, hint)) = objection(workspace, policy, places, index) {
            return Err(GuardError::Workspace { path: workspace.clone(), why, hint });
        }
    }
    Ok(())
}

/// What speaks against `workspace`.
fn objection(workspace: &Path, policy: &Policy, places: &Places, index: &Index) -> Option<(&'static str, String)> {
    let elsewhere = || "name a project folder with --workspace".to_owned();
    if !workspace.is_dir() {
        return Some(("it is not a folder", elsewhere()));
    }
    if let Some(why) = objection_to_workspace(workspace, &places.homes) {
        return Some((why, elsewhere()));
    }
    masked_store(workspace, policy, places, index)
}

/// An objection when `workspace` is, lies in, or holds a place where secrets are kept.
fn masked_store(workspace: &Path, policy: &Policy, places: &Places, index: &Index) -> Option<(&'static str, String)> {
    let rule = |entry: Entry| policy.files.mask.get(entry.rule).filter(|rule| !rule.pattern.is_relative());
    let is_mask = |entry: &Entry| entry.list == List::Mask;
    let around = ancestors(workspace).flat_map(|path| index.hits(path)).filter(is_mask).find_map(rule);
    if let Some(rule) = around {
        let mut roots = policy.workspace.roots.iter().flat_map(|rule| rule.pattern.resolve(places, Purpose::Grant));
        if !roots.any(|pattern| pattern.matches(workspace)) {
            let text = rule.pattern.text();
            let hint =
                format!("choose another, or say in the policy that it is one: [workspace] roots (the mask is {text})");
            return Some(("it lies in a masked folder", hint));
        }
    }
    // Only rules about home folders matter here, so only for these it is looked whether anything is there.
    let in_home = |entry: &Entry| rule(*entry).filter(|rule| rule.pattern.is_in_home());
    let named = index.below(workspace, List::Mask).filter_map(|(path, entry)| Some((path, in_home(&entry)?)));
    let named = named.filter(|(path, _)| may_be_there(path)).map(|(_, rule)| rule);
    let wild = index.wild.iter().filter(|wild| is_mask(&wild.entry) && lies_in(wild.pattern.prefix(), workspace));
    let wild = wild.filter_map(|wild| {
        let rule = in_home(&wild.entry)?;
        let mut found = Found::default();
        expand::all(&wild.pattern, &mut found);
        (found.left == 0 || !found.paths.is_empty()).then_some(rule)
    });
    let rule = named.chain(wild).next()?;
    Some(("it holds a folder of secrets", format!("choose a folder without {}", rule.pattern.text())))
}
