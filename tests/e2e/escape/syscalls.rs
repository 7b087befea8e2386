//! System calls that widen the kernel's surface and that honest work does not need.

use crate::harness::attempt::escape_as_root;
use crate::harness::{Attempt, escape};

#[test]
fn keyrings_cannot_be_used() {
    for call in ["keyctl", "add-key", "request-key"] {
        escape(|scene| Attempt::attack(scene, &[call]).where_the_kernel_has_it());
    }
}

#[test]
fn bpf_programs_and_maps_cannot_be_made() {
    escape(|scene| Attempt::attack(scene, &["bpf"]).bare_only_as_root().where_the_kernel_has_it());
}

#[test]
fn performance_events_cannot_be_opened() {
    escape(|scene| Attempt::attack(scene, &["perf"]).where_the_kernel_has_it());
}

#[test]
fn page_faults_cannot_be_handled_in_user_space() {
    escape(|scene| Attempt::attack(scene, &["userfaultfd"]).where_the_kernel_has_it());
}

#[test]
fn io_uring_cannot_be_set_up() {
    escape(|scene| Attempt::attack(scene, &["io-uring"]).where_the_kernel_has_it());
}

#[test]
fn personality_cannot_make_data_executable() {
    escape(|scene| Attempt::attack(scene, &["personality"]));
}

#[test]
fn secret_memory_cannot_be_made() {
    escape(|scene| Attempt::attack(scene, &["memfd-secret"]).where_the_kernel_has_it());
}

#[test]
fn x32_numbers_do_not_pass_the_filter() {
    escape(|scene| Attempt::attack(scene, &["x32"]).where_the_kernel_has_it());
}

#[test]
fn thirty_two_bit_entry_does_not_pass_the_filter() {
    escape(|scene| Attempt::attack(scene, &["int80"]).where_the_kernel_has_it());
}

#[test]
fn local_descriptor_table_cannot_be_touched() {
    escape(|scene| Attempt::attack(scene, &["modify-ldt"]).where_the_kernel_has_it());
}

#[test]
fn seccomp_listener_cannot_be_installed() {
    escape(|scene| Attempt::attack(scene, &["seccomp-listener"]));
}

#[test]
fn child_cannot_be_traced_under_the_default_profile() {
    escape(|scene| Attempt::attack(scene, &["traced-child"]));
}

#[test]
fn processes_cannot_be_compared() {
    escape(|scene| Attempt::attack(scene, &["reach", "kcmp"]).where_the_kernel_has_it());
}

#[test]
fn clock_and_host_name_cannot_be_set() {
    escape_as_root(|scene| Attempt::attack(scene, &["same-time"]));
    escape_as_root(|scene| Attempt::attack(scene, &["same-hostname"]));
}

#[test]
fn kernel_log_cannot_be_asked() {
    escape_as_root(|scene| Attempt::attack(scene, &["reach", "syslog"]));
}

#[test]
fn kernel_modules_and_images_cannot_be_loaded() {
    for call in ["init_module", "finit_module", "delete_module", "kexec_load"] {
        escape_as_root(|scene| Attempt::attack(scene, &["reach", call]).where_the_kernel_has_it());
    }
}

#[test]
fn swap_accounting_quotas_and_reboot_cannot_be_reached() {
    for call in ["swapon", "acct", "quotactl", "reboot"] {
        escape_as_root(|scene| Attempt::attack(scene, &["reach", call]).where_the_kernel_has_it());
    }
}

#[test]
fn input_output_ports_cannot_be_opened() {
    for call in ["iopl", "ioperm"] {
        escape_as_root(|scene| Attempt::attack(scene, &["reach", call]).where_the_kernel_has_it());
    }
}

#[test]
fn whole_file_systems_cannot_be_watched() {
    escape_as_root(|scene| Attempt::attack(scene, &["reach", "fanotify_init"]).where_the_kernel_has_it());
}
