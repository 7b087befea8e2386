//! Attacks on the filter: by an interpreter over every call, and by real calls under the loaded filter.

mod agreement;
mod attacks;
mod data;
mod layout;
mod live;
mod machine;
mod names;
mod oracle;
mod sockets;
mod tables;

use super::generated::SYSCALLS;
use super::{Variant, select};
use machine::Call;

/// `SECCOMP_RET_ALLOW`
const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
/// `SECCOMP_RET_KILL_PROCESS`
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
/// `SECCOMP_RET_USER_NOTIF`
const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;

/// Bits above what the kernel looks at, with which a careless comparison could be fooled.
const HIGH_BITS: [u64; 3] = [0, 1 << 32, 0xffff_ffff << 32];

/// A variant that grants nothing.
const PLAIN: Variant =
    Variant { ptrace: false, user_namespaces: false, supervised: false, offline: false, watched: false };

/// `SECCOMP_RET_ERRNO` with an errno.
fn errno(errno: libc::c_int) -> u32 {
    libc::SECCOMP_RET_ERRNO | u32::try_from(errno).unwrap()
}

/// What a variant answers where a refusal is reported: the supervisor, where there is one, gives the errno.
fn reported(variant: Variant, code: libc::c_int) -> u32 {
    if variant.supervised { NOTIFY } else { errno(code) }
}

/// The number of a call, if this architecture has it.
fn number(name: &str) -> Option<u32> {
    SYSCALLS.iter().find(|call| call.name == name).map(|call| call.number)
}

/// What a variant's program answers to a native call; `None` if this architecture lacks the call.
fn answer(variant: Variant, name: &str, arguments: &[u64]) -> Option<u32> {
    let call = Call::native(number(name)?, arguments);
    Some(machine::run(select(variant).instructions(), &call))
}

/// Asserts what every variant answers to a native call.
#[track_caller]
fn assert_everywhere(name: &str, arguments: &[u64], expected: u32) {
    assert_each(name, arguments, |_| expected);
}

/// Asserts what each variant answers to a native call.
#[track_caller]
fn assert_each(name: &str, arguments: &[u64], expected: impl Fn(Variant) -> u32) {
    for variant in Variant::all() {
        assert_answer(variant, name, arguments, expected(variant));
    }
}

/// Asserts what one variant answers to a native call.
#[track_caller]
fn assert_answer(variant: Variant, name: &str, arguments: &[u64], expected: u32) {
    if let Some(found) = answer(variant, name, arguments) {
        assert_eq!(found, expected, "{name}{arguments:#x?} under {variant:?}: {found:#x} instead of {expected:#x}");
    }
}
