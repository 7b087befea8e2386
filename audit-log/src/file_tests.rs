//! Attacks on the log: bytes changed, lines moved, writes cut short, files put in its place.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use proptest::prelude::*;

use super::*;
use crate::Why;

/// A log in a folder of its own.
struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn log(&self) -> Log {
        Log::new(self.0.path().join("state"))
    }

    /// With `count` records in it, one for each call.
    fn with(count: u64) -> Self {
        let world = Self::new();
        (0..count).for_each(|number| world.write(&world.log(), number));
        world
    }

    fn write(&self, log: &Log, number: u64) {
        log.append(&writer(number), [refused(&format!("host{number}.example:443"))]).expect("written");
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.log().path()).expect("the file")
    }

    fn replace(&self, content: &[u8]) {
        fs::write(self.log().path(), content).expect("the file");
    }

    fn verdict(&self) -> Verdict {
        self.log().verify().expect("it can be read")
    }
}

fn writer(time: u64) -> Writer {
    Writer { time, run: format!("{time:016x}"), command: "curl".to_owned() }
}

fn refused(subject: &str) -> What {
    What::Refused { reason: "net.host-not-allowed".to_owned(), subject: subject.to_owned(), times: 1 }
}

#[test]
fn records_follow_from_one_another_and_only_their_owner_may_read_them() {
    let world = World::with(5);
    let verdict = world.verdict();
    assert_eq!((verdict.records, verdict.broken, verdict.sealed.len()), (5, None, 0));
    assert_eq!(verdict.head.map(|(number, _)| number), Some(4));
    assert_eq!(fs::metadata(world.log().path()).expect("the file").mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(world.0.path().join("state")).expect("the folder").mode() & 0o7777, 0o700);
    let last = world.log().last(2).expect("read");
    assert_eq!(last.iter().map(|record| record.number).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn no_log_is_an_empty_one() {
    let world = World::new();
    assert_eq!(world.verdict(), Verdict::default());
    assert!(world.log().last(3).expect("read").is_empty());
    assert!(!world.0.path().join("state").exists(), "looking makes nothing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_change_of_any_byte_is_found(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let world = World::with(4);
        let mut content = world.content();
        let at = at.index(content.len());
        prop_assume!(content[at] != value);
        let line = content[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        content[at] = value;
        world.replace(&content);
        let broken = world.verdict().broken.expect("a break");
        prop_assert_eq!(broken.line, line, "the first record that does not follow is named");
    }

    #[test]
    fn a_line_that_is_dropped_doubled_or_moved_is_found(first in 0_usize..6, second in 0_usize..6, how in 0..3) {
        let world = World::with(6);
        let content = world.content();
        let mut lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
        match how {
            0 => { prop_assume!(first < 5); lines.remove(first); }
            1 => lines.insert(second, lines[first]),
            _ => { prop_assume!(first != second); lines.swap(first, second); }
        }
        world.replace(&lines.concat());
        let broken = world.verdict().broken.expect("a break");
        prop_assert_eq!(broken.why, Why::DoesNotFollow);
    }

    #[test]
    fn what_a_crash_leaves_is_sealed_off_and_no_record_before_it_is_lost(kept in any::<prop::sample::Index>(), again in 0_usize..400) {
        let world = World::with(3);
        let whole = world.content();
        let kept = kept.index(whole.len());
        world.replace(&whole[..kept]);
        let open = kept > 0 && whole[kept - 1] != b'\n';
        // A record of which only the line feed is missing is whole.
        let torn = open && whole[kept] != b'\n';
        let records = whole[..kept].iter().filter(|byte| **byte == b'\n').count() as u64 + u64::from(open && !torn);
        prop_assert_eq!(world.verdict().broken.map(|place| place.why), open.then_some(Why::Torn), "it is noticed before that");
        world.write(&world.log(), 9);
        let verdict = world.verdict();
        prop_assert_eq!(&verdict.broken, &None);
        prop_assert_eq!(verdict.records, records + 1 + u64::from(torn));
        prop_assert_eq!(verdict.sealed.iter().filter(|seal| seal.torn).count(), usize::from(torn));
        prop_assert!(world.content().starts_with(&whole[..kept]), "nothing is repaired in silence");

        // A crash while that was sealed off.
        let sealed = world.content();
        let cut = (kept + 1 + again).min(sealed.len());
        world.replace(&sealed[..cut]);
        world.write(&world.log(), 10);
        let verdict = world.verdict();
        prop_assert_eq!(verdict.broken, None);
        prop_assert!(verdict.records > records);
    }

    #[test]
    fn sealed_bytes_cannot_be_changed_either(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let world = World::with(2);
        let whole = world.content();
        world.replace(&whole[..whole.len() - 20]);
        world.write(&world.log(), 9);
        let mut content = world.content();
        let start = whole.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        let at = start + at.index(whole.len() - 20 - start);
        prop_assume!(content[at] != value);
        content[at] = value;
        world.replace(&content);
        prop_assert!(world.verdict().broken.is_some());
    }
}

#[test]
fn a_last_record_that_was_changed_is_sealed_off_as_changed_and_not_as_torn() {
    let world = World::with(2);
    let changed = String::from_utf8(world.content()).expect("text").replace("host1.example", "none.example");
    world.replace(changed.as_bytes());
    assert_eq!(world.verdict().broken.map(|place| (place.line, place.why)), Some((2, Why::Changed)));
    world.write(&world.log(), 9);
    let verdict = world.verdict();
    assert_eq!(verdict.broken, None);
    assert_eq!(verdict.sealed.iter().map(|seal| (seal.line, seal.torn)).collect::<Vec<_>>(), [(2, false)]);
}

#[test]
fn a_forged_record_does_not_follow() {
    let world = World::with(3);
    let other = World::with(4);
    let lines = other.content();
    let forged: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
    // Records of another log are whole, and do not belong here; those of this one cannot be made again with another content.
    world.replace(&[world.content(), forged[1].to_vec()].concat());
    assert_eq!(world.verdict().broken.map(|place| (place.line, place.why)), Some((4, Why::DoesNotFollow)));
}

#[test]
fn the_chain_goes_on_through_rotated_files_and_only_the_oldest_are_dropped() {
    let world = World::new();
    let log = world.log().with_size(1000);
    for number in 0..40 {
        world.write(&log, number);
    }
    let folder = world.0.path().join("state");
    let mut names: Vec<_> = fs::read_dir(&folder).expect("it").map(|entry| entry.expect("one").file_name()).collect();
    names.sort();
    assert_eq!(names, ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3"]);
    let verdict = log.verify().expect("read");
    assert_eq!(verdict.broken, None);
    assert_eq!(verdict.head.map(|(number, _)| number), Some(39));
    assert!(verdict.records < 40, "the oldest are gone");
    // A file in the middle that is gone is a break; so is a beginning that is gone when nothing was rotated away.
    fs::remove_file(folder.join("audit.jsonl.2")).expect("it");
    assert_eq!(log.verify().expect("read").broken.map(|place| place.why), Some(Why::DoesNotFollow));
}

#[test]
fn a_beginning_that_is_gone_is_found() {
    let world = World::with(3);
    let content = world.content();
    let second = content.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    world.replace(&content[second..]);
    assert_eq!(world.verdict().broken.map(|place| place.line), Some(1));
}

#[test]
fn an_empty_file_after_a_rotation_goes_on_with_the_chain() {
    let world = World::with(2);
    let path = world.log().path();
    fs::rename(&path, path.with_extension("jsonl.1")).expect("renamed");
    world.replace(b"");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    world.write(&world.log(), 9);
    let verdict = world.verdict();
    assert_eq!((verdict.records, verdict.broken), (3, None));
}

#[test]
fn a_link_a_pipe_or_a_file_that_others_may_write_is_refused() {
    let world = World::with(1);
    let (log, path) = (world.log(), world.log().path());
    let append = || log.append(&writer(1), [refused("a:1")]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).expect("its mode");
    assert!(matches!(append(), Err(LogError::Untrusted { .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    fs::hard_link(&path, world.0.path().join("second")).expect("a name");
    assert!(matches!(append(), Err(LogError::Untrusted { .. })));
    fs::remove_file(&path).expect("gone");
    symlink(world.0.path().join("second"), &path).expect("a link");
    assert!(matches!(append(), Err(LogError::Refused { errno: Errno::ELOOP, .. })));
    fs::remove_file(&path).expect("gone");
    nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe");
    assert!(matches!(append(), Err(LogError::Untrusted { .. })));
    fs::set_permissions(world.0.path().join("state"), fs::Permissions::from_mode(0o770)).expect("its mode");
    assert!(matches!(append(), Err(LogError::Untrusted { .. })));
}

#[test]
fn who_holds_the_lock_delays_nobody_for_long() {
    let world = World::with(1);
    let log = world.log();
    let _held = log.lock().expect("the lock");
    let start = Instant::now();
    assert!(matches!(log.append(&writer(1), [refused("a:1")]), Err(LogError::Busy { .. })));
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn many_writers_at_once_make_one_chain() {
    let world = World::with(1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..10 {
                    while matches!(
                        world.log().append(&writer(number), [refused("a:1"), refused("b:2")]),
                        Err(LogError::Busy { .. })
                    ) {}
                }
            });
        }
    });
    let verdict = world.verdict();
    assert_eq!((verdict.records, verdict.broken), (81, None));
}

#[test]
fn a_flood_in_one_call_is_cut() {
    let world = World::new();
    world.log().append(&writer(1), (0..10_000).map(|number| refused(&format!("x{number}:1")))).expect("written");
    assert_eq!(world.verdict().records, MOST as u64);
}

#[test]
fn a_flood_is_counted_and_does_not_push_out_what_is_older() {
    let world = World::new();
    let log = world.log();
    log.append(&writer(7), [refused("first.example:443")]).expect("written");
    let many = || (0..256).map(|number| refused(&format!("{}{number}.example:443", "x".repeat(100))));
    let hour = 60 * 60 * 1000;
    (0..100).for_each(|run| log.append(&writer(2 * hour + run), many()).expect("written"));
    let size = fs::metadata(log.path()).expect("the file").len();
    assert!(size < 2 * flood::BUDGET, "{size} bytes of 100 runs");
    assert_eq!(log.last(usize::MAX).expect("read")[0].what, refused("first.example:443"));
    let times = |record: &Record| match &record.what {
        What::Refused { times, .. } => *times,
        What::Failed { .. } | What::WayOutEnded { .. } | What::Sealed { .. } => 0,
    };
    assert_eq!(log.last(usize::MAX).expect("read").iter().map(times).sum::<u64>(), 1 + 100 * 256, "none is lost");
    // What is no refusal is told all the same; and an hour later refusals are told apart again.
    let ended = What::WayOutEnded { message: "was ended".to_owned() };
    log.append(&writer(2 * hour + 500), [ended.clone()]).expect("written");
    assert_eq!(log.last(1).expect("read")[0].what, ended);
    log.append(&writer(4 * hour), [refused("later.example:443")]).expect("written");
    assert_eq!(log.last(1).expect("read")[0].what, refused("later.example:443"));
    assert_eq!(world.verdict().broken, None);
}

#[test]
fn a_crash_between_two_renames_of_a_rotation_is_no_break() {
    for renamed in 1..4 {
        let world = World::new();
        let log = world.log().with_size(1000);
        (0..60).for_each(|number| world.write(&log, number));
        let folder = world.0.path().join("state");
        // As far as a rotation gets before it is killed.
        for number in (0..3).rev().take(renamed) {
            let name = |number: u32| folder.join(rotated(number));
            fs::rename(name(number), name(number + 1)).expect("renamed");
        }
        let verdict = log.verify().expect("it can be read");
        assert_eq!((verdict.broken, verdict.head.map(|(number, _)| number)), (None, Some(59)), "{renamed} renames");
        let oldest = log.last(usize::MAX).expect("read")[0].number;
        world.write(&log, 60);
        assert_eq!(log.last(usize::MAX).expect("read")[0].number, oldest, "the gap takes what is moved");
        (61..75).for_each(|number| world.write(&log, number));
        let verdict = log.verify().expect("it can be read");
        assert_eq!((verdict.broken, verdict.head.map(|(number, _)| number)), (None, Some(74)), "{renamed} renames");
    }
}
