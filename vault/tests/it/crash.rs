//! Writers that are killed, and disks that fail, at every system call: what is there afterwards is the old content or the new
//! one, and the next writer can go on.
//!
//! The vaults are classic: what happens to files is the same, and the many runs take less time.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::harness::{Home, PROGRAM, has};

/// A value that is looked for in everything that was left behind.
const OLD: &str = "old-value-of-the-crash-suite";

/// Its successor.
const NEW: &str = "new-value-of-the-crash-suite";

/// Everything below a folder, by path.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// What is below a folder.
fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The system calls of a command from where the program closes itself to others, which is before it opens anything of the home,
/// each with how often it was made until then: strace counts every kind for itself.
fn calls(home: &Home, traced: impl Fn(&[&str]) -> Output) -> Vec<(String, usize)> {
    let log = home.path("input.log");
    let ran = traced(&["-o", log.to_str().unwrap()]);
    assert!(ran.status.success(), "{ran:?}");
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let mut counts = BTreeMap::new();
    let numbered = text.lines().filter_map(|line| {
        let call = line.split_once('(')?.0.to_owned();
        let count = counts.entry(call.clone()).or_insert(0);
        *count += 1;
        Some((call, *count))
    });
    // From then on an ordinary user's strace cannot read the names of files any more.
    let calls: Vec<_> = numbered.skip_while(|(call, _)| call != "prctl").collect();
    assert!(calls.len() > 60, "{text}");
    calls
}

/// A home whose state can be brought back.
struct Stage {
    /// The home.
    home: Home,
    /// What was in it.
    before: Tree,
    /// A command that changes the vault.
    command: Vec<&'static str>,
    /// What the value is afterwards; none when it stays.
    after: Option<&'static str>,
}

