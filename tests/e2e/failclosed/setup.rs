//! Every system call of the launcher's set-up fails in turn, moves less than it should, or is the last of a process: the command
//! never starts, or every layer is in force; it is said what failed; nothing stays.
//!
//! A run is followed by `tests/src/bin/inject`. `LOBSTERPOT_THOROUGH=1` takes every call, otherwise a sample, always the same one unless
//! `LOBSTERPOT_SEED` names another; the first call of each name in each process is always in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::calls::{Call, error_for};
use super::is_thorough;
use super::judge::{Deed, Expected, judge};
use crate::harness::scene::put;
use crate::harness::{Outcome, Run, Scene, each_scene, outcome, plant, skip};

/// Of how many calls one is taken for the sample.
const ONE_OF: u64 = 8;
/// How many runs are followed at once.
const WORKERS: usize = 4;
/// The tracer's status where it cannot follow.
const CANNOT: i32 = 98;

/// One run to disturb.
struct Job {
    /// Which call.
    call: Call,
    /// What is done.
    deed: Deed,
    /// The whole command line.
    command: Command,
}

/// A scene with what there is to hide in the workspace, too.
fn prepare(scene: &Scene) {
    for name in [".env", ".env.local", "deep/er/.env"] {
        scene.write(&scene.at_work(name), &format!("secret={}\n", scene.canary));
    }
    scene.mkdir(&scene.at_home(".cache/lobsterpot"));
    let tracer = scene.root.join("shipped/inject");
    drop(scene.binary("sandbox-exec"));
    put(PathBuf::from(env!("CARGO_BIN_EXE_inject")).as_path(), &tracer);
}

/// A probe under the launcher, followed, with `orders` for the tracer.
fn probe(scene: &Scene, orders: &[String]) -> Run {
    let secrets = plant::SECRETS.iter().map(|secret| scene.at_home(secret));
    let work = [".env", ".env.local"].map(|name| scene.at_work(name));
    let mut run = Run::new(&[scene.attack().into_os_string(), "layers".into()]);
    run.argv.extend(secrets.chain(work).map(PathBuf::into_os_string));
    run.outer = vec![scene.root.join("shipped/inject").into_os_string()];
    run.outer.extend(orders.iter().map(Into::into));
    run.outer.push("--".into());
    run
}

/// Every call of an undisturbed run, and its report; `None` where it cannot be followed.
fn survey(scene: &Scene) -> Option<(Vec<Call>, Expected)> {
    // What is remembered between runs is remembered by the first.
    drop(scene.sandboxed(&probe(scene, &[])));
    let outcome = scene.sandboxed(&probe(scene, &[]));
    if outcome.status == CANNOT {
        skip("this machine's calls cannot be followed: x86-64 and ptrace(2) are needed");
        return None;
    }
    let report = outcome.ok();
    let text = outcome.err();
    let calls: Vec<Call> =
        text.lines().filter_map(|line| Call::parse(line.strip_prefix("inject: ")?, &scene.root)).collect();
    let labels: BTreeSet<&str> = calls.iter().map(|call| call.label.as_str()).collect();
    assert!(["0", "0.1", "0.1.1"].iter().all(|label| labels.contains(label)), "{labels:?}");
    let expected = Expected::of(&report, &calls);
    Some((calls, expected))
}

/// Those of `calls` that are tried: all, or the first of each name in each process and a part of the others.
pub(super) fn sample(calls: Vec<Call>, seed: u64) -> Vec<Call> {
    let mut seen = BTreeSet::new();
    let is_first = |call: &Call| seen.insert((call.label.clone(), call.name.clone()));
    let first: Vec<bool> = calls.iter().map(is_first).collect();
    let mut state = seed | 1;
    let mut is_drawn = || {
        // xorshift64*: nothing depends on its quality.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32).is_multiple_of(ONE_OF)
    };
    let chosen = calls.into_iter().zip(first).filter(|(_, first)| is_drawn() || is_thorough() || *first);
    chosen.map(|(call, _)| call).collect()
}

