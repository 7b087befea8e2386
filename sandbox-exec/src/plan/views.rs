//! Which part of the host is seen where, and how: the mounts, and the private tmpfs in which they are attached.

mod overlays;
mod sockets;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lobsterpot_policy::HomeView;
use rustc_hash::FxHashSet;

use self::tree::Tree;
use super::network::Network;
use super::{Inputs, name_service, scratch};
use crate::bytes;
use crate::error::Error;
use crate::host::{Fact, Kind};
use crate::rules::Resolved;

/// The folder of the private tmpfs that becomes `/`.
pub(crate) const ROOT: &str = "root";
/// The file in the sandbox's root by which a launcher inside knows it.
pub(crate) const MARKER: &str = ".lobsterpot";
/// Device nodes that are the host's own.
pub(crate) const DEVICES: [&str; 6] = ["full", "null", "random", "tty", "urandom", "zero"];
/// The file of the private tmpfs that covers masked files: nobody may open it.
const MASK_FILE: &str = "masks/file";
/// The name of the file that tells why a folder is empty.
const NOTICE: &str = "MASKED-BY-LOBSTERPOT.txt";
/// The folders of the private tmpfs that an overlay takes: where the host's folder is attached, what is changed, and the kernel's own.
pub(crate) const OVERLAY_FOLDERS: [&str; 3] = ["lower", "upper", "work"];
/// What that file says.
const NOTICE_TEXT: &str = "This folder is masked by the Lobsterpot sandbox: what it holds outside cannot be seen or changed from here.\n\
    It is not an error and trying another way does not help. If the task needs it, ask the person to change the policy.\n";

/// Whether a mount can be written through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read only.
    Read,
    /// Read and write.
    Write,
}

/// Where a mount's content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The host's.
    Host(Origin),
    /// As `Host`, with the owner translated when the caller's root is remapped.
    Own(Origin),
    /// This path of the private tmpfs.
    Tree(PathBuf),
    /// The host's, as `Own`, under a private layer that takes what is changed: the folder of the private tmpfs that has room for both.
    Overlay(Origin, PathBuf),
}

/// A file or folder of the host that was looked at: what is mounted must be the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its real path.
    pub(crate) path: PathBuf,
    /// Its device and inode number.
    pub(crate) identity: (u64, u64),
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where it is seen inside; absolute.
    pub(crate) target: PathBuf,
    /// What is seen.
    pub(crate) source: Source,
    /// How.
    pub(crate) access: Access,
    /// It covers something that would be seen otherwise.
    pub(crate) mask: bool,
    /// What it is attached to.
    pub(crate) room: Room,
}

/// Whose ground a mount point lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// The private tmpfs: nobody else can change it.
    Private,
    /// A bound part of the host.
    Host,
}

/// One thing in the private tmpfs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    /// Where; relative to the tmpfs.
    pub(crate) path: PathBuf,
    /// What.
    pub(crate) kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NodeKind {
    /// A folder with these permissions.
    Folder(u32),
    /// An empty file with these permissions, to mount on or to cover with.
    File(u32),
    /// A file that says why a folder is empty.
    Notice,
    /// The file by which a launcher inside knows the sandbox.
    Marker,
    /// A symlink with this text.
    Link(PathBuf),
    /// A file with this text.
    Text(String),
}

/// What is seen at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum View {
    /// A file or folder of the host.
    Bind { source: Source, access: Access, kind: Kind },
    /// A private, writable folder, by its number.
    Scratch(usize),
    /// A folder of the host under a private layer, by its number.
    Overlay(Origin, usize),
    /// A file of the sandbox's own, with this text.
    Text(String),
    /// Nothing: an empty file that cannot be opened.
    MaskedFile,
    /// Nothing: a folder with a notice, by its number.
    MaskedFolder(usize),
}

/// The views of one sandbox in the making.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    /// What the layout is made from.
    inputs: Inputs<'a>,
    /// Views by path inside. Sorted as bytes, so that a folder comes before what lies in it.
    views: BTreeMap<OsString, View>,
    /// Symlinks of the root, such as `/bin`.
    links: BTreeMap<PathBuf, PathBuf>,
    /// Masked folders that are not visible anyway, but show a notice.
    notices: BTreeSet<PathBuf>,
    /// What was left out.
    notes: Vec<String>,
}

