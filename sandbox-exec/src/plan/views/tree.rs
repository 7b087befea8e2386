//! The private tmpfs while a plan is made.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Node, NodeKind};

/// The private tmpfs in the making: parents are added with their children, and come before them, for paths sort as bytes.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<OsString, NodeKind>);

impl Tree {
    /// Adds `kind` at `path`, and the folders above it.
    pub(super) fn add(&mut self, path: PathBuf, kind: NodeKind) {
        if let Some(parent) = path.parent() {
            self.folder(parent);
        }
        self.0.insert(path.into(), kind);
    }

    /// Adds the folder `path` and those above it, keeping what is there.
    pub(super) fn folder(&mut self, path: &Path) {
        for folder in path.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
            if self.0.contains_key(folder.as_os_str()) {
                break;
            }
            self.0.insert(folder.into(), NodeKind::Folder(0o755));
        }
    }

    /// The nodes, folders before what lies in them.
    pub(super) fn into_nodes(self) -> Vec<Node> {
        self.0.into_iter().map(|(path, kind)| Node { path: path.into(), kind }).collect()
    }
}
