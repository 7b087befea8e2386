//! Secrets and system files, by their plain names.

use crate::harness::attempt::{escape_as_root, read, read_at_home};
use crate::harness::canary::random_name;
use crate::harness::{Attempt, escape};
use std::path::Path;

#[test]
fn ssh_private_key_cannot_be_read() {
    read_at_home(".ssh/id_ed25519");
}

#[test]
fn environment_file_beside_the_workspace_cannot_be_read() {
    read_at_home("code/.env");
}

#[test]
fn aws_credentials_cannot_be_read() {
    read_at_home(".aws/credentials");
}

#[test]
fn google_cloud_credentials_cannot_be_read() {
    read_at_home(".config/gcloud/credentials.db");
}

#[test]
fn kubernetes_and_docker_configuration_cannot_be_read() {
    read_at_home(".kube/config");
    read_at_home(".docker/config.json");
}

#[test]
fn github_and_git_credentials_cannot_be_read() {
    read_at_home(".config/gh/hosts.yml");
    read_at_home(".git-credentials");
}

#[test]
fn git_credentials_inside_the_readable_git_folder_cannot_be_read() {
    read_at_home(".config/git/credentials");
}

#[test]
fn package_registry_tokens_cannot_be_read() {
    read_at_home(".npmrc");
    read_at_home(".pypirc");
    read_at_home(".netrc");
}

#[test]
fn cargo_credentials_inside_the_readable_toolchain_cannot_be_read() {
    read_at_home(".cargo/credentials.toml");
}

#[test]
fn keyrings_inside_the_readable_share_folder_cannot_be_read() {
    read_at_home(".local/share/keyrings/login.keyring");
}

#[test]
fn browser_profiles_cannot_be_read() {
    read_at_home(".mozilla/firefox/abc.default/logins.json");
    read_at_home(".config/google-chrome/Default/Login Data");
}

#[test]
fn shell_and_repl_histories_cannot_be_read() {
    read_at_home(".bash_history");
    read_at_home(".python_history");
}

#[test]
fn agents_own_state_cannot_be_read() {
    read_at_home(".openclaw/openclaw.json");
    read_at_home(".claude/.credentials.json");
    read_at_home(".codex/auth.json");
}

#[test]
fn agent_state_around_a_workspace_inside_it_cannot_be_read() {
    escape(|scene| {
        let workspace = scene.at_home(".openclaw/workspace");
        Attempt::shell("cat notes.md ../.env ../openclaw.json ~/.openclaw/credentials/*")
            .with(|run| run.workspaces(&[&workspace]).folder(&workspace))
    });
}

#[test]
fn no_secret_of_the_home_is_found_by_a_search() {
    escape(|scene| {
        let [prefix, _] = scene.canary.parts();
        Attempt::attack(scene, &["search".into(), prefix.into(), scene.home.clone().into_os_string()])
    });
}

#[test]
fn home_folder_does_not_show_its_names() {
    escape(|_| {
        Attempt::shell(
            "ls -A ~/.ssh ~/.aws ~/.gnupg/private-keys-v1.d ~/secrets | grep -E 'id_ed25519|credentials|key'",
        )
        .status_zero()
    });
}

#[test]
fn another_users_home_cannot_be_read() {
    escape(|scene| {
        let place = scene.root.join("neighbour/diary.txt");
        scene.write(&place, &format!("secret={}\n", scene.canary));
        read(scene, &place)
    });
}

#[test]
fn passwd_entrys_home_cannot_be_read_when_home_says_otherwise() {
    escape_as_root(|scene| {
        let place = Path::new("/root").join(format!(".lobsterpot-e2e-{}", random_name()));
        scene.plant_outside(&place);
        read(scene, &place)
    });
}

#[test]
fn password_hashes_cannot_be_read() {
    escape_as_root(|scene| Attempt::attack(scene, &["read", "/etc/shadow"]));
}

