//! What must hold for whatever a policy file says: checked by the fuzzer (`tests/fuzz`), and by the tests on every input that it
//! once found and on generated layers. In no shipped program.

mod narrower;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use narrower::{is_narrower, judges_narrower};

use crate::error::PolicyError;
use crate::host::HostRule;
use crate::load::{LoadRequest, load};
use crate::name::NamePattern;
use crate::origin::Origin;
use crate::pattern::{Pattern, Places};
use crate::policy::Policy;
use crate::publish::Publish;
use crate::reader::{FileFacts, Folder, Reader};

/// The user's file.
const USER: &str = "/home/me/.config/lobsterpot/policy.toml";

/// The workspace's file.
const WORKSPACE: &str = "/home/me/work/.lobsterpot.toml";

/// What stands between the user's text and the workspace's in an input.
const BORDER: &[u8] = b"\n#%#\n";

/// A host with these files alone, well kept.
#[derive(Debug)]
struct Host<'a>(BTreeMap<&'a Path, &'a [u8]>);

impl Reader for Host<'_> {
    fn read(&self, path: &Path) -> io::Result<Option<FileFacts>> {
        let folder = |path: &Path| Folder { path: path.to_owned(), mode: 0o755, uid: 0 };
        Ok(self.0.get(path).map(|bytes| FileFacts {
            bytes: bytes.to_vec(),
            mode: 0o644,
            uid: 0,
            resolved_path: path.to_owned(),
            symlink: false,
            parents: path.ancestors().skip(1).map(folder).collect(),
        }))
    }
}

/// The host's folders.
fn places() -> Places {
    Places {
        home: "/home/me".into(),
        homes: vec!["/home/me".into()],
        uid: 1000,
        workspaces: vec!["/home/me/work".into()],
        ..Places::default()
    }
}

/// The policy of these two files.
///
/// # Errors
/// When one of them is refused.
fn composed(user: &[u8], workspace: Option<&[u8]>) -> Result<Policy, PolicyError> {
    let files = [(Path::new(USER), user)].into_iter().chain(workspace.map(|text| (Path::new(WORKSPACE), text)));
    let request = LoadRequest {
        user: Some(PathBuf::from(USER)),
        workspace_files: vec![PathBuf::from(WORKSPACE)],
        places: places(),
        ..LoadRequest::default()
    };
    load(&request, &Host(files.collect()))
}

/// A user's and a workspace's file are read or refused, the same way each time and with a place that exists; what is read says
/// the same when it is written down; and the workspace's file takes away and never gives.
pub fn policy_file(data: &[u8]) {
    let border = data.windows(BORDER.len()).position(|window| window == BORDER);
    let (user, workspace) = border.map_or((data, None), |at| {
        (data.get(..at).unwrap_or_default(), Some(data.get(at + BORDER.len()..).unwrap_or_default()))
    });
    let before = match composed(user, None) {
        Ok(policy) => policy,
        Err(error) => return is_told(&error, user),
    };
    assert_written_the_same(&before);
    let Some(workspace) = workspace else { return };
    match composed(user, Some(workspace)) {
        Ok(after) => {
            is_narrower(&after, &before);
            // It takes longer than everything else together, so that not every input gets it.
            if data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).is_multiple_of(8) {
                judges_narrower(&after, &before, []);
            }
        }
        Err(error) => is_told(&error, workspace),
    }
}

/// Checks that an error speaks of a line that the file has, and says what to do.
fn is_told(error: &PolicyError, text: &[u8]) {
    assert!(!error.hint().is_empty(), "{error}: without a hint");
    let message = error.to_string();
    let place = [USER, WORKSPACE].into_iter().find_map(|file| message.strip_prefix(file)?.strip_prefix(':'));
    let line = place.and_then(|rest| rest.split_once(':')?.0.parse::<usize>().ok());
    let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count();
    assert!(line.is_none_or(|line| (1..=lines).contains(&line)), "{message}: of {lines} lines");
}

/// Checks that every pattern, host, name and port, as a person is shown it, is read as the same.
fn assert_written_the_same(policy: &Policy) {
    let files = &policy.files;
    for rule in
        [&files.read, &files.write, &files.scratch, &files.mask, &files.protect, &files.sockets].into_iter().flatten()
    {
        // Those of the built-in profile are known to be right, and would be most of the work.
        if rule.origin.file.is_some() {
            assert_eq!(Pattern::parse(&rule.pattern.to_string()).as_ref(), Ok(&rule.pattern));
        }
    }
    for rule in policy.network.rules.iter().filter(|rule| rule.origin.file.is_some()) {
        let text = rule.to_string();
        let again = HostRule::parse(&text, Origin::flags()).map(|rule| rule.to_string());
        assert_eq!(again.as_ref(), Ok(&text));
    }
    for name in &policy.environment.pass {
        assert_eq!(NamePattern::parse(&name.to_string()).as_ref(), Ok(name));
    }
    for publish in &policy.network.publish {
        assert_eq!(Publish::parse(&publish.to_string()).as_ref(), Ok(publish));
    }
}
