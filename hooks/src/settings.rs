//! What the hook needs of the policy: which folders may be a workspace, and which tools are shells.
//!
//! Nothing here comes from the environment: a repository's own settings reach a hook's environment, and the agent can write
//! them. Even the home folder is the password file's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobsterpot_policy::{
    Judge, LoadRequest, PASSWD, Places, Policy, PolicyError, Purpose, Reader, ResolvedPattern, SYSTEM_POLICY,
    SystemReader, ToolInput, ToolKind, USER_POLICY, Verdict, home_of, load,
};

use crate::arguments::Options;
use crate::denial::Denial;

/// The policy, as far as a hook needs it.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The folders that may be a workspace.
    roots: Vec<ResolvedPattern>,
    /// Answers what kind of tool a tool is.
    judge: Judge,
}

impl Settings {
    /// Loads the policy of the user `uid`, with what the hook's own `options` add; its files must not lie in `writable`.
    ///
    /// # Errors
    /// When the user is unknown, or the policy cannot be read, trusted or understood.
    pub(crate) fn load(uid: u32, options: &Options, writable: Option<&Path>) -> Result<Self, Denial> {
        let further = LoadRequest {
            profile: options.profile,
            explicit: options.policies.clone(),
            writable_roots: writable.map(Path::to_path_buf).into_iter().collect(),
            ..LoadRequest::default()
        };
        Self::read(home(uid)?, uid, further, &SystemReader)
    }

    /// Loads the policy from the files that `reader` sees: the system's, the user's, and what `further` says.
    ///
    /// # Errors
    /// When the policy cannot be read, trusted or understood.
    fn read(home: PathBuf, uid: u32, further: LoadRequest, reader: &dyn Reader) -> Result<Self, Denial> {
        let places = places(home, uid);
        let request = LoadRequest {
            system: Some(PathBuf::from(SYSTEM_POLICY)),
            user: Some(places.home.join(USER_POLICY)),
            places,
            ..further
        };
        let policy = load(&request, reader).map_err(|error| unusable(&error))?;
        Ok(Self::of(Arc::new(policy), &request.places))
    }

    /// What a policy says that was loaded already, for the user `uid`.
    ///
    /// # Errors
    /// When the user is unknown.
    pub(crate) fn sharing(policy: Arc<Policy>, uid: u32) -> Result<Self, Denial> {
        Ok(Self::of(policy, &places(home(uid)?, uid)))
    }

    /// What `policy` says on a host with these `places`.
    fn of(policy: Arc<Policy>, places: &Places) -> Self {
        let roots =
            policy.workspace.roots.iter().flat_map(|rule| rule.pattern.resolve(places, Purpose::Grant)).collect();
        Self { roots, judge: Judge::sharing(policy, places) }
    }

    /// Whether `folder` may be a workspace.
    pub(crate) fn is_root(&self, folder: &Path) -> bool {
        self.roots.iter().any(|root| root.matches(folder))
    }

    /// Whether `folder` can be a workspace at all: a home folder, a place for secrets or the system cannot.
    pub(crate) fn workspace(&self, folder: &Path) -> Verdict {
        self.judge.workspace(folder)
    }

    /// What kind of tool `tool` of `client` is.
    pub(crate) fn kind(&self, client: &str, tool: &str) -> ToolKind {
        self.judge.tool(client, tool)
    }

    /// What the policy's rules say to a call, whatever its paths are.
    pub(crate) fn verdict(&self, client: &str, tool: &str, input: &dyn ToolInput) -> Option<Verdict> {
        self.judge.tool_call(client, tool, input).verdict
    }
}

/// What `~` means for the user `uid`, whose home folder is `home`.
fn places(home: PathBuf, uid: u32) -> Places {
    Places { homes: vec![home.clone()], home, uid, ..Places::default() }
}

/// The denial for a policy that cannot be used.
fn unusable(error: &PolicyError) -> Denial {
    Denial::Policy { problem: error.to_string(), remedy: format!("Tell the user: {}", error.hint()) }
}