#[test]
fn host_keys_of_ssh_cannot_be_read() {
    escape_as_root(|scene| {
        let place = Path::new("/etc/ssh").join(format!("ssh_host_e2e{}_key", random_name()));
        scene.needs_folder(Path::new("/etc/ssh"));
        scene.plant_outside(&place);
        read(scene, &place)
    });
}

#[test]
fn files_only_root_may_read_stay_unreadable_for_root_inside() {
    escape_as_root(|scene| {
        let place = Path::new("/etc").join(format!("lobsterpot-e2e-{}", random_name()));
        scene.plant_outside(&place);
        std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
        read(scene, &place)
    });
}

#[test]
fn system_logs_cannot_be_read() {
    escape_as_root(|scene| {
        let place = Path::new("/var/log").join(format!("lobsterpot-e2e-{}.log", random_name()));
        scene.plant_outside(&place);
        read(scene, &place)
    });
}

#[test]
fn run_time_files_of_services_cannot_be_read() {
    escape_as_root(|scene| {
        let place = Path::new("/run").join(format!("lobsterpot-e2e-{}", random_name()));
        scene.plant_outside(&place);
        read(scene, &place)
    });
}

#[test]
fn unknown_folders_at_the_root_cannot_be_read() {
    escape_as_root(|scene| {
        let folder = Path::new("/").join(format!("lobsterpot-e2e-{}", random_name()));
        let place = folder.join("backup");
        scene.plant_outside(&place);
        scene.goes_away(&folder);
        read(scene, &place)
    });
}

#[test]
fn files_of_others_in_the_shared_temporary_folders_cannot_be_read() {
    for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
        escape(|scene| {
            let place = Path::new(folder).join(format!("lobsterpot-e2e-{}", random_name()));
            scene.plant_outside(&place);
            read(scene, &place)
        });
    }
}

#[test]
fn files_left_in_the_temporary_folder_do_not_reach_the_host() {
    escape(|scene| {
        let place = Path::new("/tmp").join(format!("lobsterpot-e2e-{}", random_name()));
        scene.goes_away(&place);
        let wanted = place.clone();
        Attempt::attack(scene, &["write".into(), place.into_os_string(), "x".into()]).effect(move |_| wanted.exists())
    });
}

#[test]
fn system_programs_cannot_be_replaced() {
    escape_as_root(|scene| {
        let place = Path::new("/usr/local/bin").join(format!("lobsterpot-e2e-{}", random_name()));
        scene.goes_away(&place);
        Attempt::attack(scene, &["write".into(), place.into_os_string(), "x".into()])
    });
}

#[test]
fn dot_dots_do_not_lead_out_of_the_workspace() {
    escape(|_| Attempt::shell("cat ../.env ../../.env ./../../../home/.ssh/id_ed25519"));
}

#[test]
fn archive_of_the_parent_folder_holds_no_secret() {
    escape(|_| Attempt::shell("tar -C ../.. -cf - . 2>/dev/null"));
}

#[test]
fn masked_file_in_the_workspace_cannot_be_read_or_moved_away() {
    escape(|scene| {
        let place = scene.at_work("prod.env");
        scene.write(&place, &format!("secret={}\n", scene.canary));
        Attempt::shell("cat prod.env; mv prod.env x; cat x; cp -l prod.env y; cat y")
            .with(|run| run.flags(&["--mask".into(), place.into_os_string()]))
    });
}

#[test]
fn masked_folder_in_the_workspace_cannot_be_read_or_moved_away() {
    escape(|scene| {
        scene.write(&scene.at_work("vault/deep/key"), &format!("secret={}\n", scene.canary));
        let mask = scene.at_work("vault");
        Attempt::shell("cat vault/deep/key; mv vault x; cat x/deep/key; mkdir z; mv vault z/; cat z/*/deep/key")
            .with(|run| run.flags(&["--mask".into(), mask.into_os_string()]))
    });
}

#[test]
fn parent_of_a_masked_file_cannot_be_moved_to_uncover_it() {
    escape(|scene| {
        scene.write(&scene.at_work("sub/deeper/key"), &format!("secret={}\n", scene.canary));
        let mask = scene.at_work("sub/deeper/key");
        Attempt::shell("mv sub/deeper sub/other; cat sub/other/key; mv sub top; cat top/*/key")
            .with(|run| run.flags(&["--mask".into(), mask.into_os_string()]))
    });
}

