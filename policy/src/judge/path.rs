//! Verdicts about paths.
//!
//! The order is: masks first, except that a workspace inside a masked folder is bound back; then protected names; then
//! workspaces, `write` and `scratch`; then `read` and the home folder. Adding a mask or a protected name can therefore never
//! allow anything.

use std::path::{Component, Path};

use super::verdict::{Access, ReasonCode, Verdict};
use super::{Judge, Resolved, covering};
use crate::policy::HomeView;

impl Judge {
    /// Judges an access to `path`, which must be absolute and free of symbolic links.
    pub fn path(&self, path: &Path, access: Access) -> Verdict {
        if !is_plain(path) {
            return bad_path(path);
        }
        if let Some(mask) = self.masking(path) {
            return Verdict::masked(path, &mask.rule);
        }
        match access {
            Access::Connect => self.connect(path),
            Access::Write => self.write(path),
            Access::Read | Access::Execute => self.read(path),
        }
    }

    /// Whether writes to `path` inside the sandbox go to a private place that is thrown away, and never to the host.
    #[must_use]
    pub fn is_scratch(&self, path: &Path) -> bool {
        let elsewhere = self.workspace_depth(path).is_some() || covering(&self.write, path).is_some();
        !elsewhere && covering(&self.scratch, path).is_some()
    }

    /// The mask that hides `path`, if one does: the workspaces and the masks that hold it compete, and the longer path wins.
    fn masking(&self, path: &Path) -> Option<&Resolved> {
        let workspace = self.workspace_depth(path);
        self.mask.iter().find(|mask| match (mask.paths.deepest(path), workspace) {
            (Some(mask), Some(workspace)) => mask >= workspace,
            (Some(_), None) => true,
            (None, _) => false,
        })
    }

    /// How many components the longest workspace that holds `path` has.
    pub(super) fn workspace_depth(&self, path: &Path) -> Option<usize> {
        let holding = self.ground.places.workspaces.iter().filter(|workspace| path.starts_with(workspace));
        holding.map(|workspace| workspace.iter().count()).max()
    }

    /// Judges connecting to a socket of the host.
    fn connect(&self, path: &Path) -> Verdict {
        match covering(&self.sockets, path) {
            Some(rule) => Verdict::allow(Some(rule.label()), format!("The socket {} is listed.", path.display())),
            None => Verdict::deny(
                ReasonCode::SocketNotAllowed,
                None,
                format!("{} is a socket of the host, and the policy does not list it.", path.display()),
                "Work without this service, or ask the user to add the socket to files.sockets of their policy.",
            ),
        }
    }

    /// Judges a write.
    fn write(&self, path: &Path) -> Verdict {
        if let Some(rule) = covering(&self.protect, path) {
            return Verdict::protected(
                path,
                Some(&rule.rule),
                "what is written there takes effect outside of the sandbox",
            );
        }
        if self.workspace_depth(path).is_some() {
            return Verdict::allow(None, format!("{} is in the workspace.", path.display()));
        }
        if let Some(rule) = covering(&self.write, path).or_else(|| covering(&self.scratch, path)) {
            return Verdict::allow(Some(rule.label()), format!("{} is listed as writable.", path.display()));
        }
        let seen = self.read(path);
        if seen.reason != ReasonCode::Allowed {
            return seen;
        }
        Verdict::read_only(path, seen.rule)
    }

    /// Judges a read.
    fn read(&self, path: &Path) -> Verdict {
        if self.workspace_depth(path).is_some() {
            return Verdict::allow(None, format!("{} is in the workspace.", path.display()));
        }
        let listed = [&self.write, &self.scratch, &self.read].into_iter().find_map(|rules| covering(rules, path));
        if let Some(rule) = listed {
            return Verdict::allow(Some(rule.label()), format!("{} is listed as readable.", path.display()));
        }
        let home = &self.ground.places.home;
        if self.policy().files.home == HomeView::ReadOnly && !home.as_os_str().is_empty() && path.starts_with(home) {
            return Verdict::allow(None, format!("{} is in the home folder.", path.display()));
        }
        Verdict::outside(path)
    }
}

/// Whether a path is absolute and says nothing but names.
pub(super) fn is_plain(path: &Path) -> bool {
    let names = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    path.is_absolute() && names && !path.as_os_str().as_encoded_bytes().contains(&0)
}

/// The verdict for what is not a plain absolute path.
pub(super) fn bad_path(path: &Path) -> Verdict {
    Verdict::deny(
        ReasonCode::BadPath,
        None,
        format!("\"{}\" is not a plain absolute path.", path.display().to_string().escape_debug()),
        "Give the absolute path, without `..`.",
    )
}
