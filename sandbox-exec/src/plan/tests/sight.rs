//! What a command would find at a path, once the kernel has carried the plan out.

use std::path::{Path, PathBuf};

use crate::plan::{Access, NodeKind, Plan, ROOT, Source};

/// What is at a path inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// This path of the host, readable.
    Readable(PathBuf),
    /// This path of the host, writable.
    Writable(PathBuf),
    /// This path of the host, under a private layer.
    Layered(PathBuf),
    /// A mask.
    Mask,
    /// Private ground that can be written.
    Scratch,
    /// A part of the sandbox's own tree: nothing of the host.
    Own,
    /// Nothing.
    Nothing,
}

/// What is seen at `path`: the mount that was made last at it or at a folder above it decides.
pub(super) fn seen(plan: &Plan, path: impl AsRef<Path>) -> Seen {
    let path = path.as_ref();
    let last = plan.sealed.iter().chain(&plan.open).rev().find(|mount| path.starts_with(&mount.target));
    let Some(mount) = last else { return on_own_ground(plan, path) };
    let rest = path.strip_prefix(&mount.target).expect("the target is a prefix");
    match (&mount.source, mount.access) {
        _ if mount.mask => Seen::Mask,
        (Source::Host(origin) | Source::Own(origin), access) => {
            let path = if rest.as_os_str().is_empty() { origin.path.clone() } else { origin.path.join(rest) };
            if access == Access::Write { Seen::Writable(path) } else { Seen::Readable(path) }
        }
        (Source::Overlay(origin, _), _) => {
            let rest = if rest.as_os_str().is_empty() { origin.path.clone() } else { origin.path.join(rest) };
            Seen::Layered(rest)
        }
        (Source::Tree(_), Access::Write) => Seen::Scratch,
        (Source::Tree(_), Access::Read) => Seen::Own,
    }
}

/// What is seen where nothing is mounted; the links of the root lead on.
fn on_own_ground(plan: &Plan, path: &Path) -> Seen {
    let below =
        |node: &Path| path.strip_prefix(Path::new("/").join(node.strip_prefix(ROOT).ok()?)).ok().map(Path::to_owned);
    for node in plan.tree.iter().rev() {
        match (&node.kind, below(&node.path)) {
            (NodeKind::Link(text), Some(rest)) => {
                let around = Path::new("/").join(node.path.strip_prefix(ROOT).expect("below the root"));
                let target = around.parent().expect("a parent").join(text).join(rest);
                return seen(plan, path_clean::clean(target));
            }
            (_, Some(rest)) if rest.as_os_str().is_empty() => return Seen::Own,
            _ => {}
        }
    }
    Seen::Nothing
}

/// Whether anything of the host is seen at `path`.
pub(super) fn shows_host(plan: &Plan, path: impl AsRef<Path>) -> bool {
    matches!(seen(plan, path), Seen::Readable(_) | Seen::Writable(_) | Seen::Layered(_))
}
