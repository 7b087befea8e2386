//! Names inside the workspace that would run code outside later: they cannot be changed, and they cannot appear.

use crate::harness::{Attempt, Run, Scene, each_scene, escape};
use std::io::BufRead;

/// A repository with a hook, as a person would have left it.
fn repository(scene: &Scene) {
    scene.bare(&Run::shell("git init -q . && git add README.md && git commit -qm first")).ok();
    scene.write(&scene.at_work(".git/hooks/post-commit"), "#!/bin/sh\nexit 0\n");
}

/// A helper's attempt on a repository, which succeeds when `evil` is in the file afterwards.
fn on_a_repository(target: &'static str, words: &'static [&'static str]) {
    escape(move |scene| {
        repository(scene);
        let place = scene.at_work(target);
        Attempt::attack(scene, words)
            .effect(move |_| std::fs::read_to_string(&place).is_ok_and(|content| content.contains("evil")))
    });
}

/// A shell script on a repository, which succeeds when `evil` is in the file afterwards.
fn script_on_a_repository(target: &'static str, script: &'static str) {
    escape(move |scene| {
        repository(scene);
        let place = scene.at_work(target);
        Attempt::shell(script)
            .effect(move |_| std::fs::read_to_string(&place).is_ok_and(|content| content.contains("evil")))
    });
}

#[test]
fn existing_git_hook_cannot_be_changed() {
    on_a_repository(".git/hooks/post-commit", &["write", ".git/hooks/post-commit", "evil"]);
    script_on_a_repository(".git/hooks/post-commit", "ln -s .git/hooks/post-commit l; echo evil >>l");
    script_on_a_repository(".git/hooks/post-commit", "ln -s .git/hooks d; ln -s d/post-commit l; echo evil >>l");
    script_on_a_repository(".git/hooks/post-commit", "exec 5<.git/hooks/post-commit; echo evil >>/proc/self/fd/5");
    script_on_a_repository(
        ".git/hooks/post-commit",
        "ln -s .git/hooks/post-commit l; python3 -c 'import os; os.write(os.open(\"l\", os.O_WRONLY | os.O_EXCL), b\"evil\")'",
    );
}

#[test]
fn new_git_hook_cannot_be_made() {
    on_a_repository(".git/hooks/pre-commit", &["create", ".git/hooks/pre-commit", "evil"]);
    script_on_a_repository(
        ".git/hooks/pre-commit",
        "echo evil >x; exec python3 -c 'import os; os.rename(\"x\", f\"/proc/self/task/{os.getpid()}/cwd/.git/hooks/pre-commit\")'",
    );
}

#[test]
fn git_configuration_cannot_be_changed() {
    script_on_a_repository(
        ".git/config",
        "git config core.fsmonitor evil; git config core.hooksPath evil; echo evil >>.git/config",
    );
    script_on_a_repository(
        ".git/config",
        "exec 5<.git/config; for fd in /proc/self/fd /proc/thread-self/fd /proc/$$/fd /dev/fd; do echo evil >>$fd/5; done",
    );
}

#[test]
fn git_configuration_cannot_be_replaced_by_rename() {
    script_on_a_repository(
        ".git/config",
        "echo evil >new; mv -f new .git/config; cp new .git/x; mv -f .git/x .git/config",
    );
}

#[test]
fn git_attributes_that_run_filters_cannot_be_changed() {
    script_on_a_repository(".git/info/attributes", "echo '* filter=evil' >>.git/info/attributes");
}

#[test]
fn git_folder_cannot_be_moved_away_and_made_again() {
    script_on_a_repository(
        ".git/hooks/pre-commit",
        "mv .git away; mkdir -p .git/hooks; echo evil >.git/hooks/pre-commit; mv .git/hooks .git/h; mkdir .git/hooks; echo evil >.git/hooks/pre-commit",
    );
}

#[test]
fn git_folder_cannot_be_exchanged() {
    escape(|scene| {
        repository(scene);
        scene.write(&scene.at_work("other/hooks/pre-commit"), "evil");
        let place = scene.at_work(".git/hooks/pre-commit");
        Attempt::attack(scene, &["exchange", "other", ".git"]).effect(move |_| place.exists())
    });
}

#[test]
fn per_worktree_git_configuration_cannot_be_made() {
    on_a_repository(".git/config.worktree", &["create", ".git/config.worktree", "evil"]);
}

#[test]
fn git_folder_cannot_be_redirected() {
    on_a_repository(".git/commondir", &["create", ".git/commondir", "evil"]);
    on_a_repository(".git/objects/info/alternates", &["create", ".git/objects/info/alternates", "evil"]);
}

#[test]
fn symlink_cannot_come_to_lie_where_git_writes() {
    for script in [
        "rm .git/logs/HEAD; ln -s ~/.bashrc .git/logs/HEAD",
        "ln -sf ~/.profile .git/COMMIT_EDITMSG",
        "ln -s ~/.config/evil x; mv x .git/FETCH_HEAD",
        "ln -s ~/.config/evil x; ln -P x .git/FETCH_HEAD",
        "mkdir x; ln -s ~ x/heads; mv x .git/new",
        "mkdir -p x/a/b; ln -s ~ x/a/b/c; mv -T x .git/logs/refs/new",
        "mv .git/logs l; ln -s ~/.bashrc l/new; mv l .git/logs",
        "cd .git/logs; ln -s ~/.bashrc new",
        "ln -s .git/logs way; ln -s ~/.bashrc way/new",
        "mkdir d; ln -s ~/.bashrc d/new; python3 -c 'import ctypes; print(ctypes.CDLL(None).renameat2(-100, b\"d\", -100, b\".git/logs\", 2))'",
    ] {
        escape(|scene| {
            scene
                .bare(&Run::shell("git init -q . && git commit -q --allow-empty -m x && mkdir -p .git/logs/refs"))
                .ok();
            let git = scene.at_work(".git");
            Attempt::shell(script).effect(move |_| has_symlink(&git))
        });
    }
}

#[test]
fn symlink_cannot_be_made_where_git_writes_by_way_of_proc() {
    for script in [
        "ln -s ~/.bashrc /proc/self/cwd/.git/logs/new",
        "ln -s ~/.bashrc /proc/thread-self/cwd/.git/new",
        "ln -s /proc/self/cwd d; ln -s ~/.bashrc x; mv x d/.git/new",
    ] {
        escape(|scene| {
            repository(scene);
            // What is made all the same is taken away again, soon.
            Attempt::shell(script).status_zero()
        });
    }
}

#[test]
fn guarded_name_cannot_appear_by_a_root_of_ones_own() {
    escape(|_| {
        // There, the path of this folder leads to another one.
        let script = "mkdir -p jail\"$PWD\" && unshare --user --map-root-user python3 -c \
            'import os; os.chroot(\"jail\"); open(\".mcp.json\", \"x\")'";
        Attempt::shell(script).status_zero().with(|run| run.flags(&["--profile", "dev"]))
    });
}

/// Whether there is a symlink somewhere below a folder.
fn has_symlink(folder: &std::path::Path) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => has_symlink(&entry.path()),
        Ok(kind) => kind.is_symlink(),
        Err(_) => false,
    })
}