impl<'a> Layout<'a> {
    /// An empty layout.
    pub(crate) fn new(inputs: Inputs<'a>) -> Self {
        Self { inputs, views: BTreeMap::new(), links: BTreeMap::new(), notices: BTreeSet::new(), notes: Vec::new() }
    }

    /// Fills the layout: what is shown first, what hides it after, so that a mask wins over every grant around it.
    ///
    /// # Errors
    /// A hard link to a masked file, a protected name that leads to a writable root.
    pub(crate) fn build(&mut self, network: &Network) -> Result<(), Error> {
        let Inputs { policy, places, host, .. } = self.inputs;
        if let Some((masked, link)) = host.hard_links.first_key_value() {
            return Err(Error::HardLink { link: link.clone(), masked: masked.clone() });
        }
        self.refuse_links_to_roots()?;
        let masks = self.masks();
        if policy.files.home == HomeView::ReadOnly {
            self.grant(&host.caller.home, Access::Read, &masks);
        }
        let rules = &host.rules;
        let readable = rules.read.iter().flat_map(|rule| &rule.found);
        self.overlays(&masks);
        let is_link = |path: &&PathBuf| host.fact(path).is_some_and(|fact| fact.link.is_some());
        let (links, others): (Vec<_>, Vec<_>) = readable.partition(is_link);
        // Links last: one whose target is shown already needs no mount of its own.
        for path in others.into_iter().chain(links) {
            self.grant(path, Access::Read, &masks);
        }
        self.absent_overlays(&masks);
        for (number, path) in scratch::folders(host).into_iter().enumerate() {
            self.views.insert(path.into(), View::Scratch(number));
        }
        for path in rules.write.iter().flat_map(|rule| &rule.found) {
            self.grant(path, Access::Write, &masks);
        }
        for path in rules.sockets.iter().flat_map(|rule| &rule.found) {
            self.show_socket(path, &masks);
        }
        for workspace in &places.workspaces {
            self.bind(workspace, workspace, Access::Write);
        }
        self.leave_out_scratch();
        self.hide(&masks);
        self.hide_elsewhere(&masks);
        self.name_service(network);
        self.protect();
        self.hold_masked();
        Ok(())
    }

    /// Refuses a protected name that leads to a writable root: that one can be either written or protected.
    ///
    /// # Errors
    /// The first such name.
    fn refuse_links_to_roots(&self) -> Result<(), Error> {
        let Inputs { places, host, .. } = self.inputs;
        for path in host.rules.protect.iter().flat_map(|rule| &rule.found) {
            let Some(fact) = host.fact(path).filter(|fact| fact.real != *path) else { continue };
            if host.rules.roots.iter().chain(&places.workspaces).any(|root| *root == fact.real) {
                return Err(Error::LinkToRoot { link: path.clone(), root: fact.real.clone() });
            }
        }
        Ok(())
    }

    /// Every path that is masked, as named and as it really lies.
    fn masks(&self) -> FxHashSet<OsString> {
        let host = self.inputs.host;
        let mut masks = FxHashSet::default();
        for path in host.rules.mask.iter().flat_map(Resolved::paths) {
            if let Some(fact) = host.fact(path) {
                masks.insert(fact.real.as_os_str().to_owned());
            }
            masks.insert(path.as_os_str().to_owned());
        }
        masks
    }

    /// Leaves out private folders that have nothing to be mounted on, in folders of the host's that are shown around them.
    fn leave_out_scratch(&mut self) {
        let host = self.inputs.host;
        let mut folders = scratch::folders(host);
        folders.retain(|path| host.fact(path).is_none() && path.parent().is_some_and(|above| self.shows_host(above)));
        for path in folders {
            self.views.remove(path.as_os_str());
            self.notes.push(format!("{} does not exist: /tmp takes its place", path.display()));
        }
    }

    /// Shows `path` as the policy grants it, unless a mask covers where it really lies.
    fn grant(&mut self, path: &Path, access: Access, masks: &FxHashSet<OsString>) {
        let Some(fact) = self.inputs.host.fact(path) else { return };
        if self.stays_hidden(path, fact, masks) {
            return;
        }
        if matches!(fact.kind, Kind::Socket | Kind::Other) {
            return;
        }
        if let Some(text) = self.link_into_view(path, fact) {
            self.links.insert(path.to_owned(), text);
            return;
        }
        if self.shows(path, &fact.real, access) {
            return;
        }
        let path = path.to_owned();
        self.bind(&path, &path, access);
    }

