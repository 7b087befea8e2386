//! Attacks on the store's parts: folders and files of others, locks, publication and records.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::record::RecordError;
use super::{Before, Comparison, Facts, Folder, Lock, LockError, PlaceError, PublishError, Record, Sight, publish};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};

/// The name of the file in every test.
const NAME: &str = "vault.age";

/// More than any test writes.
const LIMIT: u64 = 4096;

/// A folder of one's own, opened.
fn folder() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    (place, folder)
}

/// Sets permission bits.
fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The names in a folder, without the lock.
fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}

/// Publishes without looking at what was written.
///
/// # Errors
/// As [`publish`].
fn put(folder: &Folder, before: Before, bytes: &[u8]) -> Result<(), PublishError> {
    publish(folder, OsStr::new(NAME), before, bytes, |_| Ok(()))
}

/// What is to be replaced.
fn before(folder: &Folder) -> Before {
    Before::Old(folder.read(OsStr::new(NAME), LIMIT).unwrap().facts)
}

/// A record in a state folder, and a document to look at.
fn record(place: &Path) -> (Record, Document) {
    let record = vault_record(place, "/etc/lobsterpot/vault.age", "/etc/lobsterpot/vault.age");
    (record, Document::new(vec!["age1example".to_owned()]).unwrap())
}

/// The record of a vault that is at `real`, and was asked for as `asked`.
fn vault_record(place: &Path, real: &str, asked: &str) -> Record {
    Record::of(&place.join("state"), Path::new(real), Path::new(asked))
}

/// What there is to record about a generation of a document.
fn sight(document: &mut Document, generation: u64, file: &[u8]) -> Sight {
    document.generation = generation;
    Sight::of(Path::new("/etc/lobsterpot/vault.age"), document, file)
}

#[test]
fn a_folder_that_others_can_write_is_refused_with_the_repair() {
    let place = tempfile::tempdir().unwrap();
    for mode in [0o770, 0o707, 0o1777] {
        chmod(place.path(), mode);
        let error = Folder::open(place.path()).unwrap_err();
        assert!(matches!(error, PlaceError::Writable { mode: found, .. } if found == mode), "{error}");
        assert_eq!(error.exit(), Exit::Denied);
        let hint = error.hint().unwrap();
        assert!(hint.contains(&place.path().canonicalize().unwrap().display().to_string()), "{hint}");
        assert_eq!(hint.contains("chmod go-w"), mode != 0o1777, "{hint}");
    }
}

#[test]
fn a_folder_below_one_that_others_can_write_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let inner = place.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    assert!(Folder::open(&inner).is_ok());
    chmod(place.path(), 0o777);
    let error = Folder::open(&inner).unwrap_err();
    assert!(matches!(&error, PlaceError::Writable { path, .. } if *path == place.path().canonicalize().unwrap()));
    // In a shared folder with the sticky bit, others cannot replace what is there.
    chmod(place.path(), 0o1777);
    assert!(Folder::open(&inner).is_ok());
}

#[test]
fn a_link_on_the_way_is_followed_and_its_end_is_checked() {
    let place = tempfile::tempdir().unwrap();
    let (good, bad) = (place.path().join("good"), place.path().join("bad"));
    for path in [&good, &bad] {
        fs::create_dir(path).unwrap();
    }
    chmod(&bad, 0o777);
    symlink("good", place.path().join("to-good")).unwrap();
    symlink("bad", place.path().join("to-bad")).unwrap();
    assert_eq!(Folder::open(&place.path().join("to-good")).unwrap().path(), good.canonicalize().unwrap());
    assert!(matches!(Folder::open(&place.path().join("to-bad")), Err(PlaceError::Writable { .. })));
}

#[test]
fn a_folder_that_can_be_passed_but_not_listed_is_read_from() {
    let (place, folder) = folder();
    put(&folder, Before::Nothing, b"one").unwrap();
    chmod(place.path(), 0o300);
    let read = Folder::open(place.path()).and_then(|folder| folder.read(OsStr::new(NAME), LIMIT));
    chmod(place.path(), 0o700);
    assert_eq!(read.unwrap().bytes, b"one");
}