/// The seed of this run's samples.
pub(super) fn seed() -> u64 {
    let stated = std::env::var("LOBSTERPOT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = stated.unwrap_or(0x9e37_79b9);
    eprintln!("LOBSTERPOT_SEED={seed}");
    seed
}

/// Carries `jobs` out, some at a time, and asserts that each came to what it must; returns how many there were.
fn carry_out(jobs: Vec<Job>, expected: &Expected, root: &Path) -> usize {
    let count = jobs.len();
    let (jobs, broken) = (Mutex::new(jobs), Mutex::new(BTreeMap::<String, Vec<String>>::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(mut job) = jobs.lock().expect("no test has failed with it").pop() {
                    let outcome = outcome::run(&mut job.command, None);
                    // How often the launcher waits differs from run to run, and with it which call has that number, if any has.
                    match disturbed(&outcome, root) {
                        Some(call) => job.call = call,
                        None => job.deed = Deed::None,
                    }
                    if let Err(why) = judge(&job.call, &job.deed, &outcome, expected) {
                        let (key, text) = told(&job, &outcome, &why);
                        broken.lock().expect("no test has failed with it").entry(key).or_default().push(text);
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().expect("no test has failed with it");
    let lines: Vec<String> = broken.iter().map(|(key, all)| format!("{} × {key}, as {}", all.len(), all[0])).collect();
    assert!(lines.is_empty(), "{} kinds of broken promises:\n{}", lines.len(), lines.join("\n"));
    count
}

/// The call that the tracer disturbed, in a scene at `root`; `None` when there was none with that number.
fn disturbed(outcome: &Outcome, root: &Path) -> Option<Call> {
    outcome.err().lines().find_map(|line| Call::parse(line.split_once("inject: ")?.1, root))
}

/// A broken promise: its kind, and the run that broke it.
fn told(job: &Job, outcome: &Outcome, why: &str) -> (String, String) {
    let call = &job.call;
    let key = format!("{} {} {:?}: {why}", call.label, call.name, job.deed);
    (key, format!("{}:{} {}\n{outcome}\n", call.label, call.number, call.detail))
}

/// The scene's files that must be the same before and after: all but what is remembered between runs.
fn names(scene: &Scene) -> Vec<PathBuf> {
    let kept = [scene.at_home(".cache/lobsterpot"), scene.at_home(".local/state/lobsterpot")];
    let mut found = Vec::new();
    let mut folders = vec![scene.root.clone()];
    while let Some(folder) = folders.pop().filter(|folder| !kept.contains(folder)) {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !kept.contains(&entry.path()) {
                folders.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// What is done to a call: the name that the test has for it, and the tracer's word.
pub(super) type Deeds = fn(&Call, u32) -> Vec<(Deed, String)>;

/// Disturbs the calls of a run as everybody that the suite can be.
#[track_caller]
fn disturb(deeds: Deeds) {
    let seed = seed();
    each_scene(|scene| {
        prepare(scene);
        let Some((calls, expected)) = survey(scene) else { return };
        let before = names(scene);
        let mut jobs = Vec::new();
        for (turn, call) in (u32::try_from(seed & 0xff).unwrap_or(0)..).zip(sample(calls, seed)) {
            for (deed, word) in deeds(&call, turn) {
                let run = probe(scene, &[format!("{}:{}", call.label, call.number), word]);
                jobs.push(Job { call: call.clone(), deed, command: scene.sandboxed_command(&run) });
            }
        }
        eprintln!("{} runs", carry_out(jobs, &expected, &scene.root));
        assert_eq!(names(scene), before, "files came or went");
    });
}

#[test]
fn call_of_the_setup_that_fails_stops_the_run_or_is_known_not_to_matter() {
    disturb(|call, turn| {
        if call.name == "brk" {
            // It tells no error: the kernel answers with the old end of the heap, brk(2), and a program may rely on that.
            return vec![];
        }
        let error = error_for(call, turn);
        vec![(Deed::Fail(error), format!("fail={error}"))]
    });
}

#[test]
fn read_or_write_of_one_byte_is_carried_on() {
    disturb(|call, _| {
        let moves = ["read", "write", "pread64", "pwrite64", "sendto", "recvfrom", "getrandom"];
        let moves = moves.contains(&call.name.as_str());
        moves.then(|| (Deed::Short, "short".to_owned())).into_iter().collect()
    });
}

#[test]
fn process_of_the_setup_that_is_killed_takes_the_run_with_it() {
    disturb(|call, _| vec![(Deed::Kill(call.label.clone()), format!("kill={}", call.label))]);
}

#[test]
fn launcher_that_is_killed_while_others_set_up_takes_them_with_it() {
    disturb(|call, _| {
        let is_other = call.label != "0";
        is_other.then(|| (Deed::Kill("0".to_owned()), "kill=0".to_owned())).into_iter().collect()
    });
}

#[test]
fn first_process_that_is_killed_while_the_command_sets_up_takes_it_with_it() {
    disturb(|call, _| {
        let is_last = call.label == "0.1.1";
        is_last.then(|| (Deed::Kill("0.1".to_owned()), "kill=0.1".to_owned())).into_iter().collect()
    });
}
