//! Whatever a client writes that is not a whole call of its own is denied, and in words that this client understands.

use std::path::PathBuf;
use std::process::Output;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::golden::{CLIENTS, files, golden, placed};
use crate::support::{World, hook};

/// Asserts that a client is told, in every way in which it can be, that its call is stopped.
fn assert_stopped(client: &str, output: &Output) {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{client}: {stderr}");
    let reason = stderr.strip_suffix('\n').unwrap();
    assert!(reason.starts_with("sandbox-exec-hook: ") && reason.contains("]. hint: "), "{client}: {reason}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
    let (expected, said): (&[&str], [&Value; 2]) = match client {
        "claude-code" | "codex" => {
            let specific = &answer["hookSpecificOutput"];
            assert_eq!(specific["hookEventName"], "PreToolUse");
            (&["hookSpecificOutput"], [&specific["permissionDecision"], &specific["permissionDecisionReason"]])
        }
        "gemini-cli" => (&["decision", "reason"], [&answer["decision"], &answer["reason"]]),
        "copilot-cli" => (
            &["permissionDecision", "permissionDecisionReason"],
            [&answer["permissionDecision"], &answer["permissionDecisionReason"]],
        ),
        "cursor" => {
            (&["agent_message", "permission", "user_message"], [&answer["permission"], &answer["agent_message"]])
        }
        "cline" => (&["cancel", "errorMessage"], [&answer["cancel"], &answer["errorMessage"]]),
        _ => (&["code", "decision", "reason"], [&answer["decision"], &answer["reason"]]),
    };
    assert_eq!(fields, expected, "{client}");
    assert!(said[0] == "deny" || said[0] == &Value::Bool(true), "{client}: {answer}");
    assert_eq!(said[1], reason, "{client}");
}

/// A good payload of every client that was captured or documented, and which it is.
fn payloads(world: &World) -> Vec<(String, String)> {
    let good = |(client, file): (String, PathBuf)| {
        let golden = golden(&file);
        let payload = placed(golden.payload.get(), world);
        world.transcribe(&payload);
        (golden.status == 0).then_some((client, payload))
    };
    files().into_iter().filter_map(good).collect()
}

#[test]
fn a_payload_that_was_cut_off_is_denied_in_the_clients_own_words() {
    let world = World::new();
    for (client, payload) in payloads(&world) {
        for length in [0, 1, payload.len() / 3, payload.len() / 2, payload.len() - 2, payload.len() - 1] {
            let cut = payload.get(..length).unwrap();
            assert_stopped(&client, &hook(&["--client", &client], cut));
        }
    }
}

#[test]
fn random_bytes_are_denied_in_the_clients_own_words() {
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let text = prop_oneof![
        any::<String>(),
        "[\\[\\]{}\":,a-z0-9 ]{0,60}",
        "\\{(\"(client|version|tool|input|cwd|command)\":(1|\"x\"|\\{\\}),?){0,5}\\}",
    ];
    runner
        .run(&text, |text| {
            for client in CLIENTS {
                // A word that marks another client's payload gets no answer in this one's words.
                let foreign = text.contains("\"client\":\"x\"");
                if !foreign {
                    assert_stopped(client, &hook(&["--client", client], &text));
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_field_that_is_missing_or_of_another_type_is_never_guessed() {
    let world = World::new();
    for (client, payload) in payloads(&world) {
        let whole: Value = serde_json::from_str(&payload).unwrap();
        let launcher = world.base.join("sandbox-exec");
        let arguments = ["--client", &client, "--sandbox-exec", launcher.to_str().unwrap()];
        let expected = hook(&arguments, &whole.to_string()).stdout;
        for name in whole.as_object().unwrap().keys() {
            for odd in [None, Some(Value::from(7)), Some(Value::from(Vec::<u8>::new()))] {
                let mut changed = whole.clone();
                match odd {
                    Some(odd) => changed[name] = odd,
                    None => drop(changed.as_object_mut().unwrap().remove(name)),
                }
                let output = hook(&arguments, &changed.to_string());
                let stopped = output.status.code() == Some(2) && !output.stderr.is_empty();
                let said = String::from_utf8_lossy(&output.stdout);
                let confined = said.contains("/sandbox-exec --workspace");
                assert!(
                    stopped || confined || output.stdout == expected,
                    "{client}: without a good \"{name}\" it said {said}"
                );
            }
        }
    }
}
