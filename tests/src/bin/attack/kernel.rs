//! Attempts on the kernel's wider surface: calls that legitimate work does not need.

use crate::call::{Arg, call, pid_by_32_bit_entry};
use crate::{Arguments, Attempt, Outcome, refused, text, usage};
use std::io;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("keyctl", keyctl),
    ("add-key", add_key),
    ("request-key", request_key),
    ("bpf", bpf),
    ("perf", perf),
    ("userfaultfd", userfaultfd),
    ("io-uring", io_uring),
    ("personality", personality),
    ("memfd-secret", memfd_secret),
    ("x32", x32),
    ("int80", int80),
    ("modify-ldt", modify_ldt),
    ("seccomp-listener", seccomp_listener),
    ("same-hostname", same_hostname),
    ("same-time", same_time),
    ("reach", reach),
];

/// Calls that only one architecture has.
#[cfg(target_arch = "x86_64")]
const MODIFY_LDT_IOPL_IOPERM: [i64; 3] = [libc::SYS_modify_ldt, libc::SYS_iopl, libc::SYS_ioperm];
#[cfg(not(target_arch = "x86_64"))]
const MODIFY_LDT_IOPL_IOPERM: [i64; 3] = [-1; 3];

/// A zero argument.
const NONE: Arg<'static> = Arg::Int(0);

/// `keyctl`: the id of the session keyring (`KEYCTL_GET_KEYRING_ID`, `KEY_SPEC_SESSION_KEYRING`, create).
fn keyctl(_: &Arguments) -> Outcome {
    let id = call(libc::SYS_keyctl, [NONE, Arg::Int(-3), Arg::Int(1)])?;
    Ok(format!("keyring {id}").into_bytes())
}

/// `add-key`: a key in the process keyring.
fn add_key(_: &Arguments) -> Outcome {
    let id = call(
        libc::SYS_add_key,
        [Arg::Text(c"user"), Arg::Text(c"lobsterpot-e2e"), Arg::In(b"x"), Arg::Int(1), Arg::Int(-2)],
    )?;
    Ok(format!("key {id}").into_bytes())
}

/// `request-key`: asks for a key that does not exist; an answer of `ENOKEY` means that the keyrings were searched.
fn request_key(_: &Arguments) -> Outcome {
    match call(libc::SYS_request_key, [Arg::Text(c"user"), Arg::Text(c"lobsterpot-e2e-none"), NONE, NONE]) {
        Err(error) if error.raw_os_error() == Some(libc::ENOKEY) => Ok(b"the keyrings were searched".to_vec()),
        other => other.map(|id| format!("key {id}").into_bytes()),
    }
}

/// `bpf`: makes a one-element array map.
fn bpf(_: &Arguments) -> Outcome {
    let mut attributes = [0_u8; 128];
    for (index, value) in [2_u32, 4, 4, 1].into_iter().enumerate() {
        put(&mut attributes, index * 4, &value.to_ne_bytes());
    }
    let fd = call(libc::SYS_bpf, [NONE, Arg::Out(&mut attributes), Arg::Int(72)])?;
    Ok(format!("map {fd}").into_bytes())
}

/// Writes `bytes` at `offset`.
fn put(buffer: &mut [u8], offset: usize, bytes: &[u8]) {
    for (cell, byte) in buffer.iter_mut().skip(offset).zip(bytes) {
        *cell = *byte;
    }
}

/// `perf`: counts this program's own task clock, kernel excluded (what an unprivileged user may do).
fn perf(_: &Arguments) -> Outcome {
    let mut attributes = [0_u8; 112];
    put(&mut attributes, 0, &1_u32.to_ne_bytes());
    put(&mut attributes, 4, &112_u32.to_ne_bytes());
    put(&mut attributes, 8, &1_u64.to_ne_bytes());
    put(&mut attributes, 40, &(1_u64 | 1 << 5 | 1 << 6).to_ne_bytes());
    let fd = call(libc::SYS_perf_event_open, [Arg::Out(&mut attributes), NONE, Arg::Int(-1), Arg::Int(-1), NONE])?;
    Ok(format!("event {fd}").into_bytes())
}

/// `userfaultfd`: for user-mode faults only, which needs no privilege.
fn userfaultfd(_: &Arguments) -> Outcome {
    let fd = call(libc::SYS_userfaultfd, [Arg::Int(1)])?;
    Ok(format!("descriptor {fd}").into_bytes())
}

/// `io-uring`: a ring of one entry.
fn io_uring(_: &Arguments) -> Outcome {
    let mut parameters = [0_u8; 120];
    let fd = call(libc::SYS_io_uring_setup, [Arg::Int(1), Arg::Out(&mut parameters)])?;
    Ok(format!("ring {fd}").into_bytes())
}

/// `personality`: readable memory becomes executable (`READ_IMPLIES_EXEC`).
fn personality(_: &Arguments) -> Outcome {
    call(libc::SYS_personality, [Arg::Int(0x040_0000)])?;
    let now = call(libc::SYS_personality, [Arg::Int(0xffff_ffff)])?;
    if now & 0x040_0000 == 0 {
        Err(refused("the flag did not stick"))
    } else {
        Ok(b"readable means executable".to_vec())
    }
}

