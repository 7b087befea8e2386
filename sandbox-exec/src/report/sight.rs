//! What a plan lets the command see, sorted by what it can do with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::plan::{Access, Mount, NodeKind, Plan, ROOT, Source};

/// The paths of a plan by what can be done with them; each is stated once, at the outermost place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Can be changed on the host.
    pub(crate) writable: Vec<PathBuf>,
    /// Can be read and run.
    pub(crate) readable: Vec<PathBuf>,
    /// Lies in something writable and cannot be changed.
    pub(crate) protected: Vec<PathBuf>,
    /// Folders around protected names, which can be written in but not moved away.
    pub(crate) pinned: Vec<PathBuf>,
    /// Exists on the host and cannot be seen.
    pub(crate) masked: Vec<PathBuf>,
    /// Files of the sandbox's own in the place of the host's.
    pub(crate) made: Vec<PathBuf>,
    /// Private, empty at the start and thrown away at the end.
    pub(crate) scratch: Vec<PathBuf>,
    /// The host's, under a private layer that takes what is changed and is thrown away at the end.
    pub(crate) overlay: Vec<PathBuf>,
}

impl Sight {
    /// Sorts the mounts of `plan`.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut sight = Self::default();
        let mounts: Vec<&Mount> = plan.sealed.iter().chain(&plan.open).collect();
        let roots: BTreeSet<&Path> =
            mounts.iter().filter(|mount| is_root(mount, &mounts)).map(|mount| mount.target.as_path()).collect();
        for mount in &mounts {
            let in_root = mount.target.ancestors().skip(1).any(|folder| roots.contains(folder));
            let list = match (mount.mask, &mount.source, mount.access) {
                (true, _, _) => &mut sight.masked,
                (false, Source::Overlay(..), _) => &mut sight.overlay,
                (false, Source::Tree(_), Access::Read) => &mut sight.made,
                (false, Source::Tree(_), Access::Write) => &mut sight.scratch,
                (false, _, Access::Write) if in_root => &mut sight.pinned,
                (false, _, Access::Write) => &mut sight.writable,
                (false, _, Access::Read) if in_root => &mut sight.protected,
                (false, _, Access::Read) => &mut sight.readable,
            };
            list.push(mount.target.clone());
        }
        sight.masked.extend(announced(plan));
        sight.sort();
        sight
    }

    /// Puts every list in order, each path once.
    fn sort(&mut self) {
        let Self { writable, readable, protected, pinned, masked, made, scratch, overlay } = self;
        for list in [writable, readable, protected, pinned, masked, made, scratch, overlay] {
            list.sort();
            list.dedup();
        }
    }
}

/// Whether `mount` is writable and does not just repeat a writable one around it.
fn is_root(mount: &Mount, mounts: &[&Mount]) -> bool {
    let nearest =
        mount.target.ancestors().skip(1).find_map(|folder| mounts.iter().find(|other| other.target == folder));
    shares_host(mount) && !nearest.is_some_and(|around| shares_host(around))
}

/// Whether writes to `mount` reach the host.
fn shares_host(mount: &Mount) -> bool {
    mount.access == Access::Write && matches!(mount.source, Source::Host(_) | Source::Own(_))
}

/// Masked folders that are not there at all but say so by a notice.
fn announced(plan: &Plan) -> impl Iterator<Item = PathBuf> {
    let notices = plan.tree.iter().filter(|node| node.kind == NodeKind::Notice);
    notices.filter_map(|node| Some(Path::new("/").join(node.path.parent()?.strip_prefix(ROOT).ok()?)))
}
