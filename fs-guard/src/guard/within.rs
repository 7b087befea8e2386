//! Entries of a folder that was resolved already: what a listing shows, what a removal or a move takes along.

use std::path::{Path, PathBuf};

use lobsterpot_policy::{Access, Verdict};
use nix::sys::stat::FileStat;

use super::facts::{Cause, may_be_there};
use super::handle::{Kind, kind_of};
use super::index::{List, lies_in};
use super::sight::{Begin, Host, Made, Region, Sight, Writing};
use super::{Guard, Refusal, Target};

/// A look into a folder. It holds what was known when it was made: make a new one for each request.
#[derive(Debug)]
pub struct Within<'a> {
    /// What is shown where.
    sight: Sight<'a>,
    /// The folder's path in the sandbox.
    folder: PathBuf,
    /// The part of the host that it lies in.
    host: Host,
}

impl Guard {
    /// A look into the folder `target`.
    #[must_use]
    pub fn within(&self, target: &Target) -> Within<'_> {
        Within { sight: self.sight(), folder: target.shown.clone(), host: target.host.clone() }
    }

    /// Checks that moving `from` to `to` puts nothing where a protected name must not come into being.
    ///
    /// Both must have been resolved with [`Request::about_name`](super::Request::about_name).
    ///
    /// # Errors
    /// The name, and why.
    pub fn may_move(&self, from: &Target, to: &Target) -> Result<(), Refusal> {
        let sight = self.sight();
        let is_folder = from.facts.as_ref().is_some_and(|facts| kind_of(facts) == Kind::Folder);
        let lists = [List::Protect, List::Mask];
        let below = lists.iter().flat_map(|list| self.index.below(&to.shown, *list));
        let pointers = sight.facts.pointers.iter().map(PathBuf::from);
        for path in below.map(|(path, _)| path).chain(pointers) {
            let Ok(rest) = path.strip_prefix(&to.shown) else { continue };
            if rest.as_os_str().is_empty() {
                continue;
            }
            let Some(cause) = sight.reservation(&path, &sight.hits(&path)) else { continue };
            if !is_folder || may_be_there(&from.path.join(rest)) {
                return Err(self.caused(&path, cause));
            }
        }
        Ok(())
    }
}

impl Within<'_> {
    /// Judges the entry at `below`, one or more names below the folder, whose facts are `facts`. The folders in between must have
    /// been judged before.
    ///
    /// For [`Access::Write`] the question is whether it may be changed, removed or moved.
    ///
    /// # Errors
    /// Why it may not be used.
    pub fn entry(&self, below: &Path, facts: &FileStat, access: Access) -> Result<(), Refusal> {
        let path = self.folder.join(below);
        let hits = self.sight.hits(&path);
        let begin = self.sight.begin(&path, &hits, &Region::Host(self.host.clone()));
        let host = match begin.map_err(|errno| Refusal::of_kernel(&path, errno))? {
            None => self.host.clone(),
            Some(Begin::Region(Region::Host(host), Some(found)))
                if (found.facts.st_dev, found.facts.st_ino) == (facts.st_dev, facts.st_ino) =>
            {
                host
            }
            Some(Begin::Region(Region::Made(Made::Scratch), _)) => return Err(Refusal::scratch(&path)),
            // Something else is shown there.
            Some(Begin::Region(..) | Begin::Link(_)) => return Err(Refusal::about(&path, Verdict::outside(&path))),
        };
        if let Some(mask) = self.sight.mask(&path, &hits, &host) {
            return Err(self.sight.guard.caused(&path, Cause::Rule(mask)));
        }
        if access != Access::Write {
            return Ok(());
        }
        match (host.writing, self.sight.protection(&path, &hits)) {
            (Writing::Allowed(_), Some(cause)) => Err(self.sight.guard.caused(&path, cause)),
            (Writing::Allowed(_) | Writing::ReadOnly(_) | Writing::Protected(_), _) => {
                self.sight.guard.may_be_written(&self.sight, &path, &host, &[])
            }
        }
    }

    /// Whether a workspace, or another place that is held where it is, begins at the entry `below`.
    #[must_use]
    pub fn is_held(&self, below: &Path) -> bool {
        let path = self.folder.join(below);
        self.sight.guard.roots.iter().any(|root| lies_in(root, &path))
    }
}
