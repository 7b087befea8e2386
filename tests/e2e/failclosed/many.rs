//! Many launches, one after the other and at once: none fails, and nothing is left of any.
//!
//! `LOBSTERPOT_LAUNCHES` says how many, 200 by default; 10,000 take some minutes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Run, Scene, each_scene, outcome};

/// How many launches there are at once in the second half.
const AT_ONCE: usize = 64;

/// How many launches are made altogether, for each user.
fn launches() -> usize {
    std::env::var("LOBSTERPOT_LAUNCHES").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

/// What there is of everything that a run could leave behind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Traces {
    /// Every name in the scene, where the places for temporary files and sockets lie as well.
    names: Vec<PathBuf>,
    /// Mounts of this namespace that are about the scene.
    mounts: usize,
}

impl Traces {
    /// What there is now.
    fn of(scene: &Scene) -> Self {
        let mut names = Vec::new();
        let mut folders = vec![scene.root.clone()];
        while let Some(folder) = folders.pop() {
            list(&folder, &mut |path| {
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path.to_owned());
                }
                names.push(path.to_owned());
            });
        }
        names.sort();
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let root = scene.root.to_string_lossy().into_owned();
        Self { names, mounts: mounts.lines().filter(|line| line.contains(&root)).count() }
    }
}

/// Calls `each` with everything right in `folder`.
fn list(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        each(&entry.path());
    }
}

/// The kernel's own count of objects that a namespace or mount is made of, where root may read it.
fn slabs() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string("/proc/slabinfo").unwrap_or_default();
    let wanted =
        ["mnt_cache", "net_namespace", "pid_namespace", "sock_inode_cache", "shmem_inode_cache", "task_struct"];
    let line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let name = words.next().filter(|name| wanted.contains(name))?;
        Some((name.to_owned(), words.next()?.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// Launches `run` `count` times, `at_once` at a time; each must end with 7 and say exactly `said`.
#[track_caller]
fn launch(scene: &Scene, run: &Run, count: usize, at_once: usize) {
    let commands = std::sync::Mutex::new((0..count).map(|_| scene.sandboxed_command(run)).collect::<Vec<_>>());
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let Some(mut command) = commands.lock().expect("whole").pop() else { return };
                    let outcome = outcome::run(&mut command, None);
                    if outcome.status != 7 || outcome.out() != "ran\n" || !outcome.err().is_empty() {
                        eprintln!("{outcome}");
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(failed.load(Ordering::Relaxed), 0, "of {count} launches, {at_once} at a time");
}

#[test]
fn many_launches_leave_nothing_behind_and_none_fails() {
    each_scene(|scene| {
        let (temporary, runtime) = (scene.root.join("tmp"), scene.root.join("run"));
        [&temporary, &runtime].into_iter().for_each(|place| scene.mkdir(place));
        let run = |net: &str| {
            let run = Run::shell("echo ran; exit 7").flags(&["--net", net]);
            run.env("TMPDIR", &temporary).env("XDG_RUNTIME_DIR", &runtime)
        };
        // What is remembered between runs is remembered by the first ones.
        launch(scene, &run("none"), 2, 1);
        launch(scene, &run("allowlist"), 2, 1);
        let (before, slabs_before) = (Traces::of(scene), slabs());
        let count = launches();
        launch(scene, &run("none"), count / 2, 2);
        launch(scene, &run("allowlist"), count / 4, 2);
        launch(scene, &run("none"), count / 8, AT_ONCE.min(count / 8));
        launch(scene, &run("allowlist"), count / 8, AT_ONCE.min(count / 8));
        assert_eq!(Traces::of(scene), before);
        eprintln!("{count} launches; the kernel's objects before {slabs_before:?}, after {:?}", slabs());
    });
}