/// The home folder of the user `uid`.
///
/// # Errors
/// When the password file cannot be read, or does not say.
fn home(uid: u32) -> Result<PathBuf, Denial> {
    let unknown = |problem: String| Denial::Policy {
        problem,
        remedy: "Tell the user to add a line for their account to /etc/passwd.".to_owned(),
    };
    let passwd = fs::read(PASSWD).map_err(|error| unknown(format!("{PASSWD}: {error}")))?;
    home_of(&passwd, uid).ok_or_else(|| unknown(format!("{PASSWD} names no home folder for the user id {uid}")))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::{Path, PathBuf};

    use lobsterpot_policy::{
        FileFacts, Folder, LoadRequest, Reader, SYSTEM_POLICY, ToolDefault, ToolKind, USER_POLICY,
    };

    use super::Settings;
    use crate::denial::Denial;

    /// A host on which one policy file exists.
    struct OneFile {
        /// Where it lies.
        path: PathBuf,
        /// What is in it.
        text: &'static str,
        /// Its mode.
        mode: u32,
    }

    impl Reader for OneFile {
        fn read(&self, path: &Path) -> io::Result<Option<FileFacts>> {
            let parents = path.ancestors().skip(1).map(|path| Folder { path: path.into(), mode: 0o755, uid: 0 });
            let facts = || FileFacts {
                bytes: self.text.into(),
                mode: self.mode,
                uid: 0,
                resolved_path: path.into(),
                symlink: false,
                parents: parents.collect(),
            };
            Ok((path == self.path).then(facts))
        }
    }

    /// A request whose only wish is that no policy lies in `folder`.
    fn writable(folder: &str) -> LoadRequest {
        LoadRequest { writable_roots: vec![folder.into()], ..LoadRequest::default() }
    }

    /// The settings of user 1000, whose session was started in `/home/u/proj`.
    ///
    /// # Errors
    /// As [`Settings::read`].
    fn settings(path: PathBuf, text: &'static str, mode: u32) -> Result<Settings, Denial> {
        Settings::read("/home/u".into(), 1000, writable("/home/u/proj"), &OneFile { path, text, mode })
    }

    #[test]
    fn the_policy_names_workspaces_and_shells() {
        let text = "[workspace]\nroots = [\"~/work/*\"]\n";
        for path in [SYSTEM_POLICY.into(), Path::new("/home/u").join(USER_POLICY)] {
            let settings = settings(path, text, 0o644).unwrap();
            assert!(settings.is_root(Path::new("/home/u/work/a")));
            for other in ["/home/u/work", "/home/u/work/a/b", "/home/u", "/home/v/work/a", "/"] {
                assert!(!settings.is_root(Path::new(other)), "{other}");
            }
        }
    }

    #[test]
    fn without_files_the_built_in_policy_knows_the_shells_of_claude_code() {
        let settings = settings("/nowhere".into(), "", 0o644).unwrap();
        for shell in ["Bash", "Monitor"] {
            assert_eq!(settings.kind("claude-code", shell), ToolKind::Shell);
        }
        assert_eq!(settings.kind("claude-code", "Read"), ToolKind::File);
        assert_eq!(settings.kind("claude-code", "Agent"), ToolKind::Other(ToolDefault::Ignore));
        assert!(!settings.is_root(Path::new("/home/u/proj")), "no folder is a workspace unless someone says so");
    }

    #[test]
    fn a_policy_that_is_broken_or_that_others_can_write_denies_every_call() {
        let user = Path::new("/home/u").join(USER_POLICY);
        for (path, text, mode) in [
            (user.clone(), "[workspace\n", 0o644),
            (user.clone(), "[workspce]\n", 0o644),
            (user.clone(), "", 0o666),
            (SYSTEM_POLICY.into(), "network = 7\n", 0o644),
        ] {
            match settings(path, text, mode) {
                Err(denial @ Denial::Policy { .. }) => {
                    assert_eq!(denial.code(), "policy.unreadable");
                    assert!(denial.hint().len() > "Tell the user: ".len(), "{denial}");
                }
                other => panic!("{text:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn a_policy_in_the_workspace_is_not_believed() {
        let file = OneFile { path: Path::new("/home/u").join(USER_POLICY), text: "", mode: 0o644 };
        let settings = Settings::read("/home/u".into(), 1000, writable("/home/u/.config"), &file);
        assert!(matches!(settings, Err(Denial::Policy { .. })), "{settings:?}");
    }
}
