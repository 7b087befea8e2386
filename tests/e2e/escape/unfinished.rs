//! What a command leaves in a git folder for the person's git to go on with: half a rebase, half a merge, an index, a symlink.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::behaviour::in_conflict;
use crate::harness::{Attempt, Identity, Outcome, Run, Scene, escape, skip, ways};

/// Has a command leave something, and the person then ask git to go on; success shows by a file in the home.
fn left_for_the_person(script: &'static str, go_on: &'static str) {
    escape(move |scene| {
        in_conflict(scene);
        Attempt::shell(script).effect(move |scene| {
            drop(scene.bare(&Run::shell(go_on)));
            scene.at_home("ran-outside").exists()
        })
    });
}

/// What a person types to go on with a rebase.
const CONTINUE: &str = "git checkout --theirs f; git add f; GIT_EDITOR=true git rebase --continue";

#[test]
fn rebase_that_a_command_began_runs_no_program_outside() {
    for script in [
        "git rebase -x 'touch ~/ran-outside' main",
        "git rebase main; echo 'exec touch ~/ran-outside' >>.git/rebase-merge/git-rebase-todo",
        "git rebase main; echo 'x touch ~/ran-outside' >>.git/rebase-merge/git-rebase-todo; chmod 0 .git/rebase-merge/git-rebase-todo; chmod 555 .git/rebase-merge",
        "mkdir evil; git rebase main; printf '  \\t exec\\ttouch ~/ran-outside\\n' >x; ln -f x .git/rebase-merge/git-rebase-todo",
    ] {
        // The person gives back what the command has taken from the file's mode.
        left_for_the_person(script, CONTINUE_WITH_RIGHTS);
    }
}

/// The same where modes were changed.
const CONTINUE_WITH_RIGHTS: &str = "chmod 755 .git/rebase-merge; chmod 644 .git/rebase-merge/git-rebase-todo; git checkout --theirs f; git add f; GIT_EDITOR=true git rebase --continue";

#[test]
fn merge_strategy_that_a_command_names_is_no_program_of_the_workspace() {
    let program =
        "mkdir git-merge-x; printf '#!/bin/sh\\ntouch ~/ran-outside\\n' >git-merge-x/evil; chmod +x git-merge-x/evil;";
    for (script, go_on) in [
        (
            format!(
                "{program} git rebase main; echo x/evil >.git/rebase-merge/strategy; echo \"pick $(git rev-parse side)\" >.git/rebase-merge/git-rebase-todo"
            ),
            CONTINUE,
        ),
        (
            format!(
                "{program} git checkout -q main; git cherry-pick side side~0 2>/dev/null; mkdir -p .git/sequencer; \
                 printf '[options]\\n\\tstrategy = x/evil\\n' >.git/sequencer/opts; git rev-parse HEAD >.git/sequencer/head; \
                 echo \"pick $(git rev-parse side) b\" >.git/sequencer/todo; echo \"pick $(git rev-parse side) b\" >>.git/sequencer/todo"
            ),
            "git checkout --theirs f; git add f; GIT_EDITOR=true git cherry-pick --continue",
        ),
    ] {
        let script: &'static str = script.leak();
        left_for_the_person(script, go_on);
    }
}

#[test]
fn strategy_that_a_command_hides_beside_another_one_is_no_program_of_the_workspace() {
    for settings in [
        "[strategy-a][options] strategy = x/evil\\n",
        "[options] strategy = x/evil\\n",
        "[options]\\n\\tstrategy\\t= \\\\\\nx/evil\\n",
    ] {
        let script = format!(
            "mkdir git-merge-x; printf '#!/bin/sh\\ntouch ~/ran-outside\\n' >git-merge-x/evil; chmod +x git-merge-x/evil; \
             git checkout -q main; git cherry-pick side side~0 2>/dev/null; mkdir -p .git/sequencer; \
             printf '{settings}' >.git/sequencer/opts; git rev-parse HEAD >.git/sequencer/head; \
             echo \"pick $(git rev-parse side) b\" >.git/sequencer/todo; echo \"pick $(git rev-parse side) b\" >>.git/sequencer/todo"
        );
        let script: &'static str = script.leak();
        left_for_the_person(script, "git checkout --theirs f; git add f; GIT_EDITOR=true git cherry-pick --continue");
    }
}

