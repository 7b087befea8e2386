//! Every system call of a hook fails in turn, moves one byte, or is its last: a call that would be denied is denied, whatever fails, and
//! one that would be allowed gets the whole answer or a denial. Never half of one, and no status that a client takes for consent.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::calls::{Call, error_for};
use super::judge::Deed;
use super::setup::{Deeds, sample, seed};
use crate::harness::scene::put;
use crate::harness::{Identity, Outcome, Run, Scene, skip, ways};

/// How many runs are followed at once.
const WORKERS: usize = 4;
/// The tracer's status where it cannot follow.
const CANNOT: i32 = 98;
/// The status that stops the call in every client.
const STOP: i32 = 2;
/// What a program that could not even start ends with, and one that was killed. The command line that is installed turns these into a
/// denial where a client would not.
const NO_START: [i32; 5] = [127, 132, 134, 137, 139];

/// A call that a hook is asked about.
struct Question {
    /// What it is.
    name: &'static str,
    /// The hook.
    hook: &'static str,
    /// What the client sends.
    payload: Value,
    /// The status of an undisturbed answer.
    status: i32,
}

/// Calls of each kind: rewritten, denied for each of the reasons that take a look at the host, and allowed.
fn questions(scene: &Scene) -> Vec<Question> {
    let link = scene.at_work("link");
    std::os::unix::fs::symlink(scene.at_home(".ssh/id_ed25519"), &link).expect("a symlink");
    scene.write(&scene.at_work(".env"), "KEY=1\n");
    std::fs::hard_link(scene.at_work(".env"), scene.at_work("second")).expect("a second name");
    scene.write(&scene.at_work(".git/config"), "[core]\n");
    let call = |tool: &str, input: Value| {
        let mut payload = ways::call(scene, "Bash", &scene.workspace, &scene.workspace);
        payload["tool_name"] = json!(tool);
        payload["tool_input"] = input;
        payload
    };
    let file = |name: &str| json!({ "file_path": scene.at_work(name) });
    let question =
        |name, tool: &str, input, status| Question { name, hook: "fs-guard-hook", payload: call(tool, input), status };
    let written = |name: &str| json!({ "file_path": scene.at_work(name), "content": "x" });
    vec![
        Question {
            name: "a command",
            hook: "sandbox-exec-hook",
            payload: call("Bash", json!({ "command": "ls" })),
            status: 0,
        },
        question("reading", "Read", file("README.md"), 0),
        question("reading a masked file", "Read", file(".env"), STOP),
        question("reading by a link", "Read", file("link"), STOP),
        question("reading by a second name", "Read", file("second"), STOP),
        question("writing a protected file", "Write", written(".git/config"), STOP),
        question("searching over a masked file", "Grep", json!({ "pattern": "KEY", "path": scene.workspace }), STOP),
    ]
}

/// A hook that is asked, followed, with `orders` for the tracer.
fn asked(scene: &Scene, question: &Question, orders: &[String]) -> Run {
    let mut run = Run::new(&[scene.binary(question.hook).into_os_string(), "--client".into(), "claude-code".into()]);
    run.outer = vec![scene.root.join("shipped/inject").into_os_string()];
    run.outer.extend(orders.iter().map(Into::into));
    run.outer.push("--".into());
    run.input(question.payload.to_string().as_bytes())
}

/// What is wrong with the answer of a disturbed hook.
fn fault(answer: &Outcome, good: &Outcome, question: &Question, call: &Call) -> Option<&'static str> {
    let err = answer.err();
    let (tracer, own): (Vec<&str>, Vec<&str>) = err.lines().partition(|line| line.starts_with("inject: "));
    if tracer.iter().any(|line| line.contains("inject: left") || line.contains("inject: hung")) {
        return Some("it hangs");
    }
    let is_whole = answer.stdout.is_empty() || serde_json::from_slice::<Value>(&answer.stdout).is_ok();
    match answer.status {
        0 if question.status != 0 => Some("a call to be denied is allowed"),
        // Where a look at bash fails, the command is started by another shell, in the sandbox as well.
        0 if answer.out().contains("/sandbox-exec --workspace ") => None,
        0 => (answer.stdout != good.stdout).then_some("it allows something else"),
        // What cannot be written is not written. The command line that is installed says a word in its place.
        STOP if call.name == "write" && call.detail.starts_with("0x2 ") => None,
        STOP if own.is_empty() => Some("a denial without a word, which some clients take for consent"),
        STOP => (!is_whole).then_some("half an answer"),
        status if NO_START.contains(&status) => (!is_whole).then_some("half an answer, and then its end"),
        _ => Some("a status that some clients take for consent"),
    }
}

