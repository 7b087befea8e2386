//! Kills, rivals and swaps in the middle of everything.

use std::io::Write as _;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use serde_json::{Value, json};

use crate::scene::{CANARY, Scene, as_everybody, finish};
use crate::service::Service;

/// Content of many pages that is whole only when all of it is the same letter.
fn pages(letter: u8) -> Vec<u8> {
    vec![letter; 1_500_000]
}

/// The letter that all of `content` is; `None` when it is not.
fn letter(content: &[u8]) -> Option<u8> {
    let first = *content.first()?;
    (content.len() == pages(first).len() && content.iter().all(|byte| *byte == first)).then_some(first)
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_content_or_the_new() {
    as_everybody(|scene| {
        let begun = Instant::now();
        scene.done(&["write", "file"], pages(b'a'));
        let whole = begun.elapsed();
        let (mut before, mut after) = (0, 0);
        // The kills come later and later, until they have come too late as well: on a busy machine that takes longer than once.
        for round in 0..400_u32 {
            if round >= 40 && before > 0 && after > 0 {
                break;
            }
            let old = letter(&scene.content("file")).unwrap();
            let new = if old == b'a' { b'b' } else { b'a' };
            let mut child = scene.command(&["write", "file"]).spawn().unwrap();
            let mut stream = child.stdin.take().unwrap();
            // The program may be gone before it has read everything.
            let writer = std::thread::spawn(move || drop(stream.write_all(&pages(new))));
            std::thread::sleep(whole * round / 20);
            child.kill().unwrap();
            finish(child);
            writer.join().unwrap();
            let now = letter(&scene.content("file")).expect("the content is whole");
            if now == new { after += 1 } else { before += 1 }
        }
        assert!(before > 0 && after > 0, "kills came too late or too early: {before} old, {after} new");
        // A name for the new content is there for two calls only; should a kill hit that moment, what it leaves is whole.
        for name in scene.names(".").into_iter().filter(|name| name != "file") {
            assert!(name.to_string_lossy().starts_with(".lobsterpot-"), "{name:?}");
            assert!(letter(&scene.content(&name)).is_some(), "{name:?}");
        }
    });
}

#[test]
fn rivals_write_whole_files_and_readers_see_nothing_else() {
    as_everybody(|scene| {
        scene.plant("file", pages(b'z'));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let told = Told(&done);
            let writers: Vec<_> = (b'a'..=b'd')
                .map(|letter| {
                    scope.spawn(move || {
                        for _ in 0..6 {
                            scene.done(&["write", "file"], pages(letter));
                        }
                    })
                })
                .collect();
            let reader = scope.spawn(|| {
                let mut reads = 0;
                loop {
                    assert!(letter(&scene.done(&["read", "file"], "")).is_some());
                    assert!(letter(&scene.content("file")).is_some());
                    reads += 1;
                    if done.load(Ordering::Relaxed) {
                        break reads;
                    }
                }
            });
            for writer in writers {
                writer.join().unwrap();
            }
            drop(told);
            assert!(reader.join().unwrap() > 0);
        });
        assert_eq!(scene.names("."), ["file"]);
    });
}

#[test]
fn rivals_who_make_the_same_new_file_make_one_whole_file() {
    as_everybody(|scene| {
        for _ in 0..4 {
            std::thread::scope(|scope| {
                for letter in b'a'..=b'd' {
                    scope.spawn(move || scene.done(&["write", "--parents", "x/y/file"], pages(letter)));
                }
            });
            assert!(letter(&scene.content("x/y/file")).is_some());
            let exclusive = |name: &'static str| scene.command(&["write", "--exclusive", name]).spawn().unwrap();
            let rivals: Vec<_> = (0..4).map(|_| exclusive("x/new")).collect();
            let end = |mut rival: Child| {
                drop(rival.stdin.take());
                finish(rival).status
            };
            let statuses: Vec<_> = rivals.into_iter().map(end).collect();
            assert_eq!(statuses.iter().filter(|status| **status == 0).count(), 1, "{statuses:?}");
            scene.done(&["remove", "--recursive", "x"], "");
        }
    });
}