#[test]
fn remote_of_git_cannot_be_written_as_a_file() {
    escape(|scene| {
        scene.write(&scene.at_work(".git/config"), "[core]\n");
        let place = scene.at_work(".git/remotes");
        Attempt::shell("mkdir -p .git/remotes && echo 'URL: evil' >.git/remotes/origin").effect(move |_| place.exists())
    });
}

/// Making a name that does not exist, in the ways a file system has.
pub(super) fn cannot_appear(name: &'static str) {
    for script in [
        "echo evil >NAME",
        "echo evil >x; mv x NAME",
        "echo evil >x; ln x NAME",
        "echo evil >x; ln -s x NAME",
        "mkdir -p y; echo evil >y/NAME; mv y/NAME .",
    ] {
        escape(move |scene| {
            let place = scene.at_work(name);
            Attempt::shell(&script.replace("NAME", name)).effect(move |_| std::fs::symlink_metadata(&place).is_ok())
        });
    }
}

#[test]
fn agents_server_list_cannot_appear() {
    cannot_appear(".mcp.json");
}

#[test]
fn directory_environment_file_cannot_appear() {
    cannot_appear(".envrc");
}

#[test]
fn start_files_of_editors_and_shells_cannot_appear() {
    const NAMES: [&str; 10] = [
        ".exrc",
        ".vimrc",
        ".nvimrc",
        ".nvim.lua",
        ".bashrc",
        ".bash_profile",
        ".profile",
        ".zshenv",
        ".zshrc",
        ".zprofile",
    ];
    escape(|scene| {
        let places = NAMES.map(|name| scene.at_work(name));
        Attempt::shell(&format!(
            "for n in {}; do echo evil >$n; echo evil >x; mv x $n; ln -s x $n; done",
            NAMES.join(" ")
        ))
        .effect(move |_| places.iter().any(|place| place.symlink_metadata().is_ok()))
    });
}

