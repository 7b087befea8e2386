//! What a hijacked process would try, sentence by sentence, on every compiled program.

use super::machine::{self, Call};
use super::{
    ALLOW, HIGH_BITS, KILL, NOTIFY, PLAIN, Variant, answer, assert_answer, assert_everywhere, errno, reported, select,
};
use crate::seccomp::{Action, explain, syscall_name};

/// Every namespace flag that `clone` knows.
const NEW: [u64; 7] = [0x2_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];

/// The variants that do not grant user namespaces.
fn without_user_namespaces() -> impl Iterator<Item = Variant> {
    Variant::all().filter(|variant| !variant.user_namespaces)
}

/// What every variant answers to a number under an architecture.
fn assert_raw(number: u32, arch: u32, expected: u32) {
    for variant in Variant::all() {
        let call = Call { number, arch, arguments: [0; 6] };
        let found = machine::run(select(variant).instructions(), &call);
        assert_eq!(found, expected, "number {number:#x}, arch {arch:#x}, {variant:?}");
    }
}

#[test]
fn foreign_architectures_are_killed() {
    let native = machine::NATIVE;
    // i386, x86_64, arm, aarch64, riscv64, none, all bits
    for arch in [0x4000_0003, 0xc000_003e, 0x4000_0028, 0xc000_00b7, 0xc000_00f3, 0, u32::MAX] {
        for number in [0, 1, 11, 39, 101, 400] {
            if arch != native {
                assert_raw(number, arch, KILL);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn x32_numbers_are_killed() {
    for number in (0..600).chain([0x3fff_ffff, 0x7fff_ffff, 0xbfff_fffe]) {
        assert_raw(0x4000_0000 + number, machine::NATIVE, KILL);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn x32_calls_without_the_x32_bit_are_unknown() {
    for number in 512..548 {
        assert_raw(number, machine::NATIVE, errno(libc::ENOSYS));
    }
}

#[test]
fn a_call_that_a_debugger_skips_is_not_taken_for_a_foreign_one() {
    assert_raw(u32::MAX, machine::NATIVE, errno(libc::ENOSYS));
}

#[test]
fn calls_newer_than_the_table_answer_as_an_older_kernel_would() {
    for number in 470..1024 {
        assert_raw(number, machine::NATIVE, errno(libc::ENOSYS));
    }
}

#[test]
fn clone_with_new_user_is_refused_whatever_the_other_flags() {
    let others = [0, 17, 0x003d_0f00, 0x8000_0000, 0x0100_0000];
    for (flag, other, high) in NEW.iter().flat_map(|f| others.iter().flat_map(move |o| HIGH_BITS.map(|h| (f, o, h)))) {
        for variant in without_user_namespaces() {
            assert_answer(variant, "clone", &[flag | other | high], reported(variant, libc::EPERM));
            assert_answer(variant, "unshare", &[flag | other | high], reported(variant, libc::EPERM));
        }
    }
}

#[test]
fn a_new_time_namespace_is_refused() {
    for variant in without_user_namespaces() {
        assert_answer(variant, "unshare", &[0x80], reported(variant, libc::EPERM));
    }
}

#[test]
fn forks_and_threads_are_ordinary_work() {
    assert_everywhere("clone", &[0x0120_0011], ALLOW); // fork: CHILD_CLEARTID, CHILD_SETTID, SIGCHLD
    assert_everywhere("clone", &[0x003d_0f00], ALLOW); // pthread_create
    assert_everywhere("clone", &[0x4111], ALLOW); // vfork
    assert_everywhere("unshare", &[0x400], ALLOW); // CLONE_FILES
    for call in ["fork", "vfork", "execve", "execveat", "wait4"] {
        assert_everywhere(call, &[], ALLOW);
    }
}

#[test]
fn clone3_is_unknown_so_that_libraries_fall_back_to_what_can_be_checked() {
    for variant in without_user_namespaces() {
        assert_answer(variant, "clone3", &[], errno(libc::ENOSYS));
    }
}

#[test]
fn the_mount_tree_cannot_be_changed() {
    let calls =
        ["mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig"];
    for variant in Variant::all() {
        for call in calls.into_iter().chain(["fsmount", "fspick", "mount_setattr"]) {
            let expected = if variant.user_namespaces { ALLOW } else { reported(variant, libc::EPERM) };
            assert_answer(variant, call, &[u64::MAX; 6], expected);
        }
        for call in ["setns", "sethostname", "setdomainname"] {
            let expected = if variant.user_namespaces { ALLOW } else { errno(libc::EPERM) };
            assert_answer(variant, call, &[u64::MAX; 6], expected);
        }
    }
}

#[test]
fn other_processes_are_out_of_reach_without_the_ptrace_grant() {
    for variant in Variant::all() {
        for call in ["ptrace", "process_vm_readv", "process_vm_writev"] {
            let expected = if variant.ptrace { ALLOW } else { reported(variant, libc::EPERM) };
            assert_answer(variant, call, &[], expected);
        }
        for call in ["pidfd_getfd", "kcmp"] {
            let expected = if variant.ptrace { ALLOW } else { errno(libc::EPERM) };
            assert_answer(variant, call, &[], expected);
        }
    }
}

#[test]
fn no_variant_grants_what_reaches_the_host() {
    let calls = ["bpf", "userfaultfd", "keyctl", "add_key", "request_key", "open_by_handle_at", "syslog"];
    let more = [
        "kexec_load",
        "kexec_file_load",
        "init_module",
        "finit_module",
        "delete_module",
        "swapon",
        "swapoff",
        "reboot",
    ];
    let rest = [
        "acct",
        "quotactl",
        "quotactl_fd",
        "iopl",
        "ioperm",
        "settimeofday",
        "clock_settime",
        "vhangup",
        "fanotify_init",
    ];
    for call in calls.into_iter().chain(more).chain(rest).chain(["move_pages", "adjtimex", "lsm_set_self_attr"]) {
        assert_everywhere(call, &[], errno(libc::EPERM));
        assert_everywhere(call, &[u64::MAX; 6], errno(libc::EPERM));
    }
    for variant in Variant::all() {
        assert_answer(variant, "perf_event_open", &[u64::MAX; 6], reported(variant, libc::EPERM));
    }
}

#[test]
fn io_uring_cannot_carry_calls_past_the_filter() {
    for call in
        ["io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_secret", "modify_ldt", "lookup_dcookie"]
    {
        assert_everywhere(call, &[], errno(libc::ENOSYS));
    }
}

#[test]
fn nobody_outside_is_held_up_by_a_lease() {
    for high in HIGH_BITS {
        assert_everywhere("fcntl", &[3, 1024 | high, 0], errno(libc::EACCES));
    }
    for other in [libc::F_SETLK, libc::F_GETFL, libc::F_DUPFD_CLOEXEC, libc::F_GETLEASE] {
        assert_everywhere("fcntl", &[3, u64::try_from(other).expect("a number"), 0], ALLOW);
    }
}

#[test]
fn tiocsti_with_high_bits_is_refused() {
    // TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS, KDSKBENT, KDSKBSENT, btrfs snapshots
    for request in [0x5412, 0x541c, 0x5423, 0x541d, 0x4b47, 0x4b49, 0x5000_9401, 0x5000_9417] {
        for high in HIGH_BITS {
            assert_everywhere("ioctl", &[0, request | high, 0], errno(libc::EPERM));
        }
    }
}

#[test]
fn terminals_work_as_usual() {
    // TCGETS, TCSETS, TIOCGWINSZ, TIOCSWINSZ, TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, FIONREAD, TIOCGPTN, FIOCLEX, FICLONE
    for request in [0x5401, 0x5402, 0x5413, 0x5414, 0x540e, 0x540f, 0x5410, 0x541b, 0x8004_5430, 0x5451, 0x4004_9409] {
        assert_everywhere("ioctl", &[0, request, 0], ALLOW);
    }
}

#[test]
fn a_second_listener_cannot_stand_in_for_the_supervisor() {
    for high in HIGH_BITS {
        for flags in [0x8, 0x8 | 0x1, 0x8 | 0x20, 0xffff_ffff] {
            assert_everywhere("seccomp", &[1 | high, flags | high, 0x1000], errno(libc::EPERM));
        }
    }
    // Plain filters, strict mode and questions stay possible.
    for (operation, flags) in [(1, 0), (1, 1), (0, 0), (2, 0), (3, 0)] {
        assert_everywhere("seccomp", &[operation, flags, 0], ALLOW);
    }
}

#[test]
fn set_user_id_programs_cannot_be_left_behind() {
    for mode in [0o4000, 0o4755, 0o6755, 0o7777, 0o4755 | 1 << 32, 0o10_4755] {
        for call in ["chmod", "fchmod"] {
            assert_everywhere(call, &[0, mode], errno(libc::EPERM));
        }
        for call in ["fchmodat", "fchmodat2"] {
            assert_everywhere(call, &[0, 0, mode], errno(libc::EPERM));
        }
    }
    for mode in [0o755, 0o600, 0o1777, 0o2775] {
        assert_everywhere("chmod", &[0, mode], ALLOW);
        assert_everywhere("fchmodat", &[0, 0, mode], ALLOW);
    }
}

#[test]
fn personalities_that_weaken_memory_protection_are_refused() {
    // READ_IMPLIES_EXEC, MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT, PER_BSD, both with what is allowed
    for persona in [0x40_0000, 0x10_0000, 0x20_0000, 0x6, 0x44_0000, 0x40_0008] {
        assert_everywhere("personality", &[persona], errno(libc::EPERM));
    }
    for persona in [0, 0xffff_ffff, u64::MAX, 0x8, 0x4_0000] {
        assert_everywhere("personality", &[persona], ALLOW);
    }
}

#[test]
fn a_process_cannot_forge_its_command_line() {
    for high in HIGH_BITS {
        assert_everywhere("prctl", &[35 | high], errno(libc::EPERM));
    }
    // PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_VMA
    for option in [1, 15, 38, 22, 0x5356_4d41] {
        assert_everywhere("prctl", &[option], ALLOW);
    }
}

#[test]
fn explanations_name_the_call_the_action_and_the_reason() {
    let mount = super::number("mount").unwrap();
    let explanation = explain(mount, PLAIN).unwrap();
    assert_eq!((explanation.name, explanation.action), ("mount", Action::Errno(1)));
    assert_eq!(explanation.reason(), "the mount tree is the sandbox's wall");
    let nested = Variant { user_namespaces: true, ..PLAIN };
    assert_eq!(explain(mount, nested).unwrap().action, Action::Allow);
    assert!(explain(mount, nested).unwrap().rules.is_empty());
    let socket = explain(super::number("socket").unwrap(), PLAIN).unwrap();
    assert!(socket.reason().contains("unless argument 0 is 0x1 or 0x2 or 0xa or 0x10"), "{}", socket.reason());
    assert_eq!(syscall_name(100_000), None);
    assert_eq!(explain(100_000, PLAIN), None);
}

#[test]
fn explanations_tell_what_a_variant_adds() {
    let explained = |name, variant| explain(super::number(name).unwrap(), variant).unwrap();
    let offline = explained("socket", Variant { offline: true, ..PLAIN }).reason();
    assert!(offline.starts_with("there is no network namespace"), "{offline}");
    assert!(!explained("socket", PLAIN).reason().contains("namespace"));
    let watched = explained("openat", Variant { watched: true, ..PLAIN });
    assert_eq!((watched.action, watched.rules.len()), (Action::Allow, 1), "reading goes through");
    assert_eq!(explained("unlinkat", Variant { watched: true, ..PLAIN }).action, Action::Notify);
    let supervised = explained("mknodat", Variant { supervised: true, ..PLAIN });
    assert_eq!(supervised.rules.iter().map(|rule| rule.action).collect::<Vec<_>>(), [Action::Errno(1), Action::Notify]);
    assert!(explained("mkdirat", PLAIN).rules.is_empty());
}

#[test]
fn explanations_and_programs_agree() {
    for variant in Variant::all() {
        for number in 0..600 {
            let Some(explanation) = explain(number, variant) else { continue };
            if explanation.rules.iter().all(|rule| rule.arguments.is_empty()) {
                let is_reported = variant.supervised && explanation.rules.iter().any(|rule| !rule.hint.is_empty());
                let expected = match explanation.action {
                    Action::Errno(_) if is_reported => NOTIFY,
                    Action::Allow => ALLOW,
                    Action::Errno(code) => errno(code.into()),
                    Action::Notify => NOTIFY,
                };
                assert_eq!(answer(variant, explanation.name, &[]), Some(expected), "{}", explanation.name);
            }
        }
    }
}
