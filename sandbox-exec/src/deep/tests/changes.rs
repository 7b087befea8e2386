//! What changes between two launches.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use super::{Scene, wait};

/// Gives the folder at `path` the times of years ago, as `tar` and `touch -d` do.
fn make_old(path: &std::path::Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::open(path).unwrap().set_times(FileTimes::new().set_modified(long_ago).set_accessed(long_ago)).unwrap();
}

#[test]
fn a_secret_created_outside_between_two_launches_is_found_by_the_next() {
    let scene = Scene::new(&["**/.env"]);
    scene.folder("a/b/c");
    scene.file("d/.env");
    assert_eq!(scene.settle(), ["d/.env"]);
    scene.file("a/b/c/.env");
    let (found, listed) = scene.launch();
    assert_eq!(found, ["a/b/c/.env", "d/.env"]);
    assert_eq!(listed, 1, "only the changed folder is listed");
}

#[test]
fn a_secret_created_right_after_a_listing_cannot_hide_in_the_same_tick() {
    let scene = Scene::new(&["**/.env"]);
    for number in 0..40 {
        let name = format!("folder-{number}");
        scene.folder(&name);
        scene.launch();
        scene.file(format!("{name}/.env"));
        let (found, _) = scene.launch();
        assert_eq!(found.len(), number + 1);
    }
}

#[test]
fn a_secret_in_a_new_folder_of_a_new_folder_is_found() {
    let scene = Scene::new(&["**/.env"]);
    scene.folder("a");
    scene.settle();
    scene.file("a/new/newer/.env");
    assert_eq!(scene.launch().0, ["a/new/newer/.env"]);
}

#[test]
fn a_folder_moved_in_with_old_times_is_noticed() {
    let scene = Scene::new(&["**/.env"]);
    let inside = scene.folder("inside");
    let outside = scene.home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join(".env"), "canary").unwrap();
    make_old(&outside);
    scene.settle();
    fs::rename(&outside, inside.join("moved")).unwrap();
    make_old(&inside.join("moved"));
    make_old(&inside);
    assert_eq!(scene.launch().0, ["inside/moved/.env"]);
}

#[test]
fn a_folder_exchanged_for_one_of_the_same_age_is_noticed() {
    let scene = Scene::new(&["**/.env"]);
    let empty = scene.folder("a/data");
    let other = scene.home.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join(".env"), "canary").unwrap();
    scene.settle();
    fs::remove_dir(&empty).unwrap();
    fs::rename(&other, &empty).unwrap();
    make_old(&empty);
    make_old(&scene.path("a"));
    assert_eq!(scene.launch().0, ["a/data/.env"]);
}

#[test]
fn what_lies_below_a_renamed_folder_is_found_by_its_new_path_only() {
    let scene = Scene::new(&["**/.env"]);
    scene.file("old/b/c/.env");
    scene.settle();
    fs::rename(scene.path("old"), scene.path("new")).unwrap();
    assert_eq!(scene.launch().0, ["new/b/c/.env"]);
}

#[test]
fn a_folder_replaced_by_a_symlink_to_it_is_not_searched_by_its_old_path() {
    let scene = Scene::new(&["**/.env"]);
    scene.file("old/b/c/.env");
    scene.settle();
    fs::rename(scene.path("old"), scene.path("new")).unwrap();
    symlink("new", scene.path("old")).unwrap();
    assert_eq!(scene.launch().0, ["new/b/c/.env"]);
}

#[test]
fn what_was_removed_is_forgotten() {
    let scene = Scene::new(&["**/.env"]);
    scene.file("a/b/.env");
    scene.file("a/.env");
    scene.settle();
    fs::remove_dir_all(scene.path("a/b")).unwrap();
    assert_eq!(scene.launch().0, ["a/.env"]);
    fs::remove_file(scene.path("a/.env")).unwrap();
    assert!(scene.launch().0.is_empty());
    wait();
    scene.file("a/b/.env");
    assert_eq!(scene.launch().0, ["a/b/.env"]);
}

#[test]
fn a_search_of_a_folder_that_is_gone_finds_nothing() {
    let scene = Scene::new(&["**/.env"]);
    scene.file("a/.env");
    scene.settle();
    fs::remove_dir_all(scene.path("")).unwrap();
    assert!(scene.launch().0.is_empty());
}

#[test]
fn what_a_named_symlink_leads_to_is_looked_at_every_time() {
    let scene = Scene::new(&["**/conf/key"]);
    let elsewhere = scene.home.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    scene.folder("a/b");
    symlink(&elsewhere, scene.path("a/b/conf")).unwrap();
    assert!(scene.settle().is_empty());
    fs::write(elsewhere.join("key"), "canary").unwrap();
    assert_eq!(scene.launch().0, ["a/b/conf/key"]);
}
