//! The guard: one policy on this host, asked about one path at a time.
//!
//! Its answer is what a process in the sandbox experiences. [`Guard::resolve`] allows a path exactly when such a process would reach
//! the host's own file there; private and made-up places of the sandbox are refused, for the host's files at those paths are not
//! what the sandbox shows. Permissions of the file system itself are left to the kernel.
//!
//! What was judged is handed out as descriptors, so nothing can be put in its place before it is used.

mod below;
mod caller;
mod draft;
mod error;
mod expand;
mod facts;
mod handle;
#[cfg(any(test, fuzzing))]
mod imagined;
mod index;
mod links;
mod look;
mod options;
mod pattern;
mod repository;
mod request;
mod settle;
mod sight;
mod spelling;
mod survey;
mod walk;
mod within;
mod words;
mod workspace;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use lobsterpot_policy::{Access, HomeView, Judge, PASSWD, Places, Policy, Purpose, Rule};

pub use draft::Draft;
pub use error::GuardError;
use facts::{Facts, Ground};
use handle::{Root, Runs};
#[cfg(any(test, fuzzing))]
pub(crate) use imagined::Imagined;
use index::{Entry, Index, List, lies_in};
pub use options::{HomeSource, Options, Uses};
pub use request::{LastLink, Objects, Refusal, Request, Spelling, Target};
use sight::Sight;
use survey::{Survey, Way};
use walk::Walk;
pub use within::Within;
use words::LONGEST_PATH;

/// A policy on this host.
#[derive(Debug)]
pub struct Guard {
    /// The composed policy.
    policy: Arc<Policy>,
    /// What `~` and its like mean, with the workspaces.
    places: Places,
    /// The policy's rules by path.
    index: Index,
    /// The folders that may be written: the workspaces and what `write` names.
    roots: Vec<PathBuf>,
    /// Everything that is shown lies in one of these.
    seen: Vec<PathBuf>,
    /// Where relative paths start.
    directory: PathBuf,
    /// The root folder.
    root: Root,
    /// How often it is asked.
    uses: Uses,
    /// What is known of folders since the guard was made, when that still counts.
    survey: RefCell<Survey>,
    /// What names do not tell, as of the last request.
    facts: RefCell<Option<Rc<Facts>>>,
    /// The policy's judge, made when it is needed.
    judge: OnceCell<Judge>,
}

impl Guard {
    /// Composes the policy, with the launcher's rules about which files are believed, and looks at the host.
    ///
    /// # Errors
    /// When a policy file cannot be used, an option names nothing, or a folder cannot be a workspace.
    pub fn load(options: &Options) -> Result<Self, GuardError> {
        let draft = Draft::load(options)?;
        let workspaces = draft.choice();
        draft.settle(workspaces)
    }

    /// A guard of a policy that was composed already.
    ///
    /// # Errors
    /// When the root folder cannot be opened, or a folder cannot be a workspace.
    fn new(policy: Arc<Policy>, places: Places, directory: PathBuf, uses: Uses) -> Result<Self, GuardError> {
        let root = Root::open().map_err(|errno| GuardError::Look { path: PathBuf::from("/"), errno })?;
        let roots = roots(&policy, &places);
        let index = Index::new(&policy, &places, &roots);
        workspace::verify(&policy, &places, &index)?;
        let mut survey = Survey::default();
        let seen = seen(&policy, &places, &root, &mut survey);
        if uses == Uses::Many {
            survey = Survey::default();
        }
        let (survey, facts, judge) = (RefCell::new(survey), RefCell::new(None), OnceCell::new());
        Ok(Self { policy, places, index, roots, seen, directory, root, uses, survey, facts, judge })
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The judge of names alone. It does not look at the host: [`Guard::resolve`] does.
    #[must_use]
    pub fn judge(&self) -> &Judge {
        self.judge.get_or_init(|| Judge::sharing(Arc::clone(&self.policy), &self.places))
    }

    /// The workspaces, as real paths.
    #[must_use]
    pub fn workspaces(&self) -> &[PathBuf] {
        &self.places.workspaces
    }

    /// What `~` and its like mean.
    #[must_use]
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// Existing folders and files, as real paths, that the policy lets be read, or written: everything that [`Guard::resolve`] can
    /// hand out for `access` lies in one of them. They may hold what is masked.
    #[must_use]
    pub fn roots(&self, access: Access) -> Vec<PathBuf> {
        let files = &self.policy.files;
        let mut patterns: Vec<&Rule> = files.write.iter().collect();
        let mut roots: BTreeSet<PathBuf> = self.places.workspaces.iter().cloned().collect();
        if access != Access::Write {
            patterns.extend(&files.read);
            if files.home == HomeView::ReadOnly {
                roots.insert(self.places.home.clone());
            }
        }
        for pattern in patterns.into_iter().flat_map(|rule| rule.pattern.resolve(&self.places, Purpose::Grant)) {
            let mut found = expand::Found::default();
            expand::all(&pattern, &mut found);
            roots.extend(found.paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()));
        }
        roots.into_iter().collect()
    }

