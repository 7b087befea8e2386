//! Many launches, one after the other and at once: none fails, and nothing is left of any.
//!
//! `LOBSTERPOT_LAUNCHES` says how many, 200 by default; 10,000 take some minutes.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::traces::{Objects, Traces};
use crate::harness::{Run, Scene, each_scene, outcome, require};

/// How many launches there are at once in the second half.
const AT_ONCE: usize = 64;

/// How many launches are made altogether, for each user.
fn launches() -> usize {
    std::env::var("LOBSTERPOT_LAUNCHES").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

/// What runs: without a network, with one that nobody uses, and with one that the way out is started for.
fn kinds(scene: &Scene) -> [Run; 3] {
    let (temporary, runtime) = (scene.root.join("tmp"), scene.root.join("run"));
    [&temporary, &runtime].into_iter().for_each(|place| scene.mkdir(place));
    let allow = ["--net", "allowlist", "--allow-host", "example.com:443"];
    // The answer is the sandbox's own: nobody outside is asked.
    let ask = "getent ahostsv4 example.com | grep -q '^198[.]1[89][.]' && echo ran; exit 7";
    [
        Run::shell("echo ran; exit 7").flags(&["--net", "none"]),
        Run::shell("echo ran; exit 7").flags(&allow),
        Run::shell(ask).flags(&allow),
    ]
    .map(|run| run.env("TMPDIR", &temporary).env("XDG_RUNTIME_DIR", &runtime))
}

/// Launches the kinds in turn, `count` times altogether and `at_once` at a time; each must end with 7 and say exactly that it ran.
#[track_caller]
fn launch(scene: &Scene, kinds: &[Run], count: usize, at_once: usize) {
    let commands: Vec<Command> = kinds.iter().cycle().take(count).map(|run| scene.sandboxed_command(run)).collect();
    let (commands, failed) = (Mutex::new(commands), AtomicUsize::new(0));
    let next = || commands.lock().expect("whole").pop();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(mut command) = next() {
                    let outcome = outcome::run(&mut command, None);
                    if outcome.status != 7 || outcome.out() != "ran\n" || !outcome.err().is_empty() {
                        eprintln!("{outcome}");
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(failed.load(Ordering::Relaxed), 0, "of {count} launches, {at_once} at a time");
}

#[test]
fn many_launches_leave_nothing_behind_and_none_fails() {
    if !require(&["getent"]) {
        return;
    }
    each_scene(|scene| {
        let kinds = kinds(scene);
        // What is remembered between runs is remembered by the first ones.
        launch(scene, &kinds, 2 * kinds.len(), 1);
        let (before, objects, count) = (Traces::of(scene), Objects::now(), launches());
        launch(scene, &kinds, count / 2, 2);
        launch(scene, &kinds, count - count / 2, AT_ONCE);
        assert_eq!(Traces::of(scene), before);
        objects.assert_no_more_after(u64::try_from(count).expect("a number"));
    });
}
