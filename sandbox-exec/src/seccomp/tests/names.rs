//! Which calls wait for the supervisor because they make, change or remove a name, and which never do.

use super::{ALLOW, HIGH_BITS, NOTIFY, Variant, assert_each, assert_everywhere, errno};

/// `O_CREAT`
const CREATE: u64 = libc::O_CREAT as u64;
/// `O_TRUNC`
const TRUNCATE: u64 = libc::O_TRUNC as u64;
/// `O_ACCMODE`: `O_RDONLY` is 0, all else may write, also the nameless 3.
const ACCESS: u64 = libc::O_ACCMODE as u64;
/// `AT_FDCWD` as programs pass it: sign-extended or not.
const HERE: [u64; 2] = [0xffff_ff9c, 0xffff_ffff_ffff_ff9c];

/// Combinations of all flags but the ones that decide: none, each, each two, all.
fn other_flags() -> Vec<u64> {
    let others = 0xffff_ffff & !(CREATE | TRUNCATE | ACCESS);
    let bits: Vec<u64> = (0..32).map(|bit| 1 << bit).filter(|bit| others & bit != 0).collect();
    let pairs = bits.iter().flat_map(|one| bits.iter().map(move |other| one | other));
    pairs.chain([0, others]).collect()
}

/// Asserts what each variant answers to opening with `flags`, whatever stands around them.
#[track_caller]
fn assert_opening(flags: u64, expected: impl Fn(Variant) -> u32) {
    for high in HIGH_BITS {
        assert_each("open", &[0x7fff_0000, flags | high, 0o600], &expected);
        assert_each("openat", &[HERE[0], 0x7fff_0000, flags | high, 0o600], &expected);
    }
}

/// The answer where the supervisor is asked if `asked`.
const fn notify_if(asked: bool) -> u32 {
    if asked { NOTIFY } else { ALLOW }
}

#[test]
fn creating_a_name_is_shown_to_the_supervisor_whatever_the_other_flags() {
    for flags in other_flags() {
        assert_opening(flags | CREATE, |variant| notify_if(variant.supervised));
        for access in [1, 2, 3] {
            assert_opening(flags | CREATE | access, |variant| notify_if(variant.supervised || variant.watched));
            assert_opening(flags | CREATE | TRUNCATE | access, |variant| {
                notify_if(variant.supervised || variant.watched)
            });
        }
    }
}

#[test]
fn opening_to_write_is_shown_to_the_supervisor_exactly_where_no_mount_protects() {
    for (flags, access) in other_flags().into_iter().flat_map(|flags| [1, 2, 3].map(|access| (flags, access))) {
        assert_opening(flags | access, |variant| notify_if(variant.watched));
        assert_opening(flags | access | TRUNCATE, |variant| notify_if(variant.watched));
    }
}

#[test]
fn opening_to_read_never_waits_for_the_supervisor() {
    for flags in other_flags() {
        assert_opening(flags, |_| ALLOW);
    }
    // Flags that the kernel cuts off, and flags in arguments that hold none.
    for high in [CREATE << 32, ACCESS << 32, u64::from(u32::MAX) << 32] {
        assert_everywhere("open", &[CREATE | ACCESS, high, CREATE | ACCESS], ALLOW);
        assert_everywhere("openat", &[CREATE | ACCESS, CREATE | ACCESS, high, CREATE | ACCESS], ALLOW);
    }
}

#[test]
fn looking_and_running_never_wait_for_the_supervisor() {
    for call in ["stat", "lstat", "newfstatat", "statx", "access", "faccessat2", "readlink", "readlinkat", "getdents64"]
    {
        assert_everywhere(call, &[u64::MAX; 6], ALLOW);
    }
    for call in ["execve", "execveat", "chdir", "fchdir", "inotify_add_watch"] {
        assert_everywhere(call, &[u64::MAX; 6], ALLOW);
    }
}

#[test]
fn writing_to_what_is_open_never_waits_for_the_supervisor() {
    for call in ["write", "writev", "pwrite64", "pwritev2", "ftruncate", "fallocate", "sendfile", "copy_file_range"] {
        assert_everywhere(call, &[u64::MAX; 6], ALLOW);
        assert_everywhere(call, &[], ALLOW);
    }
}

#[test]
fn every_other_way_to_make_a_name_is_shown_to_the_supervisor() {
    let made = ["creat", "openat2", "mkdir", "mkdirat", "symlink", "symlinkat", "link", "linkat"];
    for call in made.into_iter().chain(["rename", "renameat", "renameat2"]) {
        for arguments in [[0; 6], [u64::MAX; 6], [1 << 32; 6], [HERE[1], 0x7fff_0000, 0, 0, 2, 0]] {
            assert_each(call, &arguments, |variant| notify_if(variant.supervised));
        }
    }
}

#[test]
fn removing_and_emptying_by_name_are_shown_to_the_supervisor_exactly_where_no_mount_protects() {
    for call in ["unlink", "unlinkat", "truncate"] {
        for arguments in [[0; 6], [u64::MAX; 6], [HERE[0], 0x7fff_0000, 0x200, 0, 0, 0]] {
            assert_each(call, &arguments, |variant| notify_if(variant.watched));
        }
    }
}

#[test]
fn device_nodes_cannot_be_made_and_the_supervisor_is_not_even_asked() {
    for (kind, high) in [0x2000, 0x6000].into_iter().flat_map(|kind| HIGH_BITS.map(|high| (kind, high))) {
        for mode in [kind, kind | 0o666, kind | 0o7777, kind | 0xffff_0000] {
            assert_everywhere("mknod", &[0, mode | high, 0x0103], errno(libc::EPERM));
            assert_everywhere("mknodat", &[HERE[0], 0, mode | high, 0x0103], errno(libc::EPERM));
        }
    }
}

#[test]
fn pipes_files_and_sockets_are_names_like_others() {
    for (kind, high) in [0, 0x1000, 0x8000, 0xc000].into_iter().flat_map(|kind| HIGH_BITS.map(|high| (kind, high))) {
        // A device number, or a device's kind in another argument, makes no device.
        for device in [0, 0x0103, 0x2000, 0x6000] {
            let mode = kind | 0o644 | high;
            assert_each("mknod", &[0x2000, mode, device], |variant| notify_if(variant.supervised));
            assert_each("mknodat", &[HERE[0], 0x6000, mode, device], |variant| notify_if(variant.supervised));
        }
    }
}

#[test]
fn no_grant_and_no_network_mode_takes_a_call_away_from_the_supervisor() {
    let others = Variant::all().filter(|variant| variant.supervised && variant.watched);
    let mut seen = 0;
    for variant in others {
        seen += 1;
        for call in
            ["creat", "openat2", "mkdirat", "renameat2", "linkat", "symlinkat", "unlinkat", "truncate", "connect"]
        {
            super::assert_answer(variant, call, &[], NOTIFY);
        }
    }
    assert_eq!(seen, 8, "ptrace, user namespaces and offline, each with and without");
}
