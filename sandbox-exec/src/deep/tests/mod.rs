//! Attacks on searches at any depth: what changes between two launches, what hides, and who else writes the index.

mod changes;
mod planted;
mod random;
mod shapes;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lobsterpot_policy::{Pattern, Places, Purpose, ResolvedPattern};

use super::{Bounds, Outcome, SearchError, Shelf, search_within};

/// Bounds under which every search leaves an index.
const EAGER: Bounds = Bounds { entries: 100_000, free: 0 };

/// A home folder with a tree in it.
struct Scene {
    /// The home folder.
    home: tempfile::TempDir,
    /// What is searched for.
    patterns: Vec<ResolvedPattern>,
    /// The shelf of the home folder.
    shelf: Shelf,
}

impl Scene {
    /// An empty tree in which `patterns` are searched for.
    fn new(patterns: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let places = Places { workspaces: vec![tree], ..Places::default() };
        let resolve = |text: &&str| Pattern::parse(text).unwrap().resolve(&places, Purpose::Restrict);
        let patterns = patterns.iter().flat_map(resolve).collect();
        let shelf = Shelf::new(home.path(), nix::unistd::getuid().as_raw(), Vec::new());
        Self { home, patterns, shelf }
    }

    /// The path of `name` in the tree.
    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.home.path().join("tree").join(name)
    }

    /// Writes a file in the tree, with the folders around it.
    fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "canary").unwrap();
        path
    }

    /// Makes a folder in the tree, with those around it.
    fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Searches with or without a shelf.
    ///
    /// # Errors
    /// When the search is not complete.
    fn search(&self, shelf: Option<&Shelf>, bounds: Bounds) -> Result<Outcome, SearchError> {
        let tails: Vec<_> = self.patterns.iter().map(ResolvedPattern::tail).collect();
        search_within(bounds, &self.path(""), &tails, shelf, &crate::doors::Doors::default())
    }

    /// One launch: what the first pattern finds, relative to the tree, and how many folders were listed.
    fn launch(&self) -> (Vec<String>, u64) {
        let with_index = self.search(Some(&self.shelf), EAGER).unwrap();
        let afresh = self.search(None, EAGER).unwrap();
        assert_eq!(with_index.found, afresh.found, "the index and a fresh walk agree");
        let names = with_index.found[0]
            .iter()
            .map(|path| path.strip_prefix(self.path("")).unwrap().to_string_lossy().into_owned());
        (names.collect(), with_index.listed)
    }

    /// Launches until the index covers everything: young folders are listed twice.
    fn settle(&self) -> Vec<String> {
        wait();
        self.launch();
        let (names, listed) = self.launch();
        assert_eq!(listed, 0, "nothing has changed");
        names
    }

    /// The file of the only index.
    fn index(&self) -> PathBuf {
        let mut files = fs::read_dir(self.home.path().join(".cache/lobsterpot/deep")).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }
}

/// Lets the time of the last change become older than a tick.
fn wait() {
    std::thread::sleep(Duration::from_millis(45));
}
