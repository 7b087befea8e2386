//! Symlinks, hard links, magic links and races between them.

use crate::harness::attempt::{escape_as_root, read};
use crate::harness::{Attempt, escape};
use std::os::unix::fs::symlink;

#[test]
fn symlink_into_home_cannot_read_the_ssh_key() {
    escape(|scene| {
        symlink(scene.at_home(".ssh/id_ed25519"), scene.at_work("innocent.txt")).expect("a symlink");
        read(scene, &scene.at_work("innocent.txt"))
    });
}

#[test]
fn symlink_made_inside_cannot_read_the_ssh_key() {
    escape(|_| Attempt::shell("ln -s ~/.ssh/id_ed25519 x; cat x"));
}

#[test]
fn chain_of_relative_symlinks_cannot_leave_the_workspace() {
    escape(|_| Attempt::shell("mkdir -p a/b; ln -s ../.. a/b/up; ln -s a/b/up/.. top; cat top/.env a/b/up/../.env"));
}

#[test]
fn symlinked_folder_cannot_be_written_through() {
    escape(|scene| {
        symlink(scene.at_home(".config/autostart"), scene.at_work("out")).expect("a symlink");
        let wanted = scene.at_home(".config/autostart/x.desktop");
        Attempt::attack(scene, &["write", "out/x.desktop", "x"]).effect(move |_| wanted.exists())
    });
}

#[test]
fn hard_link_to_a_secret_cannot_be_made() {
    escape(|scene| {
        let secret = scene.at_home(".ssh/id_ed25519");
        Attempt::attack(scene, &["hardlink".into(), secret.into_os_string(), "key".into()]).leaks()
    });
}

#[test]
fn hard_link_to_a_secret_planted_beforehand_cannot_be_read() {
    escape(|scene| {
        std::fs::hard_link(scene.at_home(".ssh/id_ed25519"), scene.at_work("key")).expect("a hard link");
        read(scene, &scene.at_work("key")).or_is_refused(66)
    });
}

#[test]
fn hard_link_to_a_secret_deep_in_the_workspace_cannot_be_read() {
    escape(|scene| {
        scene.mkdir(&scene.at_work("a/b/c"));
        std::fs::hard_link(scene.at_home(".aws/credentials"), scene.at_work("a/b/c/data.bin")).expect("a hard link");
        read(scene, &scene.at_work("a/b/c/data.bin")).or_is_refused(66)
    });
}

#[test]
fn hard_link_to_a_file_masked_in_the_workspace_cannot_be_read() {
    escape(|scene| {
        let masked = scene.at_work("prod.env");
        scene.write(&masked, &format!("secret={}\n", scene.canary));
        std::fs::hard_link(&masked, scene.at_work("copy.txt")).expect("a hard link");
        read(scene, &scene.at_work("copy.txt"))
            .or_is_refused(66)
            .with(|run| run.flags(&["--mask".into(), masked.into_os_string()]))
    });
}

#[test]
fn magic_link_of_the_own_root_leads_nowhere_else() {
    escape(|scene| {
        let key = scene.at_home(".ssh/id_ed25519");
        Attempt::shell(&format!(
            "cat /proc/self/root{0}; cat /proc/thread-self/root{0}; cat /proc/self/cwd/../.env",
            key.display()
        ))
    });
}

#[test]
fn symlink_swapped_while_it_is_read_never_shows_the_secret() {
    escape(|scene| {
        let secret = scene.at_home(".ssh/id_ed25519");
        let [prefix, _] = scene.canary.parts();
        Attempt::attack(
            scene,
            &["swap-race".into(), "flip".into(), "README.md".into(), secret.into_os_string(), prefix.into()],
        )
    });
}

#[test]
fn folders_exchanged_while_they_are_read_never_show_the_secret() {
    escape(|scene| {
        scene.write(&scene.at_work("one/key"), &format!("secret={}\n", scene.canary));
        scene.write(&scene.at_work("two/key"), "nothing\n");
        let mask = scene.at_work("one/key");
        let [prefix, _] = scene.canary.parts();
        Attempt::attack(scene, &["rename-race", "two", "one", "key", prefix])
            .with(|run| run.flags(&["--mask".into(), mask.into_os_string()]))
    });
}

#[test]
fn file_cannot_be_opened_by_its_handle() {
    escape_as_root(|scene| Attempt::attack(scene, &["open-by-handle", "README.md"]));
}

#[test]
fn workspace_that_is_a_symlink_does_not_widen_what_is_visible() {
    escape(|scene| {
        let link = scene.at_home("shortcut");
        symlink(&scene.workspace, &link).expect("a symlink");
        Attempt::shell("cat ../.env ~/.env ~/code/.env").with(|run| run.workspaces(&[&link]).folder(&link))
    });
}

#[test]
fn protected_name_that_leads_to_the_workspace_does_not_open_the_folder_above_it() {
    escape(|scene| {
        symlink(".", scene.at_work(".vscode")).expect("a symlink");
        Attempt::shell("cat ../.env ~/code/.env; echo evil >../planted")
            .or_effect(|scene| scene.at_home("code/planted").exists())
            .or_is_refused(66)
    });
}

#[test]
fn folder_that_holds_a_masked_one_cannot_be_moved_so_that_the_next_run_shows_it() {
    escape(|scene| {
        scene.write(&scene.at_work("fixtures/private/key"), &format!("secret={}\n", scene.canary));
        let mask = scene.at_work("fixtures/private");
        Attempt::shell("mv fixtures moved")
            .with(|run| run.flags(&["--mask".into(), mask.into_os_string()]))
            .effect(|scene| scene.at_work("moved").exists())
    });
}

#[test]
fn masked_file_cannot_be_read_through_a_grant_that_is_a_link_to_its_folder() {
    escape(|scene| {
        scene.write(&scene.at_home("data/key"), &format!("secret={}\n", scene.canary));
        let (folder, link) = (scene.at_home("data"), scene.at_home("reference"));
        symlink(&folder, &link).expect("a symlink");
        let policy = scene.at_home("policy.toml");
        scene.write(&policy, "files.read = [\"~/reference\"]\n");
        let flags = ["--policy".into(), policy.into_os_string(), "--mask".into(), folder.join("key").into_os_string()];
        Attempt::shell("cat ~/reference/key").with(|run| run.flags(&flags))
    });
}

#[test]
fn link_that_a_command_could_have_made_is_not_what_a_grant_means() {
    for option in ["--ro", "--rw"] {
        escape(|scene| {
            scene.write(&scene.at_home("notes/today"), &format!("secret={}\n", scene.canary));
            let (link, planted) = (scene.at_work("data"), scene.at_home("notes/planted"));
            symlink(scene.at_home("notes"), &link).expect("a symlink");
            Attempt::shell("cat data/today ~/notes/today; echo evil >data/planted")
                .or_effect(move |_| planted.exists())
                .or_is_refused(66)
                .with(|run| run.flags(&[option.into(), link.into_os_string()]))
        });
    }
}
