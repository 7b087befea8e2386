//! A `cd` in the sandbox moves the session, exactly as it would without one, and nothing else gets out that way.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::{Ran, World, Wrap, installed, shells};

/// Commands that may leave the shell somewhere else, or end it in an unusual way.
const COMMANDS: [&str; 42] = [
    "cd sub",
    "mkdir -p sub/new && cd sub && pwd",
    "cd sub; mkdir new; cd new; cd ../..",
    "pushd sub > /dev/null",
    "pushd sub > /dev/null; popd > /dev/null",
    "cd absent",
    "cd sub; false",
    "cd sub; exit",
    "cd sub; exit 0",
    "cd sub; exit 3",
    "cd sub && (exit 7)",
    "cd sub; exec true",
    "cd sub; exec sh -c 'exit 9'",
    "set -e; cd sub",
    "set -u; cd sub; echo $absent",
    "cd sub # and nothing more",
    "cd sub\n\n\n",
    "\n\n  cd sub",
    "cd sub \\",
    "cd sub \\\n",
    "cat <<'E'\nit's \"$x\" `y` \\\nE\ncd sub",
    "cd sub; cat <<E",
    "cd sub; cat <<E\nopen",
    "cd sub; echo 'open",
    "cd sub; echo \"open $(",
    "cd sub; if true; then",
    "cd sub; echo )",
    "cd sub; }; echo x",
    "cd sub; echo a'b'\"c\"`echo d`$(echo e)\\f",
    "echo $# \"$@\"; cd sub",
    "set -- a b; cd sub; echo $# $2",
    "cd sub; exec 3> three; echo hi >&3; cat three",
    "cd sub; exec 1>&2; echo gone",
    "cd sub; trap 'echo bye' EXIT",
    "cd sub; IFS=/; set -f; shift() { :; }; pwd > /dev/null",
    "f() { cd sub; return 4; }; f",
    "(cd sub)",
    "cd sub & wait",
    "cd sub | cat",
    "echo 'cd sub' > s.sh; . ./s.sh",
    "eval 'cd sub'",
    "cd \"a b\" && cd \"it's\" && cd \"\\$(touch pwned)\" && cd -- -n",
];

/// A world with folders that are hard to name.
fn world() -> World {
    let world = World::new();
    fs::create_dir_all(world.workspace.join("a b/it's/$(touch pwned)/-n")).unwrap();
    world
}

/// What `command` does without a sandbox.
fn bare(command: &str, wrap: Wrap) -> (Ran, PathBuf) {
    let world = world();
    let (ran, _) = world.run(&installed(&["bash"])[0], command, wrap, "");
    (ran, world.base.clone())
}

#[test]
fn every_command_ends_where_and_how_it_would_without_a_sandbox() {
    for command in COMMANDS {
        let (expected, from) = bare(command, Wrap::Newer);
        for shell in shells() {
            let world = world();
            let text = world.rewritten(command, "sandbox-exec");
            assert!(text.contains("--directory-within"), "{command:?} is not carried");
            let (ran, stderr) = world.run(&shell, &text, Wrap::Newer, "");
            // A client that is told no folder keeps the one it has.
            let folder = |ran: &Ran, base: &PathBuf| {
                let told = ran.folder.clone().unwrap_or_else(|| base.join("proj"));
                told.strip_prefix(base).unwrap().to_path_buf()
            };
            assert_eq!(ran.status, expected.status, "{command:?} in {shell:?}: {stderr}");
            assert_eq!(folder(&ran, &world.base), folder(&expected, &from), "{command:?} in {shell:?}: {stderr}");
            let (base, old) = (world.base.to_str().unwrap(), from.to_str().unwrap());
            assert_eq!(ran.stdout.replace(base, ""), expected.stdout.replace(old, ""), "{command:?} in {shell:?}");
        }
    }
}

#[test]
fn set_e_stops_at_the_first_failure_in_both_forms() {
    // The one difference to a bare client, which evaluates the command in an `&&` list and so disables `set -e`.
    for shell in shells() {
        for command in ["set -e; false; echo never", "set -e; cd sub; false; echo never"] {
            let world = world();
            let text = world.rewritten(command, "sandbox-exec");
            let (ran, stderr) = world.run(&shell, &text, Wrap::Newer, "");
            assert_eq!(ran, Ran { status: Some(1), stdout: String::new(), folder: None }, "{command}: {stderr}");
        }
    }
}

#[test]
fn older_clients_that_append_a_redirection_are_carried_too() {
    for shell in shells() {
        let world = world();
        let text = world.rewritten("cat; cd sub # comment", "sandbox-exec");
        let (ran, stderr) = world.run(&shell, &text, Wrap::Older, "not read");
        let folder = Some(world.workspace.join("sub"));
        assert_eq!(ran, Ran { status: Some(0), stdout: String::new(), folder }, "{shell:?}: {stderr}");
    }
}

