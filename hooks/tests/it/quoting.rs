//! Whatever the model writes reaches the launcher as one argument, through every shell, and does nothing on the way.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{World, Wrap, installed, shells};

/// Runs the rewritten `command` with a launcher that only records, and returns the last argument that arrived.
fn arrived(world: &World, shell: &Path, command: &str, wrap: Wrap) -> String {
    let text = world.rewritten(command, "recorder");
    let (ran, stderr) = world.run(shell, &text, wrap, "");
    assert_eq!((ran.status, ran.stdout.as_str(), stderr.as_str()), (Some(0), "", ""), "{command:?} in {shell:?}");
    assert_eq!(ran.folder.as_deref(), Some(world.workspace.as_path()), "{command:?} in {shell:?}");
    let record = world.base.join("record");
    let bytes = fs::read(&record).unwrap();
    fs::remove_file(record).unwrap();
    let list = String::from_utf8(bytes).unwrap();
    list.strip_suffix('\0').unwrap().rsplit('\0').next().unwrap().to_owned()
}

/// Commands of pieces that shells care about, between pieces of anything.
fn hostile() -> impl Strategy<Value = String> {
    let sharp = prop::sample::select(vec![
        "'",
        "''",
        "'\\''",
        "\"",
        "\\",
        "\\\n",
        "\n",
        "\r",
        "$(",
        "${",
        "`",
        ")",
        "}",
        "{",
        ";",
        "&&",
        "|",
        "<<E\n",
        "\nE\n",
        "#",
        " # ",
        "!",
        "!!",
        "*",
        "~",
        "=(",
        "$'",
        "\u{1}",
        "\u{7f}",
        "é",
        "𝄞",
        "\u{fffd}",
        " 4>&1",
        "< /dev/null",
        "--",
        "cd ",
        "case x in x)",
        "eval ",
        "$?",
        "[[",
        "((",
        "%",
        "\t",
        "exec ",
        "coproc ",
        "}; touch pwned; {",
        "'; touch pwned; '",
    ]);
    prop::collection::vec(prop_oneof![4 => sharp.prop_map(str::to_owned), 1 => "[^\0]{0,6}"], 0..14)
        .prop_map(|pieces| pieces.concat())
}

#[test]
fn no_command_breaks_out_of_its_quotes_in_the_shells_that_clients_use() {
    let world = World::new();
    let shells = shells();
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    runner
        .run(&hostile(), |command| {
            for shell in &shells {
                for wrap in [Wrap::Newer, Wrap::Older] {
                    prop_assert_eq!(arrived(&world, shell, &command, wrap), command.clone());
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_command_breaks_out_of_the_plain_form_in_any_shell() {
    let world = World::new();
    let shells = installed(&["sh", "dash", "bash", "zsh"]);
    let still = hostile().prop_filter("the plain form", |command| {
        !["cd", "pushd", "popd", "source", "eval", ". ", ".\t"].iter().any(|word| command.contains(word))
    });
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    runner
        .run(&still, |command| {
            for shell in &shells {
                prop_assert_eq!(arrived(&world, shell, &command, Wrap::Newer), command.clone());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_workspace_with_an_odd_name_stays_one_argument() {
    for name in ["my proj", "it's", "$(touch pwned)", "a\nb", "-rf", "é 𝄞", "*", "a;touch pwned"] {
        let mut world = World::new();
        let odd = world.base.join(name);
        fs::rename(&world.workspace, &odd).unwrap();
        world.workspace = odd.clone();
        for shell in shells() {
            let text = world.rewritten("cd sub", "sandbox-exec");
            let (ran, stderr) = world.run(&shell, &text, Wrap::Newer, "");
            // A client that reads the folder back from a file loses what follows a newline, sandbox or not.
            let folder = if name.contains('\n') { odd.clone() } else { odd.join("sub") };
            assert_eq!((ran.status, ran.folder), (Some(0), Some(folder)), "{name:?} in {shell:?}: {stderr}");
            assert!(!world.base.join("pwned").exists() && !odd.join("pwned").exists());
        }
    }
}
