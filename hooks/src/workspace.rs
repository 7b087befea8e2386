//! Which folder a call may write in: never the one that the model happens to stand in.
//!
//! A session's current folder follows every `cd` of the model, so taking it for the workspace would let the model choose
//! what is writable (CVE-2025-59532). The workspace is, in this order: what the installer put on the hook's command line;
//! what the policy names; the folder in which the session was started.

use std::path::{Component, Path, PathBuf};

use lobsterpot_policy::Decision;

use crate::arguments::Options;
use crate::call::{Call, Origin};
use crate::denial::Denial;
use crate::settings::Settings;

/// Longer names are shortened by the client and end in a hash that cannot be compared.
const LONGEST_SLUG: usize = 200;

/// Finds the workspace of a call, with every symbolic link of its path resolved.
///
/// # Errors
/// When no source knows one, the folder does not exist, or only the client names it and the policy refuses it.
pub(crate) fn of(call: &Call, options: &Options, settings: &Settings) -> Result<PathBuf, Denial> {
    let is_root = |folder: &Path| settings.is_root(folder);
    let sources = Sources { explicit: options.workspace.as_deref(), is_root: &is_root, origin: call.origin.as_ref() };
    let workspace = find(&call.directory, &sources)?;
    if options.workspace.is_none() && matches!(call.origin, Some(Origin::Folders(_))) {
        believable(&workspace, settings)?;
    }
    Ok(workspace)
}

/// Refuses a folder that cannot be a workspace, when only the client names it: some are started anywhere, also in a home
/// folder. The launcher refuses such a folder in any case; here the model is told before.
///
/// # Errors
/// When the policy refuses it.
fn believable(workspace: &Path, settings: &Settings) -> Result<(), Denial> {
    let verdict = settings.workspace(workspace);
    if verdict.decision != Decision::Deny {
        return Ok(());
    }
    Err(Denial::Judged { code: verdict.reason.as_str(), message: verdict.message, instead: verdict.instead })
}

/// What may be known of a call's workspace.
struct Sources<'a> {
    /// What the hook's command line names.
    explicit: Option<&'a Path>,
    /// Whether the policy says of a folder that it may be a workspace.
    is_root: &'a dyn Fn(&Path) -> bool,
    /// What the client tells of the session's first folders.
    origin: Option<&'a Origin>,
}

/// Finds the workspace of a call that runs in `directory`, with every symbolic link of its path resolved.
///
/// # Errors
/// When no source knows one, or the folder does not exist.
fn find(directory: &Path, sources: &Sources<'_>) -> Result<PathBuf, Denial> {
    let denial = |problem: String| Denial::Workspace { directory: directory.to_path_buf(), problem };
    if !is_plain(directory) {
        return Err(denial("the path is not absolute and free of `..`".to_owned()));
    }
    let root = sources
        .explicit
        .or_else(|| outermost(directory, sources.is_root))
        .or_else(|| started_in(directory, sources.origin?))
        .ok_or_else(|| {
            denial("no folder above it is named by the policy, or is the one the session was started in".to_owned())
        })?;
    let resolved = root.canonicalize().map_err(|error| denial(format!("\"{}\": {error}", root.display())))?;
    if resolved.is_dir() { Ok(resolved) } else { Err(denial(format!("\"{}\" is not a folder", root.display()))) }
}

/// The workspace as far as it is known without a policy: policy files that lie in it are not trusted.
pub(crate) fn known_beforehand<'a>(call: &'a Call, options: &'a Options) -> Option<&'a Path> {
    options.workspace.as_deref().or_else(|| started_in(&call.directory, call.origin.as_ref()?))
}

/// Whether a path is absolute and free of `..`.
fn is_plain(path: &Path) -> bool {
    path.is_absolute() && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

/// The outermost folder at or above `directory` that `is_root`.
///
/// Not the innermost: protected names are counted from the root, so a model that stood in `.git` could choose that as its
/// workspace and find the hooks there unprotected.
fn outermost<'a>(directory: &'a Path, is_root: &dyn Fn(&Path) -> bool) -> Option<&'a Path> {
    directory.ancestors().filter(|folder| is_root(folder)).last()
}

