//! Whatever happens to a tree, an index tells what a fresh walk tells.

use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::shapes::everything;
use super::{EAGER, Scene, wait};

/// One change of a tree. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Change {
    /// A new file or folder in a folder.
    Create(usize, &'static str, bool),
    /// A move of anything into a folder.
    Move(usize, usize, &'static str),
    /// Anything removed with what is in it.
    Remove(usize),
    /// A new symlink in a folder, to anything.
    Link(usize, usize, &'static str),
}

/// A change.
fn change() -> impl Strategy<Value = Change> {
    let name = prop::sample::select(vec!["a", "b", ".env", "conf", "key", "x.pem", "z"]);
    let place = 0_usize..50;
    prop_oneof![
        4 => (place.clone(), name.clone(), any::<bool>()).prop_map(|(at, name, folder)| Change::Create(at, name, folder)),
        2 => (place.clone(), place.clone(), name.clone()).prop_map(|(from, to, name)| Change::Move(from, to, name)),
        1 => place.clone().prop_map(Change::Remove),
        1 => (place.clone(), place, name).prop_map(|(at, to, name)| Change::Link(at, to, name)),
    ]
}

/// Carries out `change` as far as the tree allows it.
fn apply(scene: &Scene, change: &Change) {
    let all = everything(&scene.path(""));
    let folders: Vec<_> = std::iter::once(scene.path(""))
        .chain(all.iter().filter(|path| path.symlink_metadata().unwrap().is_dir()).cloned())
        .collect();
    let folder = |number: &usize| folders[number % folders.len()].clone();
    let any = |number: &usize| all.get(number % all.len().max(1)).cloned();
    match change {
        Change::Create(at, name, true) => drop(fs::create_dir(folder(at).join(name))),
        Change::Create(at, name, false) => drop(fs::File::create_new(folder(at).join(name))),
        Change::Move(from, to, name) => {
            let _ = any(from).map(|from| fs::rename(from, folder(to).join(name)));
        }
        Change::Remove(path) => {
            let _ = any(path).map(|path| fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)));
        }
        Change::Link(at, to, name) => {
            let _ = any(to).map(|to| symlink(to, folder(at).join(name)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_index_never_tells_anything_else_than_a_fresh_walk(
        rounds in prop::collection::vec((prop::collection::vec(change(), 1..12), any::<bool>()), 1..8),
    ) {
        let scene = Scene::new(&["**/.env", "**/*.pem", "**/conf/key", "[a]/**/z", "**/b/**/key"]);
        for (changes, old) in rounds {
            changes.iter().for_each(|change| apply(&scene, change));
            if old {
                wait();
            }
            let indexed = scene.search(Some(&scene.shelf), EAGER).unwrap();
            let fresh = scene.search(None, EAGER).unwrap();
            prop_assert_eq!(&indexed.found, &fresh.found);
            // And both find what the patterns mean, by another way; through symlinks they may find more.
            for (pattern, found) in scene.patterns.iter().zip(&fresh.found) {
                for path in everything(&scene.path("")).iter().filter(|path| pattern.matches(path)) {
                    prop_assert!(found.contains(path), "{}", path.display());
                }
                prop_assert!(found.iter().all(|path| pattern.matches(path)));
            }
        }
    }
}