    /// Files whose content is looked at again between requests, besides those of the workspaces.
    #[must_use]
    pub fn needs(&self) -> Vec<PathBuf> {
        let mut files = vec![PathBuf::from(PASSWD)];
        for root in &self.roots {
            // One that cannot be looked at stops the requests that need to know.
            let _ = repository::of(&root.join(".git"), |file| files.push(file.to_owned()));
        }
        files
    }

    /// Does without `openat2(2)`, as on kernels that lack it.
    pub fn step_by_step(&self) {
        self.root.set_runs(Runs::StepByStep);
    }

    /// Resolves `spelled` as a process in the sandbox would, and judges it.
    ///
    /// What does not exist is allowed for [`Access::Write`] only, where it may be made.
    ///
    /// # Errors
    /// Why it may not be used, or that it does not exist.
    pub fn resolve(&self, spelled: &OsStr, request: &Request) -> Result<Target, Refusal> {
        match request.spelling {
            Spelling::Literal => self.resolve_literal(spelled, request),
            Spelling::Client => self.resolve_readings(spelled, request),
        }
    }

    /// Resolves every reading of `spelled`, and hands out the first one that exists, or may be made.
    ///
    /// # Errors
    /// When one of them may not be used, or none exists.
    fn resolve_readings(&self, spelled: &OsStr, request: &Request) -> Result<Target, Refusal> {
        let stated = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let homes: Vec<PathBuf> = self.places.homes.iter().cloned().chain(stated).collect();
        let readings =
            spelling::readings(spelled, &homes).map_err(|obscure| Refusal::of_spelling(spelled, obscure.text()))?;
        let (mut target, mut missing) = (None, None);
        for reading in &readings {
            match self.resolve_literal(reading, request) {
                Ok(found) => target = target.or(Some(found)),
                Err(refusal) if refusal.is_missing() => missing = missing.or(Some(refusal)),
                Err(refusal) => return Err(refusal),
            }
        }
        if let Some(target) = target {
            return Ok(target);
        }
        let named = |reading: &OsString| Path::new(reading).iter().any(spelling::has_look_alikes);
        match missing {
            Some(missing) if !readings.iter().any(named) => Err(missing),
            // The client would go on with names that only look alike.
            _ => Err(Refusal::of_spelling(spelled, "no file has exactly this name")),
        }
    }

    /// Resolves `spelled` as it is.
    ///
    /// # Errors
    /// Why it may not be used, or that it does not exist.
    fn resolve_literal(&self, spelled: &OsStr, request: &Request) -> Result<Target, Refusal> {
        let path = self.absolute(spelled, request)?;
        let sight = self.sight();
        if let Some(folder) = &sight.facts.unsearched {
            return Err(Refusal::unsearched(folder));
        }
        let end = Walk::new(sight.clone(), &path, request).finish()?;
        self.settle(&sight, end, request)
    }

