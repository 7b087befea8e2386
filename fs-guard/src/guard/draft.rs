//! A policy that is composed before its workspaces are known: some callers let the policy itself tell which they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobsterpot_policy::{
    LoadRequest, Overlay, PatternError, Policy, SYSTEM_POLICY, SystemReader, USER_POLICY, WORKSPACE_POLICY, load,
};
use nix::errno::Errno;

use super::error::GuardError;
use super::facts::may_be_there;
use super::options::{Options, Uses};
use super::{Guard, caller, workspace};

/// A composed policy, for workspaces that are still to be chosen.
#[derive(Debug)]
pub struct Draft {
    /// What it was composed from.
    request: LoadRequest,
    /// The policy, the files of workspaces left out.
    policy: Arc<Policy>,
    /// Where relative paths start.
    directory: PathBuf,
    /// How often the guard is asked.
    uses: Uses,
    /// What the options show.
    shown: Vec<Shown>,
}

/// A path that an option shows, resolved once: a second look could find another link there.
#[derive(Debug)]
struct Shown {
    /// The option.
    option: &'static str,
    /// Its value.
    path: PathBuf,
    /// What that really is.
    real: PathBuf,
}

impl Draft {
    /// Composes the policy, with the launcher's rules about which files are believed: those in the workspaces that `options` name,
    /// or else in the current folder, are not.
    ///
    /// # Errors
    /// When a policy file cannot be used, or an option names nothing.
    pub fn load(options: &Options) -> Result<Self, GuardError> {
        let mut places = caller::places(options.home)?;
        places.workspaces = real_paths("--workspace", &options.workspaces)?;
        let readable = real_paths("--ro", &options.readable)?;
        let writable = real_paths("--rw", &options.writable)?;
        let mut request = LoadRequest {
            profile: options.profile,
            system: Some(PathBuf::from(SYSTEM_POLICY)),
            user: Some(places.home.join(USER_POLICY)),
            explicit: options.policies.clone(),
            workspace_files: Vec::new(),
            flags: flags(options, &readable, &writable)?,
            places,
            writable_roots: writable.clone(),
            // The hook judges by the same policy which tool it is.
            without_tools: false,
        };
        // Until the policy says which the workspaces are, the current folder counts as one; as in the launcher.
        if options.workspaces.is_empty() {
            request.writable_roots.push(options.directory.clone());
        }
        let policy = Arc::new(load(&request, &SystemReader)?);
        let pairs = |option, given: &[PathBuf], real: Vec<PathBuf>| {
            let pairs = given.iter().cloned().zip(real);
            pairs.map(|(path, real)| Shown { option, path, real }).collect::<Vec<_>>()
        };
        let mut shown = pairs("--ro", &options.readable, readable);
        shown.extend(pairs("--rw", &options.writable, writable));
        Ok(Self { request, policy, directory: options.directory.clone(), uses: options.uses, shown })
    }

    /// The policy so far.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The workspaces: those that the options named; else the policy's root around the current folder; else that folder.
    pub(super) fn choice(&self) -> Vec<PathBuf> {
        let places = &self.request.places;
        workspace::choose(places.workspaces.clone(), &self.policy, places, &self.directory)
    }

    /// The guard for these workspaces, which must be real paths.
    ///
    /// The policy is composed anew when a workspace has a file of its own, or was not known when policy files were believed.
    ///
    /// # Errors
    /// When a policy file cannot be used, or a folder cannot be a workspace.
    pub fn settle(mut self, workspaces: Vec<PathBuf>) -> Result<Guard, GuardError> {
        for Shown { option, path, real } in self.shown {
            if workspaces.iter().any(|workspace| leads_out(&path, &real, workspace)) {
                return Err(GuardError::LedAstray { option, path, real });
            }
        }
        let narrowing: Vec<PathBuf> = workspaces.iter().map(|folder| folder.join(WORKSPACE_POLICY)).collect();
        let is_narrowed = narrowing.iter().any(|file| may_be_there(file));
        let believed = [&self.request.places.workspaces, &self.request.writable_roots];
        let is_new = workspaces.iter().any(|workspace| !believed.iter().any(|folders| folders.contains(workspace)));
        self.request.places.workspaces = workspaces;
        if is_narrowed || is_new {
            self.request.workspace_files = narrowing;
            self.policy = Arc::new(load(&self.request, &SystemReader)?);
        }
        Guard::new(self.policy, self.request.places, self.directory, self.uses)
    }
}

/// The options' part of the policy.
///
/// # Errors
/// When an option cannot be a rule.
fn flags(options: &Options, readable: &[PathBuf], writable: &[PathBuf]) -> Result<Overlay, GuardError> {
    let mut flags = Overlay::default();
    let unusable = |option| move |source: PatternError| GuardError::Flag { option, source };
    for path in readable {
        flags.read(path).map_err(unusable("--ro"))?;
    }
    for path in writable {
        flags.write(path).map_err(unusable("--rw"))?;
    }
    for path in &options.masked {
        let path = std::path::absolute(path).map(path_clean::clean).unwrap_or_else(|_| path.clone());
        flags.mask(&path).map_err(unusable("--mask"))?;
    }
    Ok(flags)
}

/// Whether `path`, which really is `real`, passes through `workspace` and leads out of it: a command could have made that link.
fn leads_out(path: &Path, real: &Path, workspace: &Path) -> bool {
    let passes = |above: &Path| std::fs::canonicalize(above).is_ok_and(|above| above.starts_with(workspace));
    !real.starts_with(workspace) && std::path::absolute(path).is_ok_and(|whole| whole.ancestors().any(passes))
}

/// The real paths of what an option names.
///
/// # Errors
/// When one does not exist.
fn real_paths(option: &'static str, paths: &[PathBuf]) -> Result<Vec<PathBuf>, GuardError> {
    let real = |path: &PathBuf| {
        std::fs::canonicalize(path).map_err(|error| GuardError::Path {
            option,
            path: path.clone(),
            errno: error.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
        })
    };
    paths.iter().map(real).collect()
}
