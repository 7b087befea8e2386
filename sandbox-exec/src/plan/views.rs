//! Which part of the host is seen where, and how: the mounts, and the private tmpfs in which they are attached.

mod arrange;
mod overlays;
mod parts;
mod sockets;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lobsterpot_policy::HomeView;
use rustc_hash::FxHashSet;

pub(crate) use self::parts::{
    Access, DEVICES, MARKER, Mount, Node, NodeKind, OVERLAY_FOLDERS, Origin, ROOT, Room, Source, notice,
};
use super::network::Network;
use super::{Inputs, name_service, scratch};
use crate::bytes;
use crate::error::Error;
use crate::host::{Fact, Kind};
use crate::rules::Resolved;

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
}
