//! What `/proc` and `/sys` show and take.

use crate::harness::attempt::escape_as_root;
use crate::harness::{Attempt, escape};

#[test]
fn other_processes_environments_cannot_be_read() {
    escape(|scene| {
        let [prefix, rest] = scene.canary.parts().map(str::to_owned);
        scene.victim();
        Attempt::attack(scene, &["environ-scan", &prefix, &rest])
    });
}

#[test]
fn launchers_environment_cannot_be_read_through_the_processes_inside() {
    escape(|scene| {
        let [prefix, rest] = scene.canary.parts();
        Attempt::shell(&format!(
            "exec 2>/dev/null; cat /proc/1/environ /proc/$PPID/environ; cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep {prefix}{rest}"
        ))
    });
}

#[test]
fn files_open_in_other_processes_cannot_be_read() {
    escape(|scene| {
        scene.victim();
        let [prefix, _] = scene.canary.parts();
        Attempt::attack(scene, &["fd-scan", prefix])
    });
}

#[test]
fn no_process_leads_to_the_hosts_root() {
    escape(|scene| {
        scene.victim();
        let [prefix, _] = scene.canary.parts();
        let key = scene.at_home(".ssh/id_ed25519").into_os_string();
        Attempt::attack(scene, &["root-scan".into(), key, prefix.into()])
    });
}

#[test]
fn process_of_the_host_is_not_listed() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::shell(&format!("tr '\\0' ' ' </proc/{pid}/cmdline | grep 'attack idle'")).status_zero()
    });
}

#[test]
fn fresh_proc_cannot_be_mounted() {
    escape(|scene| Attempt::attack(scene, &["mount-proc", "/mnt"]).bare_only_as_root());
}

#[test]
fn kernel_settings_cannot_be_written() {
    escape_as_root(|scene| Attempt::attack(scene, &["rewrite", "/proc/sys/kernel/core_pattern"]));
}

#[test]
fn magic_system_request_cannot_be_opened() {
    escape_as_root(|scene| {
        Attempt::attack(scene, &["open-to-write", "/proc/sysrq-trigger"]).bare_where_it_opens("/proc/sysrq-trigger")
    });
}

#[test]
fn kernel_memory_image_cannot_be_opened() {
    escape_as_root(|_| {
        Attempt::shell("head -c 4 /proc/kcore | grep -q ELF").status_zero().bare_where_it_opens("/proc/kcore")
    });
}

#[test]
fn kernel_addresses_are_not_shown() {
    escape_as_root(|_| {
        Attempt::shell("grep -m1 -v '^0000000000000000' /proc/kallsyms | grep -q ' [tT] '").status_zero()
    });
}

#[test]
fn kernel_knobs_in_sys_cannot_be_written() {
    escape_as_root(|scene| Attempt::attack(scene, &["open-to-write", "/sys/kernel/mm/transparent_hugepage/enabled"]));
}

#[test]
fn control_groups_cannot_be_made() {
    escape_as_root(|_| {
        Attempt::shell(
            "for d in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/pids; do \
             mkdir $d/lobsterpot-e2e 2>/dev/null && { rmdir $d/lobsterpot-e2e; exit 0; }; done; exit 1",
        )
        .status_zero()
    });
}

#[test]
fn own_memory_limits_of_others_cannot_be_changed_by_proc() {
    escape(|scene| {
        let pid = scene.victim().pid();
        Attempt::attack(scene, &["write".to_owned(), format!("/proc/{pid}/oom_score_adj"), "900".to_owned()])
    });
}
