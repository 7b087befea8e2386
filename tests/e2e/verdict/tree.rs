//! Worlds: random files, folders and links around the workspaces, and random spellings of paths in them.

use crate::harness::Scene;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::fs;
use std::path::{Path, PathBuf};

/// Names that mean something to a policy, and some that do not.
const NAMES: [&str; 20] = [
    "a",
    "b",
    "c",
    "x.txt",
    "hidden",
    "inner",
    "out",
    "shared",
    ".env",
    ".env.local",
    "secrets",
    ".git",
    "hooks",
    "config",
    "info",
    ".claude",
    ".mcp.json",
    ".envrc",
    "HEAD",
    ".ssh",
];

/// Folders that every world has: relative to the home.
pub(super) const BASES: [&str; 9] = [
    "code/project",
    "code/project/inner",
    "code/project/.git",
    ".openclaw/workspace",
    ".openclaw",
    ".ssh",
    "shared",
    "out",
    "",
];

/// One thing in a world. Those that cannot be made, because something is there or nothing is above, are left out.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The folder that it lies in, of all that exist by then.
    folder: Index,
    /// Its name.
    name: &'static str,
    /// What it is.
    kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symlink to a spelling.
    Symlink(Spelling),
    /// A second name for an existing file.
    HardLink(Index),
    /// A pipe with a name.
    Pipe,
    /// A `.git`-like file that leads to a folder.
    Pointer(Index),
}

/// A path as somebody may write it.
#[derive(Debug, Clone)]
pub(super) struct Spelling {
    /// What it begins with.
    start: Start,
    /// What follows.
    parts: Vec<&'static str>,
    /// Whether a slash ends it.
    slash: bool,
}

/// How a path begins.
#[derive(Debug, Clone)]
enum Start {
    /// Relative.
    Here,
    /// A base folder.
    Base(Index),
    /// A path of the system.
    System(&'static str),
    /// A base folder, seen through a link of `/proc`.
    Through(&'static str, Index),
}

/// Places outside of every scene.
const SYSTEM: [&str; 14] = [
    "/",
    "/etc/hostname",
    "/etc/shadow",
    "/etc",
    "/usr/bin",
    "/usr/bin/env",
    "/bin/sh",
    "/tmp",
    "/tmp/lobsterpot-none",
    "/dev/null",
    "/dev/fd/0",
    "/proc/self/environ",
    "/run",
    "/var/log",
];

/// Links of `/proc` that lead anywhere.
const MAGIC: [&str; 5] = ["/proc/self/root", "/proc/thread-self/root", "/proc/self/cwd", "/proc/1/root", "/dev/fd/9"];

/// Some parts of a path.
fn parts(most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    let part = prop_oneof![6 => select(&NAMES[..]), 2 => Just(".."), 1 => Just("."), 1 => Just("")];
    prop::collection::vec(part, 0..=most)
}

/// Any spelling.
pub(super) fn spelling() -> impl Strategy<Value = Spelling> {
    let start = prop_oneof![
        4 => Just(Start::Here),
        8 => any::<Index>().prop_map(Start::Base),
        1 => select(&SYSTEM[..]).prop_map(Start::System),
        1 => (select(&MAGIC[..]), any::<Index>()).prop_map(|(magic, base)| Start::Through(magic, base)),
    ];
    (start, parts(4), prop::bool::weighted(0.05)).prop_map(|(start, parts, slash)| Spelling { start, parts, slash })
}

/// Any node.
pub(super) fn node() -> impl Strategy<Value = Node> {
    let kind = prop_oneof![
        4 => Just(Kind::File),
        4 => Just(Kind::Folder),
        5 => spelling().prop_map(Kind::Symlink),
        1 => any::<Index>().prop_map(Kind::HardLink),
        1 => Just(Kind::Pipe),
        1 => any::<Index>().prop_map(Kind::Pointer),
    ];
    (any::<Index>(), select(&NAMES[..]), kind).prop_map(|(folder, name, kind)| Node { folder, name, kind })
}

impl Spelling {
    /// The text, in a world with this home.
    pub(super) fn text(&self, home: &Path) -> String {
        let base = |index: &Index| home.join(index.get(&BASES[..])).to_str().expect("UTF-8").to_owned();
        let start = match &self.start {
            Start::Here => String::new(),
            Start::Base(index) => base(index),
            Start::System(path) => (*path).to_owned(),
            Start::Through(magic, index) => format!("{magic}{}", base(index)),
        };
        let mut text = start;
        for part in &self.parts {
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(part);
        }
        if text.is_empty() {
            text.push('.');
        }
        if self.slash {
            text.push('/');
        }
        text
    }
}

/// Makes a world of `nodes` in `scene`.
pub(super) fn plant(scene: &Scene, nodes: &[Node]) {
    let mut folders: Vec<PathBuf> = BASES.iter().map(|base| scene.home.join(base)).collect();
    for folder in &folders {
        scene.mkdir(folder);
    }
    let mut files = vec![scene.at_home(".ssh/id_ed25519"), scene.at_home(".openclaw/.env")];
    for node in nodes {
        let place = node.folder.get(&folders).join(node.name);
        if place.symlink_metadata().is_ok() {
            continue;
        }
        match &node.kind {
            Kind::File => {
                scene.write(&place, &format!("file {}\n", place.display()));
                files.push(place.clone());
            }
            Kind::Folder => {
                scene.mkdir(&place);
                folders.push(place.clone());
            }
            Kind::Symlink(to) => std::os::unix::fs::symlink(to.text(&scene.home), &place).expect("a symlink"),
            Kind::HardLink(to) => fs::hard_link(to.get(&files), &place).expect("a hard link"),
            Kind::Pipe => nix::unistd::mkfifo(&place, nix::sys::stat::Mode::S_IRWXU).expect("a pipe"),
            Kind::Pointer(to) => scene.write(&place, &format!("gitdir: {}\n", to.get(&folders).display())),
        }
        scene.identity.own(&place);
    }
}

/// What a world of `nodes` holds, for people.
pub(super) fn listing(scene: &Scene, nodes: &[Node]) -> String {
    let names: std::collections::BTreeSet<&str> = nodes.iter().map(|node| node.name).collect();
    let mut lines = Vec::new();
    let mut folders: Vec<PathBuf> = vec![scene.home.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, facts) = (entry.path(), entry.metadata().expect("an entry"));
            let about = match fs::read_link(&path) {
                Ok(target) => format!(" -> {}", target.display()),
                Err(_) => String::new(),
            };
            if facts.is_dir() {
                folders.push(path.clone());
            }
            if names.iter().any(|name| entry.file_name() == *name) {
                lines.push(format!("  {} {:?}{about}", path.display(), facts.file_type()));
            }
        }
    }
    lines.sort();
    lines.join("\n")
}
