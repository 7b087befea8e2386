//! What the running program does about itself: closed to others of the same user, alive without locked memory, and not to be confused
//! by closed descriptors.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use crate::harness::{Home, PROGRAM, Ran, has, write_program};

/// The ordinary user that tests of root start things as.
const USER: u32 = 61234;

/// A copy of the program that everybody may run, in a folder of its own.
fn copied() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("lobsterpot-vault");
    write_program(&path, &fs::read(PROGRAM).unwrap());
    (folder, path)
}

/// A command as an ordinary user: the one who runs the tests, or another one when that is root.
fn as_user(program: &Path) -> Command {
    if !geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let user = USER.to_string();
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).arg(program);
    command
}

/// What `cat` can read of a process's files in `/proc`, as the same ordinary user.
fn readable(child: &Child) -> Vec<&'static str> {
    let files = ["environ", "maps", "stack", "auxv", "mem", "syscall", "fd/.", "cwd/.", "root/."];
    let is_readable = |file: &&str| {
        let path = format!("/proc/{}/{file}", child.id());
        let mut command = as_user(Path::new("/bin/sh"));
        // Opening is enough: `mem` cannot be read from its beginning.
        command.args(["-c", "if [ -d \"$1\" ]; then ls \"$1\"; else exec 3<\"$1\"; fi", "sh", &path]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    files.into_iter().filter(is_readable).collect()
}

/// Waits until a process sleeps, which a program that reads from a pipe does soon.
fn wait_until_it_reads(child: &Child) {
    let end = Instant::now() + Duration::from_secs(120);
    let is_asleep = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        let is_started = stat.contains("(cat)") || stat.contains("(lobsterpot-vaul");
        is_started && stat.contains(") S ")
    };
    while !is_asleep() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a program that waits for standard input.
fn waiting(mut command: Command) -> Child {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until_it_reads(&child);
    child
}

/// Ends a process.
fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_waiting_program_is_closed_to_others_of_the_same_user() {
    if geteuid().is_root() && !has("setpriv") {
        return;
    }
    // The attack works on another program.
    let cat = waiting(as_user(Path::new("/bin/cat")));
    let open = readable(&cat);
    end(cat);
    assert!(["environ", "maps", "mem", "fd/."].iter().all(|file| open.contains(file)), "{open:?}");
    let (_folder, program) = copied();
    let mut command = as_user(&program);
    command.args(["--vault", "/dev/shm/none/v", "import", "-"]);
    let vault = waiting(command);
    let open = readable(&vault);
    let limits = fs::read_to_string(format!("/proc/{}/limits", vault.id())).unwrap();
    end(vault);
    assert_eq!(open, [""; 0]);
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
}

/// A home of an ordinary user, in memory.
fn home_of_user() -> Home {
    let home = Home::in_folder(Path::new("/dev/shm"));
    if geteuid().is_root() {
        for path in [home.path("."), home.path("v"), home.vault(), home.identity(), home.path("state")] {
            if path.exists() {
                chown(&path, Some(USER), Some(USER)).unwrap();
            }
        }
    }
    home
}

/// Runs the program as an ordinary user under a limit on locked memory, in bytes.
fn limited(home: &Home, program: &Path, limit: u64, arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = as_user(Path::new("prlimit"));
    command.arg(format!("--memlock={limit}:{limit}")).arg(program).args(home.options()).args(arguments);
    command.env_clear().env("HOME", home.path(".")).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    crate::harness::feed(command, input)
}

#[test]
fn too_little_memory_that_may_be_locked_breaks_nothing() {
    if !has("prlimit") || geteuid().is_root() && !has("setpriv") {
        return;
    }
    let (_folder, program) = copied();
    // With 8 MiB, the program as it is released begins with locked pages and has to give them up.
    let big: Vec<u8> = (0..400_000_u32).map(|at| b'a' + u8::try_from(at % 23).unwrap()).collect();
    for limit in [0, 64 << 10, 8 << 20] {
        let home = home_of_user();
        limited(&home, &program, limit, &["init"], b"").done();
        limited(&home, &program, limit, &["set", "A"], &big).done();
        assert!(limited(&home, &program, limit, &["get", "A"], b"").done().stdout == big, "{limit}");
    }
}

#[test]
fn a_program_with_closed_descriptors_writes_into_nothing_of_its_own() {
    let home = Home::with_secrets(&[("A", "hunter2")]);
    let before = fs::read(home.vault()).unwrap();
    let closed = |arguments: &[&str]| {
        let words = ["-c", "exec \"$@\" <&- >&- 2>&-", "sh"];
        Ran::from(home.under("sh", &words, arguments).output().unwrap())
    };
    assert_eq!(closed(&["get", "A"]).status, 0);
    assert_eq!(closed(&["list"]).status, 0);
    assert_eq!(closed(&["get", "NONE"]).status, 66);
    assert_ne!(closed(&["set", "B"]).status, 0);
    assert_eq!(fs::read(home.vault()).unwrap(), before);
    assert_eq!(home.get("A"), b"hunter2");
    assert_eq!(closed(&["unset", "A"]).status, 0);
    home.run(&["verify"]).done();
}

#[test]
fn the_environment_makes_the_program_load_or_read_nothing() {
    if !has("strace") {
        return;
    }
    let home = Home::with_secrets(&[("A", "hunter2")]);
    let trace = home.path("trace");
    let names = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GCONV_PATH", "LOCPATH", "NLSPATH", "TMPDIR", "TZ"];
    let hostile = names.map(|name| format!("{name}=/lobsterpot-hostile"));
    let others = ["LC_ALL=de_DE.ISO-8859-1", "RUST_BACKTRACE=full", "RUST_LOG=trace"].map(str::to_owned);
    let mut before: Vec<String> = ["-e", "trace=%file", "-o", trace.to_str().unwrap()].map(str::to_owned).into();
    // For the program alone: strace is a program that they do something to.
    before.extend(hostile.into_iter().chain(others).flat_map(|setting| ["-E".to_owned(), setting]));
    let ran = Ran::from(home.under("strace", &before, &["get", "A"]).output().unwrap()).done();
    assert_eq!((ran.stdout.as_slice(), ran.stderr.as_str()), (&b"hunter2"[..], ""));
    let text = fs::read_to_string(&trace).unwrap();
    // strace shows the program's own environment once, when it is started.
    let calls: Vec<&str> = text.lines().filter(|line| !line.contains("execve(")).collect();
    assert!(
        calls.len() > 3 && !calls.iter().any(|line| line.contains("hostile") || line.contains("locale")),
        "{calls:?}"
    );
}

#[test]
fn a_panic_tells_its_place_and_nothing_of_its_message() {
    // No input is known that makes the program panic; so the hook is tried in this process's child, where a test may panic.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::panics", "--include-ignored", "--nocapture", "--quiet"])
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    let ran = Ran::from(child);
    let at = ran.stderr.find("lobsterpot-vault: stopped by a mistake of its own at vault/tests/it/process.rs:");
    assert!(ran.status == 70 && at.is_some() && !ran.stderr.contains("hunter2"), "{ran:?}");
}

#[test]
#[ignore = "it ends its process, and is started by the test above"]
fn panics() {
    lobsterpot_vault::harden();
    let _ = std::io::stderr().write_all(b"before\n");
    panic!("hunter2");
}