#[test]
fn option_that_a_command_gives_to_a_merge_strategy_has_git_write_no_file_elsewhere() {
    for (script, go_on) in [
        (
            "git rebase -s recursive main; echo resolve >.git/rebase-merge/strategy; \
             echo \" --index-output=$HOME/ran-outside\" >.git/rebase-merge/strategy_opts; \
             echo \"pick $(git rev-parse side)\" >.git/rebase-merge/git-rebase-todo",
            CONTINUE,
        ),
        (
            "git checkout -q main; git cherry-pick side side~0 2>/dev/null; mkdir -p .git/sequencer; \
             printf '[options]\\n\\tstrategy = resolve\\n\\tstrategy-option = index-output=%s\\n' \"$HOME/ran-outside\" >.git/sequencer/opts; \
             git rev-parse HEAD >.git/sequencer/head; \
             echo \"pick $(git rev-parse side) b\" >.git/sequencer/todo; echo \"pick $(git rev-parse side) b\" >>.git/sequencer/todo",
            "git checkout --theirs f; git add f; GIT_EDITOR=true git cherry-pick --continue",
        ),
    ] {
        left_for_the_person(script, go_on);
    }
}

/// The functions of git for a shell's prompt.
const PROMPT: &str = "/usr/lib/git-core/git-sh-prompt";

#[test]
fn count_of_a_rebase_that_a_command_wrote_is_not_run_by_the_prompt_of_a_shell() {
    if !Path::new(PROMPT).exists() {
        return skip("git's functions for a prompt are not installed");
    }
    for (begin, counts) in [
        ("git rebase main", ["rebase-merge/msgnum", "rebase-merge/end"]),
        ("git rebase --apply main", ["rebase-apply/next", "rebase-apply/last"]),
    ] {
        for count in counts {
            let script = format!("{begin}; echo '$(touch ~/ran-outside)' >.git/{count}");
            let prompt = format!("bash -c '. {PROMPT}; __git_ps1 a b; : \"${{PS1@P}}\"'");
            left_for_the_person(script.leak(), prompt.leak());
        }
    }
}

#[test]
fn patches_that_a_command_began_to_apply_write_no_file_elsewhere() {
    left_for_the_person(
        "git format-patch -q -1 --stdout >p; git checkout -q main; git am p; echo \" '--build-fake-ancestor=$HOME/ran-outside'\" >.git/rebase-apply/apply-opt",
        "git reset -q --hard HEAD~1; git am --retry",
    );
}

#[test]
fn file_that_a_command_calls_a_conflict_is_not_copied_into_the_repository() {
    for (make, path) in [("true", "../../.ssh/id_ed25519"), ("ln -s ../../.ssh/id_ed25519 key", "key")] {
        escape(move |scene| {
            in_conflict(scene);
            let script = format!(
                "{make}; i=0123456789012345678901234567890123456789; mkdir -p .git/rr-cache/$i; echo x >.git/rr-cache/$i/preimage; \
                 printf \"$i\\t{path}\\0\" >.git/MERGE_RR"
            );
            Attempt::shell(&script).effect(|scene| {
                scene.bare(&Run::shell("git commit -q --allow-empty -m y")).ok();
                let found = scene.bare(&Run::shell("cat .git/rr-cache/*/*"));
                scene.canary.is_in(&found.stdout)
            })
        });
    }
}

/// A program that puts a path into the index, in a version of its format, with what git finds to write there.
const INDEX: &str = r#"
import hashlib, struct, subprocess, sys
path, version = sys.argv[1].encode(), int(sys.argv[2])
blob = subprocess.run(["git", "hash-object", "-w", "--stdin"], input=b"evil\n", capture_output=True).stdout.strip()
head = struct.pack(">10I", 0, 0, 0, 0, 0, 0, 0o100644, 0, 0, 0) + bytes.fromhex(blob.decode()) + struct.pack(">H", len(path))
name = path + b"\0" * (8 - (62 + len(path)) % 8) if version < 4 else b"\0" + path + b"\0"
data = b"DIRC" + struct.pack(">II", version, 1) + head + name
open(".git/index", "wb").write(data + hashlib.sha1(data).digest())
"#;

#[test]
fn index_that_a_command_wrote_has_git_write_no_file_elsewhere() {
    for (path, version) in [("../../new-file", 2), ("../../new-file", 4), (".git/hooks/post-checkout", 2)] {
        escape(move |scene| {
            in_conflict(scene);
            scene.write(&scene.at_work("index.py"), INDEX);
            let place = scene.at_work(path);
            Attempt::shell(&format!("/usr/bin/python3 index.py {path} {version}")).effect(move |scene| {
                drop(scene.bare(&Run::shell("git checkout -- .")));
                place.exists()
            })
        });
    }
}

/// A program that puts a path into the index which another one shares, and leaves the latter as it is.
const SHARED: &str = r#"
import glob, struct, subprocess
[place], path = glob.glob(".git/sharedindex.*"), b"../../new-file"
blob = subprocess.run(["git", "hash-object", "-w", "--stdin"], input=b"evil\n", capture_output=True).stdout.strip()
head = struct.pack(">10I", 0, 0, 0, 0, 0, 0, 0o100644, 0, 0, 0) + bytes.fromhex(blob.decode()) + struct.pack(">H", len(path))
data = b"DIRC" + struct.pack(">II", 2, 1) + head + path + b"\0" * (8 - (62 + len(path)) % 8)
with open(place, "r+b") as file:
    name = file.read()[-20:]
    file.seek(0)
    file.write(data + name)
    file.truncate()