impl Stage {
    /// A home with a vault in which A has the old value.
    fn new(command: &[&'static str], after: Option<&'static str>) -> Self {
        let home = Home::in_memory();
        home.run(&["init", "--classic"]).done();
        home.feed(&["set", "A"], OLD.as_bytes()).done();
        fs::write(home.path("input"), NEW).unwrap();
        let before = tree(&home.path("."));
        Self { home, before, command: command.to_vec(), after }
    }

    /// Everything as it was.
    fn reset(&self) {
        for path in tree(&self.home.path(".")).keys().filter(|path| !self.before.contains_key(*path)) {
            fs::remove_file(path).unwrap();
        }
        for (path, bytes) in &self.before {
            if fs::read(path).ok().as_ref() != Some(bytes) {
                fs::write(path, bytes).unwrap();
            }
        }
    }

    /// The command under strace with options.
    fn traced(&self, options: &[&str]) -> Output {
        let mut command = self.home.under("strace", options, &self.command);
        command.stdin(fs::File::open(self.home.path("input")).unwrap()).output().unwrap()
    }

    /// The vault has the old value or the new one, nothing that matters is left, and the next writer goes on. Says which it is.
    fn check(&self, when: &str) -> Option<bool> {
        if tree(&self.home.path(".")) == self.before {
            return None;
        }
        let value = self.home.get("A");
        let is_old = value == OLD.as_bytes();
        let is_new = self.after.is_none_or(|after| if after.is_empty() { !is_old } else { value == after.as_bytes() });
        assert!(is_old || is_new, "{when}: {value:?}");
        self.home.feed(&["set", "NEXT"], b"next").done();
        assert_eq!(self.home.get("A"), value, "{when}");
        assert_eq!(self.home.get("NEXT"), b"next", "{when}");
        self.home.run(&["verify"]).done();
        for (path, bytes) in tree(&self.home.path(".")) {
            let is_input = path.ends_with("input");
            let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(is_input || !holds(OLD) && !holds(NEW), "{when}: {}", path.display());
        }
        let left: Vec<String> = self
            .home
            .names()
            .into_iter()
            .filter(|name| name.starts_with(".vault.age.") && name.ends_with(".new"))
            .collect();
        assert!(left.is_empty(), "{when}: {left:?}");
        Some(is_new && !(is_old && self.after.is_some()))
    }

    /// Kills the command at every system call.
    fn kill_everywhere(&self) {
        let (mut olds, mut news) = (0, 0);
        let calls = calls(&self.home, |options| self.traced(options));
        self.reset();
        for (call, count) in calls {
            let inject = format!("inject={call}:signal=KILL:when={count}");
            let ran = self.traced(&["-o", "/dev/null", "-e", &inject]);
            // strace ends as its child does.
            assert_eq!(ran.status.signal(), Some(9), "{inject}: {ran:?}");
            match self.check(&format!("{:?} killed at {call} {count}", self.command)) {
                Some(true) => news += 1,
                Some(false) | None => olds += 1,
            }
            self.reset();
        }
        assert!(olds > 20, "{olds} old, {news} new");
        assert!(news > 5 || self.after.is_none(), "{olds} old, {news} new");
    }

    /// Lets every call of some kinds fail, one at a time.
    fn fail_everywhere(&self, kinds: &str, error: &str) {
        let mut failures = 0;
        for call in 1.. {
            let log = self.home.path("input.log");
            let inject = format!("inject={kinds}:error={error}:when={call}");
            let ran = self.traced(&["-o", log.to_str().unwrap(), "-e", &format!("trace={kinds}"), "-e", &inject]);
            let text = fs::read_to_string(&log).unwrap();
            fs::remove_file(&log).unwrap();
            let when = format!("{:?} with {error} at call {call} of {kinds}: {ran:?}", self.command);
            let is_new = self.check(&when);
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            if ran.status.success() {
                assert_ne!(is_new, None, "{when}");
            } else {
                failures += 1;
                assert!(said.lines().count() == 2 && said.contains("\nhint: "), "{when}");
                // What is in place although the command failed is said to be.
                assert!(is_new != Some(true) || self.after.is_none() || said.contains("is in place"), "{when}");
            }
            self.reset();
            if !text.contains("(INJECTED)") {
                break;
            }
        }
        assert!(failures > 0, "{kinds} {error}");
    }
}

#[test]
fn set_killed_at_every_system_call_leaves_the_old_value_or_the_new_one() {
    if has("strace") {
        Stage::new(&["set", "A"], Some(NEW)).kill_everywhere();
    }
}

#[test]
fn rotate_killed_at_every_system_call_leaves_the_old_value_or_a_new_one() {
    if has("strace") {
        Stage::new(&["rotate", "A", "--generate"], Some("")).kill_everywhere();
    }
}

#[test]
fn rekey_killed_at_every_system_call_leaves_a_vault_that_opens() {
    if has("strace") {
        Stage::new(&["rekey"], None).kill_everywhere();
    }
}

#[test]
fn a_new_identity_killed_at_every_system_call_leaves_an_identity_that_opens() {
    if has("strace") {
        Stage::new(&["rekey", "--new-identity"], None).kill_everywhere();
    }
}

#[test]
fn init_killed_at_every_system_call_can_be_run_again() {
    if !has("strace") {
        return;
    }
    let command = ["init", "--classic"];
    let traced = |home: &Home, options: &[&str]| home.under("strace", options, &command).output().unwrap();
    let first = Home::in_memory();
    for (call, count) in calls(&first, |options| traced(&first, options)) {
        let home = Home::in_memory();
        let inject = format!("inject={call}:signal=KILL:when={count}");
        traced(&home, &["-o", "/dev/null", "-e", &inject]);
        let again = home.run(&command);
        assert!(again.status == 0 || again.status == 73 && home.vault().exists(), "{inject}: {again:?}");
        home.feed(&["set", "A"], b"1").done();
        assert_eq!(home.get("A"), b"1", "{inject}");
        assert_eq!(home.names(), [".vault.age.lock", "vault.age", "vault.key"], "{inject}");
    }
}

#[test]
fn a_disk_that_fails_at_any_call_leaves_the_old_value_or_the_new_one() {
    if has("strace") {
        let stage = Stage::new(&["set", "A"], Some(NEW));
        stage.fail_everywhere("fsync", "EIO");
        stage.fail_everywhere("write", "ENOSPC");
        stage.fail_everywhere("renameat,renameat2", "EROFS");
        stage.fail_everywhere("openat", "EROFS");
        for kind in ["getdents64", "lseek", "flock", "newfstatat", "read"] {
            stage.fail_everywhere(kind, "EIO");
        }
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_not_a_death() {
    if !has("prlimit") {
        return;
    }
    let stage = Stage::new(&["set", "A"], Some(NEW));
    let mut command = stage.home.under("prlimit", &["--fsize=100"], &stage.command);
    let output = command.stdin(fs::File::open(stage.home.path("input")).unwrap()).output().unwrap();
    super::harness::Ran::from(output).refused(74, "at most 100 bytes", "ulimit -f");
    assert_eq!(stage.check("RLIMIT_FSIZE"), None);
}

/// Runs a script of the shell in a mount namespace of its own, where `$1` is a folder to mount on, `$2` the program, and `$3`
/// the home. None when this account cannot make one that has the host's users.
fn in_namespace(home: &Home, script: &str) -> Option<Output> {
    if !nix::unistd::geteuid().is_root() || !has("unshare") {
        // In a namespace that ordinary users can make, root's folders belong to nobody, and are refused for that.
        return None;
    }
    let mount = home.path("mount");
    fs::create_dir_all(&mount).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-euc", script, "sh"]);
    command.args([&mount, Path::new(PROGRAM), &home.path("")]).stdin(Stdio::null());
    Some(command.output().unwrap())
}

#[test]
fn a_full_disk_keeps_the_old_value() {
    let home = Home::new();
    let script = r#"
        mount -t tmpfs -o size=64k,mode=700 tmpfs "$1"
        run() { "$2" --vault "$1/vault.age" --identity "$1/vault.key" --state "$3/state" "$@"; }
        vault() { program=$2; place=$1; state=$3/state; shift 3; "$program" --vault "$place/vault.age" --identity "$place/vault.key" --state "$state" "$@"; }
        vault "$1" "$2" "$3" init --classic >"$3/out"
        printf one | vault "$1" "$2" "$3" set A
        cat /dev/zero >"$1/filler" 2>/dev/null || true
        status=0
        head -c 20000 /dev/zero | vault "$1" "$2" "$3" set A || status=$?
        echo "status $status"
        ls -A "$1"
        vault "$1" "$2" "$3" get A
    "#;
    let Some(output) = in_namespace(&home, script) else { return };
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(out, "status 74\n.vault.age.lock\nfiller\nvault.age\nvault.key\none", "{error}");
    assert!(error.contains("No space left") && error.contains("hint: make room"), "{error}");
}

#[test]
fn a_read_only_disk_can_be_read_and_a_mounted_file_is_not_replaced() {
    let home = Home::new();
    let script = r#"
        vault() { program=$2; place=$1; shift 3; "$program" --vault "$place/vault.age" --identity "$place/vault.key" --state "$place/state" "$@"; }
        mount -t tmpfs -o mode=700 tmpfs "$1"
        vault "$1" "$2" "$3" init --classic >"$3/out"
        printf one | vault "$1" "$2" "$3" set A
        cp "$1/vault.age" "$3/copy.age"; chmod 600 "$3/copy.age"
        mount --bind "$1/vault.age" "$1/vault.age"
        status=0
        printf two | vault "$1" "$2" "$3" set A || status=$?
        echo "bound $status"
        vault "$1" "$2" "$3" get A; echo
        umount "$1/vault.age"
        rm -r "$1/state"
        mount -o remount,ro "$1"
        status=0
        printf two | vault "$1" "$2" "$3" set A || status=$?
        echo "read-only $status"
        vault "$1" "$2" "$3" get A; echo
        vault "$1" "$2" "$3" verify | grep record
    "#;
    let Some(output) = in_namespace(&home, script) else { return };
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.get(..4), Some(&["bound 74", "one", "read-only 74", "one"][..]), "{out}{error}");
    assert!(lines[4].contains("could not be kept"), "{out}");
    assert!(error.contains("is a mount point") && error.contains("hint: mount its folder"), "{error}");
    assert!(error.contains("Read-only file system") && error.contains("hint: mount the file system"), "{error}");
}
