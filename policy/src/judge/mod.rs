//! What the policy means for one path, host or tool.
//!
//! The judge looks at names only. Whoever asks must have resolved symbolic links, and must not resolve the path again
//! afterwards.

mod host;
mod path;
mod tool;
mod verdict;
mod workspace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::host::HostRule;
use crate::origin::Tier;
use crate::pattern::{Places, Purpose, ResolvedPattern};
use crate::policy::{ClientTools, HomeView, NetworkMode, Policy};
use crate::rule::Rule;

pub use tool::ToolVerdict;
pub use verdict::{Access, Decision, ReasonCode, ToolKind, Verdict};

/// A policy resolved for one host, ready to answer.
#[derive(Debug, Clone)]
pub struct Judge {
    /// The workspaces.
    workspaces: Vec<PathBuf>,
    /// The home folder that `home` speaks of.
    home_folder: PathBuf,
    /// Every home folder.
    homes: Vec<PathBuf>,
    /// What is seen of the home folder.
    home: HomeView,
    /// `workspace.roots`.
    roots: Vec<Resolved>,
    /// `files.mask`.
    mask: Vec<Resolved>,
    /// `files.protect`.
    protect: Vec<Resolved>,
    /// `files.write`.
    write: Vec<Resolved>,
    /// `files.scratch`.
    scratch: Vec<Resolved>,
    /// `files.read`.
    read: Vec<Resolved>,
    /// `files.sockets`.
    sockets: Vec<Resolved>,
    /// How the network is reached.
    network: NetworkMode,
    /// `network.allow`.
    hosts: Vec<HostRule>,
    /// Tools by client.
    tools: BTreeMap<String, ClientTools>,
}

/// One path that a rule stands for.
#[derive(Debug, Clone)]
struct Resolved {
    /// The path or its wildcards.
    paths: ResolvedPattern,
    /// The rule as written, and where.
    rule: Arc<Rule>,
}

impl Judge {
    /// Resolves every rule of `policy` for this host.
    #[must_use]
    pub fn new(policy: &Policy, places: &Places) -> Self {
        let restrict = |rules: &[Rule]| resolve(rules, places, Purpose::Restrict);
        let grant = |rules: &[Rule]| resolve(rules, places, Purpose::Grant);
        Self {
            workspaces: places.workspaces.clone(),
            home_folder: places.home.clone(),
            homes: places.home_folders(Purpose::Restrict).map(Path::to_path_buf).collect(),
            home: policy.files.home,
            roots: grant(&policy.workspace.roots),
            mask: restrict(&policy.files.mask),
            protect: restrict(&policy.files.protect),
            write: grant(&policy.files.write),
            scratch: grant(&policy.files.scratch),
            read: grant(&policy.files.read),
            sockets: grant(&policy.files.sockets),
            network: policy.network.mode,
            hosts: policy.network.rules.clone(),
            tools: policy.tools.clone(),
        }
    }
}

impl Resolved {
    /// The rule for a verdict: its text, and where it was written.
    fn label(&self) -> String {
        format!("{} ({})", self.rule.pattern, self.rule.origin)
    }

    /// Whether the rule comes with the program and is not about workspaces.
    fn is_builtin_place(&self) -> bool {
        matches!(self.rule.origin.tier, Tier::BuiltIn(_)) && !self.rule.pattern.is_relative()
    }
}

/// Every path that the rules stand for.
fn resolve(rules: &[Rule], places: &Places, purpose: Purpose) -> Vec<Resolved> {
    let bases = places.all_bases(purpose);
    let mut resolved = Vec::with_capacity(rules.len() * 2);
    for rule in rules {
        let rule = Arc::new(rule.clone());
        rule.pattern.resolve_in(&bases, &mut |paths| resolved.push(Resolved { paths, rule: Arc::clone(&rule) }));
    }
    resolved
}

/// The first rule that covers `path`.
fn covering<'a>(rules: &'a [Resolved], path: &Path) -> Option<&'a Resolved> {
    rules.iter().find(|rule| rule.paths.covers(path))
}

#[cfg(test)]
mod tests;
