//! A home folder, a workspace and a secret beside it, and the program run on them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What must never come out.
pub(crate) const CANARY: &str = "canary-5c1d7e";
/// How long any run may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// The ordinary user as which root's tests run again.
const ORDINARY: u32 = 61234;

/// The folders of one test, and who runs the program.
pub(crate) struct Scene {
    /// Everything.
    folder: tempfile::TempDir,
    /// The user, where it is not the caller.
    user: Option<u32>,
    /// The program, where that user can run it.
    program: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit status; -1 after a signal.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) out: Vec<u8>,
    /// Standard error.
    pub(crate) err: String,
}

/// Runs a test as the caller, and for root also as an ordinary user.
pub(crate) fn as_everybody(test: impl Fn(&Scene)) {
    test(&Scene::new(None));
    if is_root() {
        test(&Scene::new(Some(ORDINARY)));
    }
}

/// Whether the tests run as root.
pub(crate) fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

impl Scene {
    /// A fresh scene for `user`, or for the caller.
    pub(crate) fn new(user: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("fs-guard");
        let built = Path::new(env!("CARGO_BIN_EXE_fs-guard"));
        if fs::hard_link(built, &program).is_err() {
            // By another process: a file that is open for writing here while another test forks cannot be started.
            assert!(Command::new("cp").args([built, &program]).status().unwrap().success());
        }
        let scene = Self { folder, user, program };
        for name in ["home", "work", "outside"] {
            fs::create_dir(scene.folder.path().join(name)).unwrap();
            scene.own(scene.folder.path().join(name));
        }
        scene.plant("../outside/secret", CANARY);
        scene
    }

    /// The real path of `name` in the workspace.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("work").join(name)
    }

    /// Writes a file of the user's, and the folders above it.
    pub(crate) fn plant(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        self.plant_folder(path.parent().unwrap());
        fs::write(&path, content).unwrap();
        self.own(path);
    }

    /// Makes a folder of the user's, and those above it.
    pub(crate) fn plant_folder(&self, name: impl AsRef<Path>) {
        let path = self.path(name);
        if !path.exists() {
            self.plant_folder(path.parent().unwrap());
            fs::create_dir(&path).unwrap();
            self.own(path);
        }
    }

    /// Makes a link of the user's.
    pub(crate) fn plant_link(&self, name: &str, text: impl AsRef<Path>) {
        std::os::unix::fs::symlink(text, self.path(name)).unwrap();
    }

    /// Gives a file to the user.
    pub(crate) fn own(&self, path: impl AsRef<Path>) {
        chown(path, self.user, self.user).unwrap();
    }

    /// Whether the user is not root, so that permissions bind them.
    pub(crate) fn is_ordinary(&self) -> bool {
        self.user.is_some() || !is_root()
    }

    /// The content of a file of the workspace.
    pub(crate) fn content(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The names in a folder of the workspace, sorted.
    pub(crate) fn names(&self, name: &str) -> Vec<OsString> {
        let mut names: Vec<_> =
            fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    /// The program in the workspace, with these arguments.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", self.folder.path().join("home")).current_dir(self.path(""));
        command.arg("--workspace").arg(self.path("")).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A], input: impl AsRef<[u8]>) -> Outcome {
        let mut child = self.command(arguments).spawn().unwrap();
        let mut stream = child.stdin.take().unwrap();
        let input = input.as_ref().to_vec();
        // The program need not read its input.
        let writer = std::thread::spawn(move || drop(stream.write_all(&input)));
        let outcome = finish(child);
        writer.join().unwrap();
        outcome
    }

    /// Runs the program and asserts that it does what is asked; returns its output.
    #[track_caller]
    pub(crate) fn done<A: AsRef<OsStr>>(&self, arguments: &[A], input: impl AsRef<[u8]>) -> Vec<u8> {
        let outcome = self.run(arguments, input);
        assert_eq!((outcome.status, outcome.err.as_str()), (0, ""), "{:?}", words(arguments));
        outcome.out
    }

    /// Runs the program and asserts that it does not, with this status and code, and that no secret comes out.
    #[track_caller]
    pub(crate) fn refused<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str, status: i32, code: &str) -> String {
        let outcome = self.run(arguments, input);
        let words = words(arguments);
        assert_eq!(outcome.status, status, "{words:?}: {}", outcome.err);
        assert!(outcome.err.starts_with(&format!("fs-guard: {code}")), "{words:?}: {}", outcome.err);
        assert!(!String::from_utf8_lossy(&outcome.out).contains(CANARY), "{words:?}");
        assert!(!outcome.err.contains(CANARY), "{words:?}: {}", outcome.err);
        outcome.err
    }
}

/// Arguments for messages.
fn words<A: AsRef<OsStr>>(arguments: &[A]) -> Vec<&OsStr> {
    arguments.iter().map(AsRef::as_ref).collect()
}

/// Waits for the end of a run, and ends one that hangs.
pub(crate) fn finish(mut child: Child) -> Outcome {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = std::thread::spawn(move || all(&mut out));
    let err = std::thread::spawn(move || all(&mut err));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the program hangs");
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let err = String::from_utf8(err.join().unwrap()).unwrap();
    Outcome { status: status.code().unwrap_or(-1), out: out.join().unwrap(), err }
}

/// Everything that a stream has.
fn all(stream: &mut impl std::io::Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}
