//! `import --shred`, killed and failing at every system call: the secret is in the vault or in the file, never in neither.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Output;

use super::harness::{Home, has};

/// The secret.
const SECRET: &str = "secret-of-the-shredding-suite";

/// A home in memory, where flushing takes no time, with a vault and a plain file beside it. Vaults are classic: what happens to
/// files is the same, and the many runs take less time.
struct Stage {
    /// The home.
    home: Home,
    /// The vault as it was before.
    vault: Vec<u8>,
    /// The file's content.
    content: String,
}

impl Stage {
    /// A vault without the secret, and a file with it.
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let home = Home::in_folder(if memory.is_dir() { memory } else { Path::new("/tmp") });
        home.run(&["init", "--classic"]).done();
        home.feed(&["set", "OTHER"], b"other").done();
        fs::create_dir(home.path("work")).unwrap();
        let vault = fs::read(home.vault()).unwrap();
        let stage = Self { home, vault, content: format!("A={SECRET}\n") };
        stage.reset();
        stage
    }

    /// Everything as it was.
    fn reset(&self) {
        for folder in ["work", "state"] {
            let entries = fs::read_dir(self.home.path(folder)).unwrap();
            entries.for_each(|entry| fs::remove_file(entry.unwrap().path()).unwrap());
        }
        for name in self.home.names().iter().filter(|name| !["vault.age", "vault.key"].contains(&name.as_str())) {
            fs::remove_file(self.home.path("v").join(name)).unwrap();
        }
        fs::write(self.home.vault(), &self.vault).unwrap();
        fs::write(self.home.path("work/.env"), &self.content).unwrap();
    }

    /// The import under strace with options.
    fn traced(&self, options: &[&str]) -> Output {
        let path = self.home.path("work/.env");
        self.home
            .under("strace", &[&["-f"], options].concat(), &["import", path.to_str().unwrap(), "--shred"])
            .output()
            .unwrap()
    }

    /// The system calls from where the process closes itself, each with how often it was made until then: strace counts every kind
    /// for itself.
    fn calls(&self) -> Vec<(String, usize)> {
        let log = self.home.path("log");
        let ran = self.traced(&["-o", log.to_str().unwrap()]);
        assert!(ran.status.success(), "{ran:?}");
        let text = fs::read_to_string(&log).unwrap();
        assert!(fs::read_dir(self.home.path("work")).unwrap().next().is_none());
        assert!(
            !text.contains(SECRET)
                || text.lines().filter(|line| line.contains(SECRET)).all(|line| line.contains("read"))
        );
        self.reset();
        let mut counts = BTreeMap::new();
        let numbered = text.lines().filter_map(|line| {
            let call = line.split_once('(')?.0.split_whitespace().last()?.to_owned();
            let count = counts.entry(call.clone()).or_insert(0);
            *count += 1;
            Some((line, (call, *count)))
        });
        // What is before is the program's start. Names of files are not shown to the tracer of an ordinary user after this call.
        let is_closed = |line: &str| line.contains("PR_SET_DUMPABLE");
        let calls: Vec<_> = numbered.skip_while(|(line, _)| !is_closed(line)).map(|(_, call)| call).collect();
        assert!(calls.len() > 80, "{text}");
        calls
    }

    /// The secret is whole in the file, or in the vault, which opens. Says whether it is in the file, and in the vault.
    fn check(&self, when: &str) -> (bool, bool) {
        let in_file = fs::read_to_string(self.home.path("work/.env")).is_ok_and(|text| text == self.content);
        let ran = self.home.run(&["get", "A"]);
        let in_vault = ran.status == 0 && ran.stdout == SECRET.as_bytes();
        assert!(in_vault || ran.status == 66, "{when}: {ran:?}");
        assert!(in_file || in_vault, "{when}: the secret is lost");
        assert_eq!(self.home.get("OTHER"), b"other", "{when}");
        // What is left of the file in other places has nothing of the secret in it.
        for entry in fs::read_dir(self.home.path("work")).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let is_seen = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!is_seen || in_file, "{when}: {}", path.display());
        }
        (in_file, in_vault)
    }
}

#[test]
fn import_killed_at_every_system_call_leaves_the_secret_in_the_vault_or_in_the_file() {
    if !has("strace") {
        return;
    }
    let stage = Stage::new();
    let mut seen = BTreeMap::new();
    for (call, count) in stage.calls() {
        let inject = format!("inject={call}:signal=KILL:when={count}");
        let ran = stage.traced(&["-o", "/dev/null", "-e", &inject]);
        assert_eq!(ran.status.signal(), Some(9), "{inject}: {ran:?}");
        *seen.entry(stage.check(&inject)).or_insert(0) += 1;
        stage.reset();
    }
    // It was killed before the vault was written, between, and after the file was overwritten.
    assert!(seen[&(true, false)] > 20 && seen[&(true, true)] > 5 && seen[&(false, true)] > 5, "{seen:?}");
}

#[test]
fn a_disk_that_fails_at_any_call_leaves_the_secret_in_the_vault_or_in_the_file() {
    if !has("strace") {
        return;
    }
    let stage = Stage::new();
    for (kinds, error) in [
        ("fsync", "EIO"),
        ("write,pwrite64", "ENOSPC"),
        ("pread64", "EIO"),
        ("renameat,renameat2", "EROFS"),
        ("unlinkat,unlink", "EACCES"),
        ("ftruncate", "EIO"),
        ("openat", "EMFILE"),
    ] {
        let mut failures = 0;
        for call in 1.. {
            let log = stage.home.path("log");
            let inject = format!("inject={kinds}:error={error}:when={call}");
            let ran = stage.traced(&["-o", log.to_str().unwrap(), "-e", &format!("trace={kinds}"), "-e", &inject]);
            let text = fs::read_to_string(&log).unwrap();
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            stage.check(&format!("{inject}: {said}"));
            assert!(!said.contains(SECRET), "{inject}");
            if !ran.status.success() {
                failures += 1;
                assert!(said.contains("\nhint: "), "{inject}: {said}");
            }
            stage.reset();
            if !text.contains("(INJECTED)") {
                break;
            }
        }
        assert!(failures > 0, "{kinds} {error}");
    }
}

#[test]
fn the_file_is_overwritten_on_the_disk_before_it_is_emptied() {
    if !has("strace") {
        return;
    }
    let stage = Stage::new();
    let ran = stage.traced(&["-o", "/dev/null", "-e", "inject=ftruncate:error=EIO"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(74), "{said}");
    assert!(said.contains("is in the vault; failed to empty") && said.contains("\nhint: remove it by hand"), "{said}");
    let left = fs::read(stage.home.path("work/.env")).unwrap();
    assert_eq!(left.len(), stage.content.len());
    let common = left.iter().zip(stage.content.bytes()).filter(|(one, other)| **one == *other).count();
    assert!(common < left.len() / 2, "{common} of {} bytes are as they were", left.len());
    assert_eq!(stage.check("ftruncate"), (false, true));
}
