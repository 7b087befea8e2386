//! Tests of sets of files on a tmpfs.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use tempfile::TempDir;

use super::file;
use super::{Folder, FolderError, Locked, Missing, Swap, TargetError, add, file_name, lock, unlock};
use crate::name::Name;
use crate::secret::Secret;

/// A folder on a tmpfs, and the target in it.
fn world() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let target = folder.path().join("secrets");
    (folder, target)
}

/// A set of files.
fn set(files: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    files.iter().map(|&(name, value)| (name.to_owned(), Secret::from(value))).collect()
}

/// What is in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Unlocks, with swap accepted: the host that tests run on may have some.
///
/// # Errors
/// As for [`unlock`].
fn put(target: &Path, files: &[(&str, &str)]) -> Result<(), TargetError> {
    unlock(target, &set(files), Swap::Accept)
}

#[test]
fn files_are_for_the_caller_alone_and_nothing_else_is_left() {
    let (world, target) = world();
    put(&target, &[("A", "1"), ("b%2Fc", "")]).unwrap();
    assert_eq!(names(world.path()), ["secrets"]);
    assert_eq!(names(&target), [".lobsterpot-vault", "A", "b%2Fc"]);
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o700);
    for name in names(&target) {
        assert_eq!(fs::metadata(target.join(&name)).unwrap().mode(), 0o100_600, "{name}");
    }
    assert_eq!(fs::read(target.join("A")).unwrap(), b"1");
}

#[test]
fn a_second_set_takes_the_whole_place_of_the_first() {
    let (world, target) = world();
    put(&target, &[("A", "1"), ("B", "2")]).unwrap();
    put(&target, &[("B", "3"), ("C", "4")]).unwrap();
    assert_eq!(names(&target), [".lobsterpot-vault", "B", "C"]);
    assert_eq!(fs::read(target.join("B")).unwrap(), b"3");
    assert_eq!(names(world.path()), ["secrets"]);
}

#[test]
fn who_opens_the_folder_never_sees_a_part_of_a_set() {
    let (_world, target) = world();
    put(&target, &[("A", "1"), ("B", "1")]).unwrap();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while seen == 0 || !is_done.load(Ordering::Relaxed) {
                // The folder is there at every moment, and a file that was opened is read whole.
                assert!(fs::metadata(&target).is_ok());
                if let Ok(value) = fs::read(target.join("A")) {
                    assert!(value == b"1" || value == b"2", "{value:?}");
                    seen += 1;
                }
            }
            seen
        });
        for round in 0..300 {
            let value = if round % 2 == 0 { "2" } else { "1" };
            put(&target, &[("A", value), ("B", value)]).unwrap();
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn many_callers_at_once_leave_one_whole_set() {
    let (world, target) = world();
    thread::scope(|scope| {
        for caller in 0..8 {
            let target = &target;
            scope.spawn(move || {
                let value = caller.to_string();
                for _ in 0..20 {
                    put(target, &[("A", &value), ("B", &value)]).unwrap();
                }
            });
        }
    });
    assert_eq!(fs::read(target.join("A")).unwrap(), fs::read(target.join("B")).unwrap());
    assert_eq!(names(world.path()), ["secrets"]);
}

#[test]
fn a_target_on_a_disk_is_refused_and_nothing_is_made() {
    let disk = tempfile::tempdir_in("/var/tmp").unwrap();
    if statfs(disk.path()).unwrap().filesystem_type() == TMPFS_MAGIC {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "/var/tmp is no disk");
        println!("SKIP: /var/tmp is no disk");
        return;
    }
    let target = disk.path().join("a/b");
    let error = put(&target, &[("A", "1")]).unwrap_err();
    assert!(matches!(error, TargetError::Folder(FolderError::NotTmpfs { .. })), "{error}");
    assert!(names(disk.path()).is_empty());
    fs::create_dir(disk.path().join("there")).unwrap();
    fs::set_permissions(disk.path().join("there"), Permissions::from_mode(0o700)).unwrap();
    let error = put(&disk.path().join("there"), &[("A", "1")]).unwrap_err();
    assert!(matches!(error, TargetError::Folder(FolderError::NotTmpfs { .. })), "{error}");
    assert!(names(&disk.path().join("there")).is_empty());
}

