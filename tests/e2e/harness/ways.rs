//! The ways into the sandbox: the launcher itself, the command that an agent's hook has rewritten, and the launcher on a kernel that
//! refuses namespaces.

use super::identity::Identity;
use super::outcome::Outcome;
use super::run::Run;
use super::scene::Scene;
use super::{host, policy_of_flags};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

/// PreToolUse payloads of a real client, with `$W` for the folder that it ran in.
const CAPTURED: &str = include_str!("../hook/captured.json");

/// What the tier without namespaces has to be allowed by the policy.
pub(crate) const BEST_EFFORT: &str = "[require]\nuser_namespace = \"best-effort\"\nnetwork_namespace = \"best-effort\"\nabsent_names = \"best-effort\"\nsocket_supervision = \"best-effort\"\nowner_remap = \"best-effort\"\n";

/// How a command comes to run in the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `sandbox-exec` is started with it.
    Launcher,
    /// A client's shell runs what `sandbox-exec-hook` has made of it.
    Hook,
    /// `sandbox-exec` is started where no user namespace can be made, with a policy that accepts that.
    WithoutNamespaces,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Launcher, Self::Hook, Self::WithoutNamespaces];

    /// How messages call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Launcher => "under the launcher",
            Self::Hook => "through the hook",
            Self::WithoutNamespaces => "without namespaces",
        }
    }

    /// Who goes this way when somebody is to; the hook takes home folders from the passwd file.
    pub(crate) fn walker(self, identity: Identity) -> Option<Identity> {
        match self {
            Self::Launcher => Some(identity),
            Self::Hook => identity.known(),
            // Only root can map every owner, and the owners of the folders above a policy must be seen.
            Self::WithoutNamespaces if !nix::unistd::getuid().is_root() => {
                eprintln!("NOTE: not tried without namespaces: only root can prepare that");
                None
            }
            Self::WithoutNamespaces => namespaces_can_be_refused().then_some(identity),
        }
    }

    /// Runs a command in this way, or says why it does not apply to it.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn run(self, scene: &Scene, run: &Run) -> Result<Outcome, String> {
        match self {
            Self::Launcher => Ok(scene.sandboxed(run)),
            Self::Hook => through_the_hook(scene, run),
            Self::WithoutNamespaces if run.outer_changes_user => {
                Err("what is around it takes root's rights, which nobody has there".to_owned())
            }
            Self::WithoutNamespaces => {
                Ok(scene.sandboxed(&best_effort(scene, where_namespaces_are_refused(scene, run.clone()))))
            }
        }
    }
}

/// The captured call of a tool, moved to a session that was started in `started` and now stands in `folder`.
pub(crate) fn call(scene: &Scene, tool: &str, started: &Path, folder: &Path) -> Value {
    let all: Value = serde_json::from_str(CAPTURED).expect("the capture is JSON");
    let mut payload = all[tool].clone();
    let slug: String =
        started.to_string_lossy().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    payload["cwd"] = json!(folder);
    payload["transcript_path"] = json!(scene.at_home(".claude/projects").join(slug).join("session.jsonl"));
    payload
}

/// What the hook answers, started with further options.
pub(crate) fn answer(scene: &Scene, payload: &Value, options: &[OsString]) -> Outcome {
    scene.binary("sandbox-exec");
    let mut words = vec![scene.binary("sandbox-exec-hook").into_os_string(), "--client".into(), "claude-code".into()];
    words.extend(options.iter().cloned());
    scene.bare(&Run::new(&words).input(payload.to_string().as_bytes()))
}

/// The command that the client would run instead.
#[track_caller]
pub(crate) fn rewritten(outcome: &Outcome, payload: &Value) -> String {
    let answer: Value = serde_json::from_str(&outcome.ok()).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    let input = &answer["hookSpecificOutput"]["updatedInput"];
    let mut echoed = input.clone();
    echoed["command"] = payload["tool_input"]["command"].clone();
    assert_eq!(echoed, payload["tool_input"], "everything but the command is echoed");
    input["command"].as_str().expect("a command").to_owned()
}

/// A command as the client's shell runs it, which notes where the command left it.
pub(crate) fn in_the_clients_shell(scene: &Scene, command: &str) -> Run {
    let note = scene.at_home(".cwd-note");
    Run::new(&["bash", "-c", &format!("eval \"$1\" && pwd -P >| {}", note.display()), "bash", command])
}

/// Words as a line for a shell.
///
/// # Errors
/// A payload is JSON, so it has no words that are not UTF-8.
fn line(words: &[OsString]) -> Result<String, String> {
    let quoted = |word: &OsString| {
        let word = word.to_str().ok_or("a payload holds text only")?;
        Ok(format!("'{}'", word.replace('\'', "'\\''")))
    };
    Ok(words.iter().map(quoted).collect::<Result<Vec<_>, &str>>()?.join(" "))
}

/// Has a client's shell run what the hook makes of a command. The launcher's options become a policy that the hook passes on.
///
/// # Errors
/// Why no hook could have asked for this.
fn through_the_hook(scene: &Scene, run: &Run) -> Result<Outcome, String> {
    let folder = run.folder.as_ref().unwrap_or(&scene.workspace);
    let mut options = policy_of_flags::options(scene, &run.flags)?;
    let started = match run.workspaces.as_deref() {
        None => scene.workspace.clone(),
        Some([workspace]) => workspace.clone(),
        Some(_) => return Err("a session has one workspace".to_owned()),
    };
    if !folder.starts_with(&started) {
        options.extend(["--workspace".into(), started.clone().into()]);
    }
    let mut payload = call(scene, "Bash", &started, folder);
    payload["tool_input"]["command"] = json!(line(&run.argv)?);
    let command = rewritten(&answer(scene, &payload, &options), &payload);
    let shell = in_the_clients_shell(scene, &command).argv;
    Ok(scene.bare(&Run { argv: shell, ..run.clone() }))
}

/// Runs the launcher where no further user namespace can be made, as the scene's user without capabilities.
pub(crate) fn where_namespaces_are_refused(scene: &Scene, mut run: Run) -> Run {
    let id = scene.identity.id;
    let mut outer = host::words(&[scene.attack().as_os_str(), OsStr::from_bytes(b"where-namespaces-are-refused")]);
    if nix::unistd::getuid().is_root() {
        let groups = scene.group().map_or_else(|| "--clear-groups".to_owned(), |group| format!("--groups={group}"));
        outer.extend(host::words(&["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--securebits=+noroot"]));
        outer.extend(host::words(&[format!("--reuid={id}"), format!("--regid={id}"), groups, "--".to_owned()]));
        run.outer_changes_user = true;
    }
    run.outer.splice(0..0, outer);
    run
}

/// Lets a run go on without namespaces.
pub(crate) fn best_effort(scene: &Scene, run: Run) -> Run {
    let place = scene.root.join("best-effort.toml");
    if !place.exists() {
        scene.write(&place, BEST_EFFORT);
    }
    run.flags(&["--policy".into(), place.into_os_string()])
}

/// Whether namespaces can be refused for a test here; says so once when not.
pub(crate) fn namespaces_can_be_refused() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let scene = Scene::new(Identity::all().remove(0));
        let try_out = |words: &[&str]| scene.bare(&where_namespaces_are_refused(&scene, Run::new(words))).status == 0;
        let possible =
            host::require(&["setpriv", "unshare"]) && try_out(&["true"]) && !try_out(&["unshare", "--user", "true"]);
        if !possible {
            host::skip("user namespaces cannot be refused for a test here");
        }
        possible
    })
}
