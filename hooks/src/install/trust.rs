//! Which files and folders are safe to write to, or to start as a guard: those that nobody else can change.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{
    Decision, Judge, LoadRequest, Places, Purpose, ResolvedPattern, SYSTEM_POLICY, SystemReader, USER_POLICY, load,
};

use crate::install::error::InstallError;
use crate::install::person::Person;

/// The bits that let group or others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The bit of folders in which everybody can rename only what is theirs.
const STICKY: u32 = 0o1000;

/// Why somebody other than root and `uid` could change a file or folder with these facts. A folder of root's in which everybody
/// can rename only what is theirs is safe.
#[must_use]
pub fn changeable(facts: &Metadata, uid: u32) -> Option<String> {
    if facts.uid() != 0 && facts.uid() != uid {
        return Some(format!("it belongs to the user id {}", facts.uid()));
    }
    let open = facts.mode() & WRITABLE_BY_OTHERS != 0;
    let shared = facts.is_dir() && facts.mode() & STICKY != 0 && facts.uid() == 0;
    (open && !shared).then(|| "its group or others can write it".to_owned())
}

/// The first folder above `path` that somebody else could change, and what is wrong with it. `path` has no links in it.
pub(crate) fn weak_folder(path: &Path, uid: u32) -> Option<(PathBuf, String)> {
    path.ancestors().skip(1).find_map(|folder| {
        let problem = match folder.symlink_metadata() {
            Ok(facts) => changeable(&facts, uid)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => error.to_string(),
        };
        Some((folder.to_path_buf(), problem))
    })
}

/// The folders in which agents can write.
#[derive(Debug)]
pub(crate) struct Workspaces {
    /// What the policy says of other folders.
    judge: Judge,
    /// What the policy names.
    roots: Vec<ResolvedPattern>,
    /// What the command line, now or earlier, names.
    named: Vec<PathBuf>,
}

impl Workspaces {
    /// Those that this person's policy names.
    ///
    /// # Errors
    /// When the policy cannot be used: every call would be denied.
    pub(crate) fn of(person: &Person) -> Result<Self, InstallError> {
        let places = Places {
            homes: vec![person.home.clone()],
            home: person.home.clone(),
            uid: person.uid,
            ..Places::default()
        };
        let request = LoadRequest {
            system: Some(PathBuf::from(SYSTEM_POLICY)),
            user: Some(person.home.join(USER_POLICY)),
            places,
            ..LoadRequest::default()
        };
        let policy = load(&request, &SystemReader)
            .map_err(|error| InstallError::Policy { problem: error.to_string(), remedy: error.hint().to_string() })?;
        let rules = policy.workspace.roots.iter();
        let roots = rules.flat_map(|rule| rule.pattern.resolve(&request.places, Purpose::Grant)).collect();
        let judge = Judge::new(&policy, &request.places);
        Ok(Self { judge, roots, named: Vec::new() })
    }

    /// Adds a folder that the command line names, now or when it was installed.
    ///
    /// # Errors
    /// When it is not there, or the policy lets no such folder be a workspace.
    pub(crate) fn name(&mut self, folder: &Path) -> Result<(), InstallError> {
        let shown = folder.display();
        let wrong = |problem: String| Err(InstallError::Workspace { problem });
        if !folder.is_absolute() {
            return wrong(format!("\"{shown}\" is not an absolute path"));
        }
        let real = match folder.canonicalize() {
            Ok(real) if real.is_dir() => real,
            Ok(_) => return wrong(format!("\"{shown}\" is not a folder")),
            Err(error) => return wrong(format!("\"{shown}\": {error}")),
        };
        let verdict = self.judge.workspace(&real);
        if verdict.decision == Decision::Deny {
            return wrong(verdict.message.trim_end_matches('.').to_owned());
        }
        self.named.extend([folder.to_path_buf(), real]);
        Ok(())
    }

    /// The workspace that `path` lies in.
    pub(crate) fn around<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let is_root = |folder: &&Path| {
            self.roots.iter().any(|root| root.matches(folder)) || self.named.iter().any(|named| named == folder)
        };
        path.ancestors().find(is_root)
    }
}
