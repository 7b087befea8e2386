//! Trees of odd shapes: circles, names that are no text, depths, numbers.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use super::super::automaton::{Automaton, START};
use super::super::walk::{Root, Walker};
use super::{Bounds, EAGER, Scene, SearchError};

#[test]
fn a_circle_of_symlinks_ends() {
    let scene = Scene::new(&["**/loop/**/key", "**/*/**/key", "**/key"]);
    scene.file("a/b/key");
    symlink("..", scene.path("a/loop")).unwrap();
    symlink("loop", scene.path("a/b/loop")).unwrap();
    symlink(".", scene.path("loop")).unwrap();
    let (found, _) = scene.launch();
    assert!(found.contains(&"loop/a/b/key".to_owned()), "{found:?}");
    assert!(found.contains(&"a/loop/a/b/key".to_owned()), "{found:?}");
    let outcome = scene.search(None, EAGER).unwrap();
    assert_eq!(outcome.found[2], [scene.path("a/b/key")], "** alone goes through none");
}

#[test]
fn names_that_are_no_text_are_searched_and_found() {
    let scene = Scene::new(&["**/*.key"]);
    let folder = OsStr::from_bytes(b"caf\xe9 \n\xff");
    let name = OsStr::from_bytes(b"\xfe\x80.key");
    let path = scene.file(std::path::Path::new("a").join(folder).join(name));
    scene.settle();
    assert_eq!(scene.search(Some(&scene.shelf), EAGER).unwrap().found, [[path]]);
}

#[test]
fn every_pattern_finds_its_own() {
    let scene = Scene::new(&["**/.env", "**/*.pem", "[a]/**/secrets/*", "*/b/**/x", "**/a/**/b/**/x", "**/{x,y}"]);
    for name in [
        "a/.env",
        "a/b/.env",
        "a/b/c/server.pem",
        "a/secrets/one",
        "a/q/secrets/two",
        "secrets/no",
        "a/b/x",
        "a/b/c/x",
        "y",
    ] {
        scene.file(name);
    }
    let found = scene.search(None, EAGER).unwrap().found;
    for (pattern, found) in scene.patterns.iter().zip(&found) {
        let expected: Vec<_> = everything(&scene.path("")).into_iter().filter(|path| pattern.matches(path)).collect();
        assert_eq!(*found, expected, "{pattern:?}");
    }
    assert!(found.iter().all(|paths| !paths.is_empty()), "{found:?}");
}

/// Every path below `folder`, in order.
pub(super) fn everything(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        paths.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            paths.extend(everything(&entry.path()));
        }
    }
    paths.sort();
    paths
}

#[test]
fn folders_in_which_nothing_can_match_are_not_listed() {
    let scene = Scene::new(&["*/only/**/.env"]);
    scene.file("a/only/b/.env");
    scene.file("a/other/b/.env");
    let (found, _) = scene.launch();
    assert_eq!(found, ["a/only/b/.env"]);
    assert_eq!(scene.search(None, EAGER).unwrap().listed, 4, "the tree, a, only and b");
}

#[test]
fn a_tree_that_is_too_large_stops_the_search() {
    let scene = Scene::new(&["**/.env"]);
    for number in 0..20 {
        scene.file(format!("a/{number}"));
    }
    let error = scene.search(None, Bounds { entries: 20, ..EAGER }).unwrap_err();
    assert_eq!(error, SearchError::TooMany { root: scene.path(""), limit: 20 });
    assert!(scene.search(None, Bounds { entries: 21, ..EAGER }).is_ok());
}

#[test]
fn a_folder_deeper_than_any_path_stops_the_search() {
    let scene = Scene::new(&["**/.env"]);
    let mut folder = openat(AT_FDCWD, &scene.path(""), OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    let name = "d".repeat(250);
    for _ in 0..20 {
        mkdirat(&folder, name.as_str(), Mode::S_IRWXU).unwrap();
        folder = openat(&folder, name.as_str(), OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    }
    let error = scene.search(None, EAGER).unwrap_err();
    assert!(matches!(error, SearchError::TooDeep { .. }), "{error}");
    assert!(error.to_string().len() < 300 && !error.hint().is_empty());
}

#[test]
fn plain_names_are_found_in_a_folder_that_cannot_be_listed() {
    let scene = Scene::new(&["**/.env", "**/sub/key", "**/*.pem"]);
    scene.file("closed/.env");
    scene.file("closed/sub/key");
    scene.file("closed/x.pem");
    let tails: Vec<_> = scene.patterns.iter().map(|pattern| pattern.tail()).collect();
    let doors = crate::doors::Doors::default();
    let mut walker = Walker::new(Automaton::new(&tails), 1000, &doors);
    let root = Root::open(scene.path(""), START, &doors).unwrap().unwrap();
    let listing = walker.guess(&root, c"closed", START).unwrap();
    let matches: Vec<_> = listing.finds.iter().collect();
    assert_eq!(matches, [super::super::index::Find::Match(0, OsStr::new(".env"))]);
    assert_eq!(listing.subfolders.len(), 1);
    assert_eq!(listing.stamp, None, "to be tried again next time");
}

#[test]
fn a_file_system_that_does_not_keep_time_is_listed_every_time() {
    let mut disks = super::super::clock::Disks::default();
    let proc = fs::File::open("/proc").unwrap();
    assert!(!disks.keep_time(1, || Some(proc.into())));
    assert!(!disks.keep_time(2, || None), "nobody knows");
}
