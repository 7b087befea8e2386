//! The guard against somebody who changes what a path means while it is looked at.

use super::guard::{data, serve};
use crate::harness::{Scene, each_scene};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Operations for each user and trick. Of 12,500 four tricks and two users make 100,000.
const OPERATIONS: usize = 1500;
/// In how many runs of the guard.
const RUNS: usize = 5;

/// One run's operations, each made by `request`.
fn requests(request: impl Fn() -> Value) -> Vec<Value> {
    let all = super::number("LOBSTERPOT_RACES").map_or(OPERATIONS, |count| count as usize);
    std::iter::repeat_with(request).take(all / RUNS).collect()
}

/// Ends the swapping, also when the work fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Swaps two names for as long as `work` lasts, and says how often.
fn while_swapping<T>(one: &Path, other: &Path, work: impl FnOnce() -> T) -> (T, u64) {
    let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // A write may just have put something else in the place of a name.
                if renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).is_ok() {
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let _ending = Ending(&done);
        work()
    });
    (result, swaps.load(Ordering::Relaxed))
}

/// The flags of both programs.
fn flags(scene: &Scene) -> Vec<String> {
    vec!["--workspace".to_owned(), scene.workspace.to_str().expect("UTF-8").to_owned()]
}

/// Reads and lists `path` again and again while `one` and `other` are swapped; gives how many answers held the honest content.
fn attack(scene: &Scene, path: &str, one: &Path, other: &Path) -> usize {
    let requests = requests(|| json!({"op": "read", "path": path}));
    let reading = || (0..RUNS).flat_map(|_| serve(scene, &flags(scene), &requests)).collect::<Vec<Value>>();
    let (answers, swaps) = while_swapping(one, other, reading);
    let leaked = answers.iter().filter(|answer| scene.canary.is_in(&data(answer))).count();
    assert_eq!(leaked, 0, "the secret came out {leaked} times");
    assert!(swaps > 100, "only {swaps} swaps: nobody raced");
    answers.iter().filter(|answer| answer["ok"] == true).count()
}

#[test]
fn symlink_that_is_swapped_with_a_file_never_gives_a_byte_of_the_secret() {
    each_scene(|scene| {
        let (honest, trap) = (scene.at_work("note"), scene.at_work("trap"));
        scene.write(&honest, "honest\n");
        symlink(scene.at_home(".ssh/id_ed25519"), &trap).expect("a symlink");
        assert!(attack(scene, "note", &honest, &trap) > 0, "the honest file must be read sometimes");
    });
}

#[test]
fn folder_that_is_swapped_with_a_symlink_never_gives_a_byte_of_the_secret() {
    each_scene(|scene| {
        let (honest, trap) = (scene.at_work("folder"), scene.at_work("trap"));
        scene.write(&honest.join("id_ed25519"), "honest\n");
        symlink(scene.at_home(".ssh"), &trap).expect("a symlink");
        assert!(attack(scene, "folder/id_ed25519", &honest, &trap) > 0, "the honest file must be read sometimes");
    });
}

#[test]
fn folder_whose_parent_is_moved_never_lets_a_climb_reach_the_secret() {
    each_scene(|scene| {
        let (deep, shallow) = (scene.at_work("a/b/c/d"), scene.at_work("e"));
        scene.mkdir(&deep);
        scene.mkdir(&shallow);
        scene.write(&scene.at_work("a/.ssh/id_ed25519"), "honest\n");
        attack(scene, "a/b/c/d/../../../.ssh/id_ed25519", &deep, &shallow);
    });
}

#[test]
fn write_through_a_swapped_symlink_never_changes_what_lies_outside() {
    each_scene(|scene| {
        let (honest, trap) = (scene.at_work("note"), scene.at_work("trap"));
        let outside = scene.at_home(".bashrc");
        let before = std::fs::read(&outside).expect("a file");
        scene.write(&honest, "honest\n");
        symlink(&outside, &trap).expect("a symlink");
        let requests = requests(|| json!({"op": "write", "path": "note", "text": "changed\n"}));
        let writing = || (0..RUNS).flat_map(|_| serve(scene, &flags(scene), &requests)).collect::<Vec<Value>>();
        let (answers, swaps) = while_swapping(&honest, &trap, writing);
        assert!(answers.iter().any(|answer| answer["ok"] == true), "an honest write must succeed sometimes");
        assert!(swaps > 100, "only {swaps} swaps: nobody raced");
        assert_eq!(std::fs::read(&outside).expect("a file"), before, "a file outside was changed");
        let names = scene.names_at_work();
        assert!(names.iter().all(|name| !name.to_string_lossy().contains(".lobsterpot-")), "leftovers: {names:?}");
    });
}