    /// The text of `path` when it is a symlink right below the root whose target is shown anyway, such as `/bin`.
    fn link_into_view(&self, path: &Path, fact: &Fact) -> Option<PathBuf> {
        let text = fact.link.clone()?;
        let top = path.parent().is_some_and(|parent| parent.parent().is_none());
        (top && self.nearest(&fact.real).is_some()).then_some(text)
    }

    /// Whether `path` is shown already, from the same place and no less writable.
    fn shows(&self, path: &Path, real: &Path, access: Access) -> bool {
        match self.nearest(path) {
            Some((target, View::Bind { source: Source::Host(source) | Source::Own(source), access: given, .. })) => {
                let rest = path.strip_prefix(target).unwrap_or(path);
                source.path.join(rest) == real && (*given == Access::Write || access == Access::Read)
            }
            Some((target, View::Overlay(..))) => target == path && access == Access::Read,
            _ => false,
        }
    }

    /// Shows the host's `source` at `target`.
    fn bind(&mut self, target: &Path, source: &Path, access: Access) {
        let Some(fact) = self.inputs.host.fact(source) else { return };
        let own = access == Access::Write || self.is_own(target);
        let from = Origin { path: fact.real.clone(), identity: fact.identity };
        let source = if own { Source::Own(from) } else { Source::Host(from) };
        self.views.insert(target.into(), View::Bind { source, access, kind: fact.kind });
    }

    /// Whether `path` lies in the caller's home or a writable root, where files are the caller's own.
    fn is_own(&self, path: &Path) -> bool {
        let homes = &self.inputs.host.caller.homes;
        homes.iter().any(|home| bytes::lies_in(path, home)) || self.is_writable(path)
    }

    /// Whether the nearest view around `path` can be written.
    pub(crate) fn is_writable(&self, path: &Path) -> bool {
        matches!(self.nearest(path), Some((_, View::Bind { access: Access::Write, .. } | View::Scratch(_))))
    }

    /// Whether anything is seen at `path`, be it a part of the private tree.
    pub(crate) fn is_visible(&self, path: &Path) -> bool {
        let shown = |(target, view): (&Path, &View)| match view {
            View::Bind { .. } | View::Overlay(..) | View::Text(_) => true,
            // It is empty at first: what lies below it on the host is not there.
            View::Scratch(_) => target == path,
            View::MaskedFile | View::MaskedFolder(_) => false,
        };
        self.nearest(path).is_some_and(shown) || self.views.keys().any(|target| bytes::lies_in(Path::new(target), path))
    }

    /// Whether files of the host are seen at `path`.
    fn shows_host(&self, path: &Path) -> bool {
        matches!(self.nearest(path), Some((_, View::Bind { .. } | View::Overlay(..))))
    }

    /// The innermost view at or around `path`.
    fn nearest(&self, path: &Path) -> Option<(&Path, &View)> {
        bytes::ancestors(path)
            .find_map(|ancestor| self.views.get_key_value(ancestor.as_os_str()))
            .map(|(path, view)| (Path::new(path), view))
    }

    /// Covers every masked path that would be seen.
    fn hide(&mut self, masks: &FxHashSet<OsString>) {
        let Inputs { host, places, .. } = self.inputs;
        let mut existing: Vec<&Path> = masks.iter().map(Path::new).filter(|path| host.fact(path).is_some()).collect();
        existing.sort();
        for (number, path) in existing.into_iter().enumerate() {
            let Some(fact) = host.fact(path) else { continue };
            if places.workspaces.iter().any(|workspace| workspace == path) {
                continue;
            }
            if self.shows_host(path) {
                let view = if fact.kind == Kind::Folder && fact.link.is_none() {
                    View::MaskedFolder(number)
                } else {
                    View::MaskedFile
                };
                self.views.insert(path.into(), view);
            } else if fact.kind == Kind::Folder && self.in_home(path) {
                self.notices.insert(path.to_owned());
            }
        }
    }

