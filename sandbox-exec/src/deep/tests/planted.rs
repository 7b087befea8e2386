//! Indexes that lie: damaged ones, and ones that somebody else has put there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use proptest::prelude::*;

use super::super::index;
use super::{EAGER, Scene, Shelf};

/// A scene with a secret, and an index that is right but for the secret: in place, with all permissions as they should be.
fn forged() -> (Scene, PathBuf) {
    let scene = Scene::new(&["**/.env"]);
    scene.file("a/.env");
    assert_eq!(scene.settle(), ["a/.env"]);
    let file = scene.index();
    let tails: Vec<_> = scene.patterns.iter().map(|pattern| pattern.tail()).collect();
    let (key, _) = super::super::identity(&scene.path(""), &tails);
    let bytes = fs::read(&file).unwrap();
    let mut folders = index::decode(&bytes, &key, 1).unwrap();
    for folder in &mut folders {
        folder.finds = index::Finds::default();
    }
    fs::write(&file, index::encode(&key, &folders)).unwrap();
    (scene, file)
}

/// Whether the secret is found by a launch with `shelf`.
fn is_found(scene: &Scene, shelf: &Shelf) -> bool {
    let outcome = scene.search(Some(shelf), super::Bounds { free: u64::MAX, ..EAGER }).unwrap();
    outcome.found[0] == [scene.path("a/.env")]
}

#[test]
fn the_forgery_would_hide_the_secret_if_the_caller_had_made_it() {
    let (scene, _) = forged();
    assert!(!is_found(&scene, &scene.shelf), "the other tests here show something");
}

#[test]
fn an_index_that_others_may_write_or_read_is_not_used() {
    for mode in [0o666, 0o620, 0o644, 0o640, 0o700, 0o400] {
        let (scene, file) = forged();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        assert!(is_found(&scene, &scene.shelf), "mode {mode:o}");
    }
}

#[test]
fn an_index_in_a_folder_that_others_may_write_to_is_not_used() {
    for folder in [".cache/lobsterpot", ".cache/lobsterpot/deep"] {
        let (scene, _) = forged();
        fs::set_permissions(scene.home.path().join(folder), Permissions::from_mode(0o777)).unwrap();
        assert!(is_found(&scene, &scene.shelf), "{folder}");
    }
}

#[test]
fn an_index_of_another_user_is_not_used() {
    let (scene, _) = forged();
    let somebody = Shelf::new(scene.home.path(), nix::unistd::getuid().as_raw() + 1, Vec::new());
    assert!(is_found(&scene, &somebody));
}

#[test]
fn an_index_that_is_a_symlink_or_has_a_second_name_is_not_used() {
    let (scene, file) = forged();
    let elsewhere = scene.home.path().join("elsewhere");
    fs::hard_link(&file, &elsewhere).unwrap();
    assert!(is_found(&scene, &scene.shelf), "two names");
    fs::remove_file(&file).unwrap();
    assert!(is_found(&scene, &scene.shelf), "none");
    symlink(&elsewhere, &file).unwrap();
    assert!(is_found(&scene, &scene.shelf), "a symlink");
}

#[test]
fn a_folder_of_indexes_that_is_a_symlink_is_not_used() {
    for folder in [".cache/lobsterpot", ".cache/lobsterpot/deep"] {
        let (scene, _) = forged();
        let (folder, elsewhere) = (scene.home.path().join(folder), scene.home.path().join("elsewhere"));
        fs::rename(&folder, &elsewhere).unwrap();
        symlink(&elsewhere, &folder).unwrap();
        assert!(is_found(&scene, &scene.shelf));
    }
}

