//! Namespaces and mounts: nothing inside may be rearranged.

use crate::harness::attempt::escape_as_root;
use crate::harness::{Attempt, escape};

#[test]
fn user_namespace_cannot_be_unshared() {
    escape(|scene| Attempt::attack(scene, &["unshare", "user"]));
}

#[test]
fn user_namespace_cannot_be_cloned() {
    escape(|scene| Attempt::attack(scene, &["clone-in", "user"]));
}

#[test]
fn user_namespace_cannot_be_cloned_by_the_call_a_filter_cannot_see_into() {
    escape(|scene| Attempt::attack(scene, &["clone3-in", "user"]));
}

#[test]
fn no_other_namespace_can_be_unshared() {
    for kind in ["mnt", "pid", "net", "ipc", "uts", "cgroup"] {
        escape_as_root(|scene| Attempt::attack(scene, &["unshare", kind]));
    }
}

#[test]
fn namespaces_of_the_host_cannot_be_joined() {
    escape_as_root(|scene| {
        let pid = scene.victim().pid();
        let key = scene.at_home(".ssh/id_ed25519").to_string_lossy().into_owned();
        Attempt::attack(scene, &["setns".to_owned(), pid, "mnt".to_owned(), key]).leaks()
    });
}

#[test]
fn namespaces_of_the_host_cannot_be_joined_by_process_descriptor() {
    escape_as_root(|scene| {
        let pid = scene.victim().pid();
        let key = scene.at_home(".ssh/id_ed25519").to_string_lossy().into_owned();
        Attempt::attack(scene, &["setns-pidfd".to_owned(), pid, key]).leaks()
    });
}

#[test]
fn file_system_cannot_be_mounted() {
    escape(|scene| {
        scene.mkdir(&scene.at_work("m"));
        Attempt::attack(scene, &["mount-tmpfs", "m"])
    });
}

#[test]
fn folder_cannot_be_bound_to_uncover_a_mask() {
    escape(|scene| {
        scene.write(&scene.at_work("vault/key"), &format!("secret={}\n", scene.canary));
        scene.mkdir(&scene.at_work("m"));
        let mask = scene.at_work("vault");
        Attempt::attack(scene, &["bind", ".", "m", "vault/key"])
            .leaks()
            .with(|run| run.flags(&["--mask".into(), mask.into_os_string()]))
    });
}

#[test]
fn mask_cannot_be_unmounted() {
    escape(|scene| {
        scene.write(&scene.at_work("vault/key"), &format!("secret={}\n", scene.canary));
        let mask = scene.at_work("vault");
        Attempt::attack(scene, &["umount", "vault", "key"])
            .leaks()
            .with(|run| run.flags(&["--mask".into(), mask.into_os_string()]))
    });
}

#[test]
fn home_that_is_hidden_cannot_be_unmounted() {
    escape(|scene| {
        let home = scene.home.clone().into_os_string();
        Attempt::attack(scene, &["umount".into(), home, ".ssh/id_ed25519".into()]).leaks()
    });
}

#[test]
fn read_only_mount_cannot_be_made_writable() {
    for way in ["remount-rw", "mount-setattr"] {
        escape(|scene| {
            let attempt = Attempt::attack(scene, &[way, "/"]);
            if way == "remount-rw" { attempt.bare_only_as_root() } else { attempt }
        });
    }
}

#[test]
fn mounts_cannot_be_copied_or_made_by_the_new_calls() {
    escape(|scene| Attempt::attack(scene, &["fsopen"]));
    escape(|scene| Attempt::attack(scene, &["open-tree", "/"]).bare_only_as_root());
}

#[test]
fn root_cannot_be_pivoted() {
    escape(|scene| {
        scene.mkdir(&scene.at_work("m"));
        Attempt::attack(scene, &["pivot", "m"])
    });
}

#[test]
fn nested_chroot_does_not_lead_out() {
    escape(|scene| {
        scene.mkdir(&scene.at_work("m"));
        let key = scene.at_home(".ssh/id_ed25519").into_os_string();
        Attempt::attack(scene, &["chroot-out".into(), "m".into(), key]).leaks()
    });
}
