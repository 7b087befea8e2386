//! A host made of facts, without a file system.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{LoadRequest, Places, Policy, ProfileName, Purpose, Rule, SystemReader, load};
use nix::unistd::{Gid, Uid};

use super::shuffled::shuffle;
use crate::args::Invocation;
use crate::error::Error;
use crate::host::{Called, Caller, Fact, Host, Kind};
use crate::plan::{Inputs, Plan, plan};
use crate::rules::{Resolved, Rules};

/// The caller's home.
pub(crate) const HOME: &str = "/home/ann";
/// The workspace unless a test chooses another.
pub(crate) const WORK: &str = "/home/ann/work";

/// Everything that a plan is made from, to be changed by a test.
pub(crate) struct World {
    /// The policy.
    pub(crate) policy: Policy,
    /// What was asked for.
    pub(crate) invocation: Invocation,
    /// The caller's environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The workspaces.
    pub(crate) workspaces: Vec<PathBuf>,
    /// The caller's user id.
    pub(crate) uid: u32,
    /// Where the launcher was started.
    pub(crate) cwd: PathBuf,
    /// The kernel's Landlock ABI.
    pub(crate) landlock: u32,
    /// Second names of masked files.
    pub(crate) hard_links: BTreeMap<PathBuf, PathBuf>,
    /// The host's hosts file.
    pub(crate) hosts: String,
    /// What chooses the order in which the host is looked at; empty for the usual one.
    pub(crate) picks: Vec<proptest::sample::Index>,
    /// What exists, by path.
    facts: BTreeMap<PathBuf, Fact>,
}

impl World {
    /// A host with a system, a home folder and an empty workspace, under the default profile.
    pub(crate) fn new() -> Self {
        Self::with_profile(ProfileName::Agent)
    }

    /// The same under another profile.
    pub(crate) fn with_profile(profile: ProfileName) -> Self {
        let request = LoadRequest { profile: Some(profile), ..LoadRequest::default() };
        let mut world = Self {
            policy: load(&request, &SystemReader).expect("the built-in profiles load"),
            invocation: Invocation { command: vec!["true".into()], ..Invocation::default() },
            environment: Vec::new(),
            workspaces: vec![PathBuf::from(WORK)],
            uid: 1000,
            cwd: PathBuf::from(WORK),
            landlock: 7,
            hard_links: BTreeMap::new(),
            hosts: String::new(),
            picks: Vec::new(),
            facts: BTreeMap::new(),
        };
        for folder in ["/", "/usr", "/usr/bin", "/etc", "/home", HOME, WORK] {
            world.folder(folder);
        }
        world.link("/bin", "usr/bin", "/usr/bin");
        world
    }

    /// A folder.
    pub(crate) fn folder(&mut self, path: impl AsRef<Path>) {
        self.thing(path.as_ref(), Kind::Folder);
    }

    /// A file.
    pub(crate) fn file(&mut self, path: impl AsRef<Path>) {
        self.thing(path.as_ref(), Kind::File);
    }

    /// A unix socket.
    pub(crate) fn socket(&mut self, path: impl AsRef<Path>) {
        self.thing(path.as_ref(), Kind::Socket);
    }

    /// A symlink at `path` with `text`, which leads to the existing `real`.
    pub(crate) fn link(&mut self, path: impl AsRef<Path>, text: &str, real: &str) {
        let target = self.facts.get(Path::new(real)).expect("the link's target exists").clone();
        self.facts.insert(path.as_ref().to_owned(), Fact { link: Some(PathBuf::from(text)), ..target });
    }

    /// Adds something that is no link.
    fn thing(&mut self, path: &Path, kind: Kind) {
        let number = self.facts.len() as u64 + 1;
        let fact = Fact { real: path.to_owned(), kind, link: None, identity: (1, number), names: 1, owner: self.uid };
        self.facts.insert(path.to_owned(), fact);
    }

    /// Works in `folder` instead, and starts there.
    pub(crate) fn work_in(&mut self, folder: &str) {
        self.workspaces = vec![PathBuf::from(folder)];
        self.cwd = PathBuf::from(folder);
    }

    /// What `~` and its like mean.
    fn places(&self) -> Places {
        let home = PathBuf::from(HOME);
        Places {
            homes: vec![home.clone()],
            home,
            uid: self.uid,
            workspaces: self.workspaces.clone(),
            ..Places::default()
        }
    }

    /// The rules of one list with what they match here.
    fn resolve(&self, rules: &[Rule], purpose: Purpose) -> Vec<Resolved> {
        let places = self.places();
        let patterns = rules.iter().enumerate().flat_map(|(rule, one)| {
            one.pattern.resolve(&places, purpose).into_iter().map(move |pattern| (rule, pattern))
        });
        let found = |pattern: &lobsterpot_policy::ResolvedPattern| {
            self.facts.keys().filter(|path| pattern.matches(path)).cloned().collect()
        };
        patterns.map(|(rule, pattern)| Resolved { found: found(&pattern), pattern, rule }).collect()
    }

    /// The host as it would have been looked at.
    fn host(&self) -> Host {
        let files = &self.policy.files;
        let mut facts: Vec<_> = self.facts.iter().map(|(path, fact)| (path.clone().into(), fact.clone())).collect();
        shuffle(&mut facts, &self.picks);
        let facts = facts.into_iter().collect();
        Host {
            caller: Caller {
                uid: Uid::from_raw(self.uid),
                gid: Gid::from_raw(self.uid),
                home: PathBuf::from(HOME),
                homes: vec![PathBuf::from(HOME)],
                name: Some("ann".to_owned()),
            },
            cwd: self.cwd.clone(),
            facts,
            rules: Rules {
                read: self.resolve(&files.read, Purpose::Grant),
                write: self.resolve(&files.write, Purpose::Grant),
                scratch: self.resolve(&files.scratch, Purpose::Grant),
                overlay: self.resolve(&files.overlay, Purpose::Grant),
                mask: self.resolve(&files.mask, Purpose::Restrict),
                protect: self.resolve(&files.protect, Purpose::Restrict),
                unborn: Vec::new(),
                sockets: self.resolve(&files.sockets, Purpose::Grant),
                roots: self.places().workspaces.clone(),
            },
            hard_links: self.hard_links.clone(),
            landlock: self.landlock,
            called: Called { node: Some("box.example.net".to_owned()), hosts: self.hosts.clone() },
            terminal: None,
        }
    }

    /// The plan for this world.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn try_plan(&self) -> Result<Plan, Error> {
        let (host, places) = (self.host(), self.places());
        plan(Inputs {
            policy: &self.policy,
            places: &places,
            host: &host,
            invocation: &self.invocation,
            environment: &self.environment,
        })
    }

    /// The plan for this world, which there is.
    pub(crate) fn plan(&self) -> Plan {
        self.try_plan().expect("a plan")
    }

    /// Why there is no plan for this world.
    pub(crate) fn refusal(&self) -> Error {
        self.try_plan().expect_err("a refusal")
    }

    /// The policy with what `change` adds on the command line.
    pub(crate) fn flags(&mut self, change: impl FnOnce(&mut lobsterpot_policy::Overlay)) {
        let mut request = LoadRequest { places: self.places(), ..LoadRequest::default() };
        change(&mut request.flags);
        self.policy = load(&request, &SystemReader).expect("the flags are usable");
    }
}

/// `name` in the home folder.
pub(crate) fn home(name: &str) -> PathBuf {
    Path::new(HOME).join(name)
}

/// `name` in the workspace.
pub(crate) fn work(name: &str) -> PathBuf {
    Path::new(WORK).join(name)
}