#[test]
fn a_symlinked_component_is_refused() {
    let (world, target) = world();
    fs::create_dir(world.path().join("real")).unwrap();
    symlink(world.path().join("real"), world.path().join("link")).unwrap();
    symlink(world.path().join("real"), &target).unwrap();
    for path in [world.path().join("link/secrets"), target.clone()] {
        let error = put(&path, &[("A", "1")]).unwrap_err();
        assert!(matches!(error, TargetError::Folder(FolderError::Symlink { .. })), "{error}");
        assert!(lock(&path).is_err());
    }
    assert!(names(&world.path().join("real")).is_empty());
}

#[test]
fn folders_that_others_can_change_are_refused() {
    let (world, target) = world();
    let open = world.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o770)).unwrap();
    let error = put(&open.join("secrets"), &[("A", "1")]).unwrap_err();
    assert_eq!(error, TargetError::Folder(FolderError::Shared { path: open.clone() }));
    fs::create_dir(&target).unwrap();
    for mode in [0o777, 0o750, 0o701, 0o1700, 0o500] {
        fs::set_permissions(&target, Permissions::from_mode(mode)).unwrap();
        let error = put(&target, &[("A", "1")]).unwrap_err();
        assert_eq!(error, TargetError::Folder(FolderError::Mode { path: target.clone(), mode }));
    }
    assert!(names(&target).is_empty());
}

#[test]
fn paths_that_are_no_folders_are_refused() {
    let (world, target) = world();
    fs::write(&target, "mine").unwrap();
    for path in [target.clone(), target.join("below")] {
        let error = put(&path, &[("A", "1")]).unwrap_err();
        assert!(matches!(error, TargetError::Folder(FolderError::NotAFolder { .. })), "{error}");
    }
    for path in ["/", "relative", "/dev/shm/../etc/x"] {
        assert!(matches!(put(Path::new(path), &[]), Err(TargetError::Folder(FolderError::Path { .. }))), "{path}");
    }
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    assert_eq!(names(world.path()), ["secrets"]);
}

#[test]
fn a_folder_with_something_of_others_is_neither_replaced_nor_locked() {
    let (_world, target) = world();
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o700)).unwrap();
    fs::write(target.join("mine"), "1").unwrap();
    for error in [put(&target, &[("A", "1")]).unwrap_err(), lock(&target).unwrap_err()] {
        assert_eq!(error, TargetError::Foreign { path: target.clone(), name: "mine".to_owned() });
    }
    assert_eq!(names(&target), ["mine"]);
}

#[test]
fn lock_removes_what_unlock_made_and_nothing_else() {
    let (world, target) = world();
    assert_eq!(lock(&target), Ok(Locked::default()));
    put(&target, &[("A", "1"), ("B", "2")]).unwrap();
    fs::write(target.join("mine"), "1").unwrap();
    assert!(matches!(put(&target, &[]), Err(TargetError::Foreign { .. })));
    assert_eq!(lock(&target), Ok(Locked { removed: 2, left: vec!["mine".to_owned()] }));
    assert_eq!(names(&target), ["mine"]);
    fs::remove_file(target.join("mine")).unwrap();
    put(&target, &[("A", "1")]).unwrap();
    assert_eq!(lock(&target), Ok(Locked { removed: 1, left: Vec::new() }));
    assert_eq!(lock(&target), Ok(Locked::default()));
    assert!(names(world.path()).is_empty());
}

#[test]
fn lock_wipes_what_somebody_still_holds_open() {
    use std::os::unix::fs::FileExt;
    let (_world, target) = world();
    put(&target, &[("A", "hunter2")]).unwrap();
    let held = fs::File::open(target.join("A")).unwrap();
    lock(&target).unwrap();
    let mut bytes = [1; 7];
    held.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, [0; 7]);
}

#[test]
fn a_listed_file_that_became_a_link_is_not_followed() {
    let (world, target) = world();
    let precious = world.path().join("precious");
    fs::write(&precious, "keep").unwrap();
    for make in [|from: &Path, to: &Path| symlink(from, to), |from: &Path, to: &Path| fs::hard_link(from, to)] {
        put(&target, &[("A", "1")]).unwrap();
        fs::remove_file(target.join("A")).unwrap();
        make(&precious, &target.join("A")).unwrap();
        assert!(lock(&target).is_err());
        assert_eq!(fs::read(&precious).unwrap(), b"keep");
        fs::remove_file(target.join("A")).unwrap();
    }
}

#[test]
fn a_draft_that_was_left_behind_is_removed() {
    let (world, target) = world();
    let stale = world.path().join(".secrets.0123456789abcdef.lobsterpot");
    let other = world.path().join(".others.0123456789abcdef.lobsterpot");
    for path in [&stale, &other] {
        put(path, &[("A", "1")]).unwrap();
    }
    put(&target, &[("A", "2")]).unwrap();
    assert!(!stale.exists() && other.exists());
}

