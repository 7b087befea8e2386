//! A throw-away world: a workspace, stand-ins for the launcher, the hook, and the client's shell.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The hook.
pub(crate) const HOOK: &str = env!("CARGO_BIN_EXE_sandbox-exec-hook");

/// A stand-in for the launcher that confines nothing, but treats options and descriptors as the launcher does.
const STAND_IN: &str = r#"#!/bin/bash
keep=
while :; do
    case $1 in
        --workspace) shift 2;;
        --chdir) directory=$2; shift 2;;
        --fd) keep=$2; shift 2;;
        --) shift; break;;
        *) echo "stand-in: bad option $1" >&2; exit 125;;
    esac
done
cd -P -- "$directory" || exit 125
[ "$keep" = 3 ] || exec 3>&-
exec 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
INSIDE=yes exec "$@"
"#;

/// A stand-in for the launcher that only writes down its arguments, each ended by a NUL.
const RECORDER: &str = "#!/bin/sh\nprintf '%s\\0' \"$@\" > \"${0%/*}/record\"\n";

/// A world of its own.
pub(crate) struct World {
    /// Removed at the end.
    _base: TempDir,
    /// The world's folder, without symbolic links.
    pub(crate) base: PathBuf,
    /// The workspace in it.
    pub(crate) workspace: PathBuf,
}

/// What a command did, run by a client's shell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Its exit status.
    pub(crate) status: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// The session's folder afterwards; `None` when the client was not told one.
    pub(crate) folder: Option<PathBuf>,
}

impl World {
    /// Makes a world with an empty workspace called `proj`.
    pub(crate) fn new() -> Self {
        let base = TempDir::new().unwrap();
        let folder = base.path().canonicalize().unwrap();
        let workspace = folder.join("proj");
        fs::create_dir_all(workspace.join("sub")).unwrap();
        let world = Self { _base: base, base: folder, workspace };
        world.program("sandbox-exec", STAND_IN);
        world.program("recorder", RECORDER);
        world
    }

    /// Writes an executable script beside the workspace.
    pub(crate) fn program(&self, name: &str, script: &str) -> PathBuf {
        // By another process: what is open for writing here while another test forks cannot be started, and not only this
        // program starts it.
        let path = self.base.join(name);
        let mut writer = Command::new("sh");
        writer.args(["-c", "cat >\"$1\" && chmod 755 \"$1\"", "sh"]).arg(&path);
        assert!(feed(writer, script.as_bytes()).status.success());
        path
    }

    /// A real client's payload for `tool`, with this input, from a session that was started in the workspace.
    pub(crate) fn payload(&self, tool: &str, input: &Value, cwd: &Path) -> Value {
        json!({
            "session_id": "c56b75f5-4105-426a-9b66-99be74c12b8f",
            "transcript_path": format!("{}/home/.claude/projects/{}/c56b75f5.jsonl", self.base.display(), slug(&self.workspace)),
            "cwd": cwd,
            "prompt_id": "82ddb93b-6673-46a4-8c57-214ec0593a9a",
            "permission_mode": "default",
            "effort": { "level": "medium" },
            "hook_event_name": "PreToolUse",
            "tool_name": tool,
            "tool_input": input,
            "tool_use_id": "toolu_main_00_00",
        })
    }

    /// Writes the transcript that a Codex payload names, of a session that was started in the workspace.
    pub(crate) fn transcribe(&self, payload: &str) {
        let payload: Value = serde_json::from_str(payload).unwrap();
        let Some(path) = payload["transcript_path"].as_str().filter(|path| path.contains("/.codex/sessions/")) else {
            return;
        };
        let path = Path::new(path);
        assert!(path.starts_with(&self.base));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let meta = json!({ "id": payload["session_id"], "cwd": self.workspace });
        fs::write(path, format!("{}\n", json!({ "type": "session_meta", "payload": meta }))).unwrap();
    }

