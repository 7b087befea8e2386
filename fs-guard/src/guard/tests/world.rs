//! A home folder with a workspace in it, and a guard for both.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobsterpot_policy::{Access, LoadRequest, Places, ReasonCode, SystemReader, load};
use nix::unistd::Uid;

use super::super::{Guard, Refusal, Request, Target, Uses};

/// What must never be read.
pub(super) const CANARY: &str = "canary-5c1f";

/// A world of its own.
pub(super) struct World {
    /// Where it is.
    base: tempfile::TempDir,
    /// The policy's text.
    policy: String,
}

impl World {
    /// A home with a workspace, a key and a folder that nobody speaks of.
    pub(super) fn new() -> Self {
        Self::with("")
    }

    /// The same with a policy file.
    pub(super) fn with(policy: &str) -> Self {
        // Not in /tmp, which is private in the sandbox.
        let base = tempfile::Builder::new().prefix("guard-").tempdir_in("/var").or_else(|_| tempfile::tempdir_in("."));
        let world = Self { base: base.unwrap(), policy: policy.to_owned() };
        for folder in ["home/work/src", "home/.ssh", "home/hidden", "outside"] {
            std::fs::create_dir_all(world.path(folder)).unwrap();
        }
        for secret in ["home/.ssh/id", "home/hidden/note", "outside/secret"] {
            world.write(secret, CANARY);
        }
        world.write("home/work/src/main.rs", "fn main() {}");
        world
    }

    /// The real path of `name`.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.base.path().canonicalize().unwrap().join(name)
    }

    /// Writes a file, making the folders that hold it.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Makes a symbolic link.
    pub(super) fn link(&self, text: impl AsRef<Path>, name: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(text, path).unwrap();
    }

    /// A guard of this world, with `home/work` as its workspace.
    pub(super) fn guard(&self) -> Guard {
        self.guard_of(&["home/work"])
    }

    /// A guard with these workspaces.
    pub(super) fn guard_of(&self, workspaces: &[&str]) -> Guard {
        self.guard_for(workspaces, Uses::Many)
    }

    /// A guard with these workspaces, made for so much use.
    pub(super) fn guard_for(&self, workspaces: &[&str], uses: Uses) -> Guard {
        let workspaces: Vec<PathBuf> = workspaces.iter().map(|name| self.path(name)).collect();
        let home = self.path("home");
        let places = Places {
            home: home.clone(),
            homes: vec![home],
            uid: Uid::current().as_raw(),
            workspaces: workspaces.clone(),
            ..Places::default()
        };
        let file = self.path("policy.toml");
        std::fs::write(&file, &self.policy).unwrap();
        let workspace_files = workspaces.iter().map(|folder| folder.join(".lobsterpot.toml")).collect();
        let request =
            LoadRequest { user: Some(file), places: places.clone(), workspace_files, ..LoadRequest::default() };
        let policy = load(&request, &SystemReader).unwrap();
        let directory = workspaces.first().unwrap().clone();
        Guard::new(Arc::new(policy), places, directory, uses).unwrap()
    }

    /// What the guard of this world says to reading `spelled`.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn read(&self, spelled: impl AsRef<OsStr>) -> Result<Target, Refusal> {
        self.guard().resolve(spelled.as_ref(), &Request::new(Access::Read))
    }

    /// What it says to writing.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn write_to(&self, spelled: impl AsRef<OsStr>) -> Result<Target, Refusal> {
        self.guard().resolve(spelled.as_ref(), &Request::new(Access::Write))
    }

    /// Why reading `spelled` is refused.
    pub(super) fn reading(&self, spelled: impl AsRef<OsStr>) -> ReasonCode {
        code(self.read(spelled))
    }

    /// Why writing is.
    pub(super) fn writing(&self, spelled: impl AsRef<OsStr>) -> ReasonCode {
        code(self.write_to(spelled))
    }
}

/// The code of an answer.
pub(super) fn code(answer: Result<Target, Refusal>) -> ReasonCode {
    match answer {
        Ok(target) => target.verdict.reason,
        Err(refusal) => refusal.verdict.reason,
    }
}