#[test]
fn one_file_is_put_beside_others_and_removed_by_lock() {
    let (_world, target) = world();
    let value = Secret::from("1");
    add(&target, "one", &value, Swap::Accept).unwrap();
    fs::write(target.join("mine"), "2").unwrap();
    add(&target, "two", &value, Swap::Accept).unwrap();
    add(&target, "two", &Secret::from("3"), Swap::Accept).unwrap();
    let error = add(&target, "mine", &value, Swap::Accept).unwrap_err();
    assert_eq!(error, TargetError::Foreign { path: target.clone(), name: "mine".to_owned() });
    assert_eq!(fs::read(target.join("two")).unwrap(), b"3");
    assert_eq!(lock(&target), Ok(Locked { removed: 2, left: vec!["mine".to_owned()] }));
}

#[test]
fn one_file_that_got_another_name_keeps_no_other_from_being_removed() {
    let (world, target) = world();
    put(&target, &[("A", "1"), ("B", "2"), ("C", "3")]).unwrap();
    fs::hard_link(target.join("A"), world.path().join("elsewhere")).unwrap();
    assert_eq!(lock(&target), Err(TargetError::Foreign { path: target.clone(), name: "A".to_owned() }));
    assert_eq!(names(&target), [".lobsterpot-vault", "A"]);
    fs::remove_file(world.path().join("elsewhere")).unwrap();
    assert_eq!(lock(&target), Ok(Locked { removed: 1, left: Vec::new() }));
}

#[test]
fn who_holds_the_folder_for_ever_is_not_waited_for() {
    let (_world, target) = world();
    put(&target, &[("A", "1")]).unwrap();
    let held = fs::File::open(&target).unwrap();
    held.lock_shared().unwrap();
    let folder = Folder::private(&target, Missing::Refuse, Swap::Accept).unwrap();
    let busy = TargetError::Busy { path: target.clone() };
    assert_eq!(file::hold_within(&folder, Duration::from_millis(30)), Err(busy));
    drop(held);
    assert_eq!(file::hold_within(&folder, Duration::ZERO), Ok(()));
}

#[test]
fn what_a_killed_run_was_writing_is_removed_by_lock_and_by_unlock() {
    let (world, target) = world();
    let left = || fs::write(target.join(".0123456789abcdef.lobsterpot"), "hunter2").unwrap();
    add(&target, "one", &Secret::from("1"), Swap::Accept).unwrap();
    left();
    assert_eq!(lock(&target), Ok(Locked { removed: 2, left: Vec::new() }));
    // Also where it did not come as far as to write its list.
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o700)).unwrap();
    left();
    put(&target, &[("A", "1")]).unwrap();
    assert_eq!(names(&target), [".lobsterpot-vault", "A"]);
    left();
    put(&target, &[("A", "2")]).unwrap();
    assert_eq!(names(&target), [".lobsterpot-vault", "A"]);
    lock(&target).unwrap();
    assert_eq!(names(world.path()), [""; 0]);
}

#[test]
fn a_folder_swapped_for_a_symlink_meanwhile_leads_nowhere() {
    let (world, target) = world();
    let elsewhere = world.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o700)).unwrap();
    let inner = target.join("secrets");
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let aside = world.path().join("aside");
            while !is_done.load(Ordering::Relaxed) {
                let _ = fs::rename(&target, &aside);
                let _ = symlink(&elsewhere, &target);
                let _ = fs::remove_file(&target);
                let _ = fs::rename(&aside, &target);
            }
        });
        // Until it has been there at the right moment, too.
        let mut done = 0;
        for round in 0..30_000 {
            if round >= 300 && done > 0 {
                break;
            }
            done += usize::from(put(&inner, &[("A", "1")]).is_ok());
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(done > 0);
    });
    assert!(names(&elsewhere).is_empty());
}

#[test]
fn names_become_file_names_and_long_ones_are_refused() {
    let name = |text: &str| Name::parse(text).unwrap();
    assert_eq!(file_name(&name("a/b#c:d")).as_deref(), Ok("a%2Fb#c:d"));
    assert_eq!(file_name(&name(&"x".repeat(255))).map(|text| text.len()), Ok(255));
    for text in ["x".repeat(256), format!("x{}", "/".repeat(85))] {
        assert!(matches!(file_name(&name(&text)), Err(TargetError::NameTooLong { .. })));
    }
}
