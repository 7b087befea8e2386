//! A throw-away home and folder of programs.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_lobsterpot");

/// A launcher, as far as the installer uses one: under another name it stands in for a shell, which reads nothing.
pub(crate) const CONFINES: &str = r#"#!/bin/sh
case $0 in
*/sandbox-exec) while [ "$1" != -- ]; do shift; done; shift; exec "$@" ;;
esac
exec /bin/sh -c "read() { return 1; }; $2"
"#;

/// A hook that rewrites every shell call to something harmless.
pub(crate) const REWRITES: &str = r#"#!/bin/sh
cat >/dev/null
printf '%s' '{"hookSpecificOutput":{"updatedInput":{"command":"echo ran-to-its-end; exit 7"}}}'
"#;

/// A hook that refuses private keys.
pub(crate) const REFUSES: &str =
    "#!/bin/sh\nread -r call\ncase $call in *id_ed25519*) echo 'no [fs.masked]. hint: none' >&2; exit 2;; esac\n";

/// An ordinary user.
const NOBODY: u32 = 65_534;

/// The clients whose files are edited, and one of them.
pub(crate) const CLIENTS: [(&str, &str, &str); 6] = [
    (
        "claude-code",
        ".claude/settings.json",
        "{\n    \"model\": \"opus\",\n  \"permissions\": {\"deny\": [\"Bash(rm *)\"]}\n}\n",
    ),
    ("codex", ".codex/config.toml", "model = \"m\" # mine\n\n[features]\nx = true"),
    ("gemini", ".gemini/settings.json", "{\n\t// mine\n\t\"ui\": { \"theme\": \"x\" }\n}"),
    ("copilot", ".copilot/config.json", "{}"),
    ("opencode", ".config/opencode/opencode.json", "{ }\n"),
    ("openclaw", ".openclaw/openclaw.json", "// mine\n{ gateway: { port: 1, }, plugins: { allow: ['telegram'], }, }\n"),
];

/// A world that goes away with the test.
pub(crate) struct World {
    /// Everything is in it.
    base: TempDir,
    /// As whom the program runs; `None` for the user who runs the tests.
    user: Option<u32>,
}

impl World {
    /// A world of the user who runs the tests.
    pub(crate) fn new() -> Self {
        Self::of(None)
    }

    /// Worlds of everybody whom the tests can be: as root, of an ordinary user as well.
    pub(crate) fn all() -> Vec<Self> {
        let ordinary = nix::unistd::geteuid().is_root().then(|| Self::of(Some(NOBODY)));
        std::iter::once(Self::new()).chain(ordinary).collect()
    }

    /// A world of this user.
    fn of(user: Option<u32>) -> Self {
        let base = TempDir::new().unwrap();
        fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
        let world = Self { base, user };
        for folder in ["home", "bin", "empty", "scratch"] {
            fs::create_dir(world.path(folder)).unwrap();
        }
        // The test's own copy, since others may not search the folder that it was built in.
        copy_program(PROGRAM.as_ref(), &world.path("bin/lobsterpot"));
        world.program("sandbox-exec", CONFINES);
        world.program("lobsterpot-egress", CONFINES);
        world.program("sandbox-exec-hook", REWRITES);
        world.program("fs-guard-hook", REFUSES);
        world.program("fs-guard", CONFINES);
        world.own("home");
        world.own("scratch");
        world
    }

    /// A path in the world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.path().canonicalize().unwrap().join(name)
    }

    /// Writes a program into the folder of programs.
    pub(crate) fn program(&self, name: &str, text: &str) {
        write_program(&self.path("bin").join(name), text);
    }

    /// Writes a file of the user's.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        for folder in path
            .parent()
            .unwrap()
            .ancestors()
            .take_while(|folder| !folder.exists())
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            fs::create_dir(folder).unwrap();
            chown(folder, self.user, self.user).unwrap();
        }
        fs::write(&path, text).unwrap();
        self.own(name);
    }

    /// Gives something to the user.
    pub(crate) fn own(&self, name: &str) {
        std::os::unix::fs::lchown(self.path(name), self.user, self.user).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program with these arguments, for the world's home. No client is in its `PATH`, and what a killed run leaves behind
    /// goes away with the world.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/lobsterpot"));
        command
            .args(arguments)
            .arg("--home")
            .arg(self.path("home"))
            .env("PATH", self.path("empty"))
            .env("TMPDIR", self.path("scratch"))
            .current_dir("/");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.start(arguments).wait_with_output().unwrap()
    }

    /// Runs the program, which must end with this status, and returns everything that it said.
    pub(crate) fn expect(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        text
    }

    /// Every file of the home but backups and the installer's own, with what is in it.
    pub(crate) fn files(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        collect(&self.path("home"), &mut found);
        found.retain(|(path, _)| {
            !path.to_str().unwrap().contains("backup") && !path.to_str().unwrap().contains(".local/state")
        });
        found.sort();
        found
    }
}

/// Writes a program. Another process does, since a child that another test forks meanwhile would hold a file open that is written
/// here, and the kernel starts no program that somebody has open for writing.
pub(crate) fn write_program(path: &Path, text: &str) {
    let mut writer = Command::new("sh")
        .args(["-c", "cat >\"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}

/// Copies a program, by another process too.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").args([from, to]).status().unwrap().success());
}

/// Collects the files below a folder.
fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), found);
        } else {
            found.push((entry.path(), fs::read_to_string(entry.path()).unwrap_or_default()));
        }
    }
}
