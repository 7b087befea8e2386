//! From the layout of a sandbox to what is made: the nodes of the private tmpfs, and the mounts in their order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::parts::{MASK_FILE, NOTICE};
use super::tree::Tree;
use super::{Access, DEVICES, Layout, MARKER, Mount, Node, NodeKind, OVERLAY_FOLDERS, ROOT, Room, Source, View};
use crate::host::Kind;
use crate::plan::scratch;

impl Layout<'_> {
    /// The layout as what the private tmpfs holds, the mounts before sealing, and the mounts after it.
    pub(crate) fn arrange(&self) -> (Vec<Node>, Vec<Mount>, Vec<Mount>) {
        let mut tree = Tree::default();
        self.furnish(&mut tree);
        let (mut sealed, mut open) = (Vec::new(), Vec::new());
        let mut opened: BTreeSet<&Path> = BTreeSet::new();
        for (path, text) in &self.links {
            tree.add(Path::new(ROOT).join(relative(path)), NodeKind::Link(text.clone()));
        }
        for (target, view) in &self.views {
            let target = Path::new(target);
            let room = self.make_room(&mut tree, target, view);
            let mount = self.mount(&mut tree, target, view, room);
            // What lies in a mount that is made after sealing can only be made after it.
            let around = target.parent().and_then(|parent| self.nearest(parent));
            let in_open = around.is_some_and(|(outer, _)| opened.contains(outer));
            if mount.access == Access::Write || in_open {
                opened.insert(target);
                open.push(mount);
            } else {
                sealed.push(mount);
            }
        }
        for folder in &self.notices {
            if self.views.contains_key(folder.as_os_str()) || self.shows_host(folder) {
                continue;
            }
            let folder = Path::new(ROOT).join(relative(folder));
            tree.folder(&folder);
            tree.add(folder.join(NOTICE), NodeKind::Notice);
        }
        (tree.into_nodes(), sealed, open)
    }

    /// Adds what every sandbox has: mount points for `/proc` and `/dev`, and the links that programs expect.
    fn furnish(&self, tree: &mut Tree) {
        let root = Path::new(ROOT);
        let dev = root.join("dev");
        for folder in ["proc", "run", "dev/pts"] {
            tree.folder(&root.join(folder));
        }
        tree.add(root.join(MARKER), NodeKind::Marker);
        for name in DEVICES {
            tree.add(dev.join(name), NodeKind::File(0o444));
        }
        if self.inputs.host.terminal.is_some() {
            tree.add(dev.join("console"), NodeKind::File(0o444));
        }
        let links = [
            ("dev/fd", "/proc/self/fd"),
            ("dev/stdin", "/proc/self/fd/0"),
            ("dev/stdout", "/proc/self/fd/1"),
            ("dev/stderr", "/proc/self/fd/2"),
            ("dev/ptmx", "pts/ptmx"),
            ("var/run", "/run"),
            ("etc/mtab", "/proc/self/mounts"),
        ];
        for (path, text) in links {
            if !self.shows_host(&Path::new("/").join(path)) {
                tree.add(root.join(path), NodeKind::Link(PathBuf::from(text)));
            }
        }
    }

    /// Makes the mount point of `view` where its surroundings are private.
    fn make_room(&self, tree: &mut Tree, target: &Path, view: &View) -> Room {
        let around = target.parent().and_then(|parent| self.nearest(parent));
        let room = match around {
            None => Path::new(ROOT).join(relative(target)),
            Some((outer, View::Scratch(number))) => {
                scratch::place(*number).join(target.strip_prefix(outer).unwrap_or(target))
            }
            Some((outer, View::MaskedFolder(number))) => {
                masked(*number).join(target.strip_prefix(outer).unwrap_or(target))
            }
            Some((_, View::Bind { .. } | View::Overlay(..) | View::Text(_) | View::MaskedFile)) => return Room::Host,
        };
        match view {
            View::Bind { kind: Kind::Folder, .. } | View::Overlay(..) | View::Scratch(_) | View::MaskedFolder(_) => {
                tree.folder(&room)
            }
            View::Bind { .. } | View::Text(_) | View::MaskedFile => tree.add(room, NodeKind::File(0o444)),
        }
        Room::Private
    }

    /// The mount that shows `view` at `target`.
    fn mount(&self, tree: &mut Tree, target: &Path, view: &View, room: Room) -> Mount {
        let (source, access, mask) = match view {
            View::Bind { source, access, .. } => (source.clone(), *access, false),
            View::Scratch(number) => {
                tree.add(scratch::place(*number), NodeKind::Folder(0o1777));
                (Source::Tree(scratch::place(*number)), Access::Write, false)
            }
            View::Overlay(lower, number) => {
                let place = PathBuf::from(format!("overlay/{number}"));
                OVERLAY_FOLDERS.iter().for_each(|name| tree.folder(&place.join(name)));
                (Source::Overlay(lower.clone(), place), Access::Write, false)
            }
            View::Text(text) => {
                let node = made(target);
                tree.add(node.clone(), NodeKind::Text(text.clone()));
                (Source::Tree(node), Access::Read, false)
            }
            View::MaskedFile => {
                tree.add(PathBuf::from(MASK_FILE), NodeKind::File(0));
                (Source::Tree(PathBuf::from(MASK_FILE)), Access::Read, true)
            }
            View::MaskedFolder(number) => {
                tree.add(masked(*number).join(NOTICE), NodeKind::Notice);
                (Source::Tree(masked(*number)), Access::Read, true)
            }
        };
        Mount { target: target.to_owned(), source, access, mask, room }
    }
}

/// The file in the private tmpfs that is shown at `target`.
fn made(target: &Path) -> PathBuf {
    Path::new("made").join(target.file_name().unwrap_or_default())
}

/// The masked folder `number` in the private tmpfs.
fn masked(number: usize) -> PathBuf {
    PathBuf::from(format!("masks/{number}"))
}

/// `path` without its leading slash.
fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}