    /// Covers masked paths under the names that they have where a grant shows a folder at another path than its own.
    fn hide_elsewhere(&mut self, masks: &FxHashSet<OsString>) {
        let host = self.inputs.host;
        let mut moved = Vec::new();
        for (target, view) in &self.views {
            let View::Bind { source: Source::Host(source) | Source::Own(source), .. } = view else { continue };
            if source.path.as_os_str() != target {
                moved.push((PathBuf::from(target), source.path.clone()));
            }
        }
        for (target, real) in moved {
            let inside =
                masks.iter().map(Path::new).filter_map(|mask| Some((mask.strip_prefix(&real).ok()?, host.fact(mask)?)));
            let mut found: Vec<_> =
                inside.filter(|(rest, fact)| !rest.as_os_str().is_empty() && fact.link.is_none()).collect();
            found.sort_by_key(|(rest, _)| *rest);
            for (rest, fact) in found {
                let path = target.join(rest);
                if self.shows_host(&path) {
                    let view = match fact.kind {
                        Kind::Folder => View::MaskedFolder(masks.len() + self.views.len()),
                        Kind::File | Kind::Socket | Kind::Other => View::MaskedFile,
                    };
                    self.views.insert(path.into(), view);
                }
            }
        }
    }

    /// Puts files of the sandbox's own in the place of those that tell how names are looked up, where no mask covers them.
    fn name_service(&mut self, network: &Network) {
        let host = self.inputs.host;
        for (path, text) in name_service::texts(network, &host.called) {
            match self.nearest(Path::new(path)) {
                Some((_, View::MaskedFile | View::MaskedFolder(_))) => continue,
                // Nothing can be mounted on what is not there, in a folder of the host's. The C library's own defaults lead to the
                // same server: it answers at 127.0.0.1 as at every address.
                Some((_, View::Bind { .. } | View::Overlay(..))) if host.fact(Path::new(path)).is_none() => {
                    self.notes.push(format!("{path} does not exist on this host: programs go by their own defaults"));
                }
                None | Some((_, View::Bind { .. } | View::Overlay(..) | View::Scratch(_) | View::Text(_))) => {
                    self.views.insert(path.into(), View::Text(text));
                }
            }
        }
    }

    /// Binds the folders between a writable root and what is masked in it, so that none of them can be moved away: the mask
    /// would not be found again by the next run.
    fn hold_masked(&mut self) {
        let host = self.inputs.host;
        for path in host.rules.held_masks().flat_map(|rule| &rule.found) {
            let Some(above) = path.parent().filter(|above| self.is_writable(above) && self.shows_host(above)) else {
                continue;
            };
            self.hold(above);
        }
    }

    /// Binds `folder` and those between it and the writable root that shows it onto themselves: mount points cannot be renamed.
    fn hold(&mut self, folder: &Path) {
        let Some((root, _)) = self.nearest(folder).filter(|(root, _)| *root != folder) else { return };
        let root = root.to_owned();
        let mut between: Vec<PathBuf> =
            folder.ancestors().take_while(|folder| **folder != root).map(Path::to_owned).collect();
        between.reverse();
        for folder in between {
            self.bind(&folder, &folder, Access::Write);
        }
    }

    /// Whether `path` lies right in the caller's home.
    fn in_home(&self, path: &Path) -> bool {
        path.parent() == Some(&self.inputs.host.caller.home)
    }

    /// Makes protected names inside writable roots read-only. Every folder between them and the root is bound onto itself, so
    /// that it is a mount point and cannot be renamed away with what it protects.
    fn protect(&mut self) {
        let host = self.inputs.host;
        let found = host.rules.protect.iter().flat_map(|rule| &rule.found);
        // Sorted, so that a protected folder comes before what is protected in it and needs no folder around it kept in place.
        let real: BTreeSet<&Path> = found.filter_map(|path| Some(host.fact(path)?.real.as_path())).collect();
        real.into_iter().for_each(|path| self.protect_one(path));
    }

    /// Makes the existing `path` read-only.
    fn protect_one(&mut self, path: &Path) {
        if !self.is_writable(path) || !self.shows_host(path) {
            return;
        }
        // A root, which was refused before.
        if self.views.contains_key(path.as_os_str()) {
            return;
        }
        if let Some(above) = path.parent() {
            self.hold(above);
        }
        self.bind(path, path, Access::Read);
    }

    /// Paths inside that can be written.
    pub(crate) fn writable(&self) -> Vec<PathBuf> {
        let writable = |view: &View| {
            matches!(view, View::Bind { access: Access::Write, .. } | View::Overlay(..) | View::Scratch(_))
        };
        self.views.iter().filter(|(_, view)| writable(view)).map(|(path, _)| path.into()).collect()
    }

    /// The notes.
    pub(crate) fn into_notes(self) -> Vec<String> {
        self.notes
    }

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

/// The text of the notice in masked folders.
pub(crate) fn notice() -> &'static [u8] {
    NOTICE_TEXT.as_bytes()
}
