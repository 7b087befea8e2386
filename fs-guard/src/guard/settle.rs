//! Judging where a walk has ended: what is there, whether it may be used like this, and what is handed out when it may.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{Access, Decision, Rule, Verdict};
use nix::errno::Errno;

use super::facts::Cause;
use super::handle::{Found, Kind, look};
use super::index::{List, lies_in, split};
use super::sight::{Host, Sight, Writing};
use super::walk::{End, Parent};
use super::{Guard, LastLink, Objects, Refusal, Request, Target, links};

impl Guard {
    /// Judges where a walk has ended.
    ///
    /// # Errors
    /// Why it may not be used.
    pub(super) fn settle(&self, sight: &Sight<'_>, end: End, request: &Request) -> Result<Target, Refusal> {
        let real = end.host.real(&end.path);
        if request.access == Access::Write {
            self.may_write(sight, &end, request)?;
        }
        let is_special = |found: &Found| matches!(found.kind(), Kind::Socket | Kind::Other);
        let wants_content = request.objects == Objects::Content && request.access != Access::Connect;
        if wants_content && end.found.as_ref().is_some_and(is_special) {
            return Err(Refusal::special(&end.path));
        }
        let many = end.found.as_ref().filter(|found| wants_content && self.has_more_names(&end.path, found));
        if let Some(other) = many.and_then(|found| links::other_name(self, &sight.facts, &real, &found.facts)) {
            return Err(Refusal::hard_link(&end.path, &other));
        }
        let written = many.filter(|_| request.access == Access::Write);
        if let Some(own) = written.and_then(|found| links::name_in_repository(self, &sight.facts, &real, &found.facts))
        {
            return Err(Refusal::also_of_git(&end.path, &own));
        }
        if request.access == Access::Connect {
            let verdict = self.judge().path(&real, Access::Connect);
            if verdict.decision != Decision::Allow {
                return Err(Refusal::about(&end.path, verdict));
            }
        }
        let alone = matches!(end.parent, Parent::OfFile);
        let (parent, name) = match end.parent {
            Parent::Open(parent) => (parent, end.name),
            Parent::OfFile => {
                let parent = self.parent_of(&real, end.found.as_ref());
                parent.map_err(|errno| Refusal::of_kernel(&end.path, errno))?
            }
        };
        let verdict = self.permission(&end.path, end.host.writing);
        let (file, facts) = end.found.map(|found| (found.handle, found.facts)).unzip();
        Ok(Target {
            path: real,
            parent,
            name,
            file,
            facts,
            missing: end.missing,
            folder: end.wants_folder,
            alone,
            verdict,
            shown: end.path,
            host: end.host,
        })
    }

    /// Whether `found` is a file in a workspace that has another name.
    fn has_more_names(&self, path: &Path, found: &Found) -> bool {
        let is_own = self.places.workspaces.iter().any(|workspace| lies_in(path, workspace));
        is_own && found.kind() == Kind::File && found.facts.st_nlink > 1
    }

    /// Refuses to write where only reading is allowed.
    ///
    /// # Errors
    /// Why it may not be written.
    fn may_write(&self, sight: &Sight<'_>, end: &End, request: &Request) -> Result<(), Refusal> {
        self.may_be_written(sight, &end.path, &end.host, &end.missing)?;
        if request.last == LastLink::Follow || end.found.is_none() {
            return Ok(());
        }
        // The name itself is to be removed or moved. What is mounted on cannot be, nor what holds it.
        let hits = sight.hits(&end.path);
        if end.is_beginning || sight.protection(&end.path, &hits).is_some() {
            return Err(Refusal::held(&end.path, None));
        }
        for list in [List::Protect, List::Mask] {
            let below = sight.restricted_below(&end.path, list);
            if below.is_cut {
                return Err(Refusal::unsearched(&end.path));
            }
            if let Some((_, cause)) = below.paths.first() {
                return Err(Refusal::held(&end.path, self.rule_of(*cause)));
            }
        }
        match self.roots.iter().any(|root| lies_in(root, &end.path)) {
            true => Err(Refusal::held(&end.path, None)),
            false => Ok(()),
        }
    }

    /// Refuses to write what is not `Writing::Allowed` at `path` in `host`, and what is git's own; with it the names `missing` below
    /// would be made.
    ///
    /// # Errors
    /// Why it may not be written.
    pub(super) fn may_be_written(
        &self,
        sight: &Sight<'_>,
        path: &Path,
        host: &Host,
        missing: &[OsString],
    ) -> Result<(), Refusal> {
        match host.writing {
            Writing::Allowed(_) => {
                let whole = |path: PathBuf| missing.iter().fold(path, |path, name| path.join(name));
                let meant = whole(path.to_owned());
                let is_gits = sight.is_gits(&meant) || sight.is_gits(&whole(host.real(path)));
                if is_gits { Err(Refusal::of_git(&meant)) } else { Ok(()) }
            }
            Writing::ReadOnly(entry) => Err(Refusal::read_only(path, entry.and_then(|entry| self.rule(entry)))),
            Writing::Protected(cause) => Err(self.caused(path, cause)),
        }
    }

    /// The refusal of what is covered because of `cause`.
    pub(super) fn caused(&self, path: &Path, cause: Cause) -> Refusal {
        match cause {
            Cause::Rule(entry) if entry.list == List::Mask => match self.rule(entry) {
                Some(rule) => Refusal::about(path, Verdict::masked(path, rule)),
                None => Refusal::about(path, Verdict::outside(path)),
            },
            Cause::Rule(entry) => Refusal::protected(path, self.rule(entry)),
            Cause::Repository => Refusal::protected(path, None),
        }
    }

    /// The rule behind `cause`, when there is one.
    pub(super) fn rule_of(&self, cause: Cause) -> Option<&Rule> {
        match cause {
            Cause::Rule(entry) => self.rule(entry),
            Cause::Repository => None,
        }
    }

    /// The folder that holds the file `found` at `real`, and its name there.
    ///
    /// # Errors
    /// The kernel's; `ESTALE` when another file lies there by now.
    fn parent_of(&self, real: &Path, found: Option<&Found>) -> Result<(OwnedFd, OsString), Errno> {
        let (folder, name) = split(real);
        let parent = self.root.straight(Path::new(folder))?;
        let again = look(&parent, name)?;
        let identity = |found: &Found| (found.facts.st_dev, found.facts.st_ino);
        if found.map(identity) != Some(identity(&again)) {
            return Err(Errno::ESTALE);
        }
        Ok((parent, name.to_owned()))
    }

    /// The verdict on `path`, which may be used.
    fn permission(&self, path: &Path, writing: Writing) -> Verdict {
        let rule = match writing {
            Writing::Allowed(entry) | Writing::ReadOnly(entry) => entry,
            Writing::Protected(_) => None,
        };
        match rule.and_then(|entry| self.rule(entry)) {
            Some(rule) => Verdict::allow(Some(rule.label()), format!("{} is listed.", path.display())),
            None if self.places.workspaces.iter().any(|workspace| lies_in(path, workspace)) => {
                Verdict::allow(None, format!("{} is in the workspace.", path.display()))
            }
            None => Verdict::allow(None, format!("{} is in the home folder.", path.display())),
        }
    }
}
