//! A home folder with a vault of its own, and the program run in it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_lobsterpot-vault");

/// A folder that nobody else can change, with places for a vault, an identity and records.
pub(crate) struct Home {
    /// Removed at the end.
    folder: tempfile::TempDir,
}

/// How a run ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status; 128 and the signal's number when a signal ended it.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) stdout: Vec<u8>,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Home {
    /// An empty home.
    pub(crate) fn new() -> Self {
        Self::in_folder(&std::env::temp_dir())
    }

    /// An empty home in memory, where flushing takes no time; for tests that write many times.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        Self::in_folder(if memory.is_dir() { memory } else { Path::new("/tmp") })
    }

    /// An empty home in a folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let folder = tempfile::tempdir_in(folder).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        Self { folder }
    }

    /// A home with an empty vault.
    pub(crate) fn with_vault() -> Self {
        let home = Self::new();
        home.run(&["init"]).done();
        home
    }

    /// A home with a vault that holds these secrets.
    pub(crate) fn with_secrets(secrets: &[(&str, &str)]) -> Self {
        let home = Self::with_vault();
        for (name, value) in secrets {
            home.feed(&["set", name, "--raw"], value.as_bytes()).done();
        }
        home
    }

    /// Something in this home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The vault's file.
    pub(crate) fn vault(&self) -> PathBuf {
        self.path("v/vault.age")
    }

    /// The identity's file.
    pub(crate) fn identity(&self) -> PathBuf {
        self.path("v/vault.key")
    }

    /// The options that keep the program in this home.
    pub(crate) fn options(&self) -> Vec<String> {
        let option = |name: &str, path: PathBuf| [format!("--{name}"), path.to_str().unwrap().to_owned()];
        [option("vault", self.vault()), option("identity", self.identity()), option("state", self.path("state"))]
            .concat()
    }

    /// The program with these arguments, which may name other places, in an environment that has nothing but this home.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        self.under(PROGRAM, &[] as &[&str], arguments)
    }

    /// The same, started by another program with arguments of its own.
    pub(crate) fn under(
        &self,
        starter: &str,
        before: &[impl AsRef<OsStr>],
        arguments: &[impl AsRef<OsStr>],
    ) -> Command {
        let mut command = Command::new(starter);
        command.args(before);
        if starter != PROGRAM {
            command.arg(PROGRAM);
        }
        let is_said = |option: &str| arguments.iter().any(|argument| argument.as_ref() == option);
        command.args(self.options().chunks(2).filter(|pair| !is_said(&pair[0])).flatten()).args(arguments);
        command.env_clear().env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program with nothing to read.
    pub(crate) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the program with something to read.
    pub(crate) fn feed(&self, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Ran {
        feed(self.command(arguments), input)
    }

    /// The value of a secret.
    pub(crate) fn get(&self, name: &str) -> Vec<u8> {
        self.run(&["get", name]).done().stdout
    }

    /// The names in the vault's folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("v")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Writes a program that everybody may run. Another process writes it: a file that is open for writing here while another test starts
/// something could not be run.
pub(crate) fn write_program(path: &Path, content: &[u8]) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "cat >\"$1\" && chmod 755 \"$1\"", "sh"]).arg(path);
    feed(command, content).done();
}

/// Runs a command with something to read.
pub(crate) fn feed(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that does not read all of it ends the pipe.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.into()
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let status = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        Self { status, stdout: output.stdout, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
    }
}

impl Ran {
    /// It worked.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// It was refused with this status, one sentence that contains `sentence`, and a hint that contains `hint`.
    #[track_caller]
    pub(crate) fn refused(self, status: i32, sentence: &str, hint: &str) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        let [first, second] = lines.as_slice() else { panic!("{self:?}") };
        assert!(first.starts_with("lobsterpot-vault: ") && first.contains(sentence), "{first}");
        assert!(second.starts_with("hint: ") && second.contains(hint), "{second}");
        self
    }

    /// Standard output as text.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }
}

/// Says that a test was not run, and why; fails where everything has to be run.
#[track_caller]
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("REQUIRE_ALL").is_none(), "not run: {reason}");
    println!("SKIP: {reason}");
}

/// Whether a program is there; says so when it is not.
#[track_caller]
pub(crate) fn has(program: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(program).is_file());
    if !found {
        skip(&format!("{program} is not installed"));
    }
    found
}
