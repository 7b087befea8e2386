//! System calls as text: their names, and the path that they are about.

use std::fs::File;
use std::os::unix::fs::FileExt;

use nix::libc::user_regs_struct;

/// The kernel's table: number, name.
const TABLE: &str = include_str!("../../../../sandbox-exec/build/x86_64.tbl");

/// Calls whose first argument is a path.
const PATH_FIRST: &[&str] = &[
    "access", "chdir", "chmod", "chroot", "execve", "mkdir", "open", "readlink", "rmdir", "stat", "lstat", "statfs",
    "symlink", "unlink", "mount", "umount2", "truncate",
];
/// Calls whose second argument is a path, below the descriptor that is their first.
const PATH_SECOND: &[&str] = &[
    "openat",
    "openat2",
    "newfstatat",
    "statx",
    "readlinkat",
    "mkdirat",
    "mknodat",
    "fchmodat",
    "fchownat",
    "faccessat",
    "faccessat2",
    "unlinkat",
    "open_tree",
    "mount_setattr",
    "linkat",
    "renameat2",
];
/// The longest path that is shown.
const LONGEST: usize = 200;

/// The name of the call `number`.
pub(crate) fn name(number: u64) -> &'static str {
    let mut lines = TABLE.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(own, _)| own.parse() == Ok(number)).map_or("unknown", |(_, name)| name)
}

/// The call in `registers` that `pid` is about to make, as `NAME FIRST SECOND PATH`; `?` for what cannot be read.
pub(crate) fn describe(pid: i32, registers: &user_regs_struct) -> String {
    let name = name(registers.orig_rax);
    let address = if PATH_FIRST.contains(&name) {
        registers.rdi
    } else if PATH_SECOND.contains(&name) {
        registers.rsi
    } else {
        0
    };
    let path = if address == 0 { "-".to_owned() } else { text_at(pid, address).unwrap_or_else(|| "?".to_owned()) };
    format!("{name} {:#x} {:#x} {path}", registers.rdi, registers.rsi)
}

/// The text that ends with a NUL at `address` of the process `pid`. A process that hides its memory has none for ordinary users.
fn text_at(pid: i32, address: u64) -> Option<String> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut bytes = [0; LONGEST];
    let mut length = 0;
    // Byte by page would do; a text near the end of a mapping makes a long read end early, which is no error.
    while length < LONGEST {
        let count = memory.read_at(&mut bytes[length..], address + length as u64).ok().filter(|count| *count > 0)?;
        if bytes[length..length + count].contains(&0) {
            break;
        }
        length += count;
    }
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(LONGEST);
    Some(String::from_utf8_lossy(&bytes[..end]).replace(['\n', ' '], "_"))
}
