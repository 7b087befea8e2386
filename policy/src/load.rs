//! From files and flags to one policy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{PolicyError, Position};
use crate::origin::{Origin, SourceId, Tier};
use crate::overlay::Overlay;
use crate::pattern::{Places, Purpose};
use crate::policy::Policy;
use crate::profile::ProfileName;
use crate::reader::{FileFacts, Reader};
use crate::trust::TrustError;
use crate::{builtin, narrow, trust, wire};

/// The system's policy file.
pub const SYSTEM_POLICY: &str = "/etc/lobsterpot/policy.toml";

/// The user's policy file, in the home folder.
pub const USER_POLICY: &str = ".config/lobsterpot/policy.toml";

/// The policy file of a workspace, which may only narrow.
pub const WORKSPACE_POLICY: &str = ".lobsterpot.toml";

/// Everything that a policy is composed from.
#[derive(Debug, Clone, Default)]
pub struct LoadRequest {
    /// The profile named on the command line; `None` leaves it to the files, and then to [`ProfileName::default`].
    pub profile: Option<ProfileName>,
    /// The system's file; it need not exist.
    pub system: Option<PathBuf>,
    /// The user's file; it need not exist.
    pub user: Option<PathBuf>,
    /// Files named on the command line; they must exist.
    pub explicit: Vec<PathBuf>,
    /// The workspaces' own files; they need not exist, and may only narrow.
    pub workspace_files: Vec<PathBuf>,
    /// What the command line adds.
    pub flags: Overlay,
    /// The host's folders and the caller. Its workspaces are writable roots for the trust check.
    pub places: Places,
    /// Further folders that confined programs can write.
    pub writable_roots: Vec<PathBuf>,
    /// Leaves out what the built-in profile says of clients' tools, for who asks about none: [`Policy::tools`] is then not to be used.
    pub without_tools: bool,
}

/// Composes the policy.
///
/// The order is: built-in profile, the system's file, the user's file, explicit files, flags; then the workspaces' files, which
/// come last so that what they take away stays away.
///
/// # Errors
/// When a file cannot be read, is not trusted or is malformed, or when a workspace's file would widen the policy.
pub fn load(request: &LoadRequest, reader: &dyn Reader) -> Result<Policy, PolicyError> {
    let files = trusted_files(request, reader)?;
    let named = files.iter().rev().find_map(|file| file.layer.profile.as_ref()).map(|profile| profile.value);
    let profile = request.profile.or(named).unwrap_or_default();
    // What a workspace's file says of tools is judged by what the profile says.
    let needs_tools = !request.without_tools || !request.workspace_files.is_empty();
    let part = if needs_tools { builtin::Part::Whole } else { builtin::Part::WithoutTools };
    let mut composition = builtin::composition(profile, part)?;
    let mut origins = Vec::with_capacity(files.len());
    for PolicyFile { path, source, facts, layer } in files {
        composition.apply(layer, &source)?;
        origins.push((path, facts));
    }
    if request.flags != Overlay::default() {
        composition.apply(request.flags.clone(), &Origin::flags().source())?;
    }
    for path in &request.workspace_files {
        if let Some(file) = workspace_file(path, reader)? {
            narrow::check(&file.layer, &composition)?;
            composition.apply(file.layer, &file.source)?;
        }
    }
    let (allowed, denied) = composition.groups();
    let mut policy = composition.finish(profile.name());
    builtin::add_groups(&mut policy.network, &allowed, &denied)?;
    check_not_writable(&policy, &request.places, &origins)?;
    Ok(policy)
}

/// A policy file that has been read.
struct PolicyFile {
    /// The path that was asked for.
    path: PathBuf,
    /// Where its rules will say they come from.
    source: SourceId,
    /// Where it is and who could write it.
    facts: FileFacts,
    /// What it states.
    layer: Overlay,
}