    /// `spelled` as an absolute path, nothing resolved.
    ///
    /// # Errors
    /// When it is no path.
    fn absolute(&self, spelled: &OsStr, request: &Request) -> Result<OsString, Refusal> {
        let bytes = spelled.as_bytes();
        if bytes.is_empty() {
            return Err(Refusal::of_spelling(spelled, "it is empty"));
        }
        if bytes.contains(&0) {
            return Err(Refusal::of_spelling(spelled, "it has a NUL byte in it"));
        }
        if bytes.len() > LONGEST_PATH {
            return Err(Refusal::of_spelling(spelled, "it is too long"));
        }
        if bytes.starts_with(b"/") {
            return Ok(spelled.to_owned());
        }
        let directory = request.directory.as_deref().unwrap_or(&self.directory);
        if !directory.is_absolute() {
            return Err(Refusal::of_spelling(directory.as_os_str(), "the folder that it starts from is not absolute"));
        }
        let mut path = directory.as_os_str().to_owned();
        path.push("/");
        path.push(spelled);
        Ok(path)
    }

    /// A look at the sandbox as it would be now.
    fn sight(&self) -> Sight<'_> {
        Sight { guard: self, facts: self.facts() }
    }

    /// What names do not tell, as of now.
    fn facts(&self) -> Rc<Facts> {
        let mut kept = self.facts.borrow_mut();
        if let Some(facts) = kept.as_ref().filter(|facts| facts.are_fresh()) {
            return Rc::clone(facts);
        }
        let ground = Ground {
            root: &self.root,
            index: &self.index,
            seen: &self.seen,
            roots: &self.roots,
            homes: &self.places.homes,
            uses: self.uses,
        };
        let facts = Rc::new(Facts::look(ground, self.survey.take()));
        *kept = Some(Rc::clone(&facts));
        facts
    }

    /// The rule that `entry` stands for.
    fn rule(&self, entry: Entry) -> Option<&Rule> {
        let files = &self.policy.files;
        let list = match entry.list {
            List::Mask => &files.mask,
            List::Protect => &files.protect,
            List::Read => &files.read,
            List::Write => &files.write,
            List::Scratch => &files.scratch,
        };
        list.get(entry.rule)
    }
}

/// The workspaces, and the folders that `write` names.
fn roots(policy: &Policy, places: &Places) -> Vec<PathBuf> {
    let mut roots = places.workspaces.clone();
    for pattern in policy.files.write.iter().flat_map(|rule| rule.pattern.resolve(places, Purpose::Grant)) {
        let mut found = expand::Found::default();
        expand::all(&pattern, &mut found);
        let real = found.paths.iter().filter_map(|path| std::fs::canonicalize(path).ok());
        for folder in real.filter(|path| path.is_dir()) {
            if !roots.contains(&folder) {
                roots.push(folder);
            }
        }
    }
    roots
}

/// Everything that is shown lies in one of these, and more.
fn seen(policy: &Policy, places: &Places, root: &Root, survey: &mut Survey) -> Vec<PathBuf> {
    let mut seen = places.workspaces.clone();
    seen.extend(places.homes.iter().cloned());
    // Most rules are about names in these: the listings tell which of them are there.
    for folder in std::iter::once(Path::new("/")).chain(places.homes.iter().map(PathBuf::as_path)) {
        if survey.way(root, folder) == Way::Straight {
            survey.list(folder);
        }
    }
    let (bases, mut patterns) = (places.all_bases(Purpose::Grant), Vec::new());
    for rule in policy.files.read.iter().chain(&policy.files.write) {
        rule.pattern.resolve_in(&bases, &mut |pattern| patterns.push(pattern));
    }
    for pattern in &patterns {
        let path = pattern.prefix();
        if survey.way(root, path) == Way::Crooked {
            seen.extend(std::fs::canonicalize(path).ok());
        }
        if !seen.iter().any(|folder| lies_in(path, folder)) {
            seen.push(path.to_owned());
        }
    }
    seen
}

#[cfg(test)]
mod tests;
