//! What a run could leave behind, counted: names, mounts, and the kernel's own objects and memory.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::harness::Scene;

/// What there is of everything that is the scene's alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traces {
    /// Every name in the scene, where the places for temporary files and sockets lie as well.
    names: Vec<PathBuf>,
    /// Mounts of this namespace that are about the scene.
    mounts: usize,
}

impl Traces {
    /// What there is now.
    pub(super) fn of(scene: &Scene) -> Self {
        let mut names = Vec::new();
        let mut folders = vec![scene.root.clone()];
        while let Some(folder) = folders.pop() {
            for path in read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path.clone());
                }
                names.push(path);
            }
        }
        names.sort();
        let mounts = read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let root = scene.root.to_string_lossy().into_owned();
        Self { names, mounts: mounts.lines().filter(|line| line.contains(&root)).count() }
    }
}

/// The slabs (slabinfo(5)) of which a run takes at least one object: namespaces, mounts, sockets, processes, open files.
const SLABS: [&str; 10] = [
    "filp",
    "mnt_cache",
    "net_namespace",
    "pid",
    "pid_namespace",
    "shmem_inode_cache",
    "sock_inode_cache",
    "task_struct",
    "user_namespace",
    "uts_namespace",
];

/// Below so many launches memory is not compared: what others on the machine do with it is more.
const MANY: u64 = 5000;

/// However few launches there are, so many objects more are nothing: others have them, and the kernel counts those that it keeps
/// ready for the next one.
const OF_OTHERS: u64 = 400;

/// How long the kernel may take to clear away what has ended, and others with what is theirs.
const PATIENCE: Duration = Duration::from_secs(240);

/// What the whole machine has of what a run is made of: objects by kind, and pages of memory that the kernel cannot take back.
#[derive(Debug, Clone)]
pub(super) struct Objects(BTreeMap<String, u64>);

impl Objects {
    /// What there is now. Only root may read most of it.
    pub(super) fn now() -> Self {
        let mut found = BTreeMap::new();
        let mut add = |file: &str, wanted: &[&str], divisor| {
            let text = read_to_string(file).unwrap_or_default();
            for line in text.lines() {
                let mut words = line.split_ascii_whitespace();
                let name = words.next().unwrap_or_default().trim_end_matches(':');
                let number = words.next().and_then(|number| number.parse::<u64>().ok());
                if let Some(number) = number.filter(|_| wanted.contains(&name)) {
                    found.insert(name.to_owned(), number / divisor);
                }
            }
        };
        add("/proc/slabinfo", &SLABS, 1);
        add("/proc/meminfo", &["SUnreclaim", "KernelStack", "Percpu"], 4);
        let open = read_to_string("/proc/sys/fs/file-nr").unwrap_or_default();
        let open = open.split_ascii_whitespace().next().and_then(|number| number.parse().ok());
        found.insert("open files".to_owned(), open.unwrap_or_default());
        let processes = read_dir("/proc").into_iter().flatten().flatten();
        let processes = processes.filter(|entry| entry.file_name().as_encoded_bytes()[0].is_ascii_digit()).count();
        found.insert("processes".to_owned(), u64::try_from(processes).expect("a number"));
        Self(found)
    }

    /// Waits until of nothing there is one more for every second launch, which is how often a leak that happens only sometimes is
    /// still seen. What the others on this machine have comes and goes.
    #[track_caller]
    pub(super) fn assert_no_more_after(&self, launches: u64) {
        let deadline = Instant::now() + PATIENCE;
        let limit = (launches / 2).max(OF_OTHERS);
        loop {
            let now = Self::now();
            let grown = self.0.iter().find(|(name, before)| {
                let is_memory = ["SUnreclaim", "KernelStack", "Percpu"].contains(&name.as_str());
                let after = now.0.get(*name).copied().unwrap_or_default();
                after.saturating_sub(**before) > limit && (launches >= MANY || !is_memory)
            });
            match grown {
                None => return eprintln!("{launches} launches; there was {:?}\nthere is {:?}", self.0, now.0),
                Some((name, _)) => assert!(Instant::now() < deadline, "{name} grows: {:?}, now {:?}", self.0, now.0),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