/// The folder at or above `directory` that the session was started in.
fn started_in<'a>(directory: &'a Path, origin: &'a Origin) -> Option<&'a Path> {
    match origin {
        // A slug is as long as its path, so at most one of them fits.
        Origin::Slug(started) if started.len() <= LONGEST_SLUG => {
            directory.ancestors().find(|folder| slug(folder).is_some_and(|slug| slug == *started))
        }
        Origin::Slug(_) => None,
        Origin::Folders(folders) => {
            let holding = folders.iter().map(PathBuf::as_path).filter(|folder| is_plain(folder));
            holding.filter(|folder| directory.starts_with(folder)).min_by_key(|folder| folder.components().count())
        }
    }
}

/// The name that Claude Code gives to a session's folder: a dash for every UTF-16 unit but ASCII letters and digits.
fn slug(folder: &Path) -> Option<String> {
    let plain = |unit: u16| match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii_alphanumeric() => char::from(byte),
        _ => '-',
    };
    Some(folder.to_str()?.encode_utf16().map(plain).collect())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Sources, find, outermost, slug, started_in};
    use crate::call::Origin;
    use crate::denial::Denial;

    /// An origin with this slug.
    fn origin(slug: &str) -> Origin {
        Origin::Slug(slug.to_owned())
    }

    #[test]
    fn a_slug_counts_utf_16_units_as_the_client_does() {
        assert_eq!(slug(Path::new("/tmp/peers-hooks/run_1.x")).unwrap(), "-tmp-peers-hooks-run-1-x");
        assert_eq!(slug(Path::new("/é")).unwrap(), "--");
        assert_eq!(slug(Path::new("/𝄞")).unwrap(), "---");
    }

    #[test]
    fn a_cd_below_the_start_keeps_the_workspace() {
        let started = origin("-home-u-proj");
        assert_eq!(started_in(Path::new("/home/u/proj/a/b"), &started), Some(Path::new("/home/u/proj")));
    }

    #[test]
    fn a_cd_out_of_the_start_finds_no_workspace() {
        for outside in ["/home/u", "/home/u/proj_evil", "/", "/etc", "/home/u/other/proj"] {
            assert_eq!(started_in(Path::new(outside), &origin("-home-u-proj")), None, "{outside}");
        }
    }

    #[test]
    fn of_several_first_folders_the_one_around_the_call_counts() {
        let folders = Origin::Folders(["/w/a", "/w/b/c", "/w/b", "w", "/w/../etc"].map(PathBuf::from).to_vec());
        for (directory, expected) in
            [("/w/a/x", Some("/w/a")), ("/w/b/c/d", Some("/w/b")), ("/w/bc", None), ("/etc", None)]
        {
            assert_eq!(started_in(Path::new(directory), &folders), expected.map(Path::new), "{directory}");
        }
    }

    #[test]
    fn a_shortened_name_is_no_proof() {
        let long = format!("/{}", "a".repeat(250));
        assert_eq!(started_in(Path::new(&long), &origin(&slug(Path::new(&long)).unwrap())), None);
    }

    #[test]
    fn standing_in_a_nested_root_does_not_narrow_the_workspace() {
        let below = |folder: &Path| folder.starts_with("/w") && folder != Path::new("/w");
        assert_eq!(outermost(Path::new("/w/p/.git/hooks"), &below), Some(Path::new("/w/p")));
    }

    #[test]
    fn the_command_line_wins_over_the_policy_and_the_policy_over_the_session() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let (outer, inner) = (base.join("outer"), base.join("outer/inner"));
        std::fs::create_dir_all(&inner).unwrap();
        let started = origin(&slug(&inner).unwrap());
        let (none, policy) = (|_: &Path| false, |folder: &Path| folder == outer);
        let pick = |explicit: Option<&Path>, is_root: &dyn Fn(&Path) -> bool| -> PathBuf {
            find(&inner, &Sources { explicit, is_root, origin: Some(&started) }).unwrap()
        };
        assert_eq!(pick(None, &none), inner);
        assert_eq!(pick(None, &policy), outer);
        assert_eq!(pick(Some(&base), &policy), base);
    }

    #[test]
    fn a_path_with_dots_is_never_matched() {
        let sources = Sources { explicit: None, is_root: &|_| true, origin: None };
        for odd in ["/w/../etc", "w", "", "./w"] {
            assert!(matches!(find(Path::new(odd), &sources), Err(Denial::Workspace { .. })), "{odd:?}");
        }
    }
}