"#;

#[test]
fn shared_index_that_a_command_wrote_has_git_write_no_file_elsewhere() {
    escape(|scene| {
        in_conflict(scene);
        scene.bare(&Run::shell("git update-index --split-index && ls .git/sharedindex.*")).ok();
        scene.write(&scene.at_work("index.py"), SHARED);
        let place = scene.at_work("../../new-file");
        Attempt::shell("chmod u+w .git/sharedindex.*; /usr/bin/python3 index.py").effect(move |scene| {
            drop(scene.bare(&Run::shell("git checkout -- .")));
            place.exists()
        })
    });
}

#[test]
fn symlink_won_in_a_race_does_not_stay_where_git_writes() {
    escape(|scene| {
        in_conflict(scene);
        let place = scene.at_work(".git/logs/new");
        let attack = scene.attack();
        Attempt::shell(&format!("mkdir harmless; {} link-race way harmless .git/logs new ~/.bashrc", attack.display()))
            .effect(move |_| place.symlink_metadata().is_ok())
    });
}

/// What the hook says to the client's file tool that is to be used on a file of the workspace.
fn file_tool(scene: &Scene, tool: &str, name: &str) -> Outcome {
    let mut payload = ways::call(scene, "Read", &scene.workspace, &scene.workspace);
    payload["tool_name"] = json!(tool);
    payload["tool_input"] = json!({ "file_path": scene.at_work(name) });
    match tool {
        "Write" => payload["tool_input"]["content"] = json!("exec touch ~/ran-outside\n"),
        "Edit" => {
            payload["tool_input"]["old_string"] = json!("pick");
            payload["tool_input"]["new_string"] = json!("exec touch ~/ran-outside\npick");
        }
        _ => {}
    }
    let words = [scene.binary("fs-guard-hook").into_os_string(), "--client".into(), "claude-code".into()];
    scene.bare(&Run::new(&words).input(payload.to_string().as_bytes()))
}

/// Has a command begin a rebase, which stops at a conflict. Its list of steps has a second name, as a command can make one where `.git`
/// is no mount: without namespaces.
fn begun(scene: &Scene) {
    in_conflict(scene);
    scene.sandboxed(&Run::shell("git rebase main"));
    scene.bare(&Run::shell("ln .git/rebase-merge/git-rebase-todo second")).ok();
}

#[test]
fn file_tool_writes_no_work_of_git_for_the_person_to_go_on_with() {
    for identity in Identity::all_known() {
        // Without the hook, the client's tool writes the file, and the person's git runs what it says: by its name and by a second one.
        for name in [".git/rebase-merge/git-rebase-todo", "second"] {
            let scene = Scene::new(identity);
            begun(&scene);
            let mut steps = OpenOptions::new().append(true).open(scene.at_work(name)).expect("the list of steps");
            steps.write_all(b"exec touch ~/ran-outside\n").expect("a step more");
            drop(scene.bare(&Run::shell(CONTINUE)));
            assert!(scene.at_home("ran-outside").exists(), "written to {name}, it must succeed bare");
        }
        let scene = Scene::new(identity);
        begun(&scene);
        for name in [
            ".git/rebase-merge/git-rebase-todo",
            "second",
            ".git/rebase-merge/strategy",
            ".git/sequencer/opts",
            ".git/index",
            ".git/MERGE_RR",
            ".git/HEAD",
            ".git/logs/HEAD",
            ".git/worktrees/x/commondir",
            ".git/modules/a/config",
            "below/.git/rebase-merge/git-rebase-todo",
        ] {
            for tool in ["Write", "Edit"] {
                let judged = file_tool(&scene, tool, name);
                assert_eq!(judged.status, 2, "{tool} {name}: {judged}");
                let answer: Value = serde_json::from_str(&judged.out()).expect("an answer");
                let reason = answer["hookSpecificOutput"]["permissionDecisionReason"].as_str().expect("a reason");
                let is_nothing = tool == "Edit" && reason.contains("[fs.not-found]") && !scene.at_work(name).exists();
                assert!(is_nothing || reason.contains("[fs.protected]"), "{tool} {name}: {judged}");
            }
        }
        for name in [".git/HEAD", ".git/rebase-merge/git-rebase-todo", "second", "f"] {
            assert_eq!(file_tool(&scene, "Read", name).status, 0, "reading {name} stays as it is");
        }
        assert_eq!(file_tool(&scene, "Write", "f").status, 0, "files of the workspace can be written");
    }
}