/// `memfd-secret`: memory that not even the kernel maps.
fn memfd_secret(_: &Arguments) -> Outcome {
    let fd = call(libc::SYS_memfd_secret, [NONE])?;
    Ok(format!("descriptor {fd}").into_bytes())
}

/// `x32`: `getpid` by its x32 number.
fn x32(_: &Arguments) -> Outcome {
    let pid = call(0x4000_0000 + libc::SYS_getpid, [])?;
    Ok(format!("pid {pid}").into_bytes())
}

/// `int80`: `getpid` by the 32-bit entry, which a 64-bit filter would misread.
fn int80(_: &Arguments) -> Outcome {
    let pid = pid_by_32_bit_entry();
    if i64::from(pid) == i64::from(std::process::id()) {
        Ok(format!("pid {pid}").into_bytes())
    } else {
        Err(io::Error::from_raw_os_error(-pid))
    }
}

/// `modify-ldt`: reads the local descriptor table, empty or not.
fn modify_ldt(_: &Arguments) -> Outcome {
    let mut table = [0_u8; 64];
    let [number, ..] = MODIFY_LDT_IOPL_IOPERM;
    call(number, [NONE, Arg::Out(&mut table), Arg::Int(64)])?;
    Ok(b"the table was read".to_vec())
}

/// `seccomp-listener`: a filter that allows all, with a listener that could answer for system calls.
fn seccomp_listener(_: &Arguments) -> Outcome {
    call(libc::SYS_prctl, [Arg::Int(i64::from(libc::PR_SET_NO_NEW_PRIVS)), Arg::Int(1), NONE, NONE, NONE])?;
    let allow = [6_u16.to_ne_bytes().as_slice(), &[0, 0], &0x7fff_0000_u32.to_ne_bytes()].concat();
    let mut program = [0_u8; 16];
    put(&mut program, 0, &1_u16.to_ne_bytes());
    put(&mut program, 8, &allow.as_ptr().expose_provenance().to_ne_bytes());
    let fd = call(libc::SYS_seccomp, [Arg::Int(1), Arg::Int(1 << 3), Arg::In(&program)])?;
    Ok(format!("listener {fd}").into_bytes())
}

/// `same-hostname`: sets the host name to what it is.
fn same_hostname(_: &Arguments) -> Outcome {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
    let name = name.trim_end().as_bytes();
    call(libc::SYS_sethostname, [Arg::In(name), Arg::Int(i64::try_from(name.len()).unwrap_or(0))])?;
    Ok(b"the host name was set".to_vec())
}

/// `same-time`: sets the clock to what it says.
fn same_time(_: &Arguments) -> Outcome {
    let mut time = [0_u8; 16];
    call(libc::SYS_clock_gettime, [NONE, Arg::Out(&mut time)])?;
    call(libc::SYS_clock_settime, [NONE, Arg::In(&time)])?;
    Ok(b"the clock was set".to_vec())
}

/// `reach CALL`: makes a call with arguments that change nothing; any answer but "not permitted" and "no such call"
/// shows that its code was reached.
fn reach(arguments: &Arguments) -> Outcome {
    let name = text(arguments, 0)?;
    let [_, iopl, ioperm] = MODIFY_LDT_IOPL_IOPERM;
    let result = match name {
        "init_module" => call(libc::SYS_init_module, [NONE, NONE, Arg::Text(c"")]),
        "finit_module" => call(libc::SYS_finit_module, [Arg::Int(-1), Arg::Text(c""), NONE]),
        "delete_module" => call(libc::SYS_delete_module, [Arg::Text(c"lobsterpot_no_such_module"), Arg::Int(0x800)]),
        "kexec_load" => call(libc::SYS_kexec_load, [NONE, Arg::Int(1 << 30), NONE, NONE]),
        "swapon" => call(libc::SYS_swapon, [Arg::Text(c"/lobsterpot-no-such-file"), NONE]),
        "acct" => call(libc::SYS_acct, [Arg::Text(c"/lobsterpot-no-such-file")]),
        "quotactl" => {
            call(libc::SYS_quotactl, [Arg::Int(0x80_0001 << 8), Arg::Text(c"/lobsterpot-no-such-device"), NONE, NONE])
        }
        "reboot" => call(libc::SYS_reboot, [NONE, NONE, NONE, NONE]),
        "syslog" => call(libc::SYS_syslog, [Arg::Int(10), NONE, NONE]),
        "fanotify_init" => call(libc::SYS_fanotify_init, [NONE, NONE]),
        "kcmp" => {
            let own = i64::from(std::process::id());
            call(libc::SYS_kcmp, [Arg::Int(own), Arg::Int(own), NONE, NONE, Arg::Int(1)])
        }
        "iopl" => call(iopl, [Arg::Int(3)]),
        "ioperm" => call(ioperm, [Arg::Int(0x80), Arg::Int(1), Arg::Int(1)]),
        "move_pages" => call(libc::SYS_move_pages, [NONE, NONE, NONE, NONE, NONE, Arg::Int(2)]),
        "adjtimex" => call(libc::SYS_adjtimex, [Arg::Out(&mut [0_u8; 208])]),
        other => crate::surface::faulty(other).ok_or_else(|| usage("no such call"))?,
    };
    match result {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS | libc::EACCES)) => Err(error),
        Err(error) => Ok(format!("reached: {error}").into_bytes()),
        Ok(value) => Ok(format!("reached: {value}").into_bytes()),
    }
}