#[test]
fn a_pipe_in_place_of_an_index_does_not_stop_the_launch() {
    let (scene, file) = forged();
    fs::remove_file(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    assert!(is_found(&scene, &scene.shelf));
}

#[test]
fn an_index_that_a_sandbox_may_write_is_not_used() {
    let uid = nix::unistd::getuid().as_raw();
    for root in ["", ".cache", ".cache/lobsterpot", ".cache/lobsterpot/deep"] {
        let (scene, _) = forged();
        let shelf = Shelf::new(scene.home.path(), uid, vec![scene.home.path().join(root)]);
        assert!(is_found(&scene, &shelf), "{root}");
    }
    let (scene, _) = forged();
    assert!(
        !is_found(&scene, &Shelf::new(scene.home.path(), uid, vec![scene.path("a")])),
        "one beside it is no reason"
    );
}

#[test]
fn a_cache_folder_that_lies_in_the_workspace_is_not_used() {
    let (scene, _) = forged();
    let cache = scene.home.path().join(".cache");
    fs::rename(&cache, scene.home.path().join("work")).unwrap();
    symlink("work", &cache).unwrap();
    let uid = nix::unistd::getuid().as_raw();
    let shelf = Shelf::new(scene.home.path(), uid, vec![scene.home.path().join("work")]);
    assert!(is_found(&scene, &shelf));
}

#[test]
fn nothing_is_written_where_a_sandbox_may_write() {
    let scene = Scene::new(&["**/.env"]);
    scene.file("a/.env");
    let uid = nix::unistd::getuid().as_raw();
    let shelf = Shelf::new(scene.home.path(), uid, vec![scene.home.path().to_owned()]);
    scene.search(Some(&shelf), EAGER).unwrap();
    let indexes = fs::read_dir(scene.home.path().join(".cache/lobsterpot/deep"));
    assert_eq!(indexes.into_iter().flatten().count(), 0);
}

#[test]
fn an_index_of_other_patterns_or_of_another_folder_is_not_used() {
    let (scene, file) = forged();
    let bytes = fs::read(&file).unwrap();
    let tails: Vec<_> = scene.patterns.iter().map(|pattern| pattern.tail()).collect();
    let (key, name) = super::super::identity(&scene.path(""), &tails);
    let (other_folder, _) = super::super::identity(&scene.path("a"), &tails);
    let (other_patterns, _) = super::super::identity(&scene.path(""), &[]);
    assert_eq!(file.file_name().unwrap(), name.as_str());
    assert!(index::decode(&bytes, &key, 1).is_some());
    assert!(index::decode(&bytes, &other_folder, 1).is_none());
    assert!(index::decode(&bytes, &other_patterns, 1).is_none());
}

#[test]
fn an_index_damaged_or_cut_anywhere_is_not_used() {
    let scene = Scene::new(&["**/.env", "**/conf/key"]);
    scene.file("a/.env");
    symlink("a", scene.path("conf")).unwrap();
    scene.settle();
    let bytes = fs::read(scene.index()).unwrap();
    let tails: Vec<_> = scene.patterns.iter().map(|pattern| pattern.tail()).collect();
    let (key, _) = super::super::identity(&scene.path(""), &tails);
    assert!(index::decode(&bytes, &key, 2).is_some());
    for place in 0..bytes.len() {
        assert!(index::decode(&bytes[..place], &key, 2).is_none(), "cut at {place}");
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x20;
        assert!(index::decode(&damaged, &key, 2).is_none(), "damaged at {place}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(index::decode(&longer, &key, 2).is_none());
}

#[test]
fn old_indexes_make_room_for_new_ones() {
    let scene = Scene::new(&["**/.env"]);
    scene.file("a/.env");
    for number in 0..80 {
        scene.shelf.write(&format!("{number:016x}"), b"x");
    }
    let count = fs::read_dir(scene.home.path().join(".cache/lobsterpot/deep")).unwrap().count();
    assert!((2..=40).contains(&count), "{count}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_indexes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        // With the right beginning and checksum, so that what follows is read.
        let key: &[u8] = b"";
        let mut framed = b"lobdeep1".to_vec();
        let mut body = vec![0; 4];
        body.append(&mut bytes);
        framed.extend(index::checksum(&body).to_le_bytes());
        framed.extend(&body);
        if let Some(folders) = index::decode(&framed, key, 3) {
            prop_assert_eq!(index::encode(key, &folders).len(), framed.len());
        }
    }
}
