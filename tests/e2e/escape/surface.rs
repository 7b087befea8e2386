//! The rest of the kernel's surface: every socket family, calls newer than the filter, and targets that no path names.

use crate::harness::attempt::escape_as_root;
use crate::harness::{Attempt, Identity, Scene, escape};

/// One more than the highest number of a system call that the filter's table knows.
const FIRST_UNKNOWN: &str = "470";

#[test]
fn sockets_of_every_other_family_are_refused() {
    for attack in ["families", "families-high"] {
        escape(|scene| Attempt::attack(scene, &[attack]).where_the_kernel_has_it());
    }
}

#[test]
fn pairs_of_sockets_of_every_other_family_are_refused() {
    escape(|scene| Attempt::attack(scene, &["families-pair"]));
}

#[test]
fn netlink_of_every_other_protocol_is_refused() {
    escape(|scene| Attempt::attack(scene, &["netlinks"]));
}

#[test]
fn calls_newer_than_the_filter_do_not_pass_it() {
    escape(|scene| Attempt::attack(scene, &["newer-calls", FIRST_UNKNOWN]).where_the_kernel_has_it());
}

#[test]
fn every_call_of_the_mount_api_is_refused() {
    for call in ["open_tree", "open_tree_attr", "fsconfig", "mount_setattr", "umount2"] {
        escape(|scene| Attempt::attack(scene, &["reach", call]).where_the_kernel_has_it());
    }
    for call in ["move_mount", "fspick", "fsmount"] {
        escape(|scene| Attempt::attack(scene, &["reach", call]).bare_only_as_root().where_the_kernel_has_it());
    }
}

#[test]
fn calls_into_other_processes_are_refused() {
    for call in ["process_vm_readv", "process_vm_writev", "pidfd_getfd", "move_pages"] {
        escape(|scene| Attempt::attack(scene, &["reach", call]).where_the_kernel_has_it());
    }
}

#[test]
fn calls_around_a_ring_are_refused() {
    for call in ["io_uring_enter", "io_uring_register"] {
        escape(|scene| Attempt::attack(scene, &["reach", call]).where_the_kernel_has_it());
    }
}

#[test]
fn quotas_security_labels_and_swap_are_out_of_reach() {
    for call in ["quotactl_fd", "lsm_set_self_attr"] {
        escape(|scene| Attempt::attack(scene, &["reach", call]).where_the_kernel_has_it());
    }
    for call in ["swapoff", "kexec_file_load"] {
        escape_as_root(|scene| Attempt::attack(scene, &["reach", call]).where_the_kernel_has_it());
    }
}

#[test]
fn namespace_of_any_kind_cannot_be_cloned_by_the_call_a_filter_cannot_see_into() {
    for kind in ["mnt", "pid", "net", "ipc", "uts", "cgroup"] {
        escape_as_root(|scene| Attempt::attack(scene, &["clone3-in", kind]));
        escape_as_root(|scene| Attempt::attack(scene, &["clone-in", kind]));
    }
}

#[test]
fn clock_of_its_own_cannot_be_had() {
    escape(|scene| Attempt::attack(scene, &["time-namespace"]));
}

/// What an attempt outside tells about the host, if this kernel tells it.
fn told(attack: &str) -> Option<String> {
    let scene = Scene::new(*Identity::all().first()?);
    let outcome = scene.bare(&crate::harness::Run::new(&[scene.attack().into_os_string(), attack.into()]));
    let said = outcome.out();
    let value = said.lines().find_map(|line| line.strip_prefix("GOT ")).map(str::to_owned);
    if value.is_none() {
        eprintln!("NOTE: this kernel does not tell: {}", said.trim());
    }
    value
}

#[test]
fn namespace_of_the_host_cannot_be_opened_by_its_handle() {
    let Some(handle) = told("handle-of-namespace") else { return };
    escape(|scene| Attempt::attack(scene, &["namespace-by-handle", &handle]).where_the_kernel_has_it());
}

#[test]
fn mounts_of_the_host_cannot_be_listed_by_its_namespaces_number() {
    let Some(id) = told("mount-namespace-id") else { return };
    escape(|scene| Attempt::attack(scene, &["list-mounts", &id]).where_the_kernel_has_it());
}

#[test]
fn memory_of_a_process_of_the_host_takes_no_advice() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::attack(scene, &["memory-advice", &pid]).bare_only_as_root().where_the_kernel_has_it()
    });
}

#[test]
fn program_that_lies_in_memory_alone_is_confined_like_any_other() {
    escape(|scene| {
        let key = scene.at_home(".ssh/id_ed25519").into_os_string();
        Attempt::attack(scene, &["memfd-exec".into(), "read".into(), key]).leaks()
    });
    escape(|scene| Attempt::attack(scene, &["memfd-exec", "unshare", "user"]));
}