#[test]
fn workspace_policy_cannot_appear() {
    cannot_appear(".lobsterpot.toml");
}

#[test]
fn agent_settings_folders_cannot_appear() {
    for name in [".claude", ".codex", ".cursor", ".vscode", ".idea", ".zed", ".fleet", ".devcontainer", ".helix", ".pi"]
    {
        escape(move |scene| {
            let place = scene.at_work(name);
            Attempt::shell(&format!("mkdir -p {name} && echo evil >{name}/settings.json; mkdir z && mv z {name}"))
                .effect(move |_| place.exists())
        });
    }
}

#[test]
fn unnamed_file_cannot_be_linked_to_a_protected_name() {
    escape(|scene| {
        let place = scene.at_work(".envrc");
        Attempt::attack(scene, &["link-unnamed", ".", ".envrc", "evil"]).effect(move |_| place.exists())
    });
}

#[test]
fn guarded_name_cannot_appear_behind_a_symlink_by_way_of_proc() {
    for (name, script) in [
        (".git/commondir", "ln -s .git/commondir l; echo ../evil >/proc/self/cwd/l"),
        (
            ".git/commondir",
            "ln -s .git/commondir l; echo ../evil >/proc/$$/cwd/l; echo ../evil >/proc/thread-self/cwd/l",
        ),
        (".mcp.json", "ln -s /proc/self/cwd/l2 l1; ln -s .mcp.json l2; echo evil >l1"),
        (".mcp.json", "ln -s /proc/self/cwd d; ln -s .mcp.json l; echo evil >d/d/l"),
        (".mcp.json", "exec 5<.; ln -s .mcp.json l; echo evil >/proc/self/fd/5/l; echo evil >/dev/fd/5/l"),
        (".mcp.json", "exec 5<.; echo evil >/dev/fd/5/.mcp.json; ln -s /dev/fd/5/.mcp.json l; echo evil >l"),
    ] {
        escape(move |scene| {
            repository(scene);
            let place = scene.at_work(name);
            Attempt::shell(script).effect(move |_| was_made(&place))
        });
    }
}

/// Whether a name is there, or was: moved aside it still begins with the same letters.
fn was_made(place: &std::path::Path) -> bool {
    let name = place.file_name().expect("a name").to_string_lossy().into_owned();
    let mut names = std::fs::read_dir(place.parent().expect("a folder")).expect("a folder").flatten();
    names.any(|entry| entry.file_name().to_string_lossy().starts_with(&name))
}

#[test]
fn socket_cannot_take_a_guarded_name() {
    escape(|scene| {
        let place = scene.at_work(".envrc");
        Attempt::attack(scene, &["bind-unix", ".envrc"]).effect(move |_| std::fs::symlink_metadata(&place).is_ok())
    });
}

#[test]
fn protected_file_that_exists_cannot_be_changed_removed_or_replaced() {
    escape(|scene| {
        scene.write(&scene.at_work(".mcp.json"), "{}\n");
        let place = scene.at_work(".mcp.json");
        Attempt::shell("echo evil >>.mcp.json; rm -f .mcp.json; echo evil >x; mv -f x .mcp.json; ln -sf x .mcp.json")
            .effect(move |_| std::fs::read_to_string(&place).ok().as_deref() != Some("{}\n"))
    });
}

