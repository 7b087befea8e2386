//! Attempts by calls that are newer than most filters, or that name their target in a way that no path rule sees.

use crate::call::{Arg, call};
use crate::{Arguments, Attempt, Outcome, number, refused, text, usage};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("newer-calls", newer_calls),
    ("handle-of-namespace", handle_of_namespace),
    ("namespace-by-handle", namespace_by_handle),
    ("list-mounts", list_mounts),
    ("mount-namespace-id", mount_namespace_id),
    ("memory-advice", memory_advice),
    ("time-namespace", time_namespace),
    ("memfd-exec", memfd_exec),
];

/// A zero argument.
const NONE: Arg<'static> = Arg::Int(0);
/// `FD_NSFS_ROOT`: the root of the file system of namespaces, for `open_by_handle_at`, Linux 6.18.
const NSFS_ROOT: i64 = -10003;
/// `NS_GET_MNTNS_ID`, `ioctl_nsfs(2)`, Linux 6.11.
const NS_GET_MNTNS_ID: i64 = 0x8008_b705;

/// `newer-calls FIRST`: every number from `FIRST` on, without arguments; any answer but "no such call" counts.
fn newer_calls(arguments: &Arguments) -> Outcome {
    let first: i64 = number(arguments, 0)?;
    for number in (first..first + 200).chain([0xfff, 0xffff, 0x3fff_ffff]) {
        match call(number, [Arg::Int(-1), Arg::Int(-1), Arg::Int(-1), Arg::Int(-1), Arg::Int(-1), Arg::Int(-1)]) {
            Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {}
            Err(error) => return Ok(format!("{number}: {error}").into_bytes()),
            Ok(value) => return Ok(format!("{number}: {value}").into_bytes()),
        }
    }
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

/// One call with arguments that it finds fault with, for `reach`.
pub(crate) fn faulty(name: &str) -> Option<io::Result<i64>> {
    let (none, here) = (|| Arg::Int(-1), Arg::Int(-1));
    let nowhere = Arg::Text(c"/lobsterpot-no-such-file");
    let result = match name {
        "open_tree" => call(libc::SYS_open_tree, [here, nowhere, NONE]),
        "open_tree_attr" => call(467, [here, nowhere, NONE, NONE, NONE]),
        "move_mount" => call(libc::SYS_move_mount, [none(), nowhere, here, Arg::Text(c"/"), Arg::Int(1 << 20)]),
        "fspick" => call(libc::SYS_fspick, [here, nowhere, Arg::Int(1 << 20)]),
        "fsconfig" => call(libc::SYS_fsconfig, [none(), Arg::Int(99), NONE, NONE, NONE]),
        "fsmount" => call(libc::SYS_fsmount, [none(), NONE, NONE]),
        "mount_setattr" => call(libc::SYS_mount_setattr, [here, nowhere, NONE, NONE, NONE]),
        "umount2" => call(libc::SYS_umount2, [nowhere, Arg::Int(1 << 20)]),
        "quotactl_fd" => call(libc::SYS_quotactl_fd, [none(), Arg::Int(0x80_0001 << 8), NONE, NONE]),
        "process_vm_writev" => call(libc::SYS_process_vm_writev, [Arg::Int(1 << 30), NONE, NONE, NONE, NONE, NONE]),
        "process_vm_readv" => call(libc::SYS_process_vm_readv, [Arg::Int(1 << 30), NONE, NONE, NONE, NONE, NONE]),
        "pidfd_getfd" => call(libc::SYS_pidfd_getfd, [none(), NONE, NONE]),
        "move_pages" => call(libc::SYS_move_pages, [Arg::Int(1 << 30), NONE, NONE, NONE, NONE, NONE]),
        "io_uring_enter" => call(libc::SYS_io_uring_enter, [none(), NONE, NONE, NONE, NONE, NONE]),
        "io_uring_register" => call(libc::SYS_io_uring_register, [none(), NONE, NONE, NONE]),
        "lsm_set_self_attr" => call(460, [Arg::Int(100), NONE, NONE, NONE]),
        "swapoff" => call(libc::SYS_swapoff, [nowhere]),
        "kexec_file_load" => call(libc::SYS_kexec_file_load, [none(), none(), NONE, NONE, Arg::Int(1 << 20)]),
        _ => return None,
    };
    Some(result)
}

/// Hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `handle-of-namespace`: the own mount namespace's file handle, by which any other process could name it.
fn handle_of_namespace(_: &Arguments) -> Outcome {
    let mut handle = vec![0_u8; 136];
    handle.splice(0..4, 128_u32.to_ne_bytes());
    let mut mount = [0_u8; 8];
    let place = Arg::Text(c"/proc/self/ns/mnt");
    let (here, flags) = (i64::from(libc::AT_FDCWD), i64::from(libc::AT_SYMLINK_FOLLOW));
    call(
        libc::SYS_name_to_handle_at,
        [Arg::Int(here), place, Arg::Out(&mut handle), Arg::Out(&mut mount), Arg::Int(flags)],
    )?;
    let length = handle.first_chunk().map_or(0, |length| u32::from_ne_bytes(*length) as usize);
    Ok(hexadecimal(handle.get(..8 + length).unwrap_or_default()).into_bytes())
}

/// `namespace-by-handle HEX`: opens a namespace by its handle: no process, no path is named.
fn namespace_by_handle(arguments: &Arguments) -> Outcome {
    let digits = text(arguments, 0)?;
    let bytes = (0..digits.len() / 2).map(|index| digits.get(index * 2..index * 2 + 2));
    let mut handle: Vec<u8> = bytes
        .map(|pair| pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(|| usage("not hexadecimal")))
        .collect::<io::Result<_>>()?;
    let fd = call(libc::SYS_open_by_handle_at, [Arg::Int(NSFS_ROOT), Arg::Out(&mut handle), Arg::Int(0)])?;
    Ok(format!("namespace {fd}").into_bytes())
}

/// `mount-namespace-id`: the number by which `listmount` knows this process's mount namespace.
fn mount_namespace_id(_: &Arguments) -> Outcome {
    let place = File::open("/proc/self/ns/mnt")?;
    let mut id = [0_u8; 8];
    call(libc::SYS_ioctl, [Arg::Int(i64::from(place.as_raw_fd())), Arg::Int(NS_GET_MNTNS_ID), Arg::Out(&mut id)])?;
    Ok(u64::from_ne_bytes(id).to_string().into_bytes())
}

/// `list-mounts ID`: lists the mounts of the mount namespace with this number (`struct mnt_id_req`, its second version).
fn list_mounts(arguments: &Arguments) -> Outcome {
    let words = [u64::MAX, 0, number(arguments, 0)?];
    let mut request = [32_u32.to_ne_bytes(), [0; 4]].concat();
    request.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    let mut mounts = [0_u8; 512];
    let count = call(458, [Arg::In(&request), Arg::Out(&mut mounts), Arg::Int(64), NONE])?;
    if count == 0 { Err(refused("no mounts")) } else { Ok(format!("{count} mounts").into_bytes()) }
}

/// `memory-advice PID`: advises on another process's memory.
fn memory_advice(arguments: &Arguments) -> Outcome {
    let process = call(libc::SYS_pidfd_open, [Arg::Int(number(arguments, 0)?), NONE])?;
    let vector = [0_u8; 16];
    match call(libc::SYS_process_madvise, [Arg::Int(process), Arg::In(&vector), NONE, Arg::Int(20), NONE]) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES)) => Err(error),
        _ => Ok(b"the kernel took advice on its memory".to_vec()),
    }
}

/// `time-namespace`: children with a clock of their own (`CLONE_NEWTIME`).
fn time_namespace(_: &Arguments) -> Outcome {
    call(libc::SYS_unshare, [Arg::Int(0x80)])
        .or_else(|_| call(libc::SYS_unshare, [Arg::Int(0x80 | i64::from(libc::CLONE_NEWUSER))]))?;
    Ok(b"a clock of its own".to_vec())
}

/// `memfd-exec ARG…`: runs this program again from memory that no file system shows, to make another attempt there.
fn memfd_exec(arguments: &Arguments) -> Outcome {
    let fd = call(libc::SYS_memfd_create, [Arg::Text(c"lobsterpot-e2e"), NONE])?;
    let place = format!("/proc/self/fd/{fd}");
    // Opened anew for writing, and closed again: a file that is open for writing cannot be run.
    std::fs::OpenOptions::new().write(true).open(&place)?.write_all(&std::fs::read("/proc/self/exe")?)?;
    let readable = File::open(&place)?;
    call(libc::SYS_close, [Arg::Int(fd)])?;
    Err(Command::new(format!("/proc/self/fd/{}", readable.as_raw_fd())).args(arguments).exec())
}