#[test]
fn what_is_no_regular_file_of_ones_own_is_refused_and_nothing_waits() {
    let (place, folder) = folder();
    let path = |name: &str| place.path().join(name);
    fs::create_dir(path("folder")).unwrap();
    mkfifo(&path("pipe"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    symlink("elsewhere", path("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    File::create(path("empty")).unwrap();
    fs::write(path("loose"), "x").unwrap();
    chmod(&path("loose"), 0o620);
    fs::write(path("large"), vec![0; 4097]).unwrap();
    let error = |name: &str| folder.read(OsStr::new(name), LIMIT).unwrap_err();
    assert!(matches!(error("folder"), PlaceError::Kind { found: "a folder", .. }));
    assert!(matches!(error("pipe"), PlaceError::Kind { found: "a named pipe", .. }));
    assert!(matches!(error("socket"), PlaceError::Kind { .. }));
    assert!(matches!(error("link"), PlaceError::Link { target: Some(target), .. } if target.ends_with("elsewhere")));
    assert!(matches!(error("empty"), PlaceError::Empty { .. }));
    assert!(matches!(error("loose"), PlaceError::Writable { mode: 0o620, .. }));
    assert!(matches!(error("large"), PlaceError::TooLarge { .. }));
    assert!(matches!(error("nothing"), PlaceError::Missing { .. }));
}

#[test]
fn a_file_of_another_user_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        // Without privileges nothing can be given away; the run as root shows it.
        return;
    }
    let (place, folder) = folder();
    fs::write(place.path().join(NAME), "x").unwrap();
    std::os::unix::fs::chown(place.path().join(NAME), Some(61234), None).unwrap();
    let error = folder.read(OsStr::new(NAME), LIMIT).unwrap_err();
    assert!(matches!(error, PlaceError::Owner { owner: 61234, caller: 0, .. }), "{error}");
    std::os::unix::fs::chown(place.path(), Some(61234), None).unwrap();
    assert!(matches!(Folder::open(place.path()), Err(PlaceError::Owner { owner: 61234, .. })));
}

#[test]
fn a_second_writer_waits_and_then_says_who_has_the_lock() {
    let (_place, folder) = folder();
    let lock = Lock::take(&folder, OsStr::new(NAME), Duration::ZERO).unwrap();
    let begin = Instant::now();
    let error = Lock::take(&folder, OsStr::new(NAME), Duration::from_millis(50)).unwrap_err();
    assert!(begin.elapsed() >= Duration::from_millis(50));
    assert_eq!(error.exit(), Exit::Busy);
    let expected = format!("process {} (", std::process::id());
    assert!(error.hint().unwrap().contains(&expected), "{:?}", error.hint());
    drop(lock);
    let _lock = Lock::take(&folder, OsStr::new(NAME), Duration::ZERO).unwrap();
}

#[test]
fn a_lock_file_that_others_could_hold_is_refused() {
    let (place, folder) = folder();
    let path = place.path().join(".vault.age.lock");
    let refused = || match Lock::take(&folder, OsStr::new(NAME), Duration::ZERO) {
        Err(LockError::Unsafe { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    symlink("elsewhere", &path).unwrap();
    assert_eq!(refused(), "a symbolic link");
    assert!(!place.path().join("elsewhere").exists());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(refused(), "a folder");
    fs::remove_dir(&path).unwrap();
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    assert_eq!(refused(), "a named pipe");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    chmod(&path, 0o604);
    assert!(refused().starts_with("open to other users"));
}

#[test]
fn whoever_waits_for_a_removed_lock_file_ends_up_with_the_one_that_is_there() {
    let (place, folder) = folder();
    let _first = Lock::take(&folder, OsStr::new(NAME), Duration::ZERO).unwrap();
    // Whoever waits for the old file must end up with the new one.
    let is_in = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _lock = Lock::take(&folder, OsStr::new(NAME), Duration::from_secs(120)).unwrap();
            is_in.store(true, Ordering::SeqCst);
            assert!(place.path().join(".vault.age.lock").exists());
        });
        thread::sleep(Duration::from_millis(30));
        assert!(!is_in.load(Ordering::SeqCst));
        fs::remove_file(place.path().join(".vault.age.lock")).unwrap();
    });
    assert!(is_in.load(Ordering::SeqCst));
}

#[test]
fn only_one_of_many_threads_writes() {
    let (_place, folder) = folder();
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let _lock = Lock::take(&folder, OsStr::new(NAME), Duration::from_secs(120)).unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                thread::sleep(Duration::from_millis(1));
                inside.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
}

#[test]
fn a_new_version_keeps_mode_and_owner_and_leaves_nothing_else() {
    let (place, folder) = folder();
    put(&folder, Before::Nothing, b"one").unwrap();
    let path = place.path().join(NAME);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    chmod(&path, 0o440);
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&path, None, Some(61234)).unwrap();
    }
    let old = fs::metadata(&path).unwrap();
    put(&folder, before(&folder), b"two").unwrap();
    let new = fs::metadata(&path).unwrap();
    assert_eq!((new.mode(), new.uid(), new.gid()), (old.mode(), old.uid(), old.gid()));
    assert_ne!(new.ino(), old.ino());
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(names(place.path()), [NAME]);
}