#[test]
fn protected_symlink_cannot_be_written_through_or_repointed() {
    escape(|scene| {
        scene.write(&scene.at_work("real.json"), "{}\n");
        std::os::unix::fs::symlink("real.json", scene.at_work(".mcp.json")).expect("a symlink");
        let link = scene.at_work(".mcp.json");
        Attempt::shell(
            "echo evil >>.mcp.json; ln -sfn other .mcp.json; rm -f .mcp.json; echo evil >other; mv other .mcp.json",
        )
        .effect(move |_| {
            let repointed = std::fs::read_link(&link).is_ok_and(|target| target.as_os_str() != "real.json");
            repointed || std::fs::read_to_string(&link).is_ok_and(|content| content.contains("evil"))
        })
    });
}

#[test]
fn second_name_of_a_protected_file_cannot_be_written() {
    escape(|scene| {
        repository(scene);
        std::fs::hard_link(scene.at_work(".git/hooks/post-commit"), scene.at_work("hook.txt")).expect("a hard link");
        let place = scene.at_work(".git/hooks/post-commit");
        Attempt::attack(scene, &["write", "hook.txt", "evil"])
            .or_is_refused(66)
            .effect(move |_| std::fs::read_to_string(&place).is_ok_and(|content| content.contains("evil")))
    });
}

#[test]
fn protected_name_cannot_appear_while_the_launcher_is_killed() {
    each_scene(|scene| {
        let before = scene.names_at_work();
        let script = "echo begun; while :; do echo evil >.mcp.json; mkdir .claude; done 2>/dev/null";
        let mut child = scene.start_sandboxed(&Run::shell(script));
        let said = std::io::BufReader::new(child.stdout.take().expect("stdout is piped"));
        assert!(said.lines().map_while(Result::ok).any(|line| line == "begun"), "the command starts");
        std::thread::sleep(std::time::Duration::from_millis(300));
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
        crate::harness::leftovers::wait_until_gone(&scene.workspace).expect("nothing is left");
        assert_eq!(scene.names_at_work(), before, "kill -9 of the launcher leaves the workspace as it was");
    });
}

#[test]
fn protected_names_leave_no_trace_in_the_workspace() {
    each_scene(|scene| {
        let before = scene.names_at_work();
        scene.sandboxed(&Run::new(&["true"])).ok();
        assert_eq!(scene.names_at_work(), before, "a run that writes nothing leaves nothing");
    });
}

#[test]
fn settings_cannot_appear_in_an_agents_folder_that_is_there() {
    for name in [
        ".claude/settings.json",
        ".claude/settings.local.json",
        ".claude/hooks/x",
        ".vscode/tasks.json",
        ".cursor/mcp.json",
        ".codex/config.toml",
    ] {
        escape(move |scene| {
            let place = scene.at_work(name);
            let folder = place.parent().expect("a folder").to_path_buf();
            scene.mkdir(&folder);
            scene.write(&scene.at_work(name.split('/').next().expect("a folder")).join("notes"), "a note\n");
            Attempt::shell(&format!("echo evil >{name}; echo evil >x; mv x {name}; echo evil >x; ln x {name}"))
                .effect(move |_| place.symlink_metadata().is_ok())
        });
    }
}

#[test]
fn settings_cannot_appear_in_an_agents_folder_behind_a_link() {
    escape(|scene| {
        let place = scene.at_work("tools/agent/settings.json");
        scene.write(&scene.at_work("tools/agent/notes"), "a note\n");
        std::os::unix::fs::symlink("tools/agent", scene.at_work(".claude")).expect("a symlink");
        Attempt::shell("echo evil >.claude/settings.json; echo evil >tools/agent/settings.json; mv tools other; mkdir -p tools/agent; echo evil >tools/agent/settings.json")
            .effect(move |_| place.symlink_metadata().is_ok())
    });
}
