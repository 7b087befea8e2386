//! Collecting facts: one listing for each folder that rules name much in, and as few other questions as will do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{ResolvedPattern, Segment};
use nix::sys::stat::lstat;
use rustc_hash::FxHashMap;

use super::expand;
use super::facts::{Cause, Content, Facts, Ground, Stamp, follow, settled};
use super::handle::{Kind, kind_of};
use super::index::{Entry, List, ancestors, lies_in};
use super::options::Uses;
use super::repository;
use super::survey::{Link, Survey, Way};

/// From so many names on, a folder is listed rather than asked for each: a listing costs five calls of the kernel, and one of a
/// large folder much more.
const MANY: usize = 16;

/// A look in progress.
pub(super) struct Look<'a> {
    /// Where.
    ground: Ground<'a>,
    /// What was found.
    facts: Facts,
    /// What has a stamp already, and whether its content counts.
    stamped: FxHashMap<OsString, Content>,
    /// What is known of folders.
    survey: Survey,
}

impl<'a> Look<'a> {
    /// A look that has found nothing yet, where so much is known of folders.
    pub(super) fn new(ground: Ground<'a>, survey: Survey) -> Self {
        Self { ground, facts: Facts::empty(), stamped: FxHashMap::default(), survey }
    }

    /// Collects everything.
    pub(super) fn finish(mut self) -> Facts {
        self.named();
        self.wild();
        for root in self.ground.roots {
            self.pointer(root);
        }
        if let Some(folder) = self.survey.unlisted.take() {
            self.unknown(&folder);
        }
        self.facts
    }

    /// Collects what rules without wildcards lead to.
    fn named(&mut self) {
        let index = self.ground.index;
        let restricts = |entry: &Entry| matches!(entry.list, List::Mask | List::Protect);
        let mut folders: Vec<(&Path, Vec<&(OsString, Entry)>)> = Vec::with_capacity(index.folders.len());
        for (folder, names) in &index.folders {
            let folder = Path::new(folder);
            let names: Vec<_> = names.iter().filter(|(_, entry)| restricts(entry)).collect();
            if !names.is_empty() && self.matters(folder) {
                folders.push((folder, names));
            }
        }
        // What holds others comes first: its listing tells which of them are there.
        folders.sort_unstable_by_key(|(folder, _)| folder.as_os_str().len());
        for (folder, names) in folders {
            match self.way(folder) {
                Way::Missing => {}
                Way::Crooked => names.into_iter().for_each(|(name, entry)| self.add(folder.join(name), *entry)),
                Way::Straight => {
                    self.stamp(folder);
                    let listing = if names.len() >= MANY { self.survey.list(folder) } else { None };
                    for (name, entry) in names {
                        let path = folder.join(name);
                        let is_link = match &listing {
                            Some(listing) => listing.get(name).is_some_and(|link| *link != Link::No),
                            None => self.is_link(&path),
                        };
                        if is_link {
                            self.add(path, *entry);
                        }
                    }
                }
            }
        }
    }

    /// Collects what rules with wildcards lead to.
    fn wild(&mut self) {
        let index = self.ground.index;
        for wild in index.wild.iter().filter(|wild| matches!(wild.entry.list, List::Mask | List::Protect)) {
            let prefix = wild.pattern.prefix();
            if !self.matters(prefix) || self.way(prefix) == Way::Missing {
                continue;
            }
            match wild.pattern.tail() {
                [segment @ Segment::Glob(_)] if self.way(prefix) == Way::Straight => {
                    self.stamp(prefix);
                    let Some(listing) = self.survey.list(prefix) else { continue };
                    for (name, _) in listing.iter().filter(|(name, link)| **link != Link::No && segment.matches(name)) {
                        self.add(prefix.join(name), wild.entry);
                    }
                }
                _ => self.expand(&wild.pattern, wild.entry),
            }
        }
    }

    /// Collects what a rule with more than one wildcard name leads to.
    fn expand(&mut self, pattern: &ResolvedPattern, entry: Entry) {
        self.stamp(pattern.prefix());
        let mut found = expand::Found::default();
        expand::links(pattern, self.way(pattern.prefix()) == Way::Crooked, &mut found);
        if found.left == 0 {
            self.facts.unsearched = Some(pattern.prefix().to_owned());
        }
        // What is searched at any depth is too much to be compared each time: it is searched anew when the facts get old.
        if !pattern.tail().contains(&Segment::AnyDepth) {
            found.listed.iter().for_each(|folder| self.stamp(folder));
        }
        found.paths.into_iter().for_each(|path| self.add(path, entry));
    }