#[test]
fn mask_given_by_a_symlink_hides_what_it_leads_to() {
    escape(|scene| {
        scene.write(&scene.at_work("real/key"), &format!("secret={}\n", scene.canary));
        let link = scene.at_work("link");
        std::os::unix::fs::symlink("real", &link).expect("a symlink");
        Attempt::shell("cat link/key; cat real/key").with(|run| run.flags(&["--mask".into(), link.into_os_string()]))
    });
}

#[test]
fn masked_name_that_does_not_exist_yet_cannot_be_made() {
    escape(|scene| {
        let place = scene.at_work("later.env");
        let wanted = place.clone();
        Attempt::attack(scene, &["create", "later.env", "x"])
            .with(|run| run.flags(&["--mask".into(), place.into_os_string()]))
            .effect(move |_| wanted.exists())
    });
}

#[test]
fn masked_name_that_the_person_makes_during_the_run_stays_hidden() {
    escape(|scene| {
        let folder = scene.at_home("shown");
        scene.write(&folder.join("other"), "seen\n");
        let (later, ready, made) = (folder.join("later.key"), scene.at_work("ready"), scene.at_work("made"));
        let (place, secret) = (later.clone(), format!("secret={}\n", scene.canary));
        std::thread::spawn(move || {
            let is_ready = (0..6000).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                ready.exists()
            });
            if is_ready {
                std::fs::write(&place, secret).and_then(|()| std::fs::write(&made, "")).expect("the person's file");
            }
        });
        let wait = "for i in $(seq 3000); do [ -e made ] && break; sleep 0.02; done";
        let script = format!("cat ~/shown/other; touch ready; {wait}; [ -e made ] && sleep 0.1; cat ~/shown/later.key");
        let flags = ["--ro".into(), folder.into_os_string(), "--mask".into(), later.into_os_string()];
        Attempt::shell(&script).with(|run| run.flags(&flags))
    });
}

#[test]
fn write_into_a_masked_folder_fails_loudly() {
    escape(|scene| {
        let place = scene.at_work("vault");
        scene.write(&place.join("key"), &format!("secret={}\n", scene.canary));
        Attempt::attack(scene, &["write", "vault/new", "x"])
            .with(|run| run.flags(&["--mask".into(), place.into_os_string()]))
    });
}

#[test]
fn read_only_folder_cannot_be_written() {
    escape(|scene| {
        let place = scene.at_home("docs");
        scene.write(&place.join("a.txt"), "a\n");
        let target = place.join("b.txt");
        Attempt::attack(scene, &["write".into(), target.into_os_string(), "x".into()])
            .with(|run| run.flags(&["--ro".into(), place.into_os_string()]))
    });
}

#[test]
fn folders_whose_names_begin_like_the_workspaces_cannot_be_reached() {
    escape(|scene| {
        for name in ["project-secret", "projec", "project.bak", "project secret"] {
            scene.write(&scene.at_home("code").join(name).join("key"), &format!("secret={}\n", scene.canary));
        }
        let planted = scene.at_home("code/project-secret/planted");
        Attempt::shell("cat ../project-secret/key ../projec/key ../project.bak/key \"$PWD secret/key\" \"$PWD-secret/key\"; echo evil >$PWD-secret/planted")
            .or_effect(move |_| planted.exists())
    });
}

#[test]
fn paths_that_begin_like_a_granted_one_are_not_granted() {
    escape(|scene| {
        let (given, beside) = (scene.at_home("data"), scene.at_home("data-private/key"));
        scene.write(&given.join("a"), "a\n");
        scene.write(&beside, &format!("secret={}\n", scene.canary));
        Attempt::shell("cat ~/data/a ~/data-private/key ~/data/../data-private/key ~/data*/key")
            .with(|run| run.flags(&["--ro".into(), given.into_os_string()]))
    });
}