    /// The text that the hook puts in the place of `command`, with the launcher called `launcher`.
    pub(crate) fn rewritten(&self, command: &str, launcher: &str) -> String {
        let payload = self.payload("Bash", &json!({ "command": command }), &self.workspace);
        let launcher = self.base.join(launcher);
        let output =
            hook(&["--client", "claude-code", "--sandbox-exec", launcher.to_str().unwrap()], &payload.to_string());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["hookSpecificOutput"]["updatedInput"]["command"].as_str().unwrap().to_owned()
    }

    /// Runs `text` in the workspace as the client does, and reads the session's folder back.
    pub(crate) fn run(&self, shell: &Path, text: &str, wrap: Wrap, stdin: &str) -> (Ran, String) {
        let noted = self.base.join("claude-cwd");
        let _ = fs::remove_file(&noted);
        let script = wrap.script(text, &noted);
        let mut command = Command::new(shell);
        command.arg("-c").arg(script).current_dir(&self.workspace).env_remove("INSIDE");
        let output = feed(command, stdin.as_bytes());
        let folder = fs::read_to_string(&noted).ok().map(|text| PathBuf::from(text.trim_end_matches('\n')));
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (Ran { status: output.status.code(), stdout, folder }, stderr)
    }
}

/// How a client's shell is given a command.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wrap {
    /// As newer clients do, but with the test's standard input in the place of `/dev/null`.
    Streaming,
    /// As newer clients do.
    Newer,
    /// As older clients do: the redirection is part of the evaluated text.
    Older,
}

impl Wrap {
    /// The script that runs `text` and notes the folder in `noted`.
    fn script(self, text: &str, noted: &Path) -> String {
        let quoted = format!("'{}'", text.replace('\'', r#"'"'"'"#));
        let evaluated = match self {
            Self::Streaming => format!("eval {quoted}"),
            Self::Newer => format!("eval {quoted} < /dev/null"),
            Self::Older => format!("eval {quoted} \\< /dev/null"),
        };
        format!("true && {evaluated} && pwd -P >| {}", noted.display())
    }
}

/// The shells of this host that a client may use.
pub(crate) fn shells() -> Vec<PathBuf> {
    installed(&["bash", "zsh"])
}

/// Those of `names` that are installed.
pub(crate) fn installed(names: &[&str]) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    let find = |name: &&str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|shell| shell.is_file());
    names.iter().filter_map(find).collect()
}

/// The name that Claude Code gives to a session that was started in `folder`.
pub(crate) fn slug(folder: &Path) -> String {
    let dash = |c: char| if c.is_ascii_alphanumeric() { c.to_string() } else { "-".repeat(c.len_utf16()) };
    folder.to_str().unwrap().chars().map(dash).collect()
}

/// Runs the hook with these arguments and this standard input.
pub(crate) fn hook(arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(HOOK);
    command.args(arguments);
    feed(command, stdin.as_bytes())
}

/// Starts a command, again for as long as its file is held open for writing: a process that another test's thread has just
/// forked holds every descriptor until it executes its own program.
fn started(command: &mut Command) -> Child {
    for _ in 0..500 {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(10))
            }
            other => return other.unwrap(),
        }
    }
    panic!("the program's file stays busy");
}

/// Runs a command with this standard input and collects what it says.
pub(crate) fn feed(mut command: Command, stdin: &[u8]) -> Output {
    let mut child = started(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut pipe = child.stdin.take().unwrap();
    let bytes = stdin.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that does not read its input is no failure of the test.
        let _ = pipe.write_all(&bytes);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Asserts that a call was stopped in every way in which a client can be told, and returns the reason.
pub(crate) fn assert_denied(output: &Output, code: &str) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let specific = &answer["hookSpecificOutput"];
    assert_eq!(specific["hookEventName"], "PreToolUse");
    assert_eq!(specific["permissionDecision"], "deny");
    assert!(specific.get("updatedInput").is_none());
    let reason = specific["permissionDecisionReason"].as_str().unwrap();
    assert_eq!(stderr, format!("{reason}\n"));
    assert!(reason.contains(&format!("[{code}]. hint: ")), "{reason}");
    reason.to_owned()
}
