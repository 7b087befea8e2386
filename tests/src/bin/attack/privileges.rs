//! Attempts to gain or keep privilege.

use crate::call::{Arg, call};
use crate::{Arguments, Attempt, Outcome, number, refused};
use std::io;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("setuid", setuid),
    ("setgroups", setgroups),
    ("own-capabilities", own_capabilities),
    ("bounding-set", bounding_set),
    ("new-privileges", new_privileges),
    ("be-root", be_root),
    ("chown", chown),
];

/// `setuid ID`.
fn setuid(arguments: &Arguments) -> Outcome {
    let id: i64 = number(arguments, 0)?;
    call(libc::SYS_setresuid, [Arg::Int(id), Arg::Int(id), Arg::Int(id)])?;
    Ok(b"another user".to_vec())
}

/// `setgroups ID`.
fn setgroups(arguments: &Arguments) -> Outcome {
    let group: u32 = number(arguments, 0)?;
    call(libc::SYS_setgroups, [Arg::Int(1), Arg::In(&group.to_ne_bytes())])?;
    Ok(b"another group".to_vec())
}

/// A hexadecimal line of `/proc/self/status`.
fn status(name: &str) -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(|| refused("no such line"))?;
    u64::from_str_radix(line.trim_start_matches(':').trim(), 16).map_err(|_| refused("not hexadecimal"))
}

/// `own-capabilities`: any capability in the effective, permitted, inheritable or ambient set.
fn own_capabilities(_: &Arguments) -> Outcome {
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        let bits = status(set)?;
        if bits != 0 {
            return Ok(format!("{set} {bits:x}").into_bytes());
        }
    }
    Err(refused("all four sets are empty"))
}

/// `bounding-set`: any capability left in the bounding set.
fn bounding_set(_: &Arguments) -> Outcome {
    match status("CapBnd")? {
        0 => Err(refused("the bounding set is empty")),
        bits => Ok(format!("CapBnd {bits:x}").into_bytes()),
    }
}

/// `new-privileges`: whether an exec could still grant some.
fn new_privileges(_: &Arguments) -> Outcome {
    match call(
        libc::SYS_prctl,
        [Arg::Int(i64::from(libc::PR_GET_NO_NEW_PRIVS)), Arg::Int(0), Arg::Int(0), Arg::Int(0), Arg::Int(0)],
    )? {
        0 => Ok(b"an exec may grant privileges".to_vec()),
        _ => Err(refused("no_new_privs is set")),
    }
}

/// `be-root`: for a set-user-id copy of this program.
fn be_root(_: &Arguments) -> Outcome {
    match call(libc::SYS_geteuid, [])? {
        0 => Ok(b"effective user 0".to_vec()),
        id => Err(refused(&format!("effective user {id}"))),
    }
}

/// `chown PATH ID`: gives a file away.
fn chown(arguments: &Arguments) -> Outcome {
    std::os::unix::fs::chown(
        arguments.first().ok_or_else(|| crate::usage("a path is missing"))?,
        Some(number(arguments, 1)?),
        None,
    )?;
    Ok(b"given away".to_vec())
}