#[test]
fn edits_of_rivals_are_not_lost() {
    as_everybody(|scene| {
        scene.plant("file", "one two three four\n");
        std::thread::scope(|scope| {
            for word in ["one", "two", "three", "four"] {
                scope.spawn(move || {
                    let edits = json!([{"old": word, "new": word.to_uppercase()}]);
                    scene.done(&["edit", "file"], edits.to_string());
                });
            }
        });
        assert_eq!(String::from_utf8(scene.content("file")).unwrap(), "ONE TWO THREE FOUR\n");
        assert_eq!(scene.names("."), ["file"]);
    });
}

/// Says that it is over as it goes away.
struct Told<'a>(&'a AtomicBool);

impl Drop for Told<'_> {
    /// Says so.
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Swaps two names until told to stop, or does other mischief.
fn while_swapping(scene: &Scene, names: [&str; 2], action: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let [one, other] = names.map(|name| scene.path(name));
    std::thread::scope(|scope| {
        // An assertion that fails must end the swapping too, for which this waits.
        let told = Told(&done);
        let swapper = scope.spawn(|| {
            let mut swaps = 0_u64;
            while !done.load(Ordering::Relaxed) {
                swaps += u64::from(renameat2(AT_FDCWD, &one, AT_FDCWD, &other, RenameFlags::RENAME_EXCHANGE).is_ok());
            }
            swaps
        });
        action();
        drop(told);
        assert!(swapper.join().unwrap() > 100);
    });
}

/// Asks a running service again and again while two names are swapped; nothing of the secret may come out or change.
fn nothing_comes_out(scene: &Scene, swapped: [&str; 2], requests: &[Value]) {
    let mut service = Service::new(scene);
    while_swapping(scene, swapped, || {
        for _ in 0..120 {
            for request in requests {
                let answer = service.ask(request).to_string();
                // The secret as text, and as base64.
                assert!(!answer.contains(CANARY) && !answer.contains("Y2FuYXJ5"), "{request}: {answer}");
            }
        }
    });
    assert_eq!(service.end().0, 0);
    assert_eq!(scene.content("../outside/secret"), CANARY.as_bytes());
    assert_eq!(scene.names("../outside"), ["secret"]);
}

#[test]
fn a_folder_that_is_swapped_for_a_link_to_a_secret_gives_nothing_away() {
    as_everybody(|scene| {
        scene.plant("folder/secret", "harmless");
        scene.plant_link("link", "../outside");
        let requests = [
            json!({"op": "read", "path": "folder/secret"}),
            json!({"op": "write", "path": "folder/secret", "text": "harmless"}),
            json!({"op": "write", "path": "folder/new", "text": "harmless"}),
            json!({"op": "edit", "path": "folder/secret", "edits": [{"old": "canary", "new": "harmless"}]}),
            json!({"op": "list", "path": "folder"}),
            json!({"op": "mkdir", "path": "folder/a/b", "parents": true}),
            json!({"op": "rename", "from": "folder/secret", "to": "taken"}),
            json!({"op": "remove", "path": "folder/a", "recursive": true}),
            json!({"op": "remove", "path": "folder/secret"}),
        ];
        nothing_comes_out(scene, ["folder", "link"], &requests);
    });
}

#[test]
fn a_file_that_is_swapped_for_a_link_to_a_secret_gives_nothing_away() {
    as_everybody(|scene| {
        scene.plant("file", "harmless");
        scene.plant_link("link", "../outside/secret");
        let requests = [
            json!({"op": "read", "path": "file"}),
            json!({"op": "write", "path": "file", "text": "harmless"}),
            json!({"op": "stat", "path": "file"}),
        ];
        nothing_comes_out(scene, ["file", "link"], &requests);
    });
}