#[test]
fn what_does_not_verify_is_not_published() {
    let (place, folder) = folder();
    put(&folder, Before::Nothing, b"one").unwrap();
    let refuse = |_: &[u8]| Err(Failure::new(Exit::Data, "it does not open", "try another"));
    let error = publish(&folder, OsStr::new(NAME), before(&folder), b"two", refuse).unwrap_err();
    assert!(error.to_string().ends_with("does not verify: it does not open"), "{error}");
    assert_eq!(fs::read(place.path().join(NAME)).unwrap(), b"one");
    assert_eq!(names(place.path()), [NAME]);
}

#[test]
fn what_is_verified_is_what_was_read_back_and_not_yet_in_place() {
    let (place, folder) = folder();
    put(&folder, Before::Nothing, b"one").unwrap();
    let look = |read: &[u8]| {
        assert_eq!(read, b"two");
        assert_eq!(fs::read(place.path().join(NAME)).unwrap(), b"one");
        Ok(())
    };
    publish(&folder, OsStr::new(NAME), before(&folder), b"two", look).unwrap();
    assert_eq!(fs::read(place.path().join(NAME)).unwrap(), b"two");
}

#[test]
fn a_first_version_replaces_nothing() {
    let (place, folder) = folder();
    fs::write(place.path().join(NAME), "precious").unwrap();
    let error = put(&folder, Before::Nothing, b"two").unwrap_err();
    assert_eq!(error.exit(), Exit::Exists);
    assert_eq!(fs::read(place.path().join(NAME)).unwrap(), b"precious");
    assert_eq!(names(place.path()), [NAME]);
}

#[test]
fn leftovers_of_dead_writers_go_and_other_files_stay() {
    let (place, folder) = folder();
    let dead = [".vault.age.0123456789abcdef.new", ".vault.age.ffffffffffffffff.new"];
    let other =
        [".vault.age.0123.new", ".vault.age.new", "vault.age.0123456789abcdef.new", ".other.age.0123456789abcdef.new"];
    for name in dead.iter().chain(&other) {
        fs::write(place.path().join(name), "x").unwrap();
    }
    put(&folder, Before::Nothing, b"one").unwrap();
    let left = names(place.path());
    assert_eq!(left.len(), other.len() + 1, "{left:?}");
    assert!(other.iter().all(|name| left.contains(&(*name).to_owned())), "{left:?}");
}

#[test]
fn an_owner_that_cannot_be_kept_stops_the_write() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let (place, folder) = folder();
    put(&folder, Before::Nothing, b"one").unwrap();
    let of_root = Before::Old(Facts { uid: 0, gid: 0, mode: 0o600 });
    let error = put(&folder, of_root, b"two").unwrap_err();
    assert!(matches!(error, PublishError::Keep { owner: 0, .. }), "{error}");
    assert_eq!(fs::read(place.path().join(NAME)).unwrap(), b"one");
    assert_eq!(names(place.path()), [NAME]);
}

#[test]
fn an_older_vault_a_twin_and_another_one_are_noticed() {
    let (mut document, mut other) = (Document::new(vec![]).unwrap(), Document::new(vec![]).unwrap());
    let seen = sight(&mut document, 5, b"five");
    assert_eq!(seen.compare(None).unwrap(), Comparison::First);
    assert_eq!(seen.compare(Some(&seen)).unwrap(), Comparison::Same);
    assert_eq!(sight(&mut document, 6, b"six").compare(Some(&seen)).unwrap(), Comparison::Newer);
    let older = sight(&mut document, 4, b"four").compare(Some(&seen)).unwrap_err();
    assert!(matches!(older, RecordError::Older { found: 4, seen: 5, .. }));
    let twin = sight(&mut document, 5, b"fife").compare(Some(&seen)).unwrap_err();
    assert!(matches!(twin, RecordError::Forked { generation: 5, .. }));
    let foreign = sight(&mut other, 6, b"six").compare(Some(&seen)).unwrap_err();
    assert!(matches!(foreign, RecordError::Foreign { .. }));
    for error in [older, twin, foreign] {
        assert_eq!(error.exit(), Exit::Replaced);
        assert!(error.hint().unwrap().contains("verify --accept"));
    }
}