    /// Collects what the `.git` of a writable root leads to when it is no folder.
    fn pointer(&mut self, root: &Path) {
        let path = root.join(".git");
        self.stamp(root);
        let facts = match settled(lstat(&path)) {
            Ok(Some(facts)) => facts,
            Ok(None) => return,
            Err(_) => return self.unknown(&path),
        };
        let is_link = kind_of(&facts) == Kind::Link;
        if kind_of(&facts) == Kind::Folder {
            return;
        }
        let mut watched = Vec::new();
        let Ok(found) = repository::of(&path, |file| watched.push(file.to_owned())) else {
            return self.unknown(&path);
        };
        for file in watched {
            self.facts.stamps.push(Stamp::take(file, Content::Counts));
        }
        self.facts.pointers.insert(path.clone().into_os_string());
        if is_link {
            let real = self.follow(&path);
            real.iter().filter(|real| real.is_dir()).for_each(|real| self.repository(real));
            self.facts.links.push((path.clone(), real));
        }
        found.folders.iter().for_each(|folder| self.repository(folder));
        for name in found.names {
            let real = self.follow(&name);
            if let Some(real) = real.clone().filter(|real| *real != name) {
                self.facts.protected.insert(real.into_os_string(), Cause::Repository);
            }
            self.facts.links.push((name.clone(), real));
            self.facts.pointers.insert(name.into_os_string());
        }
    }

    /// Notes that `folder` is a repository's own. One that holds a whole workspace is not: its files are the workspace's.
    fn repository(&mut self, folder: &Path) {
        if !self.ground.roots.iter().any(|root| lies_in(root, folder)) {
            self.facts.repositories.push(folder.to_owned());
        }
    }

    /// Adds what the name `path` leads to.
    fn add(&mut self, path: PathBuf, entry: Entry) {
        let real = self.follow(&path);
        if let Some(real) = real.clone().filter(|real| *real != path) {
            let real = real.into_os_string();
            match entry.list {
                List::Mask => drop(self.facts.masked.insert(real, entry)),
                List::Protect => drop(self.facts.protected.insert(real, Cause::Rule(entry))),
                List::Read | List::Write | List::Scratch => {}
            }
        }
        self.facts.links.push((path, real));
    }

    /// Where `path` leads.
    fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        follow(path).unwrap_or_else(|_| {
            self.unknown(path);
            None
        })
    }

    /// Whether `path` is a symbolic link.
    fn is_link(&mut self, path: &Path) -> bool {
        match settled(lstat(path)) {
            Ok(found) => found.is_some_and(|facts| kind_of(&facts) == Kind::Link),
            Err(_) => {
                self.unknown(path);
                false
            }
        }
    }

    /// Nobody knows what lies at `path`: nothing can be judged.
    fn unknown(&mut self, path: &Path) {
        self.facts.unsearched.get_or_insert_with(|| path.to_owned());
    }

    /// Whether `folder` lies in or around anything that is shown.
    fn matters(&self, folder: &Path) -> bool {
        self.ground.seen.iter().any(|seen| lies_in(folder, seen) || lies_in(seen, folder))
    }

    /// How `folder` is reached, and a stamp of the folder in which it is missing.
    fn way(&mut self, folder: &Path) -> Way {
        let is_known = self.survey.known(folder).is_some();
        let way = self.survey.way(self.ground.root, folder);
        if way == Way::Missing && !is_known {
            self.stamp_holder(folder);
        }
        way
    }

    /// Stamps the innermost existing folder around the missing `folder`.
    fn stamp_holder(&mut self, folder: &Path) {
        if self.ground.uses == Uses::Once {
            return;
        }
        let existing = ancestors(folder).skip(1).find(|path| lstat(*path).is_ok()).map(Path::to_owned);
        existing.into_iter().for_each(|path| self.stamp(&path));
    }

    /// Stamps `folder`, in which names matter, and the folders that it lies in, where they may change.
    fn stamp(&mut self, folder: &Path) {
        if self.ground.uses == Uses::Once {
            return;
        }
        for (number, path) in ancestors(folder).enumerate() {
            let around = self.ground.roots.iter().chain(self.ground.homes);
            if !around.into_iter().any(|root| lies_in(path, root)) {
                return;
            }
            let content = if number == 0 { Content::Counts } else { Content::Ignored };
            match self.stamped.get(path.as_os_str()) {
                Some(known) if *known == content || content == Content::Ignored => continue,
                Some(_) | None => {}
            }
            let stamp = Stamp::take(path.to_owned(), content);
            self.facts.young |= stamp.is_young();
            self.facts.stamps.push(stamp);
            self.stamped.insert(path.as_os_str().to_owned(), content);
        }
    }
}
