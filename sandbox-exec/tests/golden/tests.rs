//! The cases, and what must hold for all of them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::case::{Case, PROGRAM};

/// Every case, by name.
fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases");
    let entries = std::fs::read_dir(folder).expect("the cases");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| Case::read(file)).collect()
}

/// Whether the variable `name` is set to `1`.
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value == "1")
}

/// The report of `check`.
fn check() -> (i32, Value) {
    let output = Command::new(PROGRAM).args(["check", "--json"]).output().expect("the program runs");
    (output.status.code().expect("an exit"), serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn every_call_answers_word_by_word_as_written() {
    let (update, works) = (is_set("UPDATE_GOLDEN"), check().0 == 0);
    let mut wrong = Vec::new();
    for case in cases() {
        if case.needs_sandbox() && !works {
            assert!(!is_set("REQUIRE_ALL"), "{}: the sandbox does not work here", case.file.display());
            eprintln!("skipped, for the sandbox does not work here: {}", case.file.display());
            continue;
        }
        let answer = case.answer();
        if answer.is(&case.expected) {
            continue;
        }
        if update {
            case.update(&answer);
        } else {
            wrong.push(format!("{}\nexpected {:#?}\ngot {answer:#?}", case.file.display(), case.expected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_refusal_is_one_line_and_a_hint_and_nothing_on_standard_output() {
    let refusals: Vec<Case> = cases().into_iter().filter(|case| (64..=71).contains(&case.expected.status)).collect();
    assert!(refusals.len() >= 40, "{}", refusals.len());
    for case in refusals {
        let lines: Vec<&str> = case.expected.stderr.lines().collect();
        let shape = matches!(lines.as_slice(), [message, hint]
            if message.starts_with("sandbox-exec: ") && hint.strip_prefix("hint: ").is_some_and(|hint| !hint.is_empty()));
        assert!(shape && case.expected.stdout.is_empty(), "{}: {lines:#?}", case.file.display());
    }
}

#[test]
fn every_exit_status_of_the_launchers_own_has_a_case() {
    let seen: Vec<i32> = cases().iter().map(|case| case.expected.status).collect();
    // Not 69: what this host lacks is asked in the tests of planning.
    for status in [0, 64, 65, 66, 71, 124, 126, 127] {
        assert!(seen.contains(&status), "{status}");
    }
}

#[test]
fn check_agrees_with_its_own_exit_status() {
    let (status, report) = check();
    assert_eq!(report["can_run"], Value::Bool(status == 0));
    assert_eq!(report["version"], 1);
    let layers = report["layers"].as_array().expect("a list");
    let stops = |layer: &&Value| layer["required"] == true && layer["state"] == "missing";
    assert_eq!(layers.iter().filter(stops).count() == 0, status == 0);
    for layer in layers.iter().filter(|layer| layer["state"] != "ok") {
        assert!(layer["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{layer}");
    }
}

#[test]
fn a_dry_run_runs_nothing_and_prints_the_same_plan_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let dry_run = || {
        let mut command = Command::new(PROGRAM);
        command.args(["--dry-run", "--json", "--", "touch", "made"]).current_dir(folder.path());
        command.output().expect("the program runs")
    };
    let (one, other) = (dry_run(), dry_run());
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    let plan: Value = serde_json::from_slice(&one.stdout).expect("JSON");
    assert_eq!(plan["command"], serde_json::json!(["touch", "made"]));
    assert_eq!(one.stdout, other.stdout);
    assert!(!folder.path().join("made").exists());
}

#[test]
fn an_explained_run_reports_on_standard_error_only_and_keeps_its_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(PROGRAM);
    command.args(["--explain", "--json", "-c", "echo out; exit 5"]).current_dir(folder.path());
    let output = command.output().expect("the program runs");
    if output.status.code() == Some(69) && !is_set("REQUIRE_ALL") {
        eprintln!("skipped, for the sandbox does not work here");
        return;
    }
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(5), b"out\n".as_slice()));
    // One line before the command runs, and one after it, about the network.
    let reports: Vec<Value> =
        serde_json::Deserializer::from_slice(&output.stderr).into_iter().collect::<Result<_, _>>().expect("JSON");
    let [report, after] = reports.as_slice() else { panic!("two reports: {reports:?}") };
    assert_eq!(after["network"]["refused"], serde_json::json!([]));
    let layers = report["layers"].as_array().expect("a list");
    let enforced = |name: &str| layers.iter().any(|layer| layer["layer"] == name && layer["level"] == "enforced");
    assert!(["user_namespace", "mounts", "capabilities", "seccomp"].into_iter().all(enforced), "{report}");
}
