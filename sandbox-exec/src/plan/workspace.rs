//! Which folders are the workspace, which folders must never be, and where the command starts.

use std::path::{Path, PathBuf};

use lobsterpot_policy::enforcers::objection_to_workspace;
use lobsterpot_policy::{Places, Policy, Purpose};

use super::views::Layout;
use crate::args::{Invocation, Origin};
use crate::bytes;
use crate::error::Error;
use crate::host::{Caller, Host, Kind};

/// The workspaces of a run: those of the command line; else the policy's roots around `cwd`; else, for a person, `cwd`.
///
/// `named` are the real paths of the command line's. A shell call's current folder was chosen by the agent, so it counts only
/// where the policy says so.
///
/// # Errors
/// A shell call outside every root of the policy.
pub(crate) fn choose(
    named: Vec<PathBuf>,
    policy: &Policy,
    caller: &Caller,
    cwd: &Path,
    origin: Origin,
) -> Result<Vec<PathBuf>, Error> {
    if !named.is_empty() {
        return Ok(named);
    }
    let places = Places {
        home: caller.home.clone(),
        homes: caller.homes.clone(),
        uid: caller.uid.as_raw(),
        ..Places::default()
    };
    let patterns = policy.workspace.roots.iter().flat_map(|rule| rule.pattern.resolve(&places, Purpose::Grant));
    let patterns: Vec<_> = patterns.collect();
    let root = cwd.ancestors().find(|ancestor| patterns.iter().any(|pattern| pattern.matches(ancestor)));
    match (root, origin) {
        (Some(root), _) => Ok(vec![root.to_owned()]),
        (None, Origin::Person) => Ok(vec![cwd.to_owned()]),
        (None, Origin::Shell) => Err(Error::Workspace {
            path: cwd.to_owned(),
            why: "no workspace root of the policy holds it, and a shell call's folder is chosen by the agent",
            hint: "add it to the policy: [workspace] roots = [\"…\"]".to_owned(),
        }),
    }
}

/// Refuses workspaces that would make the sandbox pointless.
///
/// # Errors
/// [`Error::Workspace`] with the reason.
pub(crate) fn verify(policy: &Policy, places: &Places, host: &Host) -> Result<(), Error> {
    for workspace in &places.workspaces {
        if let Some((why, hint)) = objection(workspace, policy, places, host) {
            return Err(Error::Workspace { path: workspace.clone(), why, hint });
        }
    }
    Ok(())
}

/// What speaks against `workspace`.
fn objection(workspace: &Path, policy: &Policy, places: &Places, host: &Host) -> Option<(&'static str, String)> {
    let elsewhere = || "name a project folder with --workspace".to_owned();
    match host.fact(workspace).map(|fact| fact.kind) {
        None => return Some(("it does not exist", "create it first, or correct the path".to_owned())),
        Some(Kind::Folder) => {}
        Some(_) => return Some(("it is not a folder", elsewhere())),
    }
    if let Some(why) = objection_to_workspace(workspace, &host.caller.homes) {
        return Some((why, elsewhere()));
    }
    masked_store(workspace, policy, places, host)
}

/// An objection when `workspace` is, lies in, or holds a place where secrets are kept.
fn masked_store(workspace: &Path, policy: &Policy, places: &Places, host: &Host) -> Option<(&'static str, String)> {
    let roots: Vec<_> =
        policy.workspace.roots.iter().flat_map(|rule| rule.pattern.resolve(places, Purpose::Grant)).collect();
    let is_root = roots.iter().any(|pattern| pattern.matches(workspace));
    for resolved in &host.rules.mask {
        let Some(rule) = policy.files.mask.get(resolved.rule).filter(|rule| !rule.pattern.is_relative()) else {
            continue;
        };
        let text = rule.pattern.text();
        for mask in resolved.paths() {
            if bytes::lies_in(workspace, mask) && !is_root {
                let hint = format!(
                    "choose another, or say in the policy that it is one: [workspace] roots (the mask is {text})"
                );
                return Some(("it lies in a masked folder", hint));
            }
            let from_home = rule.pattern.is_in_home() && bytes::lies_in(mask, workspace) && mask != workspace;
            if from_home && host.fact(mask).is_some() {
                return Some(("it holds a folder of secrets", format!("choose a folder without {text}")));
            }
        }
    }
    None
}

/// Where the command starts: `--chdir`, else the current folder when it is seen inside, else the first workspace.
pub(crate) fn starting_folder(
    layout: &Layout<'_>,
    host: &Host,
    invocation: &Invocation,
    workspaces: &[PathBuf],
) -> PathBuf {
    if let Some(folder) = &invocation.chdir {
        return path_clean::clean(host.cwd.join(folder));
    }
    if layout.is_visible(&host.cwd) {
        return host.cwd.clone();
    }
    workspaces.first().cloned().unwrap_or_else(|| PathBuf::from("/"))
}