/// Reads the files that may widen, lowest first.
///
/// # Errors
/// When a file is unreadable, not trusted, malformed, or named explicitly and missing.
fn trusted_files(request: &LoadRequest, reader: &dyn Reader) -> Result<Vec<PolicyFile>, PolicyError> {
    let mut writable = request.places.workspaces.clone();
    writable.extend(request.writable_roots.iter().cloned());
    let standard = [(Tier::System, request.system.as_ref()), (Tier::User, request.user.as_ref())];
    let standard = standard.into_iter().filter_map(|(tier, path)| Some((tier, path?)));
    let explicit = request.explicit.iter().map(|path| (Tier::Explicit, path));
    let mut files = Vec::new();
    for (tier, path) in standard.chain(explicit) {
        let Some(facts) = read(path, reader)? else {
            if tier == Tier::Explicit {
                return Err(PolicyError::Missing { file: path.clone() });
            }
            continue;
        };
        trust::check(path, &facts, request.places.uid, &writable)
            .map_err(|source| PolicyError::Untrusted { file: path.clone(), source })?;
        files.push(parse(path, tier, facts)?);
    }
    Ok(files)
}

/// Reads a workspace's own file. Its owner and mode do not matter, as it can only narrow; but it must not be a link, or its
/// error messages would quote files that the agent cannot read.
///
/// # Errors
/// When the file is unreadable, a symbolic link, or malformed.
fn workspace_file(path: &Path, reader: &dyn Reader) -> Result<Option<PolicyFile>, PolicyError> {
    let Some(facts) = read(path, reader)? else { return Ok(None) };
    if facts.symlink {
        return Err(PolicyError::Untrusted { file: path.to_path_buf(), source: TrustError::WorkspaceLink });
    }
    parse(path, Tier::Workspace, facts).map(Some)
}

/// Reads one file.
///
/// # Errors
/// When the file is there and cannot be read.
fn read(path: &Path, reader: &dyn Reader) -> Result<Option<FileFacts>, PolicyError> {
    reader.read(path).map_err(|source| PolicyError::Read { file: path.to_path_buf(), source })
}

/// Parses one file.
///
/// # Errors
/// When the file is not text, or malformed.
fn parse(path: &Path, tier: Tier, facts: FileFacts) -> Result<PolicyFile, PolicyError> {
    let source = SourceId { tier, file: Some(Arc::from(path)) };
    let text =
        std::str::from_utf8(&facts.bytes).map_err(|error| not_text(&facts.bytes, error.valid_up_to(), &source))?;
    let layer = wire::parse(text, &source)?;
    Ok(PolicyFile { path: path.to_path_buf(), source, facts, layer })
}

/// The error for bytes that are no text.
fn not_text(bytes: &[u8], valid: usize, source: &SourceId) -> PolicyError {
    let newlines = bytes.iter().take(valid).filter(|byte| **byte == b'\n').count();
    let line = u32::try_from(newlines).unwrap_or(u32::MAX).saturating_add(1);
    PolicyError::Syntax {
        at: Position { source: source.to_string(), line, column: 0 },
        message: "the file is not UTF-8 text".to_owned(),
        advice: "save it as UTF-8; write `?` for a byte of a path that is not text".to_owned(),
    }
}

/// Refuses a policy that lets confined programs write one of the files that it was made from.
///
/// # Errors
/// When a `write` rule covers a policy file or a folder above it.
fn check_not_writable(policy: &Policy, places: &Places, files: &[(PathBuf, FileFacts)]) -> Result<(), PolicyError> {
    let rules = policy.files.write.iter().flat_map(|rule| rule.pattern.resolve(places, Purpose::Grant));
    for rule in rules {
        for (file, facts) in files {
            let folders = facts.parents.iter().map(|folder| folder.path.as_path());
            let mut paths = folders.chain([file.as_path(), facts.resolved_path.as_path()]);
            if paths.any(|path| rule.covers(path)) {
                let source = TrustError::InWritableRoot { root: rule.prefix().to_path_buf() };
                return Err(PolicyError::Untrusted { file: file.clone(), source });
            }
        }
    }
    Ok(())
}