#[test]
fn the_command_runs_inside_and_keeps_its_three_streams() {
    for shell in shells() {
        for command in ["cat; echo $INSIDE; echo err >&2; cd sub", "cat; echo $INSIDE; echo err >&2"] {
            let world = world();
            let text = world.rewritten(command, "sandbox-exec");
            let (ran, stderr) = world.run(&shell, &text, Wrap::Streaming, "from stdin\n");
            assert_eq!(ran.stdout, "from stdin\nyes\n", "{command:?} in {shell:?}");
            assert_eq!(stderr, "err\n", "{command:?} in {shell:?}");
        }
    }
}

#[test]
fn a_shell_that_is_killed_moves_nothing() {
    for shell in shells() {
        let world = world();
        let text = world.rewritten("cd sub; kill -9 $$", "sandbox-exec");
        let (ran, _) = world.run(&shell, &text, Wrap::Newer, "");
        assert_eq!((ran.status, ran.folder), (Some(137), None), "{shell:?}");
    }
}

#[test]
fn a_background_process_does_not_hold_the_call() {
    for shell in shells() {
        let world = world();
        let text = world.rewritten("sleep 300 > /dev/null 2>&1 & cd sub", "sandbox-exec");
        let begin = Instant::now();
        let (ran, _) = world.run(&shell, &text, Wrap::Newer, "");
        assert_eq!(ran.folder, Some(world.workspace.join("sub")), "{shell:?}");
        assert!(begin.elapsed() < Duration::from_secs(200), "{shell:?} waited for the background process");
    }
}

#[test]
fn a_cd_out_of_the_workspace_does_not_move_the_session() {
    for shell in shells() {
        for command in ["cd ..", "cd /", "cd /etc", "cd ../proj_evil", "cd out", "cd sub/../../proj_evil"] {
            let world = world();
            fs::create_dir(world.base.join("proj_evil")).unwrap();
            symlink("/etc", world.workspace.join("out")).unwrap();
            let text = world.rewritten(command, "sandbox-exec");
            let (ran, stderr) = world.run(&shell, &text, Wrap::Newer, "");
            assert_eq!((ran.status, ran.folder), (Some(0), Some(world.workspace.clone())), "{command}: {stderr}");
        }
    }
}

/// A command that sends what `writer` prints through the report's descriptor. bash keeps that one at a number of 10 or more
/// while the command runs: it is the one that leads neither to standard output nor to standard error.
fn attack(writer: &str) -> String {
    format!(
        "cd sub; of() {{ readlink \"/proc/$$/fd/$1\"; }}; for n in 3 10 11 12 13 14; do \
         case $(of $n) in ''|\"$(of 1)\"|\"$(of 2)\"|/*) ;; *) {writer} >&$n;; esac; done; exit 0"
    )
}

#[test]
fn a_forged_report_is_data_and_moves_nothing_out_of_the_workspace() {
    for shell in shells() {
        for report in [
            "/etc\\n",
            "/\\n",
            "$(touch pwned)\\n",
            "`touch pwned`\\n",
            "-P\\n",
            "'; touch pwned; '\\n",
            "/etc",
            "\\000\\n",
        ] {
            let world = world();
            let text = world.rewritten(&attack(&format!("printf '{}'", report.replace('\'', r"'\''"))), "sandbox-exec");
            let (ran, stderr) = world.run(&shell, &text, Wrap::Newer, "");
            assert_eq!((ran.status, ran.folder), (Some(0), Some(world.workspace.clone())), "{report}: {stderr}");
            assert!(!world.workspace.join("pwned").exists() && !world.workspace.join("sub/pwned").exists(), "{report}");
        }
        // The attack does reach the channel: a report that is true moves the session.
        let world = world();
        let text = world.rewritten(&attack(&format!("printf '{}/sub\\n'", world.workspace.display())), "sandbox-exec");
        let (ran, _) = world.run(&shell, &text, Wrap::Newer, "");
        assert_eq!(ran.folder, Some(world.workspace.join("sub")), "{shell:?}: the forged report did not arrive");
    }
}

#[test]
fn an_endless_report_neither_hangs_nor_fills_the_clients_shell() {
    for shell in shells() {
        let world = world();
        let text = world.rewritten(&attack("yes /"), "sandbox-exec");
        let begin = Instant::now();
        let (ran, _) = world.run(&shell, &text, Wrap::Newer, "");
        assert_eq!(ran.folder, Some(world.workspace.clone()), "{shell:?}");
        assert!(begin.elapsed() < Duration::from_secs(200), "{shell:?} read it all");
    }
}
