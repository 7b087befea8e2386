//! Where a walk ends: at something that exists, at something that may be made, or at a folder.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use lobsterpot_policy::Access;
use nix::errno::Errno;

use super::{Region, Walk};
use crate::guard::Refusal;
use crate::guard::handle::Found;
use crate::guard::index::{Entry, split};
use crate::guard::sight::Host;
use crate::guard::words::{LONGEST_NAME, intended};

/// Where a walk ended.
#[derive(Debug)]
pub(in crate::guard) struct End {
    /// The path in the sandbox.
    pub(in crate::guard) path: PathBuf,
    /// The part of the host that it lies in.
    pub(in crate::guard) host: Host,
    /// The folder that holds it; the folder itself when `name` is `.`.
    pub(in crate::guard) parent: Parent,
    /// Its name.
    pub(in crate::guard) name: OsString,
    /// What is there; `None` when nothing is.
    pub(in crate::guard) found: Option<Found>,
    /// The names below that do not exist either.
    pub(in crate::guard) missing: Vec<OsString>,
    /// Whether only a folder will do.
    pub(in crate::guard) wants_folder: bool,
    /// Whether something else begins to be shown there.
    pub(in crate::guard) is_beginning: bool,
}

/// The folder that holds where a walk ended.
#[derive(Debug)]
pub(in crate::guard) enum Parent {
    /// This one.
    Open(OwnedFd),
    /// The one that holds its real path: only this file is shown.
    OfFile,
}

impl Walk<'_> {
    /// The end, at something that is no folder.
    ///
    /// # Errors
    /// When the folder that holds it cannot be kept.
    pub(super) fn end_at(
        &mut self,
        path: PathBuf,
        name: OsString,
        host: Host,
        found: Found,
        is_beginning: bool,
    ) -> Result<End, Refusal> {
        let parent = if is_beginning { Parent::OfFile } else { self.keep_parent(&path)? };
        Ok(End { path, host, parent, name, found: Some(found), missing: Vec::new(), wants_folder: false, is_beginning })
    }

    /// Takes the folder that holds `path` out of the walk.
    ///
    /// # Errors
    /// When there is none.
    fn keep_parent(&mut self, path: &Path) -> Result<Parent, Refusal> {
        let folder = self.places.pop().and_then(|place| place.folder);
        folder.map(|folder| Parent::Open(folder.handle)).ok_or_else(|| Refusal::not_found(path))
    }

    /// The end, at something that does not exist.
    ///
    /// # Errors
    /// When it may not be made.
    pub(super) fn absent(&mut self, path: PathBuf, name: OsString, host: Host, hits: &[Entry]) -> Result<End, Refusal> {
        if self.request.access != Access::Write {
            return Err(Refusal::not_found(&intended(&path, self.rest.iter().rev().map(OsString::as_os_str))));
        }
        // The kernel makes the file that a link leads to, and no folder: neither there nor on the way.
        let is_on_link = self.behind_link.is_some_and(|left| self.rest.len() >= left);
        if is_on_link && (self.wants_folder || self.rest.iter().any(|name| name != ".")) {
            return Err(Refusal::not_found(&intended(&path, self.rest.iter().rev().map(OsString::as_os_str))));
        }
        if let Some(refusal) = self.reserved.take().map(|(link, cause)| self.sight.guard.caused(&link, cause)) {
            return Err(refusal);
        }
        if let Some(cause) = self.sight.reservation(&path, hits) {
            return Err(self.sight.guard.caused(&path, cause));
        }
        let mut missing: Vec<OsString> = Vec::new();
        let mut below = path.clone();
        for name in std::mem::take(&mut self.rest).into_iter().rev().filter(|name| name != ".") {
            if name == ".." {
                return Err(Refusal::not_found(&below));
            }
            if name.len() > LONGEST_NAME {
                return Err(Refusal::of_spelling(&name, "a name in it is too long"));
            }
            below.push(&name);
            if let Some(cause) = self.sight.reservation(&below, &self.sight.hits(&below)) {
                return Err(self.sight.guard.caused(&below, cause));
            }
            missing.push(name);
        }
        let parent = self.keep_parent(&path)?;
        let wants_folder = self.wants_folder;
        Ok(End { path, host, parent, name, found: None, missing, wants_folder, is_beginning: false })
    }

    /// The end, at the last folder that was entered.
    ///
    /// # Errors
    /// When it is not the host's.
    pub(super) fn here(mut self) -> Result<End, Refusal> {
        let path = std::mem::take(&mut self.path);
        let Some(place) = self.places.pop() else { return Err(Refusal::made(&path)) };
        let (host, folder) = match (place.region, place.folder) {
            (Region::Host(host), Some(folder)) => (host, folder),
            (Region::Made(made), _) => return Err(self.unseen(&path, made)),
            (Region::Host(_), None) => return Err(Refusal::made(&path)),
        };
        let around = self.places.pop().and_then(|place| place.folder).filter(|_| !place.is_beginning);
        let found = Found { handle: folder.handle, facts: folder.facts };
        let (parent, name) = match around {
            Some(around) => (around.handle, split(&path).1.to_owned()),
            None => {
                let again = found.handle.as_fd().try_clone_to_owned();
                (again.map_err(|_| Refusal::of_kernel(&path, Errno::EMFILE))?, OsString::from("."))
            }
        };
        Ok(End {
            path,
            host,
            parent: Parent::Open(parent),
            name,
            found: Some(found),
            missing: Vec::new(),
            wants_folder: self.wants_folder,
            is_beginning: place.is_beginning,
        })
    }
}
