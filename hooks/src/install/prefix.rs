//! Claude Code's own shell in the sandbox: when that is needed, how it is written, and a trial of it.
//!
//! Of several hooks that answer a call, the one that ends last decides what the command is. OpenClaw answers as well when it
//! drives the client, with the command as it was, and its first answer of a session comes late. A prefix of the shell wraps
//! whatever command has won.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::install::agent::{Agent, Scope};
use crate::install::clients::Context;
use crate::install::error::InstallError;
use crate::install::person::{Person, homes};
use crate::install::trial::{self, said};
use crate::install::verify::{CANARY, DONE, Starts, failed, rewritten};
use crate::install::version;
use crate::install::wishes::ShellPrefix;
use crate::quote;

/// The variable that names a program for the client to start its own shell with.
pub(crate) const VARIABLE: &str = "CLAUDE_CODE_SHELL_PREFIX";

/// The launcher's other name. It is this client's alone, so that taking another client's guards away leaves it.
const NAME: &str = "claude-code-shell";

/// How folders begin in which a trial takes place. The built-in policy takes their `workspace` for one of OpenClaw's.
const SCENE: &str = ".openclaw-lobsterpot-try-";

/// What a trial's command says when it finds the programs.
const SEEN: &str = "the-programs-are-seen";

/// The status with which a trial's command ends.
const STATUS: i32 = 7;

/// The hint for a folder that the policy does not name.
pub(crate) const ELSEWHERE: &str = "the client's own shell works in workspaces that the policy names and in ~/.openclaw/workspace*; it refuses every command elsewhere";

/// Whether the client's own shell is to start in the sandbox.
pub(crate) fn is_wanted(agent: Agent, wish: ShellPrefix, scope: Scope, person: &Person, is_there: bool) -> bool {
    match wish {
        ShellPrefix::Always => true,
        ShellPrefix::Never => false,
        ShellPrefix::AsNeeded => agent == Agent::ClaudeCode && (is_there || has_openclaw(scope, person)),
    }
}

/// Whether OpenClaw is here, for those whose sessions are meant: its program, or a configuration in a home folder.
pub(crate) fn has_openclaw(scope: Scope, person: &Person) -> bool {
    let mut all = vec![person.home.clone()];
    if scope == Scope::Managed {
        all.extend(homes(person));
    }
    version::program(Agent::OpenClaw).is_some() || all.iter().any(|home| keeps_openclaw(home))
}

/// Whether OpenClaw has a configuration in a home folder, for one of its profiles.
fn keeps_openclaw(home: &Path) -> bool {
    let is_its_own = |name: &OsStr| {
        let name = name.to_string_lossy();
        name == Agent::OpenClaw.folder() || (name.starts_with(".openclaw-") && !name.starts_with(SCENE))
    };
    // A home folder that cannot be listed is not one that this user installs for.
    let mut names = fs::read_dir(home).into_iter().flatten().flatten();
    names.any(|entry| is_its_own(&entry.file_name()) && entry.path().join("openclaw.json").is_file())
}

/// The launcher's other name: where it is, and what it leads to.
pub(crate) fn link(context: &Context<'_>, launcher: &str) -> (PathBuf, PathBuf) {
    let folder = match context.scope {
        Scope::User => context.person.home.join(".local/share/lobsterpot"),
        Scope::Managed => context.person.system("/usr/local/lib/lobsterpot"),
    };
    (folder.join(NAME), PathBuf::from(launcher))
}

/// The link as the client will find it: what stands before the paths of an image is not there once the image runs.
pub(crate) fn named(link: &Path, scope: Scope, person: &Person) -> PathBuf {
    match scope {
        Scope::User => link.to_path_buf(),
        Scope::Managed => person.inside(link),
    }
}

/// Where the link lies that settings name.
pub(crate) fn found(named: &Path, scope: Scope, person: &Person) -> PathBuf {
    match scope {
        Scope::User => named.to_path_buf(),
        Scope::Managed => person.system(&named.to_string_lossy()),
    }
}

/// The variable's value. The client takes what begins with the last ` -` for arguments, and the rest for one word.
pub(crate) fn value(link: &Path) -> String {
    format!("{} -c", link.display())
}

/// The link that settings name, if the prefix in them is ours.
pub(crate) fn of(settings: &Value) -> Option<PathBuf> {
    let value = settings.get("env")?.get(VARIABLE)?.as_str()?;
    let link = PathBuf::from(value.strip_suffix(" -c")?);
    (link.is_absolute() && link.file_name() == Some(OsStr::new(NAME))).then_some(link)
}

/// The line of a policy that makes `workspace` one of its workspaces.
pub(crate) fn policy_line(workspace: &Path) -> String {
    let text = workspace.to_string_lossy();
    // A star in a name is a plain star; then the string of TOML takes the backslashes.
    let plain: String = text
        .chars()
        .flat_map(|letter| "*?[]{}\\".contains(letter).then_some('\\').into_iter().chain([letter]))
        .collect();
    let quoted = plain.replace('\\', "\\\\").replace('"', "\\\"");
    format!("[workspace] roots = [\"{quoted}\"]")
}