#[test]
fn a_record_goes_forward_only_unless_it_is_replaced() {
    let place = tempfile::tempdir().unwrap();
    let (record, mut document) = record(place.path());
    assert_eq!(record.read().unwrap(), None);
    let (five, six) = (sight(&mut document, 5, b"five"), sight(&mut document, 6, b"six"));
    record.keep(&six, Duration::ZERO).unwrap();
    assert_eq!(fs::metadata(place.path().join("state")).unwrap().mode() & 0o777, 0o700);
    record.keep(&five, Duration::ZERO).unwrap();
    assert_eq!(record.read().unwrap(), Some(six));
    record.replace(&five).unwrap();
    assert_eq!(record.read().unwrap(), Some(five));
}

#[test]
fn a_record_that_is_not_valid_or_not_safe_is_no_first_sight() {
    let place = tempfile::tempdir().unwrap();
    let (record, mut document) = record(place.path());
    record.keep(&sight(&mut document, 5, b"five"), Duration::ZERO).unwrap();
    let path: PathBuf = record.path();
    let good = fs::read(&path).unwrap();
    for bad in [&b"{}"[..], b"\0", &good[..good.len() / 2]] {
        fs::write(&path, bad).unwrap();
        assert!(matches!(record.read(), Err(RecordError::Broken { .. })));
    }
    fs::write(&path, "").unwrap();
    assert!(matches!(record.read(), Err(RecordError::Place(PlaceError::Empty { .. }))));
    fs::write(&path, &good).unwrap();
    chmod(&path, 0o666);
    assert!(matches!(record.read(), Err(RecordError::Place(PlaceError::Writable { .. }))));
    fs::remove_file(&path).unwrap();
    symlink("/dev/null", &path).unwrap();
    assert!(matches!(record.read(), Err(RecordError::Place(PlaceError::Link { .. }))));
    chmod(path.parent().unwrap(), 0o777);
    assert!(matches!(record.read(), Err(RecordError::Place(PlaceError::Writable { .. }))));
}

#[test]
fn records_of_different_places_do_not_meet() {
    let state = Path::new("/state");
    let path = |vault: &str| Record::of(state, Path::new(vault), Path::new(vault)).path();
    assert_ne!(path("/a/vault.age"), path("/b/vault.age"));
    assert_eq!(path("/a/vault.age"), path("/a/vault.age"));
}

#[test]
fn a_link_to_where_no_vault_was_seen_is_no_first_sight() {
    let place = tempfile::tempdir().unwrap();
    let (record, mut document) = record(place.path());
    let (five, six) = (sight(&mut document, 5, b"five"), sight(&mut document, 6, b"six"));
    record.keep(&six, Duration::ZERO).unwrap();
    let linked = vault_record(place.path(), "/etc/other/vault.age", "/etc/lobsterpot/vault.age");
    assert!(matches!(five.compare(linked.read().unwrap().as_ref()), Err(RecordError::Older { .. })));
    let foreign = sight(&mut Document::new(vec![]).unwrap(), 7, b"seven");
    assert!(matches!(foreign.compare(linked.read().unwrap().as_ref()), Err(RecordError::Foreign { .. })));
    // Nor when the other one was seen, too.
    vault_record(place.path(), "/etc/other/vault.age", "/etc/other/vault.age").replace(&foreign).unwrap();
    assert!(matches!(foreign.compare(linked.read().unwrap().as_ref()), Err(RecordError::Foreign { .. })));
    // Until a person accepts it.
    linked.replace(&foreign).unwrap();
    assert_eq!(foreign.compare(linked.read().unwrap().as_ref()).unwrap(), Comparison::Same);
}

#[test]
fn a_vault_that_is_reached_by_a_link_is_recorded_by_both_paths() {
    let place = tempfile::tempdir().unwrap();
    let (real, mut document) = record(place.path());
    real.keep(&sight(&mut document, 5, b"five"), Duration::ZERO).unwrap();
    let linked = vault_record(place.path(), "/etc/lobsterpot/vault.age", "/link/vault.age");
    assert!(linked.lacks_alias() && !real.lacks_alias());
    linked.keep(&sight(&mut document, 5, b"five"), Duration::ZERO).unwrap();
    assert!(!linked.lacks_alias());
    real.keep(&sight(&mut document, 6, b"six"), Duration::ZERO).unwrap();
    assert_eq!(linked.read().unwrap(), Some(sight(&mut document, 6, b"six")));
    let moved = vault_record(place.path(), "/elsewhere/vault.age", "/link/vault.age");
    assert_eq!(moved.read().unwrap(), Some(sight(&mut document, 5, b"five")));
}
