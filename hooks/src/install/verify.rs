//! Tries the hooks as the client will start them, before the client's configuration is replaced.
//!
//! A shell call must come back rewritten, and what it was rewritten to must run where a canary beside the workspace cannot be
//! read; reading a private key must be refused. Nothing of this depends on how the hooks are written.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::install::agent::Agent;
use crate::install::change::starts;
use crate::install::error::InstallError;
use crate::install::payload;
use crate::install::person::{Person, listed_home};
use crate::install::programs::{FILE_HOOK, SHELL_HOOK};
use crate::install::trial::{self, said};
use crate::quote;
use crate::shell::best_shell;

/// What lies outside of the workspace.
pub(crate) const CANARY: &str = "canary-that-must-stay-outside";

/// What the command says when it has run.
pub(crate) const DONE: &str = "ran-to-its-end";

/// Where clients look for the rewritten command in an answer.
const REWRITTEN: [&str; 5] = [
    "/hookSpecificOutput/updatedInput/command",
    "/hookSpecificOutput/tool_input/command",
    "/modifiedArgs/command",
    "/params/command",
    "/args/command",
];

/// How a client starts a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// The program itself, with its arguments.
    Direct(Vec<OsString>),
    /// A line for a shell.
    Shell(String),
}

impl Start {
    /// How the entry of `program` in a client's configuration starts it.
    fn of(configuration: &Value, program: &str) -> Option<Self> {
        let entry = entry(configuration, program)?;
        if let Some(arguments) = entry.get("args").and_then(Value::as_array) {
            let words = std::iter::once(entry.get("command")).chain(arguments.iter().map(Some));
            return words.map(|word| Some(OsString::from(word?.as_str()?))).collect::<Option<_>>().map(Self::Direct);
        }
        ["command", "bash"].iter().find_map(|key| entry.get(key)?.as_str()).map(|line| Self::Shell(line.to_owned()))
    }

    /// The same, told that this folder is the workspace.
    fn within(&self, workspace: &Path) -> Self {
        match self {
            Self::Direct(words) => {
                let told = [OsString::from("--workspace"), workspace.as_os_str().to_owned()];
                Self::Direct(words.iter().cloned().chain(told).collect())
            }
            Self::Shell(line) => {
                let (call, rest) = line.split_once(" || ").unwrap_or((line, "exit 2"));
                let workspace = workspace.to_string_lossy();
                Self::Shell(format!("{call} --workspace {} || {rest}", quote::always(&workspace)))
            }
        }
    }

    /// The same, not told which folder is the workspace; a line for a shell stays as it is.
    fn without_workspace(&self) -> Self {
        let Self::Direct(words) = self else { return self.clone() };
        let place = words.iter().position(|word| word == "--workspace").unwrap_or(words.len());
        let rest = words.iter().skip(place + 2);
        Self::Direct(words.iter().take(place).chain(rest).cloned().collect())
    }

    /// Its words, as far as they can be told apart without a shell.
    fn words(&self) -> Vec<OsString> {
        match self {
            Self::Direct(words) => words.clone(),
            Self::Shell(line) => line.split_whitespace().map(|word| OsString::from(word.trim_matches('\''))).collect(),
        }
    }

    /// The command that starts it.
    fn command(&self) -> Command {
        match self {
            Self::Direct(words) => {
                let mut command = Command::new(words.first().cloned().unwrap_or_default());
                command.args(words.iter().skip(1));
                command
            }
            Self::Shell(line) => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(line);
                command
            }
        }
    }
}

impl Starts {
    /// The same, for a trial in another workspace than the one that is named.
    pub(crate) fn without_workspace(&self) -> Self {
        Self { shell: self.shell.without_workspace(), files: self.files.without_workspace() }
    }

    /// The programs that are started.
    pub(crate) fn programs(&self) -> Vec<PathBuf> {
        [&self.shell, &self.files]
            .into_iter()
            .filter_map(|start| start.words().into_iter().next())
            .map(PathBuf::from)
            .collect()
    }