/// Tries the prefix by itself, and together with the hook, in a workspace that the built-in policy names.
///
/// # Errors
/// When one of them does not confine, or does not let honest work go on.
pub(crate) fn try_out(starts: &Starts, launcher: &Path, person: &Person) -> Result<Vec<String>, InstallError> {
    let scene = Scene::new(launcher, person)?;
    // The trial's workspace is another one.
    let starts = &starts.without_workspace();
    let programs = starts.programs().into_iter().take(1).chain([launcher.to_path_buf()]);
    let output = scene.run(&scene.script(programs))?;
    judged(&output, "the prefix of the shell")?;
    if fs::read(scene.workspace().join("later")).is_ok_and(|bytes| bytes == b"later\n") && says(&output, SEEN) {
        let rewritten = rewritten(Agent::ClaudeCode, starts, &scene.workspace(), &scene.attempt())?;
        judged(&scene.run(&rewritten)?, "the rewritten command behind the prefix of the shell")?;
        return Ok(vec![
            "the prefix of the shell confines a command that no hook has rewritten, and keeps its status".to_owned(),
            "a rewritten command runs behind the prefix, and keeps its status".to_owned(),
        ]);
    }
    if says(&output, SEEN) {
        return Err(failed("a command behind the prefix of the shell could not write in its workspace".to_owned()));
    }
    Err(InstallError::Option {
        option: "--shell-prefix",
        problem: format!(
            "a command in the sandbox cannot see \"{}\", where the hook's launcher must start once more: put the programs into \
             /usr/local/bin, ~/.local/bin or a folder in /opt, or name their folder under `[files] read` of the policy",
            launcher.parent().unwrap_or(launcher).display()
        ),
    })
}

/// Judges what a trial's command said.
///
/// # Errors
/// When it did not run as it should.
fn judged(output: &Output, what: &str) -> Result<(), InstallError> {
    if says(output, CANARY) {
        return Err(failed(format!("{what} let a file outside of the workspace be read")));
    }
    if !says(output, DONE) {
        return Err(failed(format!("{what} did not run: {}", said(output))));
    }
    match output.status.code() {
        Some(STATUS) => Ok(()),
        _ => Err(failed(format!("{what} ended with {} instead of {STATUS}", output.status))),
    }
}

/// Whether a command said this.
fn says(output: &Output, word: &str) -> bool {
    String::from_utf8_lossy(&output.stdout).contains(word)
}

/// A workspace that the built-in policy names, and a canary beside it.
struct Scene {
    /// Removed at the end.
    base: TempDir,
    /// The home folder that it is in.
    home: PathBuf,
}

impl Scene {
    /// Makes one, with a link to the launcher in it.
    ///
    /// # Errors
    /// When it cannot be made.
    fn new(launcher: &Path, person: &Person) -> Result<Self, InstallError> {
        let wrong = |error| InstallError::io("make a folder to try the shell in,", &person.home, error);
        let base = tempfile::Builder::new().prefix(SCENE).tempdir_in(&person.home).map_err(wrong)?;
        fs::create_dir_all(base.path().join("workspace/sub")).map_err(wrong)?;
        fs::write(base.path().join("canary"), format!("{CANARY}\n")).map_err(wrong)?;
        symlink(launcher, base.path().join(NAME)).map_err(wrong)?;
        Ok(Self { base, home: person.home.clone() })
    }

    /// The workspace.
    fn workspace(&self) -> PathBuf {
        self.base.path().join("workspace")
    }

    /// A command that goes to another folder and says whether it can read the canary.
    fn attempt(&self) -> String {
        let canary = quote::always(&self.base.path().join("canary").to_string_lossy());
        format!("cd sub && if read -r found < {canary}; then echo \"$found\"; fi; echo {DONE}; (exit {STATUS})")
    }

    /// The same, after a job in the background has written and all the programs were looked for.
    fn script(&self, programs: impl Iterator<Item = PathBuf>) -> String {
        let tests: Vec<String> =
            programs.map(|path| format!("test -x {} && ", quote::always(&path.to_string_lossy()))).collect();
        format!("echo later >later & wait; {}echo {SEEN}; {}", tests.concat(), self.attempt())
    }

    /// Runs a text as the client's shell would, in the workspace.
    ///
    /// # Errors
    /// When it does not start or end.
    fn run(&self, text: &str) -> Result<Output, InstallError> {
        let mut command = Command::new("/bin/sh");
        let line = format!("{} {}", value(&self.base.path().join(NAME)), quote::always(text));
        command.arg("-c").arg(line).env("HOME", &self.home);
        trial::run(command, None, &self.workspace())
            .map_err(|error| failed(format!("the prefix of the shell did not run: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{keeps_openclaw, of, policy_line};

    #[test]
    fn only_the_prefix_that_was_written_counts() {
        let settings = |value: &str| json!({ "env": { "CLAUDE_CODE_SHELL_PREFIX": value } });
        assert_eq!(of(&settings("/h/claude-code-shell -c")).as_deref(), Some(Path::new("/h/claude-code-shell")));
        for other in ["/h/claude-code-shell", "claude-code-shell -c", "/h/other -c", "/h/claude-code-shell -x -c"] {
            assert_eq!(of(&settings(other)), None, "{other}");
        }
        assert_eq!(of(&json!({})), None);
    }

    #[test]
    fn openclaw_is_found_by_its_configuration_and_not_by_a_trials_folder() {
        for (name, found) in [(".openclaw", true), (".openclaw-work", true), (".openclaws", false)] {
            let home = tempfile::tempdir().unwrap();
            let configure =
                |folder: &str| std::fs::write(home.path().join(folder).join("openclaw.json"), "{}").unwrap();
            std::fs::create_dir(home.path().join(".openclaw-lobsterpot-try-x")).unwrap();
            configure(".openclaw-lobsterpot-try-x");
            std::fs::create_dir(home.path().join(name)).unwrap();
            assert!(!keeps_openclaw(home.path()));
            configure(name);
            assert_eq!(keeps_openclaw(home.path()), found, "{name}");
        }
    }

    #[test]
    fn a_folder_with_a_star_in_its_name_widens_no_policy() {
        assert_eq!(policy_line(Path::new("/w/proj")), "[workspace] roots = [\"/w/proj\"]");
        assert_eq!(policy_line(Path::new("/w/*\"")), "[workspace] roots = [\"/w/\\\\*\\\"\"]");
    }
}
