//! The same host and the same policy make the same plan, byte for byte, in whatever order they were looked at.
//!
//! `LOBSTERPOT_CASES` says how many worlds are tried.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use proptest::test_runner::{Config, TestRunner};

use super::world::{World, home, work};

/// How many worlds are tried when nobody says.
const CASES: u32 = 100;

/// Folders of the home folder.
const HOME_FOLDERS: [&str; 9] =
    [".cargo", ".cargo/bin", ".rustup", ".ssh", ".aws", ".openclaw", ".local/lib", ".config/git", "shared"];

/// Files and folders of the workspace, of which a policy protects or masks many.
const WORK_NAMES: [&str; 14] = [
    ".env",
    ".env.local",
    ".git/config",
    ".git/hooks",
    ".git",
    ".bashrc",
    ".vscode",
    ".idea",
    "secrets",
    "src",
    "src/.env",
    "a/b/.git",
    ".claude",
    ".mcp.json",
];

/// The caller's variables.
const VARIABLES: [&str; 8] = ["LANG", "TERM", "TZ", "CI", "PATH", "LC_ALL", "HOME", "SECRET"];

/// What is there, and what the command line adds.
#[derive(Debug, Clone)]
struct Given {
    /// Folders of the home folder.
    home: Vec<&'static str>,
    /// Files and folders of the workspace.
    work: Vec<&'static str>,
    /// The caller's variables.
    variables: Vec<&'static str>,
    /// What the command line hides (those of the workspace) and shows.
    flags: Vec<&'static str>,
    /// Whether root calls.
    is_root: bool,
}

/// Worlds of every kind.
fn given() -> impl Strategy<Value = Given> {
    let flags = subsequence(vec!["shared", ".cargo", ".aws", "secrets", "src"], 0..4);
    (
        subsequence(HOME_FOLDERS.to_vec(), 0..9),
        subsequence(WORK_NAMES.to_vec(), 0..14),
        subsequence(VARIABLES.to_vec(), 0..8),
        flags,
        any::<bool>(),
    )
        .prop_map(|(home, work, variables, flags, is_root)| Given { home, work, variables, flags, is_root })
}

/// The world of what is given.
fn world(given: &Given) -> World {
    let mut world = World::new();
    world.uid = if given.is_root { 0 } else { 1000 };
    for name in &given.home {
        world.folder(home(name));
    }
    for name in &given.work {
        let is_file =
            name.contains(".env") || name.ends_with("config") || name.ends_with("rc") || name.ends_with("json");
        if is_file { world.file(work(name)) } else { world.folder(work(name)) }
    }
    world.flags(|flags| {
        for name in &given.flags {
            let done = if name.starts_with('s') && *name != "shared" {
                flags.mask(&work(name))
            } else {
                flags.read(&home(name))
            };
            done.expect("a path");
        }
    });
    world.environment = given.variables.iter().map(|name| ((*name).into(), "x".into())).collect();
    world
}

/// Puts a list in an order that `picks` chooses.
pub(super) fn shuffle<T>(list: &mut [T], picks: &[Index]) {
    for (place, pick) in (1..list.len()).zip(picks.iter().cycle()) {
        list.swap(place, pick.index(place + 1));
    }
}

#[test]
fn whatever_the_order_of_what_was_found_the_plan_is_the_same_byte_for_byte() {
    let cases = std::env::var("LOBSTERPOT_CASES").map_or(CASES, |count| count.parse().expect("a number"));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(given(), vec(any::<Index>(), 1..24)), |(given, picks)| {
            let mut world = world(&given);
            let one = world.try_plan();
            shuffle(&mut world.environment, &picks);
            world.picks = picks;
            let other = world.try_plan();
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
            Ok(())
        })
        .expect("one plan");
}