    /// The workspace that the hook for shell tools is told.
    pub(crate) fn workspace(&self) -> Option<PathBuf> {
        let words = self.shell.words();
        let place = words.iter().position(|word| word == "--workspace")?;
        words.get(place + 1).map(PathBuf::from)
    }
}

/// The first hook entry, however deep, that starts `program`.
fn entry<'a>(value: &'a Value, program: &str) -> Option<&'a Value> {
    if starts(value, program) {
        return Some(value);
    }
    match value {
        Value::Array(elements) => elements.iter().find_map(|element| entry(element, program)),
        Value::Object(members) => members.values().find_map(|member| entry(member, program)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// What a client would start for one call.
#[derive(Debug, Clone)]
pub(crate) struct Starts {
    /// For shell tools.
    pub(crate) shell: Start,
    /// For file tools.
    pub(crate) files: Start,
}

impl Starts {
    /// What a client's configuration starts, which may be in several files.
    ///
    /// # Errors
    /// When a hook is in none of them.
    pub(crate) fn of(files: &[Value]) -> Result<Self, InstallError> {
        let start = |program: &str| files.iter().find_map(|file| Start::of(file, program));
        let missing = |program: &str| failed(format!("the new configuration does not start {program}"));
        Ok(Self {
            shell: start(SHELL_HOOK).ok_or_else(|| missing(SHELL_HOOK))?,
            files: start(FILE_HOOK).ok_or_else(|| missing(FILE_HOOK))?,
        })
    }
}

/// Tries both hooks; `workspace` is the one of every call, when the installation names one. Returns what was seen.
///
/// # Errors
/// When a hook does not do what it must.
pub(crate) fn hooks(
    agent: Agent,
    starts: &Starts,
    workspace: Option<&Path>,
    person: &Person,
) -> Result<Vec<String>, InstallError> {
    let scene = Scene::new(workspace)?;
    let seen = [
        shell(agent, &starts.shell, &scene)?,
        files(agent, &starts.files, &scene, person)?,
        honest(agent, &starts.files, &scene)?,
    ];
    Ok(seen.to_vec())
}

/// A throw-away workspace, and a canary beside it.
struct Scene {
    /// Removed at the end.
    base: TempDir,
    /// The workspace of an installation that names one.
    named: Option<PathBuf>,
}

impl Scene {
    /// Makes one.
    ///
    /// # Errors
    /// When it cannot be made.
    fn new(named: Option<&Path>) -> Result<Self, InstallError> {
        let wrong = |error| InstallError::io("make a folder to try the hooks in,", &std::env::temp_dir(), error);
        let base = tempfile::Builder::new().prefix("lobsterpot-try-").tempdir().map_err(wrong)?;
        fs::create_dir(base.path().join("work")).map_err(wrong)?;
        fs::write(base.path().join("work/notes.png"), "notes").map_err(wrong)?;
        fs::write(base.path().join("canary"), format!("{CANARY}\n")).map_err(wrong)?;
        Ok(Self { base, named: named.map(Path::to_path_buf) })
    }

    /// The workspace.
    fn workspace(&self) -> PathBuf {
        let own = || self.base.path().join("work");
        let folder = self.named.clone().unwrap_or_else(own);
        folder.canonicalize().unwrap_or(folder)
    }

    /// A command that says whether it can read the canary.
    fn command(&self) -> String {
        // The shell's own commands, so that nothing depends on what is installed or found.
        format!("if read -r found < '{}/canary'; then echo \"$found\"; fi; echo {DONE}", self.base.path().display())
    }
}

/// Tries the hook for shell tools.
///
/// # Errors
/// When the call does not come back rewritten, or does not run confined.
fn shell(agent: Agent, start: &Start, scene: &Scene) -> Result<String, InstallError> {
    let workspace = scene.workspace();
    let payload = payload::shell(agent, &workspace, &scene.command());
    let rewritten = command_in(&asked(start, &payload, scene)?)?;
    // As the client does, which keeps to no shell that cannot read what the hook writes for it.
    let mut command = Command::new(best_shell().unwrap_or("/bin/sh"));
    command.arg("-c").arg(rewritten);
    let output = run(command, None, &workspace)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !text.contains(DONE) {
        return Err(failed(format!("the rewritten command did not run: {}", said(&output))));
    }
    if text.contains(CANARY) {
        return Err(failed("the rewritten command could read a file outside of the workspace".to_owned()));
    }
    Ok("a shell call came back rewritten, and ran where a file outside of the workspace cannot be read".to_owned())
}

/// What the hook for shell tools makes of a command in a workspace that it finds by itself.
///
/// # Errors
/// When the call does not come back rewritten.
pub(crate) fn rewritten(
    agent: Agent,
    starts: &Starts,
    workspace: &Path,
    command: &str,
) -> Result<String, InstallError> {
    command_in(&run(starts.shell.command(), Some(&payload::shell(agent, workspace, command)), workspace)?)
}

/// The rewritten command in a hook's answer.
///
/// # Errors
/// When there is none.
fn command_in(output: &Output) -> Result<String, InstallError> {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let rewritten = REWRITTEN.iter().find_map(|place| answer.pointer(place)?.as_str());
    let missing = || failed(format!("a shell call did not come back rewritten: {}", said(output)));
    rewritten.filter(|_| output.status.success()).map(str::to_owned).ok_or_else(missing)
}

/// Starts a hook for a call in the workspace. A client that does not tell where its session began leaves that to the policy,
/// which knows nothing of this folder: then the hook is told.
///
/// # Errors
/// When it does not run.
fn asked(start: &Start, payload: &Value, scene: &Scene) -> Result<Output, InstallError> {
    let workspace = scene.workspace();
    let output = run(start.command(), Some(payload), &workspace)?;
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    if scene.named.is_none() && String::from_utf8_lossy(&text).contains("[fs.outside-workspace]") {
        return run(start.within(&workspace).command(), Some(payload), &workspace);
    }
    Ok(output)
}

/// Tries that honest work goes on: a file in the workspace can be read.
///
/// # Errors
/// When that is refused.
fn honest(agent: Agent, start: &Start, scene: &Scene) -> Result<String, InstallError> {
    let file = scene.workspace().join("notes.png");
    let output = asked(start, &payload::read(agent, &scene.workspace(), &file), scene)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || ["\"deny\"", "\"ask\""].iter().any(|word| text.contains(word)) {
        return Err(failed(format!("reading a file in the workspace was refused: {}", said(&output))));
    }
    Ok("reading a file in the workspace was left alone".to_owned())
}

/// Tries the hook for file tools.
///
/// # Errors
/// When a private key could be read.
fn files(agent: Agent, start: &Start, scene: &Scene, person: &Person) -> Result<String, InstallError> {
    let workspace = scene.workspace();
    let key = listed_home(person).join(".ssh/id_ed25519");
    let output = run(start.command(), Some(&payload::read(agent, &workspace, &key)), &workspace)?;
    if output.status.code() != Some(2) {
        return Err(failed(format!("reading \"{}\" was not refused: {}", key.display(), said(&output))));
    }
    let reason = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if !reason.contains("[fs.") {
        return Err(failed(format!("reading \"{}\" was refused for another reason: {}", key.display(), reason.trim())));
    }
    Ok(format!("reading \"{}\" was refused", key.display()))
}

/// Starts a program for a trial.
///
/// # Errors
/// When it does not start or end.
fn run(command: Command, payload: Option<&Value>, folder: &Path) -> Result<Output, InstallError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let input = payload.map(Value::to_string);
    trial::run(command, input.as_deref(), folder).map_err(|error| failed(format!("\"{program}\" did not run: {error}")))
}

/// The failure of a trial.
pub(crate) fn failed(problem: String) -> InstallError {
    InstallError::Verify { problem }
}
