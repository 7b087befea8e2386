//! A small world to ask a guard about by the million: for the fuzzer, and in no shipped program.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobsterpot_policy::{LoadRequest, Places, SystemReader, load};

use super::{Guard, Uses};

/// How many bytes must never be read.
const CANARY: usize = 64;

/// How many of them in a row are taken for more than chance.
const TELLING: usize = 6;

/// What must never be read. It is made when it is needed, and what is read is compared by digests: whoever watches comparisons, as
/// the fuzzer does, must not learn it from them.
fn canary() -> [u8; CANARY] {
    let mut state = 0x9e37_79b9_u32;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
}

/// A digest of a few bytes (FNV-1a).
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A home folder with a workspace, what must not be reached from there, and a guard.
#[derive(Debug)]
pub(crate) struct Imagined {
    /// Where it is.
    pub(crate) base: PathBuf,
    /// Its guard.
    pub(crate) guard: Guard,
    /// Digests of every few bytes of what must never be read.
    secrets: BTreeSet<u64>,
}

impl Imagined {
    /// A new world.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new() -> io::Result<Self> {
        let shared = Path::new("/dev/shm");
        let folder = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
        let base = folder.canonicalize()?.join(format!("lobsterpot-fuzz-{}/of/guard", std::process::id()));
        let (home, work) = (base.join("home"), base.join("home/work"));
        for folder in [home.join(".ssh"), base.join("outside")] {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(home.join(".ssh/id"), canary())?;
        std::fs::write(base.join("outside/secret"), canary())?;
        fill(&work)?;
        let places = Places {
            home: home.clone(),
            homes: vec![home],
            uid: nix::unistd::Uid::current().as_raw(),
            workspaces: vec![work.clone()],
            ..Places::default()
        };
        let request = LoadRequest { places: places.clone(), ..LoadRequest::default() };
        let policy = load(&request, &SystemReader).map_err(io::Error::other)?;
        let guard = Guard::new(Arc::new(policy), places, work, Uses::Many).map_err(io::Error::other)?;
        let secrets = canary().windows(TELLING).map(digest).collect();
        Ok(Self { base, guard, secrets })
    }

    /// Whether bytes hold a part of what must never be read.
    pub(crate) fn tells(&self, bytes: &[u8]) -> bool {
        bytes.windows(TELLING).any(|window| self.secrets.contains(&digest(window)))
    }

    /// Puts the workspace back as it was.
    ///
    /// # Errors
    /// When it cannot be made anew.
    pub(crate) fn renew(&self) -> io::Result<()> {
        let work = self.base.join("home/work");
        std::fs::remove_dir_all(&work)?;
        fill(&work)
    }

    /// Whether what lies outside of the workspace is as it was.
    pub(crate) fn is_whole(&self) -> bool {
        let is =
            |name: &str| std::fs::read(self.base.join(name)).is_ok_and(|bytes| digest(&bytes) == digest(&canary()));
        let count = |name: &str| std::fs::read_dir(self.base.join(name)).map_or(0, Iterator::count);
        is("outside/secret")
            && is("home/.ssh/id")
            && count("outside") == 1
            && count("home/.ssh") == 1
            && count("home") == 2
    }
}

impl Drop for Imagined {
    fn drop(&mut self) {
        // A folder of its own in a folder of temporary files: what is left of it harms nobody.
        let _ = self.base.ancestors().nth(2).map(std::fs::remove_dir_all);
    }
}

/// Makes a workspace with the links that attacks are made of.
///
/// # Errors
/// When it cannot be made.
fn fill(work: &Path) -> io::Result<()> {
    std::fs::create_dir_all(work.join("src"))?;
    std::fs::create_dir_all(work.join(".git/hooks"))?;
    for (name, text) in [
        ("a", "text"),
        ("src/main.rs", "fn main() {}"),
        (
            ".git/config",
            "[core]
",
        ),
    ] {
        std::fs::write(work.join(name), text)?;
    }
    std::fs::write(work.join(".env"), canary())?;
    let links = [
        ("out", "../../outside"),
        ("key", "../.ssh/id"),
        ("in", "src"),
        ("loop", "loop"),
        ("self", "/proc/self"),
        ("none", "x"),
    ];
    links.into_iter().try_for_each(|(name, target)| symlink(target, work.join(name)))
}
