//! One case: a file of lines, each a word and what it is about.
//!
//! ```text
//! # why this case exists
//! needs sandbox                 it is skipped where the default policy cannot run
//! folder PATH                   made before the run; [HOME] and [WORKSPACE] stand for folders of the case's own
//! file PATH MODE CONTENT        likewise; \n, \e and \\ are escapes everywhere
//! hardlink PATH EXISTING        likewise
//! symlink PATH TEXT             likewise
//! cwd PATH                      where it starts, [WORKSPACE] by default
//! as NAME                       it is called under this name
//! env NAME=VALUE                one more variable
//! run WORDS                     the arguments, split at spaces
//! arg TEXT                      one more argument, as it is
//! stdin TEXT                    one line of input
//! status NUMBER                 what must come of it: the status,
//! stdout TEXT                   and every line of both streams
//! stderr TEXT                   in which [ANY] stands for whatever differs from host to host
//! ```

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The built program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_sandbox-exec");

/// What a call answered, with the case's folders replaced by their names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Answer {
    /// Whether this is what `expected` describes.
    pub(crate) fn is(&self, expected: &Self) -> bool {
        let streams = [(&self.stdout, &expected.stdout), (&self.stderr, &expected.stderr)];
        self.status == expected.status && streams.into_iter().all(|(text, pattern)| fits(text, pattern))
    }
}

/// Whether `text` is `pattern` with something for each `[ANY]` in it.
fn fits(text: &str, pattern: &str) -> bool {
    let Some((head, tail)) = pattern.split_once("[ANY]") else { return text == pattern };
    let Some(rest) = text.strip_prefix(head) else { return false };
    (0..=rest.len()).filter_map(|at| rest.get(at..)).any(|rest| fits(rest, tail))
}

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its file.
    pub(crate) file: PathBuf,
    /// Its lines but for those of the answer.
    lines: Vec<(String, String)>,
    /// What it must answer.
    pub(crate) expected: Answer,
}

/// A throw-away home with a workspace in it.
struct Scene {
    /// Removes everything at the end.
    root: tempfile::TempDir,
}

impl Scene {
    /// Makes the folders.
    fn new() -> Self {
        let root = tempfile::Builder::new().prefix("golden").tempdir().expect("a folder");
        let scene = Self { root };
        std::fs::create_dir_all(scene.workspace()).expect("a workspace");
        scene
    }

    /// The home folder.
    fn home(&self) -> PathBuf {
        self.root.path().canonicalize().expect("a path").join("home")
    }

    /// The workspace.
    fn workspace(&self) -> PathBuf {
        self.home().join("work")
    }

    /// `text` with names for folders and escapes made what they stand for.
    fn real(&self, text: &str) -> String {
        let home = self.home();
        let workspace = self.workspace();
        let text = text.replace("[WORKSPACE]", workspace.to_str().expect("text"));
        unescaped(&text.replace("[HOME]", home.to_str().expect("text")))
    }

    /// `bytes` with folders replaced by their names.
    fn named(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace(self.workspace().to_str().expect("text"), "[WORKSPACE]");
        let text = text.replace(self.home().to_str().expect("text"), "[HOME]");
        text.replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
    }

    /// Makes what `word` and `rest` describe; whether it was something to make.
    fn prepare(&self, word: &str, rest: &str) -> bool {
        let mut parts = rest.splitn(3, ' ').map(|part| self.real(part));
        let path = PathBuf::from(parts.next().expect("a path"));
        let parent = path.parent().expect("a parent");
        match word {
            "folder" => std::fs::create_dir_all(&path).expect("a folder"),
            "file" => {
                let mode = u32::from_str_radix(&parts.next().expect("a mode"), 8).expect("an octal mode");
                std::fs::create_dir_all(parent).expect("a folder");
                std::fs::write(&path, parts.next().unwrap_or_default()).expect("a file");
                std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
            }
            "hardlink" => std::fs::hard_link(parts.next().expect("a file"), &path).expect("a link"),
            "symlink" => symlink(parts.next().expect("a text"), &path).expect("a link"),
            _ => return false,
        }
        true
    }
}

/// `text` with `\n`, `\e` and `\\` replaced.
fn unescaped(text: &str) -> String {
    text.replace("\\\\", "\0").replace("\\n", "\n").replace("\\e", "\x1b").replace('\0', "\\")
}

impl Case {
    /// Reads the case in `file`.
    pub(crate) fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).expect("a case");
        let mut case = Self {
            file: file.to_owned(),
            lines: Vec::new(),
            expected: Answer { status: -1, stdout: String::new(), stderr: String::new() },
        };
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "status" => case.expected.status = rest.parse().expect("a number"),
                "stdout" => case.expected.stdout.extend([rest, "\n"]),
                "stderr" => case.expected.stderr.extend([rest, "\n"]),
                _ => case.lines.push((word.to_owned(), rest.to_owned())),
            }
        }
        case
    }

    /// Whether the case is about a run that begins.
    pub(crate) fn needs_sandbox(&self) -> bool {
        self.lines.iter().any(|(word, rest)| word == "needs" && rest == "sandbox")
    }

    /// Carries the case out.
    pub(crate) fn answer(&self) -> Answer {
        let scene = Scene::new();
        let mut program = PathBuf::from(PROGRAM);
        let (mut arguments, mut input) = (Vec::<OsString>::new(), String::new());
        let mut cwd = scene.workspace();
        let mut environment =
            vec![("HOME".to_owned(), scene.real("[HOME]")), ("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
        for (word, rest) in &self.lines {
            match word.as_str() {
                "run" => arguments.extend(rest.split_whitespace().map(|word| scene.real(word).into())),
                "arg" => arguments.push(scene.real(rest).into()),
                "stdin" => input.extend([scene.real(rest).as_str(), "\n"]),
                "cwd" => cwd = PathBuf::from(scene.real(rest)),
                "env" => {
                    let (name, value) = rest.split_once('=').expect("NAME=VALUE");
                    environment.push((name.to_owned(), scene.real(value)));
                }
                "as" => {
                    program = scene.home().join(rest);
                    symlink(PROGRAM, &program).expect("a link");
                }
                "#" | "" | "needs" => {}
                _ => assert!(scene.prepare(word, rest), "{}: what is \"{word}\"?", self.file.display()),
            }
        }
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(environment).current_dir(cwd);
        let output = run(&mut command, &input);
        let status = output.status.code().expect("an exit, not a signal");
        Answer { status, stdout: scene.named(&output.stdout), stderr: scene.named(&output.stderr) }
    }

    /// Writes `answer` into the case's file.
    pub(crate) fn update(&self, answer: &Answer) {
        let mut text: String = self.lines.iter().fold(String::new(), |mut text, (word, rest)| {
            let _ = writeln!(text, "{}", format!("{word} {rest}").trim_end());
            text
        });
        let _ = writeln!(text, "status {}", answer.status);
        for (stream, content) in [("stdout", &answer.stdout), ("stderr", &answer.stderr)] {
            for line in content.lines() {
                let _ = writeln!(text, "{}", format!("{stream} {line}").trim_end());
            }
        }
        std::fs::write(&self.file, text).expect("the case can be written");
    }
}

/// Runs `command` with `input`.
fn run(command: &mut Command, input: &str) -> Output {
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A run that is refused reads nothing.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("an end")
}