/// Disturbs every call of a hook, or a sample, for each question.
#[track_caller]
fn disturb(deeds: Deeds) {
    let seed = seed();
    for identity in Identity::all_known() {
        let scene = Scene::new(identity);
        put(PathBuf::from(env!("CARGO_BIN_EXE_inject")).as_path(), &{
            drop(scene.binary("sandbox-exec"));
            scene.root.join("shipped/inject")
        });
        let mut jobs = Vec::new();
        let questions = questions(&scene);
        let mut seen = BTreeSet::new();
        for (index, question) in questions.iter().enumerate() {
            // A hook that has no answer within its deadline denies: on a busy machine an undisturbed one may, now and then.
            let ask = |_| scene.bare(&asked(&scene, question, &[]));
            let good = (0..5).map(ask).find(|answer| [question.status, CANNOT].contains(&answer.status));
            let Some(good) = good else { panic!("{}, undisturbed: {}", question.name, ask(0)) };
            if good.status == CANNOT {
                return skip("this machine's calls cannot be followed: x86-64 and ptrace(2) are needed");
            }
            let err = good.err();
            let lines = err.lines().filter_map(|line| line.strip_prefix("inject: "));
            let calls: Vec<Call> = lines.filter_map(|line| Call::parse(line, &scene.root)).collect();
            assert!(calls.len() > 20, "{good}");
            seen.extend(calls.iter().map(|call| call.name.clone()));
            for (turn, call) in (u32::try_from(seed & 0xff).unwrap_or(0)..).zip(sample(calls, seed)) {
                for (deed, word) in deeds(&call, turn) {
                    let orders = [format!("{}:{}", call.label, call.number), word];
                    let run = asked(&scene, question, &orders);
                    jobs.push((index, good.clone(), call.clone(), deed, scene.bare_command(&run), run.input));
                }
            }
        }
        let (count, missed) = (jobs.len(), AtomicUsize::new(0));
        let (jobs, wrong) = (Mutex::new(jobs), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    loop {
                        let Some((index, good, call, deed, mut command, input)) = jobs.lock().expect("whole").pop()
                        else {
                            return;
                        };
                        let Some(answer) = call.disturbed_by(&mut command, input.as_deref()) else {
                            missed.fetch_add(1, Ordering::Relaxed);
                            continue;
                        };
                        if let Some(fault) = fault(&answer, &good, &questions[index], &call) {
                            let told = format!("{}: {call:?} {deed:?}: {fault}: {answer}", questions[index].name);
                            wrong.lock().expect("whole").push(told);
                        }
                    }
                });
            }
        });
        let missed = missed.into_inner();
        assert!(missed * 10 <= count, "{missed} of {count} calls were not made again");
        let wrong = wrong.into_inner().expect("whole");
        assert!(wrong.is_empty(), "{} of {count} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
        eprintln!("{count} answers, {} kinds of calls", seen.len());
    }
}

#[test]
fn call_of_a_hook_that_fails_never_turns_a_denial_into_consent() {
    disturb(|call, turn| {
        if ["brk", "exit_group"].contains(&call.name.as_str()) {
            // The first tells no error, brk(2), the second never returns.
            return vec![];
        }
        let error = error_for(call, turn);
        vec![(Deed::Fail(error), format!("fail={error}"))]
    });
}

#[test]
fn read_or_write_of_one_byte_makes_no_hook_answer_by_half() {
    disturb(|call, _| {
        let moves = ["read", "write", "pread64", "recvfrom", "getrandom"].contains(&call.name.as_str());
        moves.then(|| (Deed::Short, "short".to_owned())).into_iter().collect()
    });
}

#[test]
fn hook_that_is_killed_at_any_moment_has_answered_whole_or_not_at_all() {
    disturb(|_, _| vec![(Deed::Kill("0".to_owned()), "kill=0".to_owned())]);
}
